"""Tables as files and as HTML: how a number looks to a reader, and the CSV beside it."""

import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forgetting.book.style import in_a_cell
from forgetting.files import replacing
from forgetting.measure.verdict import CONTRADICTED, HOLDS, NOISE, UNDECIDED
from forgetting.text import counted, readable_sign

SEEN = 12  # rows that are seen at once
P_VALUE = re.compile(r"(^|_)p(_|$)")  # columns that hold one
LONG = 32  # characters from which the text of a cell may wrap
PHONE, GAP = 42, 1.8  # letters that a phone shows side by side, and the space between columns
STACKS = ' class="stacks"'
MARKS = {  # the same sign for a verdict on every page; its colour is in the style sheet
    HOLDS: ("holds", "✓"),
    NOISE: ("noise", "≈"),
    UNDECIDED: ("undecided", "?"),
    CONTRADICTED: ("contradicted", "✗"),
}

SIGN_OF = {verdict: sign for verdict, (_, sign) in MARKS.items()}
SIGNS = {sign: (name, verdict) for verdict, (name, sign) in MARKS.items()}


def write_csv(frame: pd.DataFrame, file: Path) -> None:
    """Write a table as CSV, fractions with six significant digits.

    That is more than any measure here has, and the same on every processor. Columns of floats that
    are all whole are written without a point.
    """
    rounded = frame.copy()
    for column in frame.select_dtypes(np.floating):
        whole = (frame[column].dropna() % 1 == 0).all()
        rounded[column] = (
            frame[column].astype("Int64")
            if whole
            else frame[column].map(lambda x: f"{x:.6g}", na_action="ignore")
        )
    with replacing(file) as temporary:
        rounded.to_csv(temporary, index=False, lineterminator="\n")


def table_html(
    frame: pd.DataFrame,
    *,
    anchor: str,
    caption: str,
    units: Mapping[str, str],
    digits: int | Mapping[str, int] | None,
    labels: Mapping[str, str],
    folded: Sequence[str] = (),
    seen: int = SEEN,
    choose: Sequence[str] = (),
) -> str:
    """Return a table as the beginning of an HTML `figure`, which its caller closes.

    The table scrolls within itself. Its first column heads the rows. The ends of an interval, two
    neighbouring columns whose names differ by "low" and "high", stand in brackets behind the number
    before them, in its unit and with its decimals, or in a column of their own. Verdicts have a
    sign. Rows beyond `seen` fold out.

    Args:
        frame: The rows that are shown.
        anchor: What links to the table; its caption's id is `<anchor>-caption`.
        caption: Plain text.
        units: "points" or "%" for columns of fractions, which are shown times 100.
        digits: Decimals of floats, for all columns or by column; None as `format_cell`.
        labels: Words over a column; without them the column's name, with spaces.
        folded: Columns that fold out under the head of a row instead of standing beside it.
        seen: How many rows are seen at once.
        choose: Columns by which rows may be chosen; assets/js/tables.js reads their values.
    """
    numeric = {
        str(column): pd.api.types.is_numeric_dtype(frame[column])
        and not pd.api.types.is_bool_dtype(frame[column])
        for column in frame
    }
    first, *others = _groups([str(column) for column in frame if column not in folded], numeric)
    aside = _groups(list(folded), numeric)
    for value, *ends in (group for group in [first, *others, *aside] if len(group) == 3):
        units = dict.fromkeys(ends, units[value]) | dict(units) if value in units else units
        if isinstance(digits, Mapping) and value in digits:
            digits = dict.fromkeys(ends, digits[value]) | dict(digits)
    words = {c: html.escape(_head(c, units=units, labels=labels)) for c in [first, *others, *aside]}
    rows, choices = [], []
    for record in frame.to_dict("records"):
        texts = {
            str(column): format_cell(value, str(column), units=units, digits=digits)
            for column, value in record.items()
        }
        rows.append({c: html.escape(_with_interval(c, texts)) for c in words})
        choices.append(_data("choices", [texts[column] for column in choose]))
    stacks = _width([first, *others], words, rows, folds=bool(aside)) > PHONE
    lines = [
        f"<tr{chosen}>{_head_of_row(row, first, aside, words, numeric, stacks=stacks)}"
        + "".join(_cell(row[c], numeric[c[0]], words[c] if stacks else "") for c in others)
        + "</tr>"
        for row, chosen in zip(rows, choices, strict=True)
    ]
    heads = "".join(
        f'<th scope="col"{_mark(numeric[c[0]])}>{words[c]}</th>' for c in [first, *others]
    )
    title, more = f"{anchor}-caption", len(lines) - seen
    drawn = (
        f'<figure class="data-table" data-columns="{len(frame.columns)}"'
        f"{_data('choose', [labels.get(c, c.replace('_', ' ')) for c in choose])} "
        f'role="group" aria-labelledby="{title}">\n'
        f'<figcaption id="{title}">{html.escape(caption)}</figcaption>\n'
    )
    if seen:
        drawn += _scrolling(heads, lines[:seen], title, stacks=stacks)
    if more > 0:
        rest = _scrolling(heads, lines[seen:], f"{title} {anchor}-more", stacks=stacks)
        count = counted(more, "more row") if seen else f"The table, {counted(more, 'row')}"
        summary = f'<summary id="{anchor}-more">{count}</summary>'
        drawn += f'<details class="more-rows">{summary}\n{rest}</details>\n'
    return drawn


def _data(name: str, words: Sequence[str]) -> str:
    """An attribute with a list of words for scripts; none where there is no word."""
    written = html.escape(json.dumps(words, ensure_ascii=False))
    return f' data-{name}="{written}"' if words else ""


def _scrolling(heads: str, lines: list[str], title: str, *, stacks: bool) -> str:
    """A table that scrolls within itself where it is too wide; `title` are ids of its names.

    On a phone the values of a row that `stacks` stand below its head, each under its own.
    """
    body = "\n".join(lines)
    return (
        f'<div class="table-scroll" tabindex="0" role="region" aria-labelledby="{title}">\n'
        f'<table{STACKS if stacks else ""} aria-labelledby="{title}">\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>\n"
    )


Group = tuple[str, ...]  # columns that are shown as one: a value, an interval, or both


def _groups(columns: list[str], numeric: Mapping[str, bool]) -> list[Group]:
    """Put the ends of intervals behind the numbers that they belong to; the first stands alone."""
    groups: list[Group] = []
    place = 0
    while place < len(columns):
        column, *after = columns[place : place + 3]
        if groups and after and _are_ends(column, after[0]):
            group: Group = (column, after[0])
        elif groups and len(after) == 2 and numeric[column] and _are_ends(*after):
            group = (column, *after)
        else:
            group = (column,)
        groups.append(group)
        place += len(group)
    return groups


def _are_ends(low: str, high: str) -> bool:
    return "low" in low and low.replace("low", "high") == high


def _head_of_row(
    row: Mapping[Group, str],
    first: Group,
    aside: Sequence[Group],
    words: Mapping[Group, str],
    numeric: Mapping[str, bool],
    *,
    stacks: bool,
) -> str:
    """The first cell of a row; a number alone does not say what it counts where rows stack."""
    head, named = row[first], stacks and numeric[first[0]]
    if aside:
        details = "".join(f"<dt>{words[c]}</dt><dd>{row[c]}</dd>" for c in aside)
        head = f"<details><summary>{head}</summary><dl>{details}</dl></details>"
    mark = _mark(numeric[first[0]], long=len(row[first]) > LONG)
    above = f' data-head="{words[first]}"' if named else ""
    return f'<th scope="row"{mark}{above}>{head}</th>'


def _cell(text: str, numeric: bool, head: str) -> str:
    """A cell; `head` is written into it where its row stacks on a phone."""
    above = f' data-head="{head}"' if head else ""
    return f"<td{_mark(numeric, long=len(text) > LONG)}{above}>{_marked(text)}</td>"


def _width(
    columns: Sequence[Group],
    words: Mapping[Group, str],
    rows: Sequence[Mapping[Group, str]],
    *,
    folds: bool,
) -> float:
    """Return about how wide a table is, in letters; heads wrap between words, cells do not."""
    width = 0.0
    for place, column in enumerate(columns):
        longest = max((len(row[column]) for row in rows), default=0)
        if place == 0:  # it wraps between words on a phone
            longest = max((len(part) for row in rows for part in row[column].split()), default=0)
            longest = max(longest + 2 * folds, 12)
        head = max(map(len, words[column].split()), default=0)
        width += max(min(longest, LONG), head) + GAP
    return width


def _mark(numeric: bool, *, long: bool = False) -> str:
    return ' class="long"' if long else ' class="number"' if numeric else ""


def _with_interval(group: Group, texts: Mapping[str, str]) -> str:
    """A value with its interval, `1.2 [0.8, 1.6]`; without it where there is none."""
    value, ends = [texts[c] for c in group[: len(group) % 2]], [texts[c] for c in group[-2:]]
    if len(group) > 1 and ends != ["–", "–"]:
        value.append(f"[{', '.join(ends)}]")
    return " ".join(value) or "–"


def _marked(cell: str) -> str:
    """A verdict with its sign, or its sign alone, in its colour; any other text as it is."""
    if cell in SIGNS:
        name, verdict = SIGNS[cell]
        words = f'role="img" aria-label="{verdict}" title="{verdict}"'
        return f'<span class="verdict-sign verdict-{name}" {words}>{cell}</span>'
    if cell not in MARKS:
        return cell
    name, sign = MARKS[cell]
    return (
        f'<span class="verdict verdict-{name}"><span aria-hidden="true">{sign}</span> {cell}</span>'
    )


def _head(group: Group, *, units: Mapping[str, str], labels: Mapping[str, str]) -> str:
    column = group[0]
    words = labels.get(column, column.replace("_", " "))
    if len(group) == 2:
        words = words.replace("low", "").strip(" ,") or "interval"
    return f"{words} ({units[column]})" if column in units else words


def format_cell(
    value: Any, column: str, *, units: Mapping[str, str], digits: int | Mapping[str, int] | None
) -> str:
    """Return a value as a reader sees it: yes or no, a dash for what is missing, a true minus sign.

    Thousands have a comma, as in sentences. A setting is called what figures call it.

    Args:
        value: The value; one of a column in `units` is a fraction, shown times 100.
        column: The column it stands in.
        units: As `table_html`.
        digits: Decimals; without them 2 where there is a unit, else 3 significant digits, as has
            a p-value that would look like 0.
    """
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    decimals = digits.get(column) if isinstance(digits, Mapping) else digits
    if decimals is not None and P_VALUE.search(column) and 0 < value < 0.1**decimals:
        decimals = None  # a small p is not 0
    if column in units:
        text = f"{100 * value:.{2 if decimals is None else decimals}f}"
    elif isinstance(value, float | np.floating):
        if decimals is not None:
            text = f"{value:,.{decimals}f}"
        else:
            text = f"{value:,.0f}" if abs(float(value)) >= 1000 else f"{value:.3g}"
    elif isinstance(value, int | np.integer):
        text = f"{value:,}"
    else:
        return in_a_cell(str(value))
    return readable_sign(text)
