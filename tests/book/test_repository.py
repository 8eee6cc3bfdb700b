"""A book that was built for a repository links to it; one that was not knows of none."""

import copy
import subprocess
import sys

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup

from forgetting import __version__, paths
from forgetting.book import bind, repository
from forgetting.book.page import read_page
from forgetting.errors import UserError

HOSTS = ("github", "mybinder", "colab")
TOC = """format: jb-book
root: intro
parts:
- caption: Pages
  chapters:
  - file: pages/class-disparity
  - file: pages/cifar10-narrow/exemplars
"""


@pytest.fixture(scope="module", params=["", "some-one/her.book"])
def built(request, tmp_path_factory):
    """The name of a repository, or none, and the HTML of a small book that was built for it."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "intro.md").write_text("# Intro\n\nWords.\n")
    (folder / "_toc.yml").write_text(TOC)
    (folder / "references.bib").write_text("")
    (folder / "assets").symlink_to(paths.book / "assets")
    for page in ("class-disparity", "cifar10-narrow/exemplars"):
        out = folder / "pages" / f"{page}.ipynb"
        out.parent.mkdir(parents=True, exist_ok=True)
        notebook = copy.deepcopy(read_page(out.stem).notebook)
        cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
        notebook.cells = [nbformat.v4.new_markdown_cell(f"# {out.stem}"), *cells]
        nbformat.write(notebook, out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGETTING_REPOSITORY", request.param)
        patch.setenv("FORGETTING_BOOK", str(folder))
        repository.put_changes(folder, request.param)
        command = [sys.executable, "-m", "forgetting.book.bind", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return request.param, folder / "_build" / "html"


def soup(html, page):
    return BeautifulSoup((html / f"{page}.html").read_text(), "html.parser")


def written(html):
    """The pages, without what the theme keeps beside them and the one that leads to the first."""
    pages = [page for page in sorted(html.rglob("*.html")) if "_static" not in page.parts]
    return [page for page in pages if page != html / "index.html"]


def addresses(page):
    return [link["href"] for link in page.select(".bd-header-article a[href], .header-article a")]


def test_without_a_repository_no_page_names_a_host_or_offers_a_button(built):
    name, html = built
    pages = written(html)
    assert len(pages) > 3
    for page in pages:
        text = page.read_text().lower()
        assert any(f"https://{host}" in text for host in HOSTS) == bool(name), page
        assert ("cite this page" in text) == bool(name), page
    assert (html / "pages" / "changes.html").exists() == bool(name)


@pytest.mark.parametrize("built", ["some-one/her.book"], indirect=True)
def test_with_a_repository_each_page_links_to_what_it_was_made_from_and_opens_its_notebook(built):
    name, html = built
    root = f"https://github.com/{name}"
    links = addresses(soup(html, "pages/cifar10-narrow/exemplars"))
    notebook = "book/pages/cifar10-narrow/exemplars.ipynb"
    assert f"{root}/edit/main/notebooks/exemplars.md" in links and root in links
    assert any(link.startswith(f"{root}/issues/new") for link in links)
    assert f"https://mybinder.org/v2/gh/{name}/built?urlpath=lab/tree/{notebook}" in links
    assert f"https://colab.research.google.com/github/{name}/blob/built/{notebook}" in links
    assert f"{root}/edit/main/book/intro.md" in addresses(soup(html, "intro"))
    assert f"{root}/edit/main/CHANGELOG.md" in addresses(soup(html, "pages/changes"))


@pytest.mark.parametrize("built", ["some-one/her.book"], indirect=True)
def test_with_a_repository_a_page_says_how_to_cite_it_and_which_version_it_is(built):
    name, html = built
    page = soup(html, "pages/class-disparity")
    cite = page.select_one("details.cite").text
    assert "class-disparity. In What compressed networks forget, version" in " ".join(cite.split())
    assert "https://some-one.github.io/her.book/pages/class-disparity.html" in cite
    version = page.select_one("p.version")
    assert f"Version {__version__}" in version.text
    assert version.a["href"] == "changes.html"
    assert f"## {__version__}" in (paths.ROOT / "CHANGELOG.md").read_text()
    assert __version__ in soup(html, "pages/changes").text


def test_no_page_loads_anything_from_another_host(built):
    _, html = built
    for page in written(html):
        tags = BeautifulSoup(page.read_text(), "html.parser").select("[src], link[rel=stylesheet]")
        assert tags
        for tag in tags:
            assert "//" not in tag.get("src", tag.get("href", "")), (page, tag)


@pytest.mark.parametrize("wrong", ["owner", "owner/", "/name", "a/b/c", "https://github.com/a/b"])
def test_what_is_no_name_of_a_repository_is_refused(monkeypatch, wrong):
    monkeypatch.setenv("FORGETTING_REPOSITORY", wrong)
    with pytest.raises(UserError, match="write owner/name"):
        repository.repository()


def test_without_a_repository_no_setting_is_added_and_a_page_of_changes_goes(book, monkeypatch):
    assert repository.settings("") == {} and repository.parts("") == []
    (paths.book / "_toc.yml").write_text(TOC)
    source = bind.stage()
    repository.put_changes(source, "a/b")
    monkeypatch.setenv("FORGETTING_REPOSITORY", "a/b")
    *parts, last = yaml.safe_load(bind.contents(source).read_text())["parts"]
    assert parts == yaml.safe_load(TOC)["parts"]
    assert last["chapters"] == [{"file": "pages/changes"}] and (source / "pages").exists()
    monkeypatch.delenv("FORGETTING_REPOSITORY")
    repository.put_changes(source, "")
    assert bind.contents(source) == source / "_toc.yml"
    assert not (source / "pages" / "changes.md").exists()


def test_a_site_of_an_owner_has_no_folder():
    assert repository.settings("Me/me.github.io")["html_baseurl"] == "https://me.github.io/"
    assert repository.settings("Me/Book")["html_baseurl"] == "https://me.github.io/Book/"


def test_the_hosted_environment_has_every_package_at_the_locked_version_and_no_torch():
    lines = (paths.ROOT / ".binder" / "requirements.txt").read_text().splitlines()
    names = [line for line in lines if line and line[0] not in "#-"]
    lock = (paths.ROOT / "lib" / "requirements.lock").read_text().splitlines()
    locked = {line.partition("==")[0] for line in lock}
    assert "-c ../lib/requirements.lock" in lines and "-e ./lib" in lines
    assert set(names) <= locked and "torch" not in names
