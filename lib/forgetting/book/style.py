"""The one style of all figures: colour, marker and line style of each thing that is drawn."""

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forgetting.errors import UserError
from forgetting.study import Setting

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZES = {  # inches; 6.4 in can be read on a phone, wider ones cannot
    "small": (4.8, 3.2),
    "wide": (6.4, 3.6),
    "tall": (6.4, 5.6),
}

# Blue, orange to brown, and green to dark green stay apart under every kind of colour blindness,
# and all reach a contrast of 3:1 on white (tests/book/test_style.py computes both). Grey is kept
# for the noise floor.
DENSE, AGAIN, SELECTORS = "#0072B2", "#767676", "#7A1E70"
PRUNED = ("#E07000", "#B84A00", "#8A2F00", "#5A1A00")  # from little to much sparsity
FORMATS = {
    "float16": ("#18A068", "P"),
    "dynamic-int8": ("#1E6849", "X"),
    "fixed-int8": ("#0D3A2E", "*"),
}
# For lines that are not settings: the legend says what they are.
SERIES = (
    ("#332288", "o", "-"),
    ("#D55E00", "s", "--"),
    ("#1B9E77", "^", "-."),
    ("#111111", "D", ":"),
    ("#7570B3", "v", "-"),
)
LEVEL_MARKERS = ((0.4, "v"), (0.6, "^"), (0.8, "s"), (0.92, "D"), (0.965, "p"), (1.0, "h"))
SETTING_NAME = re.compile(rf"dense-again|pruned-0\.\d+|({'|'.join(FORMATS)})-of-dense(-again)?")
SNAKE_CASE = re.compile(r"([a-z]+: )?[a-z]+(_[a-z]+)+")
MEASURES = {"pie": "PIEs", "clear": "clear PIEs"}
INK, GRID = "#262626", "#DDDDDD"
STYLE: dict[str, Any] = {
    "figure.figsize": SIZES["wide"],
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "figure.max_open_warning": 0,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.facecolor": "white",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 11,
    "axes.linewidth": 1.25,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "legend.title_fontsize": 12,
    "lines.linewidth": 1.8,
    "lines.markersize": 7,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "white",
    "patch.force_edgecolor": True,
} | {
    f"{axis}tick.{key}": value
    for axis in "xy"
    for key, value in {
        "color": INK,
        "labelsize": 10,
        "major.size": 6,
        "major.width": 1.25,
        "minor.size": 4,
        "minor.width": 1,
    }.items()
}


def use_style() -> None:
    """Give every figure of this notebook the book's style."""
    import matplotlib

    matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]  # keys are made of axes


def colour(setting: Setting | str) -> str:
    """Return the colour of a setting, given as itself or by its name, as "#RRGGBB"."""
    shade: str = look(setting)["color"]
    return shade


def look(setting: Setting | str) -> dict[str, Any]:
    """Return the colour, marker, line style and label of a setting.

    `axes.plot(x, y, **look("pruned-0.9"))` uses them. Formats made of dense-again have hollow
    markers and dotted lines.

    Args:
        setting: The setting itself, or its name.

    Raises:
        UserError: There is no such setting.
    """
    name = _name(setting)
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
            f"setting {name!r} has no colour: use dense, dense-again, selectors, "
            "pruned-<sparsity> or <format>-of-<parent>"
        )
    hollow = {"markerfacecolor": "white"} if parent == "dense-again" else {}
    return {"color": shade, "marker": marker, "linestyle": line, "label": label(name), **hollow}


def label(setting: Setting | str) -> str:
    """Return what a legend calls a setting, given as itself or by its name."""
    name = _name(setting)
    stem, _, parent = name.partition("-of-")
    words = {
        "dense-again": "dense again (noise floor)",
        "dynamic-int8": "dynamic int8",
        "fixed-int8": "fixed-point int8",
    }
    if name.startswith("pruned-"):
        return f"pruned {100 * float(name.removeprefix('pruned-')):g} %"
    return words.get(stem, stem) + (" (of dense again)" if parent == "dense-again" else "")


def in_a_cell(text: str) -> str:
    """Return what a table calls a setting, a measure of PIEs, or what code writes with underscores.

    Args:
        text: Text of a table's cell; other text stays as it is.
    """
    if text in MEASURES:
        return MEASURES[text]
    if not SETTING_NAME.fullmatch(text):
        return text.replace("_", " ") if SNAKE_CASE.fullmatch(text) else text
    return label(text).removesuffix(" (noise floor)")


def format_name(setting: Setting | str) -> str:
    """Return what a legend calls a format, whatever network it was made of."""
    return label(_name(setting).partition("-of-")[0] + "-of-dense")


def series(place: int) -> dict[str, Any]:
    """Return the colour, marker and line style of a line that is not a setting but, say, a study.

    Args:
        place: The line's place in the figure, from 0.

    Raises:
        UserError: There are more lines than can be told apart.
    """
    if not 0 <= place < len(SERIES):
        raise UserError(
            f"line {place} has no look: at most {len(SERIES)} lines can be told apart; "
            "draw fewer, or several figures"
        )
    return dict(zip(("color", "marker", "linestyle"), SERIES[place], strict=True))


def bars(
    axis: "Axes",
    place: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    setting: Setting | str,
    *,
    across: bool = False,
    width: float = 1.8,
) -> None:
    """Draw intervals in the colour of a setting.

    Args:
        axis: Where they are drawn.
        place: Where each interval stands, on the x axis; on the y axis if `across`.
        low: Where each begins.
        high: Where each ends.
        setting: The setting itself, or its name.
        across: Whether they lie rather than stand.
        width: Of the lines, in points.
    """
    draw = axis.hlines if across else axis.vlines
    draw(place, low, high, color=colour(setting), linewidth=width)


def _name(setting: Setting | str) -> str:
    return setting if isinstance(setting, str) else setting.name


def _pruned(sparsity: float) -> str:
    """Return a shade by the share of weights that is left, on a log scale.

    The levels 0.5, 0.75 and 0.875 are equal steps; 0.98 and more are darkest.
    """
    from matplotlib.colors import to_hex, to_rgb

    place = min(1.0, math.log(1 - sparsity) / math.log(0.02)) * (len(PRUNED) - 1)
    low = min(int(place), len(PRUNED) - 2)
    pair = np.array([to_rgb(shade) for shade in PRUNED[low : low + 2]])
    return to_hex(pair[0] + (place - low) * (pair[1] - pair[0]))
