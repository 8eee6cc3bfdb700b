"""The editions of a page: the book's own, and those of further studies under names of their own."""

import copy
import re
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat

from forgetting import paths
from forgetting.book import parameters as params
from forgetting.book.exercises import for_readers
from forgetting.book.page import Page, needed_sparsities, page_names, read_page, resolve_parameters
from forgetting.data.spec import PlantedData
from forgetting.errors import UserError
from forgetting.study import Study, load_study, study_names


@dataclass(frozen=True)
class Edition:
    """The pages that the book has of one study.

    Attributes:
        name: The study's, or empty for the book's own pages.
        title: What the titles of its pages end in.
        sections: The labels, without `sec-`, of those of its pages that the book has of an earlier
            study too; links to them stay within the edition.
    """

    name: str
    title: str
    sections: tuple[str, ...] = ()


BOOK = Edition("", "")


def editions() -> dict[str, list[str]]:
    """Return the pages of the book by edition: its own under "", others under a study's name.

    The table of contents (book/_toc.yml) lists them: `pages/exemplars` is of the book's own study,
    `pages/cifar10/exemplars` of cifar10.

    Raises:
        UserError: The table of contents names a page or a study that does not exist.
    """
    contents = (paths.book / "_toc.yml").read_text(encoding="utf-8")
    pages: dict[str, list[str]] = {"": []}
    for entry in re.findall(
        r"^\s*(?:- file|root):\s*pages/(\S+)\s*$", contents, flags=re.MULTILINE
    ):
        study, _, page = entry.rpartition("/")
        if page not in page_names() or study not in ("", *study_names()):
            raise UserError(
                f"book/_toc.yml: pages/{entry} is not a page of a study; "
                "write pages/PAGE or pages/STUDY/PAGE"
            )
        pages.setdefault(study, []).append(page)
    return pages


def needed_studies(study: str | Path) -> list[Study]:
    """Return the studies that the pages of the book read, with every sparsity that a page names.

    Args:
        study: Name or path of the study of the book's own pages.

    Raises:
        UserError: As `editions` and `resolve_parameters`.
    """
    needed = []
    for edition, pages in editions().items():
        of = edition or study
        values = [resolve_parameters(page, study=of) for page in pages]
        levels = {level for value in values for level in needed_sparsities(value)}
        needed.append(load_study(of).with_changes(sparsities=tuple(sorted(levels))))
    return needed


def edition_of(study: str) -> Edition:
    """Return the edition of a study, empty for the book's own, as the table of contents has it."""
    if not study:
        return BOOK
    pages = editions()
    again = [
        page
        for page in pages[study]
        if next(edition for edition, names in pages.items() if page in names) != study
    ]
    labels = tuple(label for page in again for label in read_page(page).section_labels)
    return Edition(study, f"({load_study(study).title})", labels)


def place(page: str, edition: str) -> str:
    """Return where a page stands below pages/ in the book, without an ending."""
    return f"{edition}/{page}" if edition else page


def edition_notebook(
    page: Page, values: dict[str, object], *, solutions: bool = False
) -> nbformat.NotebookNode:
    """Return a page's notebook with `values` as its parameters, and the text of one edition.

    Cells tagged `planted` are left out where the study plants no flaws into its data, cells tagged
    `natural` where it does.

    Args:
        page: The page.
        values: The value of every parameter.
        solutions: Whether solutions of the exercises fold out; readers get the questions alone.
    """
    notebook = whole_edition(page, values)
    notebook.cells = for_readers(notebook.cells, solutions=solutions)
    return notebook


def whole_edition(page: Page, values: dict[str, object]) -> nbformat.NotebookNode:
    """Return the notebook of one edition with its solutions, as they are written."""
    planted = isinstance(load_study(str(values["study"])).data, PlantedData)
    notebook = copy.deepcopy(page.notebook)
    cell = notebook.cells[page.parameters_cell]
    cell.source = params.fill_cell(cell.source, values)
    without = "natural" if planted else "planted"
    notebook.cells = [
        cell for cell in notebook.cells if without not in cell.metadata.get("tags", [])
    ]
    return notebook


def text_notebook(name: str, executed: nbformat.NotebookNode) -> str:
    """Return the text notebook of one edition of a page, with the parameters that it was run with.

    Args:
        name: The page.
        executed: The executed notebook of the edition.
    """
    page = read_page(name)
    [cell] = [cell for cell in executed.cells if "parameters" in cell.metadata.get("tags", [])]
    values = {key: given.default for key, given in params.parse_cell(cell.source).items()}
    text: str = jupytext.writes(edition_notebook(page, values), fmt="md:myst")
    return text


def rename_for_edition(notebook: nbformat.NotebookNode, edition: Edition) -> nbformat.NotebookNode:
    """Give sections, figures, tables and the title of an executed notebook the edition's names.

    Args:
        notebook: It is changed. Its figures and tables were displayed under the edition's names.
        edition: The book's own changes nothing.
    """
    if not edition.name:
        return notebook
    displayed = [
        output["metadata"]["forgetting"]["name"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "name" in output.get("metadata", {}).get("forgetting", {})
    ]
    renamed = {name.replace(f"{edition.name}-", "", 1): name for name in displayed}
    renamed |= {f"sec-{label}": f"sec-{edition.name}-{label}" for label in edition.sections}
    any_name = "|".join(map(re.escape, renamed))
    old = re.compile(rf"(\]\(#|^\(|{{numref}}`|{{ref}}`)({any_name})(?=[)`])", re.MULTILINE)

    def rename(text: str) -> str:
        return old.sub(lambda match: match[1] + renamed[match[2]], text)

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = rename(cell.source)
        for output in cell.get("outputs", []):
            for kind in ("text/markdown", "text/plain"):
                if kind in output.get("data", {}):
                    output["data"][kind] = rename(output["data"][kind])
            words = output.get("metadata", {}).get("forgetting", {})
            words |= {"caption": rename(words["caption"])} if "caption" in words else {}
    first = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
    first.source = re.sub(
        r"^# (.*)$", rf"# \1 {edition.title}", first.source, count=1, flags=re.MULTILINE
    )
    return notebook
