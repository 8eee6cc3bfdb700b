"""The pages of one study as notebooks that people run and change by hand, for `make lab`.

The sources in notebooks/ hold the text of studies with and without planted flaws; who opens one by
hand wants that of one study. What is changed here stays here: the book is made from the sources.
"""

import sys
from pathlib import Path

import nbformat

from forgetting import paths
from forgetting.book.editions import edition_notebook, editions
from forgetting.book.page import read_page, resolve_parameters
from forgetting.errors import UserError
from forgetting.files import display_path, write_text
from forgetting.study import load_study


def write_notebooks(study: str | Path) -> tuple[list[Path], list[Path]]:
    """Write the pages that the book has of a study, with its parameters and its text alone.

    Args:
        study: Name or path of a study; one that is no edition of the book has the pages of the
            book's own.

    Returns:
        The notebooks written, in lab/STUDY, and those that were there already and stay as they are.

    Raises:
        UserError: The study or one of its parameters is not allowed.
    """
    pages, name = editions(), load_study(study).name
    folder, written, kept = paths.lab() / name, [], []
    for page in pages.get(name) or pages[""]:
        file = folder / f"{page}.ipynb"
        if file.exists():
            kept.append(file)
            continue
        notebook = edition_notebook(read_page(page), resolve_parameters(page, study=study))
        write_text(file, nbformat.writes(notebook) + "\n")
        written.append(file)
    return written, kept


def main() -> None:
    """Write the notebooks of the study that is named in the first argument."""
    try:
        written, kept = write_notebooks(sys.argv[1])
    except UserError as error:
        sys.exit(str(error))
    folder = display_path((written or kept)[0].parent)
    print(f"{folder}: {len(written)} notebooks written, {len(kept)} kept as they were")


if __name__ == "__main__":
    main()
