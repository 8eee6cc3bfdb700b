"""A second, narrow drawing of a figure, for phones: its panels one below the other.

One place for all figures: what draws them knows one width. Nothing is left out; panels are stacked,
words that would run out of the drawing wrap, and labels of an axis that would touch are turned.
"""

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

WIDTH = 3.9  # inches; a phone shows letters of 10 points about as large as those of a table
PANEL = 2.7  # inches; at least so high is a panel that stood beside others
NAMES = 0.46  # at most this share of the width is for the names of rows
LINE = 0.19  # inches; the height of a line of such a name


def make_narrow(figure: "Figure") -> bool:
    """Lay `figure` out again, as narrow as a phone; it is changed.

    Args:
        figure: One with a constrained layout, whose panels stand in one grid.

    Returns:
        Whether panels that stood side by side now stand one below the other.
    """
    panels, beside = _stack(figure)
    _wrap_rows(figure, panels)
    _narrow_legends(figure, panels)
    _lay_out(figure)
    for _ in range(2):  # what wraps changes the layout, in which other words may have to wrap
        if not any([_wrap_words(figure, axis) for axis in panels]):
            break
        _lay_out(figure)
    for axis in panels:
        _turn_labels(axis)
    return beside


def _lay_out(figure: "Figure") -> None:
    """Give each panel its place, without the time that drawing takes."""
    engine = figure.get_layout_engine()
    if figure.axes and engine is not None:  # as matplotlib does before it draws
        engine.execute(figure)


def _stack(figure: "Figure") -> tuple[list["Axes"], bool]:
    """Put the panels of a figure one below the other; return them, and whether any moved."""
    from matplotlib.gridspec import GridSpec

    placed = [(axis, axis.get_subplotspec()) for axis in figure.axes]
    panels = [(axis, spec) for axis, spec in placed if spec is not None]
    sides = [spec.get_geometry()[:2] for _, spec in panels] or [(1, 1)]
    rows, columns = map(max, zip(*sides, strict=True))
    high = figure.get_size_inches()[1] / rows
    each, count = max(high, PANEL) if columns > 1 else high, max(len(panels), 1)
    grid = GridSpec(count, 1, figure=figure)
    figure.set_size_inches(WIDTH, each * count)
    for place, (axis, _) in enumerate(panels):
        axis.set_subplotspec(grid[place])
        if columns > 1:
            _label_alone(axis, [other for other, _ in panels])
    return [axis for axis, _ in panels], columns > 1


def _label_alone(axis: "Axes", panels: list["Axes"]) -> None:
    """Give a panel the labels that it shared with one beside or below it."""
    axis.tick_params(labelleft=True, labelbottom=True)
    for other in panels:
        if not axis.get_ylabel() and axis.get_shared_y_axes().joined(axis, other):
            axis.set_ylabel(other.get_ylabel())
        if not axis.get_xlabel() and axis.get_shared_x_axes().joined(axis, other):
            axis.set_xlabel(other.get_xlabel())


def _narrow_legends(figure: "Figure", panels: list["Axes"]) -> None:
    """Give legends, all below the figure, as many columns as fit; wrap what fits in none."""
    drawn: dict[str, Artist] = {}
    for handles, labels in (axis.get_legend_handles_labels() for axis in panels):
        drawn = dict(zip(labels, handles, strict=True)) | drawn
    for old in list(figure.legends):
        labels = [text.get_text() for text in old.get_texts()]
        own = dict(zip(labels, old.legend_handles, strict=True))
        handles = [drawn.get(label) or own[label] for label in labels]
        old.remove()
        for columns in range(len(labels), 0, -1):
            legend = figure.legend(handles, labels, loc="outside lower center", ncols=columns)
            wide = legend.get_window_extent().width
            if wide <= figure.bbox.width or columns == 1:
                break
            legend.remove()
        for text in legend.get_texts() if wide > figure.bbox.width else []:
            _wrap(text, figure.bbox.width - (wide - text.get_window_extent().width))


def _wrap_rows(figure: "Figure", panels: list["Axes"]) -> None:
    """Wrap names of rows that would leave a panel little room; make it as high as they need."""
    _lay_out(figure)
    room, width, height = NAMES * figure.bbox.width, *figure.get_size_inches()
    for axis in panels:
        names = axis.get_yticklabels()
        if max((name.get_window_extent().width for name in names), default=0) <= room:
            continue
        for name in names:
            _wrap(name, room)
        axis.set_yticks(axis.get_yticks(), [name.get_text() for name in names])
        lines = max(name.get_text().count("\n") for name in names) + 1.3
        height += max(0, LINE * lines * len(names) + 1 - height / len(panels))
    figure.set_size_inches(width, height)


def _wrap_words(figure: "Figure", axis: "Axes") -> bool:
    """Wrap the titles and labels of a panel that would run out of it; return whether any did."""
    from matplotlib.text import Text

    left, right = axis.bbox.x0, figure.bbox.width
    titles = {axis.get_title(loc="left"), axis.get_title()} - {""}
    wrapped = [
        _wrap(text, right - left)
        for text in axis.get_children()
        if isinstance(text, Text) and text.get_text() in titles
    ]
    middle = (left + axis.bbox.x1) / 2
    wrapped.append(_wrap(axis.xaxis.label, 2 * min(middle, right - middle)))
    wrapped.append(_wrap(axis.yaxis.label, axis.bbox.height * 1.15, standing=True))
    return any(wrapped)


def _wrap(text: "Text", room: float, *, standing: bool = False) -> bool:
    """Break a text into lines that are at most `room` pixels long; return whether it was longer."""
    words, extent = text.get_text(), text.get_window_extent()
    long = extent.height if standing else extent.width
    if not (words and long > room > 0):
        return False
    letters = max(len(line) for line in words.split("\n"))
    text.set_text(textwrap.fill(" ".join(words.split()), max(8, int(letters * room / long))))
    return True


def _turn_labels(axis: "Axes") -> None:
    """Turn the labels of the x axis where two of them touch."""
    labels = [label for label in axis.get_xticklabels() if label.get_text() and label.get_visible()]
    ends = sorted((box.x0, box.x1) for box in (label.get_window_extent() for label in labels))
    seen = [
        (low, high)
        for low, high in ends
        if axis.bbox.x0 - 5 <= (low + high) / 2 <= axis.bbox.x1 + 5
    ]
    if any(after[0] < before[1] + 2 for before, after in zip(seen, seen[1:], strict=False)):
        axis.tick_params(axis="x", labelrotation=90)
