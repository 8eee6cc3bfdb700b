"""One notebook: read from text and checked, run with parameters, inspected, stripped of what varies from run to run."""

import ast
import os
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

from forgetting import paths
from forgetting import study as studies
from forgetting.book import parameters as params
from forgetting.book.parameters import Parameter
from forgetting.data import SHIPPABLE
from forgetting.data.spec import PlantedData
from forgetting.errors import UserError, did_you_mean
from forgetting.files import display_path, replacing

CELL_SECONDS = 900
# Sets print in one order, and two kernels side by side don't fight over two cores.
KERNEL = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
QUIET = [
    "--IPKernelApp.log_level=50"
]  # otherwise every kernel warns that it listens on the loopback address


@dataclass(frozen=True)
class Page:
    """A text notebook: its name, its text, its cells, which of them holds the parameters, and these."""

    name: str
    text: str
    notebook: nbformat.NotebookNode
    cell: int
    parameters: dict[str, Parameter]


@dataclass(frozen=True)
class Edition:
    """The pages that the book has of one further study.

    `name`: the study's; `title`: what its pages' titles end in; `sections`: the labels, without `sec-`, of those of its pages that the book
    has of an earlier study too; links to them stay within the edition.
    """

    name: str
    title: str
    sections: tuple[str, ...] = ()


BOOK = Edition("", "")


def names() -> list[str]:
    """The pages there are, by the names of their text notebooks."""
    return sorted(file.stem for file in paths.notebooks.glob("*.md") if file.stem != "README")


def read(name: str) -> Page:
    """The text notebook called `name`, whole and checked.

    Raises:
        UserError: no such page; or the notebook lacks its one `parameters` cell or the parameter `study`, has a line there that is not
            described, a cell that is no Python, or a parameter that no cell reads.
    """
    import jupytext

    if name not in names():
        raise UserError(
            f"page {name!r} is unknown: it is one of {', '.join(names())}{did_you_mean(name, names())}"
        )
    text = (paths.notebooks / f"{name}.md").read_text(encoding="utf-8")
    where = f"notebooks/{name}.md"
    notebook = jupytext.reads(text, fmt="md:myst")
    if "kernelspec" not in notebook.metadata:
        raise UserError(
            f"{where} has no kernelspec in its header; copy the header of another notebook"
        )
    tagged = [
        i
        for i, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", [])
    ]
    if len(tagged) != 1:
        raise UserError(
            f"{where} has {len(tagged)} code cells tagged parameters; it needs exactly one"
        )
    try:
        found = params.parse(notebook.cells[tagged[0]].source)
    except (ValueError, SyntaxError) as error:
        raise UserError(f"{where}, parameters cell: {error}") from None
    unread = [
        parameter
        for parameter in found
        if parameter not in _names_read(notebook, where, skip=tagged[0])
    ]
    if unread:
        raise UserError(
            f"{where}: no cell reads parameter {', '.join(unread)}; use it or take it out"
        )
    if "study" not in found:
        raise UserError(
            f'{where} lacks the parameter study; add `study: str = "digits"  # the study that is read`'
        )
    return Page(name, text, notebook, tagged[0], found)


def _names_read(notebook: nbformat.NotebookNode, where: str, *, skip: int) -> set[str]:
    read = set()
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and i != skip:
            try:
                tree = ast.parse(cell.source)
            except SyntaxError as error:
                raise UserError(
                    f"{where}, cell {i + 1}, line {error.lineno}: {error.msg}"
                ) from None
            read |= {
                node.id
                for node in ast.walk(tree)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            }
    return read


def sections(name: str) -> list[str]:
    """The labels of sections that page `name` defines, without their `sec-`."""
    return re.findall(r"^\(sec-([\w-]+)\)=$", read(name).text, re.MULTILINE)


def execute(
    name: str, values: dict[str, object], out: Path, *, edition: Edition = BOOK
) -> list[str]:
    """Run page `name` with checked `values` in its parameters cell and write it to `out`; return the names of the tables it wrote.

    Cells tagged `planted` are left out where the study plants no flaws into its data, cells tagged `natural` where it does.

    Raises:
        UserError: a cell fails, writes to stderr, or shows an image without alt text, what varies from run to run or, unless the parameter
            `pictures` asks for them, pictures that may not be published; `out` stays as it was.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    os.environ |= {name: value for name, value in KERNEL.items() if name not in os.environ} | {
        "FORGETTING_EDITION": edition.name
    }
    page = read(name)
    notebook = page.notebook
    # The values stand in the cell itself: whoever downloads the executed notebook and edits them there is not overruled by a later cell.
    notebook.cells[page.cell].source = params.fill(notebook.cells[page.cell].source, values)
    data = studies.load_study(values["study"]).data
    other = "natural" if isinstance(data, PlantedData) else "planted"
    notebook.cells = [cell for cell in notebook.cells if other not in cell.metadata.get("tags", [])]
    partial = out.with_suffix(".partial.ipynb")
    partial.parent.mkdir(parents=True, exist_ok=True)
    how = {
        "kernel_name": "python3",
        "progress_bar": False,
        "execution_timeout": CELL_SECONDS,
        "extra_arguments": QUIET,
    }
    try:
        notebook = papermill.execute_notebook(notebook, str(partial), **how)
    except papermill.PapermillExecutionError as error:
        raise UserError(_failure(name, error, partial)) from None
    except (CellTimeoutError, DeadKernelError) as error:
        first = " ".join(str(error).split())[:200]
        raise UserError(
            f"notebooks/{name}.md: its kernel died or a cell took over {CELL_SECONDS} s ({first})"
        ) from None
    tables = _inspect(
        name, notebook, pictures=data.name in SHIPPABLE or bool(values.get("pictures"))
    )
    write(out, nbformat.writes(_for_edition(_clean(name, notebook), edition)) + "\n")
    partial.unlink()
    return tables


def _failure(name: str, error: object, partial: Path) -> str:
    """One line: page, cell, error. What a notebook refuses speaks for itself."""
    said = " ".join(re.sub("\x1b\\[[0-9;]*m", "", error.evalue).split())[:400]
    what = said if error.ename == "UserError" else f"{error.ename}: {said}"
    return f"notebooks/{name}.md, cell {error.cell_index + 1} (run {error.exec_count}): {what} (run so far: {display_path(partial)})"


def _inspect(name: str, notebook: nbformat.NotebookNode, *, pictures: bool = True) -> list[str]:
    """Refuse outputs that do not belong into a page, galleries unless `pictures`; return the names of the tables that were written."""
    tables = []
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            if wrong := _wrong(output):
                raise UserError(f"notebooks/{name}.md, cell {number} {wrong}")
            told = output.get("metadata", {}).get("forgetting", {})
            if told.get("gallery") and not pictures:
                raise UserError(
                    f"notebooks/{name}.md, cell {number} shows pictures that may not be published; ask page_text.no_pictures first"
                )
            tables += [told["table"]] if "table" in told else []
    return tables


def _wrong(output: nbformat.NotebookNode) -> str | None:
    if output.output_type == "stream" and output.name == "stderr":
        return f"writes to stderr ({' '.join(output.text.split())[:200]}); mend the cause of the warning"
    data, told = output.get("data", {}), output.get("metadata", {})
    if any(kind.startswith("image/") and not told.get(kind, {}).get("alt") for kind in data):
        return "shows an image without alt text; show it with figures.show or figures.gallery"
    text = output.get("text", "") + "".join(
        str(content) for kind, content in data.items() if kind.startswith("text/")
    )
    if address := re.search(r"<[\w. ]+ at 0x[0-9a-f]+>", text):
        return (
            f"shows {address[0]}, which differs from run to run; end its last line with a semicolon"
        )
    for place in (paths.ROOT, paths.runs(), paths.built()):
        if str(place.resolve()) + os.sep in text:
            return f"shows the path {place}, which differs from machine to machine; leave it out or use display_path"
    return None


def _clean(name: str, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Strip what varies from run to run and from machine to machine; fold the parameters away."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {
                "name": "python",
                "pygments_lexer": "ipython3",
                "file_extension": ".py",
                "mimetype": "text/x-python",
            },
        }
    )
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{name[:50]}-{number:03d}"
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
    cell = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    if not any(tag.startswith(("hide-", "remove-")) for tag in cell.metadata["tags"]):
        cell.metadata["tags"].append("hide-cell")
        cell.metadata["mystnb"] = {
            "code_prompt_show": "Show the parameters",
            "code_prompt_hide": "Hide the parameters",
        }
    return notebook


def _for_edition(notebook: nbformat.NotebookNode, edition: Edition) -> nbformat.NotebookNode:
    """Give the sections, figures and tables of an edition's page names of their own, and its title the edition's."""
    if not edition.name:
        return notebook
    shown = [
        output["metadata"]["forgetting"]["name"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "name" in output.get("metadata", {}).get("forgetting", {})
    ]
    renamed = {name.replace(f"{edition.name}-", "", 1): name for name in shown}
    renamed |= {f"sec-{label}": f"sec-{edition.name}-{label}" for label in edition.sections}
    any_name = "|".join(map(re.escape, renamed))
    old = re.compile(rf"(\]\(#|^\(|{{numref}}`|{{ref}}`)({any_name})(?=[)`])", re.MULTILINE)

    def put(text: str) -> str:
        return old.sub(lambda found: found[1] + renamed[found[2]], text)

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = put(cell.source)
        for output in cell.get("outputs", []):
            for kind in ("text/markdown", "text/plain"):
                if kind in output.get("data", {}):
                    output["data"][kind] = put(output["data"][kind])
            told = output.get("metadata", {}).get("forgetting", {})
            told |= {"caption": put(told["caption"])} if "caption" in told else {}
    first = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
    first.source = re.sub(
        r"^# (.*)$", rf"# \1 {edition.title}", first.source, count=1, flags=re.MULTILINE
    )
    return notebook


def write(file: Path, text: str) -> None:
    """Write `file` whole or not at all."""
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
