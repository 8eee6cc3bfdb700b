"""The library reference: every module is on exactly one of its pages, in its room's."""

import pkgutil
import re
from collections import Counter

import pytest

import forgetting
from forgetting import paths

PAGES = {page.stem: page.read_text() for page in (paths.book / "reference").glob("*.md")}
ALONE = "foundations"  # the page of those modules that are a room of their own


def modules():
    """Names of all modules, without the package's own."""
    package = pkgutil.walk_packages(forgetting.__path__, "forgetting.")
    return [module.name for module in package]


def listed(page):
    """Names of the modules whose docstrings a page shows."""
    return re.findall(r"^\.\. automodule:: (\S+)$", PAGES[page], flags=re.MULTILINE)


def test_every_module_stands_on_one_page_and_no_page_names_another():
    counts = Counter(module for page in PAGES for module in listed(page))
    assert counts == Counter(modules())


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_modules_of_its_room(page):
    for module in listed(page):
        room = module.split(".")[1] if hasattr(module_of_room(module), "__path__") else ALONE
        assert page.partition("-")[0] == room, module


def module_of_room(module):
    """The package or module directly below `forgetting` that holds a module."""
    name = ".".join(module.split(".")[:2])
    return pkgutil.resolve_name(name)


@pytest.mark.parametrize("page", PAGES)
def test_a_heading_names_the_module_that_follows(page):
    pattern = r"^##+ `(\S+)`\n\n```\{eval-rst\}\n\.\. automodule:: forgetting\.(\S+)$"
    headings = re.findall(pattern, PAGES[page], flags=re.MULTILINE)
    assert [module for _, module in headings] == [name.partition(".")[2] for name in listed(page)]
    assert all(heading == module for heading, module in headings)


def test_the_contents_and_the_first_page_name_every_room():
    contents = (paths.book / "_toc.yml").read_text()
    first = (paths.book / "library.md").read_text()
    for page in PAGES:
        assert re.search(rf"^ +- file: reference/{page}$", contents, flags=re.MULTILINE), page
        where = first if "-" not in page else PAGES[page.partition("-")[0]]
        assert f"<sec-reference-{page}>" in where, page


@pytest.mark.parametrize("page", [page for page in PAGES if "-" in page])
def test_where_a_rooms_page_lists_what_the_others_show_it_leaves_out_nothing(page):
    rows = re.findall(rf"<sec-reference-{page}>` \| (.*) \|$", PAGES[page.partition("-")[0]], re.M)
    for row in [row for row in rows if "a module for each idea" not in row]:
        names = re.findall(r"`(\w+)`", row)
        assert sorted(names) == sorted(name.rpartition(".")[2] for name in listed(page))
