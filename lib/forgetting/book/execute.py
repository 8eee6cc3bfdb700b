"""One page is run: its cells executed, its outputs checked, what varies from run to run removed."""

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from forgetting import paths
from forgetting.book.editions import BOOK, Edition, edition_notebook, rename_for_edition
from forgetting.book.filling import FillingClient
from forgetting.book.kernels import ForkedKernels
from forgetting.book.page import read_page
from forgetting.book.prose import EMPTY, place_captions
from forgetting.data import SHIPPABLE
from forgetting.errors import NotTrained, UserError
from forgetting.files import display_path, write_text
from forgetting.study import load_study

CELL_SECONDS = 900
REFUSALS = ["UserError", *(kind.__name__ for kind in UserError.__subclasses__())]
QUIET = [  # otherwise every kernel warns that it listens on the loopback address
    "--IPKernelApp.log_level=50"
]


def execute_page(
    name: str,
    values: dict[str, object],
    out: Path,
    *,
    edition: Edition = BOOK,
    solutions: bool = False,
) -> list[str]:
    """Run page `name` and write the executed notebook; it appears whole or not at all.

    Cells tagged `planted` are left out where the study plants no flaws into its data, cells tagged
    `natural` where it does.

    Args:
        name: The page.
        values: The value of every parameter; it stands in the parameters cell of what is written,
            so that whoever downloads the notebook and edits it there is not overruled later on.
        out: Where the executed notebook goes.
        edition: Where the page stands in the book.
        solutions: Whether the solutions of exercises are run, too, and fold out.

    Returns:
        Names of the tables that the page wrote.

    Raises:
        NotTrained: A cell reads networks that are not here.
        UserError: A cell fails, writes to stderr, or shows an image without alt text, what varies
            from run to run or, unless the parameter `pictures` asks for them, pictures that may not
            be published. `out` stays as it was.
    """
    page = read_page(name)
    data = load_study(str(values["study"])).data
    notebook = edition_notebook(page, values, solutions=solutions)
    try:
        said = _run_cells(name, notebook, edition)
    except CellExecutionError as error:
        partial = out.with_suffix(".partial.ipynb")
        write_text(partial, nbformat.writes(notebook) + "\n")
        kind = NotTrained if error.ename == NotTrained.__name__ else UserError
        raise kind(_failure(name, notebook, error, partial)) from None
    except (CellTimeoutError, DeadKernelError) as error:
        first = " ".join(str(error).split())[:200]
        raise UserError(
            f"notebooks/{name}.md: its kernel died, perhaps for want of memory, "
            f"or a cell took over {CELL_SECONDS} s ({first})"
        ) from None
    place_captions(notebook, edition=edition.name)
    pictures = data.name in SHIPPABLE or bool(values.get("pictures"))
    tables = inspect_outputs(name, notebook, pictures=pictures)
    cleaned = rename_for_edition(_clean(name, notebook), edition)
    cleaned.metadata["forgetting"] = {"said": said}  # for slides, which say the same
    write_text(out, nbformat.writes(cleaned) + "\n")
    out.with_suffix(".partial.ipynb").unlink(missing_ok=True)
    return tables


def _run_cells(
    name: str, notebook: nbformat.NotebookNode, edition: Edition
) -> dict[str, dict[str, Any]]:
    """Execute all cells in a kernel of their own; outputs and values go into `notebook`.

    Returns:
        What the names in the text stood for, as `FillingClient.said`.
    """
    client = FillingClient(
        notebook,
        page=name,
        edition=edition.name,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        kernel_manager_class=ForkedKernels,
        extra_arguments=QUIET,
    )
    # A loop of its own, which is closed; nbclient's `execute` leaves one open in each thread.
    asyncio.run(client.async_execute(env=os.environ | {"FORGETTING_EDITION": edition.name}))
    return client.said


def _failure(
    name: str, notebook: nbformat.NotebookNode, error: CellExecutionError, partial: Path
) -> str:
    """Return one line: page, cell, error. What a notebook refuses speaks for itself."""
    number, count = next(
        (number, cell.execution_count)
        for number, cell in enumerate(notebook.cells, 1)
        if any(output.output_type == "error" for output in cell.get("outputs", []))
    )
    message = " ".join(re.sub("\x1b\\[[0-9;]*m", "", error.evalue).split())[:400]
    what = message if error.ename in REFUSALS else f"{error.ename}: {message}"
    return (
        f"notebooks/{name}.md, cell {number} (run {count}): {what} "
        f"(run so far: {display_path(partial)})"
    )


def inspect_outputs(
    name: str, notebook: nbformat.NotebookNode, *, pictures: bool = True
) -> list[str]:
    """Check the outputs of an executed notebook.

    Args:
        name: The page.
        notebook: The notebook.
        pictures: Whether galleries may be shown.

    Returns:
        Names of the tables that it wrote.

    Raises:
        UserError: An output does not belong in a page.
    """
    tables = []
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            if wrong := _wrong(output):
                raise UserError(f"notebooks/{name}.md, cell {number} {wrong}")
            words = output.get("metadata", {}).get("forgetting", {})
            if words.get("gallery") and not pictures:
                raise UserError(
                    f"notebooks/{name}.md, cell {number} shows pictures that may not be published; "
                    "ask book.no_pictures first"
                )
            tables += [words["table"]] if "table" in words else []
    return tables


def _wrong(output: nbformat.NotebookNode) -> str | None:
    """Return why an output does not belong in a page, or None where it does."""
    if output.output_type == "stream" and output.name == "stderr":
        text = " ".join(output.text.split())[:200]
        return f"writes to stderr ({text}); fix the cause of the warning"
    data, metadata = output.get("data", {}), output.get("metadata", {})
    if EMPTY in data.get("text/html", ""):
        return f"shows {data['text/plain']} without a caption; write one in a Markdown cell"
    if any(kind.startswith("image/") and not metadata.get(kind, {}).get("alt") for kind in data):
        return "shows an image without alt text; show it with book.show or book.gallery"
    text = output.get("text", "") + "".join(
        str(content) for kind, content in data.items() if kind.startswith("text/")
    )
    if address := re.search(r"<[\w. ]+ at 0x[0-9a-f]+>", text):
        return (
            f"shows {address[0]}, which differs from run to run; end its last line with a semicolon"
        )
    for place in (paths.ROOT, paths.runs(), paths.generated()):
        if str(place.resolve()) + os.sep in text:
            return (
                f"shows the path {place}, which differs from machine to machine; "
                "leave it out or use display_path"
            )
    return None


def _clean(name: str, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove what varies from run to run and from machine to machine; fold the parameters away."""
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
        cell.metadata.pop("execution", None)
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
