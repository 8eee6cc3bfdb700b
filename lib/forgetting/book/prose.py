"""Prose in Markdown cells, with the values that a page's code cells define.

Three marks, each read as what it is where a notebook is opened by hand. A value::

    Accuracy changes by {eval}`change` points.

is filled with the value of `change`. It is the role by which MyST-NB and JupyterLab's MyST
extension show a variable; here it takes a name, also a dotted one, and never an expression. A
condition::

    {only}`fallen` At sparsity {eval}`deepest` accuracy falls.
    {only}`not fallen` At no level does accuracy fall.

A line (a sentence, say) that begins so stands in the page only where the name is true. A caption::

    :::{figure} #fig-top-line
    :alt: Dots for each setting.
    Top-line accuracy of {eval}`members` networks.
    :::

is the caption, with alternative text, of what `book.show` displays as `top-line`; in the same way
`{table} #tbl-NAME` is that of a table. A page is filled where it is run, so that the executed
notebook, its HTML and its download all hold the values. A cell tagged `summary` stands at the top
and is filled at the end, with what all of the page has found.
"""

import html
import numbers
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import nbformat

from forgetting.book.display import sentence
from forgetting.errors import UserError, did_you_mean

NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
VALUE = re.compile(r"\{eval\}`([^`]*)`")
CONDITION = re.compile(r"^(\s*(?:[-*]\s+|\d+\.\s+)?)\{only\}`([^`]*)`[ ]?")
CAPTION = re.compile(
    r"^:::\{(?P<kind>figure|table)\} #(?P<name>\S+)\n"
    r"(?::alt: (?P<alt>.*\n(?:[ ]+.*\n)*))?(?P<text>(?:(?!:::).*\n)*):::[ ]*(?:\n|\Z)",
    re.MULTILINE,
)
HEADING = re.compile(r"^ {0,3}(#{1,6}\s|(=+|-+)\s*$)", re.MULTILINE)
EMPHASIS, CODE = re.compile(r"\*(\w[^*]*)\*"), re.compile(r"`([^`]+)`")
EMPTY = "></figcaption>"  # what a table or gallery has where its caption stands in Markdown


def names_in(source: str) -> list[str]:
    """Return what a Markdown cell is filled with: the names of values and conditions, once each.

    Raises:
        UserError: A mark holds something other than a name.
    """
    values = [("eval", text) for text in VALUE.findall(source)]
    conditions = [
        ("only", text.removeprefix("not "))
        for line in source.splitlines()
        for text in _conditions(line)[0]
    ]
    for role, text in [*values, *conditions]:
        if not re.fullmatch(NAME, text):
            raise UserError(
                f"{{{role}}}`{text}` is not a name; compute it in a code cell and write its name"
            )
    return list(dict.fromkeys(name for _, name in [*values, *conditions]))


def check_names(source: str, defined: set[str]) -> None:
    """Check that code cells define what a Markdown cell is filled with.

    Args:
        source: The Markdown cell.
        defined: All names that code cells define, without what stands behind a dot.

    Raises:
        UserError: A name is missing; the line gives the nearest that there is.
    """
    for name in names_in(source):
        first = name.partition(".")[0]
        if first not in defined:
            raise UserError(
                f"the text names `{name}`, which no code cell defines{did_you_mean(first, defined)}"
            )


def fill(source: str, value: Callable[[str], str], holds: Callable[[str], bool]) -> str:
    """Return a Markdown cell with its values, without lines whose condition does not hold.

    Args:
        source: The cell.
        value: Gives the text of a name.
        holds: Gives whether a name is true.

    Raises:
        UserError: A value holds a heading, which would break the page's outline.
    """
    lines = []
    for line in source.splitlines():
        conditions, rest = _conditions(line)
        if all(
            holds(text.removeprefix("not ")) is not text.startswith("not ") for text in conditions
        ):
            lines.append(VALUE.sub(lambda match: _inserted(match[1], value), rest))
    return "\n".join(lines)


def _conditions(line: str) -> tuple[list[str], str]:
    """Return the conditions that a line begins with, and the line without them."""
    conditions = []
    while match := CONDITION.match(line):
        conditions.append(match[2])
        line = match[1] + line[match.end() :]
    return conditions, line


def _inserted(name: str, value: Callable[[str], str]) -> str:
    text = value(name)
    if HEADING.search(text):
        raise UserError(f"`{name}` holds a heading; write headings in the notebook's own text")
    return text


def as_text(value: object) -> str:
    """Return what a value is in a sentence: text as it is, a whole number with its thousands.

    Raises:
        UserError: It is neither; how many digits of a fraction are read is the page's choice.
    """
    if isinstance(value, str):
        return str(value)  # numpy's strings are written otherwise
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return f"{int(value):,}"
    raise UserError(
        f"is {type(value).__name__}, not text or a whole number; "
        "write it as it is read, for instance with forgetting.text.signed"
    )


def as_condition(value: object) -> bool:
    """Return whether a line that depends on `value` stands in the page."""
    return bool(value)


@dataclass(frozen=True)
class Caption:
    """The words of one figure or table.

    Attributes:
        name: What it is called, `fig-NAME` or `tbl-NAME`.
        text: Its caption.
        alt: What is seen, for who cannot see it; of figures.
    """

    name: str
    text: str
    alt: str


def take_captions(source: str) -> tuple[str, list[Caption]]:
    """Return a Markdown cell without the captions in it, and these."""
    captions = [
        Caption(
            match["name"], " ".join(match["text"].split()), " ".join((match["alt"] or "").split())
        )
        for match in CAPTION.finditer(source)
    ]
    return CAPTION.sub("", source).strip("\n"), captions


def place_captions(notebook: nbformat.NotebookNode, *, edition: str = "") -> None:
    """Move captions from the Markdown cells of an executed notebook to what they belong to.

    Args:
        notebook: It is changed; Markdown cells that hold nothing else are removed.
        edition: Whose names figures and tables were displayed under.

    Raises:
        UserError: A caption of what no code cell displays.
    """
    outputs = displayed(notebook, edition=edition)
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        cell.source, captions = take_captions(cell.source)
        for caption in captions:
            if caption.name not in outputs:
                raise UserError(f"#{caption.name} has a caption, but no cell displays it")
            _caption(outputs[caption.name], caption)
    notebook.cells = [cell for cell in notebook.cells if cell.source or cell.cell_type == "code"]


def drop_absent(source: str, notebook: nbformat.NotebookNode, *, edition: str = "") -> str:
    """Return a Markdown cell without captions of what a code cell names but has not displayed.

    A cell may display a figure only where there is something to draw.

    Args:
        source: The Markdown cell.
        notebook: The notebook, executed up to that cell.
        edition: As `place_captions`.
    """
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    outputs = displayed(notebook, edition=edition)

    def kept(match: re.Match[str]) -> str:
        named = f'"{match["name"].partition("-")[2]}"' in code
        return "" if named and match["name"] not in outputs else match[0]

    return CAPTION.sub(kept, source)


def displayed(notebook: nbformat.NotebookNode, *, edition: str) -> dict[str, Any]:
    """Return the outputs of a notebook that have names, by name without the edition's part."""
    outputs = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("forgetting", {}).get("name", "")
            if name:
                kind, _, rest = name.partition("-")
                outputs[f"{kind}-{rest.removeprefix(f'{edition}-') if edition else rest}"] = output
    return outputs


def _caption(output: Mapping[str, Any], caption: Caption) -> None:
    data, metadata = output["data"], output["metadata"]
    metadata["forgetting"]["caption"] = caption.text
    if "image/svg+xml" in data:
        alt = sentence(caption.alt)
        metadata["forgetting"]["alt"] = data["text/plain"] = alt
        metadata["image/svg+xml"] = {"alt": alt}
    else:
        words = EMPHASIS.sub(
            r"<em>\1</em>", CODE.sub(r"<code>\1</code>", html.escape(caption.text))
        )
        data["text/html"] = data["text/html"].replace(EMPTY, f">{words}</figcaption>", 1)
        data["text/plain"] = caption.text
