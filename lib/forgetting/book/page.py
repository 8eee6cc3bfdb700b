"""A page before it is run: a text notebook, read and checked, and the parameters it runs with."""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import jupytext
import nbformat

from forgetting import paths
from forgetting.book import parameters as params
from forgetting.book import prose
from forgetting.book.parameters import Parameter
from forgetting.errors import UserError, did_you_mean
from forgetting.study import Study, load_study


@dataclass(frozen=True)
class Page:
    """A text notebook, notebooks/NAME.md.

    Attributes:
        name: The file's name without its ending.
        text: The whole file.
        notebook: Its cells. Whoever changes them copies the notebook first: pages are kept.
        parameters_cell: Place of the cell that holds the parameters.
        parameters: What that cell describes, by name.
    """

    name: str
    text: str
    notebook: nbformat.NotebookNode
    parameters_cell: int
    parameters: dict[str, Parameter]

    @property
    def section_labels(self) -> list[str]:
        """The labels of the sections that the page defines, without their `sec-`."""
        return re.findall(r"^\(sec-([\w-]+)\)=$", self.text, re.MULTILINE)


def page_names() -> list[str]:
    """Return the names of all pages: those of the text notebooks."""
    return sorted(file.stem for file in paths.notebooks.glob("*.md") if file.stem != "README")


def read_page(name: str) -> Page:
    """Return the text notebook called `name`, checked.

    Raises:
        UserError: There is no such page; or the notebook has no kernelspec, not exactly one
            `parameters` cell, a line there that is not described, no parameter `study`, a
            parameter that no cell reads, a value in the text that no cell defines, or a cell that
            is not Python.
    """
    if name not in page_names():
        raise UserError(
            f"page {name!r} is unknown: it is one of {', '.join(page_names())}"
            f"{did_you_mean(name, page_names())}"
        )
    return _read_page(name, (paths.notebooks / f"{name}.md").read_text(encoding="utf-8"))


@lru_cache(maxsize=64)
def _read_page(name: str, text: str) -> Page:
    where = f"notebooks/{name}.md"
    notebook = jupytext.reads(text, fmt="md:myst")
    if "kernelspec" not in notebook.metadata:
        raise UserError(
            f"{where} has no kernelspec in its header; copy the header of another notebook"
        )
    tagged = [
        place
        for place, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", [])
    ]
    if len(tagged) != 1:
        raise UserError(
            f"{where} has {len(tagged)} code cells tagged parameters; it needs exactly one"
        )
    try:
        parameters = params.parse_cell(notebook.cells[tagged[0]].source)
    except (ValueError, SyntaxError) as error:
        raise UserError(f"{where}, parameters cell: {error}") from None
    used, defined = _names(notebook, where, skip=tagged[0])
    for place, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            try:
                prose.check_names(cell.source, defined | set(parameters))
                used |= set(prose.names_in(cell.source))
            except UserError as error:
                raise UserError(f"{where}, cell {place}: {error}") from None
    if unread := [name for name in parameters if name not in used]:
        raise UserError(
            f"{where}: no cell reads parameter {', '.join(unread)}; use it or remove it"
        )
    if "study" not in parameters:
        raise UserError(
            f"{where} lacks the parameter study; add "
            '`study: str = "digits"  # the study that is read`'
        )
    return Page(name, text, notebook, tagged[0], parameters)


def _names(notebook: nbformat.NotebookNode, where: str, *, skip: int) -> tuple[set[str], set[str]]:
    """Return every name that code cells, other than the one at place `skip`, read and define."""
    read: set[str] = set()
    defined: set[str] = set()
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and place != skip:
            try:
                tree = ast.parse(cell.source)
            except SyntaxError as error:
                raise UserError(
                    f"{where}, cell {place + 1}, line {error.lineno}: {error.msg}"
                ) from None
            for node in ast.walk(tree):
                if isinstance(node, ast.Name):
                    (read if isinstance(node.ctx, ast.Load) else defined).add(node.id)
                elif isinstance(node, ast.alias | ast.FunctionDef):
                    name = node.asname if isinstance(node, ast.alias) else None
                    defined.add(name or node.name)
    return read, defined


def check_parameters(name: str, given: dict[str, object]) -> dict[str, object]:
    """Return the value of every parameter of page `name`: the given one, or its default.

    Raises:
        UserError: An unknown name, a wrong type, a value out of range.
    """
    return params.check_values(read_page(name).parameters, given, where=f"page {name}")


def resolve_parameters(
    name: str, *, study: str | Path, parameters: dict[str, object] | None = None
) -> dict[str, object]:
    """Return what page `name` runs with.

    What stands later overrides what stands earlier: the notebook's defaults, the `common`
    parameters of the study, the study's own for this page, the given ones. Members that are not
    given are no more than the study has, so that a page says how many it used; nor is a `reader`
    that is not given more than the members.

    Args:
        name: The page.
        study: Name or path of a study; it becomes the parameter `study`.
        parameters: The given ones, by name.

    Raises:
        UserError: As `check_parameters`; `study` is among the parameters; more members are given
            than the study has.
    """
    page, chosen = read_page(name), load_study(study)
    of_study = chosen.pages
    common = {
        key: value for key, value in of_study.get("common", {}).items() if key in page.parameters
    }
    own, given = common | of_study.get(name, {}), parameters or {}
    for source, words in ((own, "the study file"), (given, "the given parameters")):
        if "study" in source:
            raise UserError(
                f"parameter study is {source['study']!r} in {words}; "
                f"give the study itself, as STUDY={source['study']}"
            )
    checked = check_parameters(name, own | given | {"study": str(study)})
    members = checked.get("members")
    if "members" in given and isinstance(members, int) and members > chosen.members:
        raise UserError(
            f"members is {members}: study {chosen.name} has {chosen.members}; allowed: "
            f"2 to {chosen.members}, or raise `members` in the study file"
        )
    if isinstance(members, int):
        least = max(int(page.parameters["members"].low), 2)
        checked["members"] = members = min(members, max(chosen.members, least))
        # What a reader has is a subset of these. A number that is given is the page's to refuse.
        if "reader" not in given and isinstance(reader := checked.get("reader"), int):
            checked["reader"] = min(reader, members)
    return checked


def needed_sparsities(values: dict[str, object]) -> tuple[float, ...]:
    """Return the levels of sparsity that a page with these parameters reads.

    Args:
        values: Parameters by name; `sparsity` and `sparsities` name levels.

    Returns:
        Each level above 0, once, in [0, 1).
    """
    one, many = values.get("sparsity"), values.get("sparsities")
    levels = [one, *(many if isinstance(many, list) else [])]
    return tuple(
        dict.fromkeys(float(level) for level in levels if isinstance(level, int | float) and level)
    )


def check_study_pages(study: Study) -> None:
    """Check that the pages and common parameters that a study names exist.

    Raises:
        UserError: One does not; the message names the nearest that does.
    """
    pages = page_names()
    for page in study.pages:
        if page not in (*pages, "common"):
            hint = did_you_mean(page, [*pages, "common"])
            raise UserError(
                f"study {study.name}: pages.{page} is not a page; "
                f"allowed: common, {', '.join(pages)}{hint}"
            )
    read = sorted({parameter for page in pages for parameter in read_page(page).parameters})
    for parameter, value in study.pages.get("common", {}).items():
        if parameter not in read:
            raise UserError(
                f"study {study.name}: pages.common.{parameter} ({value!r}) is read by no page"
                f"{did_you_mean(parameter, read)}"
            )
