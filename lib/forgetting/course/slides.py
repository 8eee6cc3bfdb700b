"""Decks of slides, written in MyST, filled with what the pages of the book found.

Nothing on a slide is computed or typed: marks name what an executed page has, the page's place in
the book before the `#`. As on a page, there are values, and lines that depend on a name::

    {only}`populations#fallen_at` At {eval}`populations#fallen_at` accuracy falls.

What a page displays or asks is shown by::

    :::{shown} populations#fig-top-line
    :height: 400
    :::
    :::{shown} class-disparity#tbl-class-changes
    :columns: class | relative change (points)
    :rows: 5
    :::
    :::{shown} populations#question-1
    :::
    :::{shown} exemplars#fig-pie-gallery
    :images: 14
    :optional: where the page may not show it
    :::

What a lecturer says, in which minutes of the session::

    :::{notes} 10–25
    First the dots on the left.
    :::

A deck takes slides of another one by their titles, in minutes of its own::

    :::{slides} session-1
    :titles: What was trained | Each dot is one network
    :minutes: 10–25
    :::

A slide about some studies only is left out where its page does not name the thing::

    :::{needs} pie-characteristics#over_index
    :::
"""

import base64
import html
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat

from forgetting import paths
from forgetting.book.exercises import tags
from forgetting.book.prose import displayed, fill
from forgetting.course.notebooks import plain_text
from forgetting.errors import UserError, did_you_mean

BLOCK = re.compile(
    r"^:::\{(?P<kind>shown|notes)\} *(?P<of>.*)\n(?P<options>(?::\w+: .*\n)*)"
    r"(?P<text>(?:(?!:::).*\n)*):::[ ]*$",
    re.MULTILINE,
)
TAKEN = re.compile(
    r"^:::\{slides\} *(?P<deck>\S+)\n:titles: (?P<titles>.+)\n:minutes: (?P<minutes>.+)\n:::[ ]*$",
    re.MULTILINE,
)
NEEDS = re.compile(r"^:::\{needs\} *(\S+)\n:::[ ]*$", re.MULTILINE)
PAGE = re.compile(r"[`}] ?(?:not )?([\w/-]+)#")
IMAGES, ROWS, HEIGHT = 8, 12, 430  # of a gallery, of a table, of a figure in px: what fits
LONG = 8  # rows, beyond which a table is set smaller


def decks() -> dict[str, str]:
    """Return the MyST of all decks by name: the files in book/teach/slides, whole.

    Raises:
        UserError: A deck takes slides of a deck, or by a title, that is not there.
    """
    folder = paths.book / "teach" / "slides"
    written = {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.md"))}
    return {name: take_slides(text, written) for name, text in written.items()}


def take_slides(deck: str, decks: Mapping[str, str]) -> str:
    """Return a deck with the slides that it takes of others, whose notes get its own minutes.

    Args:
        deck: Its MyST.
        decks: All by name.

    Raises:
        UserError: As `decks`.
    """

    def taken(match: re.Match[str]) -> str:
        name, minutes = match["deck"], match["minutes"].strip()
        if name not in decks:
            raise UserError(f"slides are taken of {name!r}: decks are {', '.join(decks)}")
        parts = re.split(r"^## (.*)\n", decks[name], flags=re.MULTILINE)
        slides = dict(zip(parts[1::2], parts[2::2], strict=True))
        some = []
        for title in map(str.strip, match["titles"].split("|")):
            if title not in slides:
                hint = did_you_mean(title, slides)
                raise UserError(f"deck {name} has no slide {title!r}{hint}")
            text = re.sub(
                r"^(:::\{notes\}).*$", rf"\1 {minutes}", slides[title], flags=re.MULTILINE
            )
            some.append(f"## {title}\n{text.rstrip()}\n")
        return "\n".join(some)

    return TAKEN.sub(taken, deck)


def pages_of(deck: str) -> list[str]:
    """Return the places of the pages that a deck names, each once."""
    return list(dict.fromkeys(PAGE.findall(deck)))


def missing_pages(decks: Mapping[str, str]) -> list[str]:
    """Return the places of pages that some decks name and that were not made yet.

    Args:
        decks: Their MyST by name.
    """
    named = sorted({place for deck in decks.values() for place in pages_of(deck)})
    return [place for place in named if not _file(place).exists()]


def fill_deck(deck: str, *, where: str) -> str:
    """Return a deck with the values, figures, tables and questions that it names.

    Args:
        deck: Its MyST.
        where: The deck, for messages.

    Returns:
        MyST that needs no page any more.

    Raises:
        UserError: A page was not made, or does not have what is named.
    """
    try:
        slides = re.split(r"(?=^## )", deck, flags=re.MULTILINE)
        deck = "".join(slide for slide in slides if all(map(_is_named, NEEDS.findall(slide))))
        filled = fill(NEEDS.sub("", deck), _value, _holds)
        return BLOCK.sub(_block, filled)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _file(place: str) -> Path:
    return paths.pages() / f"{place}.ipynb"


def _split(reference: str) -> tuple[str, str]:
    place, mark, name = reference.partition("#")
    if not (place and mark and name):
        raise UserError(f"{reference!r} is not PAGE#NAME, for instance populations#seen")
    return place, name


@cache
def _read(file: Path, changed: int) -> nbformat.NotebookNode:
    return nbformat.read(file, as_version=4)


def _notebook(place: str) -> nbformat.NotebookNode:
    file = _file(place)
    if not file.exists():
        raise UserError(f"page {place} is not made; run `make book` first")
    return _read(file, file.stat().st_mtime_ns)


def _is_named(reference: str) -> bool:
    place, name = _split(reference)
    said = _notebook(place).metadata.get("forgetting", {}).get("said", {})
    return any(name in names for names in said.values())


def _said(reference: str, kind: str) -> Any:
    place, name = _split(reference)
    said = _notebook(place).metadata.get("forgetting", {}).get("said", {}).get(kind, {})
    if name not in said:
        hint = did_you_mean(name, said)
        raise UserError(f"the text of page {place} names no {name}, or two things by it{hint}")
    return said[name]


def _value(reference: str) -> str:
    return str(_said(reference, "as_text"))


def _holds(reference: str) -> bool:
    return bool(_said(reference, "as_condition"))


def _block(match: re.Match[str]) -> str:
    """Return what stands for one block, with blank lines around it: it is HTML for MyST."""
    options = dict(re.findall(r"^:(\w+): (.*)$", match["options"], re.MULTILINE))
    if match["kind"] == "notes":
        minutes = html.escape(match["of"].strip())
        head = f"<p><strong>Minutes {minutes}</strong></p>\n" if minutes else ""
        mark = f' data-minutes="{minutes}"' if minutes else ""
        return f'<aside class="notes"{mark}>\n{head}\n{match["text"]}\n</aside>\n'
    place, name = _split(match["of"].strip())
    if question := re.fullmatch(r"question-(\d+)", name):
        return _question(place, int(question[1]))
    outputs = displayed(_notebook(place), edition=place.rpartition("/")[0])
    if name not in outputs:
        if "optional" in options:  # pictures that may not be shown, say
            return ""
        raise UserError(f"page {place} displays no {name}{did_you_mean(name, outputs)}")
    data = outputs[name]["data"]
    drawn = (
        _figure(outputs[name], int(options.get("height", HEIGHT)))
        if "image/svg+xml" in data
        else _gallery(data["text/html"], int(options.get("images", IMAGES)))
        if outputs[name]["metadata"]["forgetting"].get("gallery")
        else _table(data["text/html"], options)
    )
    caption = plain_text(outputs[name]["metadata"]["forgetting"].get("caption", ""))
    # What the page says below it is for the lecturer: on a slide it would be too small to read.
    return f'{drawn}\n\n<aside class="notes"><p>On the page: {html.escape(caption)}</p></aside>\n'


def _question(place: str, number: int) -> str:
    """Return the words of an exercise, as the page has them."""
    cells = [cell for cell in _notebook(place).cells if "question" in tags(cell)]
    if not 1 <= number <= len(cells):
        raise UserError(f"page {place} has {len(cells)} exercises, and no number {number}")
    source = cells[number - 1].source
    if edition := place.rpartition("/")[0]:  # whose part of a table's name says nothing here
        source = source.replace(f"-{edition}-", "-")
    words = re.sub(r"^\d+\. ", "", plain_text(source))
    # Slides carry no typesetter of formulas, and exercises hold names and sums alone.
    words = re.sub(r"\$([^$]+)\$", lambda formula: f"*{formula[1].replace(chr(92), '')}*", words)
    return f"**Exercise {number}.** {words}\n"


def _figure(output: nbformat.NotebookNode, height: int) -> str:
    drawn = base64.b64encode(output["data"]["image/svg+xml"].encode()).decode()
    alt = html.escape(output["metadata"]["forgetting"]["alt"])
    source = f"data:image/svg+xml;base64,{drawn}"
    return f'<div class="drawing"><img src="{source}" alt="{alt}" style="height: {height}px"></div>'


def _gallery(written: str, images: int) -> str:
    items = re.findall(r"<li>.*?</li>", written, re.DOTALL)[:images]
    return f'<ul class="gallery">\n{"".join(items)}\n</ul>'


def _table(written: str, options: Mapping[str, str]) -> str:
    """Return some columns and rows of a table of a page, its cells as the page has them."""
    tables = [
        ElementTree.fromstring(table)
        for table in re.findall(r"<table.*?</table>", written, re.DOTALL)
    ]
    heads = [_words(cell) for cell in tables[0].findall("./thead/tr/th")]
    wanted = (
        [name.strip() for name in options["columns"].split("|")] if "columns" in options else heads
    )
    for name in wanted:
        if name not in heads:
            raise UserError(f"the table has no column {name!r}; it has {' | '.join(heads)}")
    places = [heads.index(name) for name in wanted]
    rows = [list(row) for table in tables for row in table.findall("./tbody/tr")]
    lines = [
        "".join(_cell(row[place]) for place in places)
        for row in rows[: int(options.get("rows", ROWS))]
    ]
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in wanted)
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    kind = ' class="long"' if len(lines) > LONG else ""
    return f"<table{kind}>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"


def _cell(cell: ElementTree.Element) -> str:
    kind = ' class="number"' if cell.get("class") == "number" else ""
    tag = "th" if cell.tag == "th" else "td"
    row = ' scope="row"' if tag == "th" else ""
    return f"<{tag}{row}{kind}>{html.escape(_words(cell))}</{tag}>"


def _words(cell: ElementTree.Element) -> str:
    """Return the text of a cell without what folds out below it."""
    summary = cell.find(".//summary")
    return " ".join("".join((cell if summary is None else summary).itertext()).split())
