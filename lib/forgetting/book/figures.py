"""The one style of figures, tables and galleries, and how a notebook displays them with words for those who cannot see them.

Whatever is displayed carries what the book needs (alt text, caption, name) in its output's metadata under "forgetting";
`forgetting.book.sphinx_extension` makes numbered, referable figures and tables of it.
"""

import base64
import html
import io
import math
import re
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd
import seaborn
from IPython.display import display
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from forgetting import paths
from forgetting.errors import UserError
from forgetting.files import replacing

LONG = 32  # characters from which the text of a table cell may wrap
SIZES = {
    "small": (4.8, 3.2),
    "wide": (6.4, 3.6),
    "tall": (6.4, 5.6),
}  # inches; 6.4 in are readable on a phone, wider ones are not

# Blue against orange-to-brown against green-to-dark-green stay apart under every kind of colour blindness, and all reach 3:1 on white
# (tests/book/test_figures.py computes both); grey is kept for the noise floor.
DENSE, AGAIN, SELECTORS = "#0072B2", "#767676", "#7A1E70"
PRUNED = ("#E07000", "#B84A00", "#8A2F00", "#5A1A00")  # from little to much sparsity
FORMATS = {
    "float16": ("#18A068", "P"),
    "dynamic-int8": ("#1E6849", "X"),
    "fixed-int8": ("#0D3A2E", "*"),
}
# For lines that are no settings: what they mean stands in the legend.
SERIES = (
    ("#332288", "o", "-"),
    ("#D55E00", "s", "--"),
    ("#1B9E77", "^", "-."),
    ("#111111", "D", ":"),
    ("#7570B3", "v", "-"),
)
LEVEL_MARKERS = ((0.4, "v"), (0.6, "^"), (0.8, "s"), (0.92, "D"), (0.965, "p"), (1.0, "h"))


def style() -> None:
    """Give every figure of this notebook the book's style."""
    seaborn.set_theme(
        context="notebook",
        style="ticks",
        rc={
            "figure.figsize": SIZES["wide"],
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "axes.facecolor": "white",
            "font.family": "DejaVu Sans",
            "font.size": 11,
            "axes.titlesize": 12,
            "axes.labelsize": 11,
            "legend.fontsize": 10,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.8,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "lines.markersize": 7,
            "figure.max_open_warning": 0,
        },
    )


def colour(setting: object) -> str:
    """The colour of a setting, given as a `Setting` or by its name, as "#RRGGBB"."""
    return look(setting)["color"]


def look(setting: object) -> dict:
    """Colour, marker, line style and label of a setting: `axes.plot(x, y, **look("pruned-0.9"))`.

    Formats made of dense-again are drawn with hollow markers and dotted lines.

    Raises:
        UserError: no such setting.
    """
    name = getattr(setting, "name", setting)
    stem, _, parent = name.partition("-of-")
    if name in ("dense", "dense-again", "selectors"):
        shade, marker, line = {
            "dense": (DENSE, "o", "-"),
            "dense-again": (AGAIN, "d", ":"),
            "selectors": (SELECTORS, "<", "-."),
        }[name]
    elif stem in FORMATS:
        shade, marker = FORMATS[stem]
        line = ":" if parent == "dense-again" else "-."
    elif re.fullmatch(r"pruned-0(\.\d+)?", name):
        sparsity = float(name.removeprefix("pruned-"))
        shade, line = _pruned(sparsity), "--"
        marker = next(marker for top, marker in LEVEL_MARKERS if sparsity < top)
    else:
        raise UserError(
            f"setting {name!r} has no colour: use dense, dense-again, selectors, pruned-<sparsity> or <format>-of-<parent>"
        )
    filled = {"markerfacecolor": "white"} if parent == "dense-again" else {}
    return {"color": shade, "marker": marker, "linestyle": line, "label": label(name), **filled}


def label(setting: object) -> str:
    """A setting as a legend says it, given as a `Setting` or by its name."""
    name = getattr(setting, "name", setting)
    stem, _, parent = name.partition("-of-")
    words = {
        "dense-again": "dense again (noise floor)",
        "dynamic-int8": "dynamic int8",
        "fixed-int8": "fixed-point int8",
    }
    if name.startswith("pruned-"):
        return f"pruned {100 * float(name.removeprefix('pruned-')):g} %"
    return words.get(stem, stem) + (" (of dense again)" if parent == "dense-again" else "")


def _pruned(sparsity: float) -> str:
    """A shade by the share of weights that is left, on a log scale: 0.5, 0.75, 0.875 are equal steps; 0.98 and more are darkest."""
    place = min(1.0, math.log(1 - sparsity) / math.log(0.02)) * (len(PRUNED) - 1)
    low = min(int(place), len(PRUNED) - 2)
    pair = np.array([matplotlib.colors.to_rgb(shade) for shade in PRUNED[low : low + 2]])
    return matplotlib.colors.to_hex(pair[0] + (place - low) * (pair[1] - pair[0]))


def series(place: int) -> dict:
    """Colour, marker and line style of the line at `place` (from 0) in a figure whose lines are no settings but studies, say.

    Raises:
        UserError: more lines than can be told apart.
    """
    if not 0 <= place < len(SERIES):
        raise UserError(
            f"line {place} has no look: at most {len(SERIES)} lines can be told apart; draw fewer, or several figures"
        )
    return dict(zip(("color", "marker", "linestyle"), SERIES[place], strict=True))


def bars(
    axis: Axes,
    place: object,
    low: object,
    high: object,
    setting: object,
    *,
    across: bool = False,
    width: float = 1.8,
) -> None:
    """Draw intervals from `low` to `high` at `place` in the colour of `setting`; lying if `across`."""
    (axis.hlines if across else axis.vlines)(
        place, low, high, color=colour(setting), linewidth=width
    )


def show(figure: Figure, *, alt: str, caption: str | None = None, name: str | None = None) -> None:
    """Display `figure` as SVG and close it. The same figure gives the same bytes.

    Args:
        figure: a matplotlib figure; it stands on white, so that it reads on a dark page.
        alt: one or more sentences saying what is seen, for who cannot see it: at least 20 characters, ending with a full stop.
        caption: MyST Markdown; with it the figure is numbered in the book.
        name: lower-case words joined by dashes; prose refers to the figure as {numref}`fig-NAME`.

    Raises:
        UserError: the alt text or the name is not as said.
    """
    told = {"alt": _sentence(alt), "caption": caption, "name": _anchor("fig", name)}
    with (
        matplotlib.rc_context({"svg.hashsalt": "forgetting", "svg.fonttype": "path"}),
        io.StringIO() as file,
    ):
        figure.savefig(
            file,
            format="svg",
            bbox_inches="tight",
            facecolor="white",
            metadata={"Date": None, "Creator": None},
        )
        drawn = file.getvalue()
    pyplot.close(figure)
    _display(
        {"image/svg+xml": drawn, "text/plain": alt}, told, **{"image/svg+xml": {"alt": told["alt"]}}
    )


def table(
    frame: pd.DataFrame,
    *,
    name: str,
    caption: str,
    points: Sequence[str] = (),
    percents: Sequence[str] = (),
    digits: int | Mapping[str, int] | None = None,
    labels: Mapping[str, str] | None = None,
    rows: int = 40,
) -> None:
    """Display a table and write it as `<name>.csv` beside the book, where readers can download it.

    Args:
        frame: a tidy table; its first column heads the rows.
        name: lower-case words joined by dashes, its own in the whole book; prose refers to the table as {numref}`tbl-NAME`.
        caption: plain text; says what a row is and what the numbers are.
        points: columns of differences of fractions, shown in percentage points. percents: columns of fractions, shown in per cent. Both are
            shown times 100; the CSV keeps fractions.
        digits: decimals shown, for all columns of floats or by column; without it 2 for points and per cents, else 3 significant digits.
        labels: column to the words shown over it; without it the column's name, with spaces.
        rows: at most so many rows are shown; the CSV has all.

    Raises:
        UserError: a bad name, an empty caption, a column that is not there.
    """
    anchor = _anchor("tbl", name)
    for column in [
        *points,
        *percents,
        *(labels or {}),
        *(digits if isinstance(digits, Mapping) else {}),
    ]:
        if column not in frame.columns:
            raise UserError(
                f"table {name}: column {column!r} is not in the table; it has {', '.join(map(str, frame.columns))}"
            )
    if not caption.strip():
        raise UserError(
            f"table {name}: caption is empty; say in a sentence what a row is and what the numbers are"
        )
    _write_csv(frame, name)
    units = dict.fromkeys(points, "points") | dict.fromkeys(percents, "%")
    drawn = _table_html(
        frame.head(rows),
        anchor=anchor,
        caption=caption,
        units=units,
        digits=digits,
        labels=labels or {},
    )
    more = f"The first {rows} of {len(frame):,} rows. " if len(frame) > rows else ""
    where = "/".join(filter(None, (f"{paths.above()}tables", paths.edition(), f"{name}.csv")))
    link = f'<a href="{where}" download>{html.escape(name)}.csv</a>'
    drawn += f'<p class="table-download">{more}Download: {link}</p>\n</figure>'
    _display(
        {"text/html": drawn, "text/plain": caption},
        {"table": name, "caption": caption, "name": anchor},
    )


def gallery(
    images: np.ndarray,
    captions: Sequence[str],
    *,
    alts: Sequence[str],
    caption: str,
    name: str | None = None,
) -> None:
    """Display small images in a grid, each with text (its votes, say) under it.

    Args:
        images: (N, H, W), (N, 1, H, W) or (N, 3, H, W) uint8.
        captions: (N,) plain text, short; a line break starts a new line.
        alts: (N,) a sentence for each image, as in `show`.
        caption: plain text; says what is seen and how the images were picked.
        name: as in `show`.

    Raises:
        UserError: lengths that differ, no image, wrong shape or dtype, a missing alt text.
    """
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[:, None]
    if (
        images.ndim != 4
        or images.shape[1] not in (1, 3)
        or images.dtype != np.uint8
        or not len(images)
    ):
        allowed = "(N, H, W), (N, 1, H, W) or (N, 3, H, W) uint8, N at least 1"
        raise UserError(
            f"images have shape {images.shape} and dtype {images.dtype}; allowed: {allowed}"
        )
    if not len(images) == len(captions) == len(alts):
        raise UserError(
            f"{len(images)} images have {len(captions)} captions and {len(alts)} alt texts; give one of each to every image"
        )
    cells = "\n".join(_gallery_cell(*cell) for cell in zip(images, captions, alts, strict=True))
    anchor = _anchor("fig", name)
    drawn = f'<figure class="gallery">\n<figcaption>{html.escape(caption)}</figcaption>\n<ul>\n{cells}\n</ul>\n</figure>'
    _display(
        {"text/html": drawn, "text/plain": caption},
        {"caption": caption, "name": anchor, "gallery": True},
    )


def say(text: str) -> None:
    """Display MyST Markdown whose numbers come from results.

    Raises:
        UserError: it is empty, or holds a heading (headings made by code break the page's structure).
    """
    if not text.strip():
        raise UserError("say was given no text; give at least a sentence")
    if re.search(r"^ {0,3}(#{1,6}\s|(=+|-+)\s*$)", text, re.MULTILINE):
        raise UserError("say was given a heading; write headings in the notebook's own text")
    display({"text/markdown": text, "text/plain": text}, raw=True)


def _display(data: dict, told: dict, **by_type: dict) -> None:
    display(
        data,
        metadata={
            "forgetting": {key: value for key, value in told.items() if value is not None},
            **by_type,
        },
        raw=True,
    )


def _sentence(alt: str) -> str:
    """`alt` in one line, if it can be a sentence."""
    alt = " ".join(alt.split())
    if len(alt) < 20 or len(alt.split()) < 4 or alt[-1] not in ".!?":
        raise UserError(
            f"alt text {alt!r} is no sentence: say what is seen in at least 20 characters and end with a full stop"
        )
    return alt


def _anchor(kind: str, name: str | None) -> str | None:
    if name is None:
        return None
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise UserError(
            f"name {name!r} is not allowed: use lower-case words joined by dashes, for instance class-impact"
        )
    return "-".join(filter(None, (kind, paths.edition(), name)))


def _write_csv(frame: pd.DataFrame, name: str) -> None:
    """Six significant digits: more than any measure here has, and the same on every processor."""
    rounded = frame.copy()
    for column in frame.select_dtypes("floating"):
        whole = (frame[column].dropna() % 1 == 0).all()
        rounded[column] = (
            frame[column].astype("Int64")
            if whole
            else frame[column].map(lambda x: f"{x:.6g}", na_action="ignore")
        )
    with replacing(paths.tables(paths.edition()) / f"{name}.csv") as temporary:
        rounded.to_csv(temporary, index=False, lineterminator="\n")


def _table_html(
    frame: pd.DataFrame,
    *,
    anchor: str,
    caption: str,
    units: Mapping[str, str],
    digits,
    labels: Mapping[str, str],
) -> str:
    """The opening of a `figure` that holds the caption and the table, which scrolls within itself."""
    numeric = {
        column: pd.api.types.is_numeric_dtype(frame[column])
        and not pd.api.types.is_bool_dtype(frame[column])
        for column in frame
    }
    classes = {column: ' class="number"' if numeric[column] else "" for column in frame}
    heads = "".join(
        f'<th scope="col"{classes[c]}>{html.escape(_head(c, units=units, labels=labels))}</th>'
        for c in frame
    )
    lines = []
    for record in frame.to_dict("records"):
        cells = [
            html.escape(_cell(value, column, units=units, digits=digits))
            for column, value in record.items()
        ]
        marks = [
            ' class="long"' if len(cell) > LONG else classes[column]
            for column, cell in zip(record, cells, strict=True)
        ]
        rest = "".join(
            f"<td{mark}>{cell}</td>" for mark, cell in zip(marks[1:], cells[1:], strict=True)
        )
        lines.append(f'<tr><th scope="row"{marks[0]}>{cells[0]}</th>{rest}</tr>')
    body = "\n".join(lines)
    words = f"{anchor}-caption"
    return (
        f'<figure class="data-table" role="group" aria-labelledby="{words}">\n'
        f'<figcaption id="{words}">{html.escape(caption)}</figcaption>\n'
        f'<div class="table-scroll" tabindex="0" role="region" aria-labelledby="{words}">\n<table aria-labelledby="{words}">\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>\n"
    )


def _head(column: str, *, units: Mapping[str, str], labels: Mapping[str, str]) -> str:
    words = labels.get(column, str(column).replace("_", " "))
    return f"{words} ({units[column]})" if column in units else words


def _cell(
    value: object, column: str, *, units: Mapping[str, str], digits: int | Mapping[str, int] | None
) -> str:
    """One value as a reader sees it."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    decimals = digits.get(column) if isinstance(digits, Mapping) else digits
    if column in units:
        shown = f"{100 * value:.{2 if decimals is None else decimals}f}"
    elif isinstance(value, float | np.floating):
        shown = (
            f"{value:.{decimals}f}"
            if decimals is not None
            else f"{value:,.0f}"
            if abs(value) >= 1000
            else f"{value:.3g}"
        )
    elif isinstance(value, int | np.integer):
        shown = f"{value:,}" if abs(value) >= 10_000 else str(value)
    else:
        return str(value)
    return _without_negative_zero(shown).replace("-", "−")


def _without_negative_zero(shown: str) -> str:
    return shown.removeprefix("-") if not shown.strip("-0.") else shown


def _gallery_cell(image: np.ndarray, caption: str, alt: str) -> str:
    """One image, three times as large as its pixels, with its text."""
    height, width = image.shape[1:]
    with io.BytesIO() as file:
        Image.fromarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)).save(
            file, format="PNG", optimize=True
        )
        data = base64.b64encode(file.getvalue()).decode()
    words = html.escape(caption).replace("\n", "<br>")
    size = f'width="{3 * width}" height="{3 * height}"'
    return f'<li><img src="data:image/png;base64,{data}" alt="{html.escape(_sentence(alt))}" {size}><span>{words}</span></li>'
