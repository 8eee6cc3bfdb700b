"""A book of two short notebooks in a folder of its own."""

import json

import pytest

from forgetting import paths
from forgetting.study import load_study

CELL = """\
study: str = "smoke"  # the study that is read
alpha: float = 0.05  # level of the tests; in (0, 1)
members: int | None = None  # networks used, None for all; in [2, inf)
levels: list[float] = [0.5,
                       0.9]  # lévels shown; each in [0, 1)
ties: str = "none"  # what a tied example is; one of none, lowest, highest
exact: bool = False  # whether p is exact
"""
TEXT = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# A question

```{code-cell} python
:tags: [parameters]

PARAMETERS```

```{code-cell} python
BODY
```
"""
READS = "print(study, alpha, members, levels, ties, exact)"
SHORT = 'study: str = "smoke"  # the study that is read\n'


@pytest.fixture
def text():
    """Return the text of a notebook whose last cell is `body` after one that reads everything."""

    def make(body=READS, cell=CELL):
        return TEXT.replace("PARAMETERS", cell).replace("BODY", body)

    return make


@pytest.fixture
def short(text):
    """Return the text of a notebook with no parameters but the study and those of `more`."""

    def make(body="print(study)", more=""):
        return text(body, SHORT + more)

    return make


@pytest.fixture
def book(monkeypatch, tmp_path, text):
    """A folder of text notebooks with the page `one`, and a folder for what is made of them."""
    monkeypatch.setattr(paths, "notebooks", tmp_path / "notebooks")
    monkeypatch.setattr(paths, "book", tmp_path / "source")
    monkeypatch.setenv("FORGETTING_BOOK", str(tmp_path / "book"))
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))
    for folder in (paths.notebooks, paths.book):
        folder.mkdir()
    (paths.notebooks / "one.md").write_text(text())
    (paths.book / "_toc.yml").write_text("root: pages/one\n")
    return tmp_path


@pytest.fixture
def contents(book):
    """Give the book a table of contents with some entries after the page `one`."""

    def write(*entries):
        chapters = "".join(f"  - file: {entry}\n" for entry in entries)
        (paths.book / "_toc.yml").write_text(f"root: pages/one\nchapters:\n{chapters}")

    return write


@pytest.fixture
def study_file(book):
    """Write the smoke study, with other keys, as a file of the user's own; return its path."""

    def write(**keys):
        study = load_study("smoke").model_dump(mode="json") | {"name": "mine"} | keys
        (book / "mine.yml").write_text(json.dumps(study))  # JSON is YAML
        return str(book / "mine.yml")

    return write


@pytest.fixture
def displayed(monkeypatch):
    """What was displayed: a list of (data by type, metadata)."""
    outputs = []

    def display(data, metadata=None, raw=False):
        outputs.append((data, metadata))

    monkeypatch.setattr("IPython.display.display", display)
    return outputs
