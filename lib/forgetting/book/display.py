"""How a notebook displays figures, tables, galleries and prose, with words for who cannot see them.

Whatever is displayed carries what the book needs (alt text, caption, name) in its output's metadata
under "forgetting"; `forgetting.book.sphinx_extension` makes figures and tables of it that are
numbered and can be referred to. What draws and displays is imported where it is used: a command
that finds all pages up to date does not wait for it.
"""

import base64
import html
import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting import paths
from forgetting.book.tables import SEEN, table_html, write_csv
from forgetting.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def show(
    figure: "Figure",
    *,
    alt: str | None = None,
    caption: str | None = None,
    name: str | None = None,
) -> None:
    """Display `figure` as SVG, wide and narrow, and close it. The same figure gives the same bytes.

    Args:
        figure: It stands on white, so that it can be read on a dark page. It is laid out anew for
            the narrow drawing (`forgetting.book.narrow`), which a phone shows instead.
        alt: What is seen, for who cannot see it: one or more sentences of at least 20 characters.
            None where it stands with the caption in a Markdown cell (`forgetting.book.prose`).
        caption: MyST Markdown; with it the figure is numbered in the book.
        name: Lower-case words joined by dashes; prose refers to the figure as {numref}`fig-NAME`.

    Raises:
        UserError: The alt text or the name is not like that.
    """
    from matplotlib import pyplot

    from forgetting.book.narrow import make_narrow

    alt = alt if alt is None else sentence(alt)
    words: dict[str, Any] = {"alt": alt, "caption": caption, "name": _anchor("fig", name)}
    drawn, beside = _svg(figure), make_narrow(figure)
    words |= {"narrow": _svg(figure), "stacked": beside}
    pyplot.close(figure)
    _display(
        {"image/svg+xml": drawn, "text/plain": alt or str(name)},
        words,
        **{"image/svg+xml": {"alt": alt} if alt else {}},
    )


def _svg(figure: "Figure") -> str:
    """Return a figure as SVG, the same bytes for the same figure."""
    import matplotlib

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
        return file.getvalue()


def table(
    frame: pd.DataFrame,
    *,
    name: str,
    caption: str | None = None,
    points: Sequence[str] = (),
    percents: Sequence[str] = (),
    digits: int | Mapping[str, int] | None = None,
    labels: Mapping[str, str] | None = None,
    folded: Sequence[str] = (),
    rows: int = 100,
    closed: bool = False,
    choose: Sequence[str] = (),
) -> None:
    """Display a table and write it as `<name>.csv` beside the book, where readers can download it.

    Args:
        frame: A tidy table; its first column heads the rows.
        name: Lower-case words joined by dashes, unique in the whole book; prose refers to the
            table as {numref}`tbl-NAME`.
        caption: Plain text; says what a row is and what the numbers are. None where it stands in
            a Markdown cell (`forgetting.book.prose`).
        points: Columns of differences of fractions, shown times 100, in percentage points. The CSV
            keeps fractions.
        percents: Columns of fractions, shown times 100, as percentages.
        digits: Decimals that are shown, for all columns of floats or by column; without them 2 for
            points and percentages, else 3 significant digits.
        labels: Words shown over a column, by column; without them its name, with spaces.
        folded: Columns that fold out under the head of a row instead of standing beside it.
        rows: How many rows the page has at most; the CSV has all.
        closed: Whether all rows fold out, because a figure shows them.
        choose: Columns of few values by which a reader may choose rows.

    Raises:
        UserError: A bad name, an empty caption, a column that the table does not have.
    """
    anchor, labels = _anchor("tbl", name), labels or {}
    by_column = digits if isinstance(digits, Mapping) else {}
    for column in [*points, *percents, *labels, *by_column, *folded, *choose]:
        if column not in frame.columns:
            raise UserError(
                f"table {name}: column {column!r} is not in the table; "
                f"it has {', '.join(map(str, frame.columns))}"
            )
    if caption is not None and not caption.strip():
        raise UserError(
            f"table {name}: caption is empty; "
            "say in a sentence what a row is and what the numbers are"
        )
    write_csv(frame, paths.tables(paths.edition()) / f"{name}.csv")
    drawn = table_html(
        frame.head(rows),
        anchor=str(anchor),
        caption=caption or "",
        units=dict.fromkeys(points, "points") | dict.fromkeys(percents, "%"),
        digits=digits,
        labels=labels,
        folded=folded,
        seen=0 if closed else SEEN,
        choose=choose,
    )
    more = f"The first {rows} of {len(frame):,} rows. " if len(frame) > rows else ""
    where = "/".join(
        filter(None, (f"{paths.relative_book_root()}tables", paths.edition(), f"{name}.csv"))
    )
    link = f'<a href="{where}" download>{html.escape(name)}.csv</a>'
    drawn += f'<p class="table-download">{more}Download: {link}</p>\n</figure>'
    _display(
        {"text/html": drawn, "text/plain": caption or name},
        {"table": name, "caption": caption, "name": anchor},
    )


def gallery(
    images: npt.ArrayLike,
    captions: Sequence[str],
    *,
    alts: Sequence[str],
    caption: str | None = None,
    name: str | None = None,
) -> None:
    """Display small images in a grid, each with text (its predictions, say) under it.

    Args:
        images: (N, H, W), (N, 1, H, W) or (N, 3, H, W) uint8.
        captions: (N,) plain text, short; a line break starts a new line.
        alts: (N,) a sentence for each image, as in `show`.
        caption: Plain text; says what is seen and how the images were chosen. None as in `table`.
        name: As in `show`.

    Raises:
        UserError: Lengths that differ, no image, a wrong shape or dtype, an alt text that is not a
            sentence.
    """
    pixels = np.asarray(images)
    if pixels.ndim == 3:
        pixels = pixels[:, None]
    fits = pixels.ndim == 4 and pixels.shape[1] in (1, 3) and pixels.dtype == np.uint8
    if not fits or not len(pixels):
        raise UserError(
            f"images have shape {pixels.shape} and dtype {pixels.dtype}; "
            "allowed: (N, H, W), (N, 1, H, W) or (N, 3, H, W) uint8, N at least 1"
        )
    if not len(pixels) == len(captions) == len(alts):
        raise UserError(
            f"{len(pixels)} images have {len(captions)} captions and {len(alts)} alt texts; "
            "give one of each to every image"
        )
    cells = "\n".join(_gallery_cell(*cell) for cell in zip(pixels, captions, alts, strict=True))
    drawn = (
        f'<figure class="gallery">\n<figcaption>{html.escape(caption or "")}</figcaption>\n'
        f"<ul>\n{cells}\n</ul>\n</figure>"
    )
    _display(
        {"text/html": drawn, "text/plain": caption or str(name)},
        {"caption": caption, "name": _anchor("fig", name), "gallery": True},
    )


def display_html(drawn: str, *, name: str, text: str) -> None:
    """Display HTML that is numbered as a figure and has its caption in a Markdown cell.

    Args:
        drawn: A figure with an empty `figcaption`.
        name: As in `show`.
        text: What stands for it where HTML is not shown.
    """
    words = {"name": _anchor("fig", name), "explorer": True}
    _display({"text/html": drawn, "text/plain": text}, words)


def say(text: str) -> None:
    """Display MyST Markdown whose numbers come from results.

    Raises:
        UserError: It is empty, or holds a heading (headings made by code break the page's outline).
    """
    if not text.strip():
        raise UserError("say was given no text; give at least a sentence")
    if re.search(r"^ {0,3}(#{1,6}\s|(=+|-+)\s*$)", text, re.MULTILINE):
        raise UserError("say was given a heading; write headings in the notebook's own text")
    _display({"text/markdown": text, "text/plain": text})


def answers(study: str, claim: str, verdicts: Mapping[float, str]) -> None:
    """Record what this page answers to a claim of the ledger; readers do not see it.

    The tests collect the answers of all pages and fail where two pages give different ones.

    Args:
        study: The study's name.
        claim: The claim's id.
        verdicts: Level of sparsity to verdict; level NaN for quantization.
    """
    recorded = {f"{level:g}": verdict for level, verdict in verdicts.items()}
    words = {"study": study, "claim": claim, "answers": recorded}
    _display({"text/plain": f"{study}, {claim}: {recorded}"}, words)


def _display(
    data: dict[str, str], words: Mapping[str, object] | None = None, **by_type: dict[str, Any]
) -> None:
    from IPython.display import display

    if words is None:
        display(data, raw=True)
    else:
        given = {key: value for key, value in words.items() if value is not None}
        display(data, metadata={"forgetting": given, **by_type}, raw=True)


def sentence(alt: str) -> str:
    """Return alternative text in one line.

    Raises:
        UserError: It cannot be a sentence.
    """
    alt = " ".join(alt.split())
    if len(alt) < 20 or len(alt.split()) < 4 or alt[-1] not in ".!?":
        raise UserError(
            f"alt text {alt!r} is not a sentence: say what is seen in at least 20 characters "
            "and end with a full stop"
        )
    return alt


def _anchor(kind: str, name: str | None) -> str | None:
    """Return what links to a figure or table called `name` in the edition that is being run."""
    if name is None:
        return None
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise UserError(
            f"name {name!r} is not allowed: "
            "use lower-case words joined by dashes, for instance class-impact"
        )
    return "-".join(filter(None, (kind, paths.edition(), name)))


def _gallery_cell(image: np.ndarray, caption: str, alt: str) -> str:
    """Return one image, three times as large as its pixels, with its text."""
    from PIL import Image

    height, width = image.shape[1:]
    with io.BytesIO() as file:
        Image.fromarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)).save(
            file, format="PNG", optimize=True
        )
        data = base64.b64encode(file.getvalue()).decode()
    words = html.escape(caption).replace("\n", "<br>")
    return (
        f'<li><img src="data:image/png;base64,{data}" alt="{html.escape(sentence(alt))}" '
        f'width="{3 * width}" height="{3 * height}"><span>{words}</span></li>'
    )
