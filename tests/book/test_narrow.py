"""The narrow drawing of a figure holds what the wide one holds, in the width of a phone."""

import itertools

import pytest
from matplotlib import pyplot

from forgetting.book import style
from forgetting.book.narrow import WIDTH, make_narrow
from forgetting.book.plots.parts import legend_below

LONG = "Change of the gap between warm and the others, in points, against sparsity"


@pytest.fixture(autouse=True)
def use_style():
    style.use_style()
    yield
    pyplot.close("all")


def drawn(rows, columns, **shared):
    """A figure with so many panels, long words and a legend of four."""
    figure, axes = pyplot.subplots(rows, columns, figsize=(6.4, 3.6), squeeze=False, **shared)
    for axis in axes.flat:
        for level in (50, 70, 90, 95):
            axis.plot(
                [0.5, 0.7, 0.9, 0.95],
                [level] * 4,
                label=f"a population pruned {level} %",
            )
        axis.set(title=LONG, xticks=[0.5, 0.7, 0.9, 0.95])
    axes[0, 0].set(ylabel="networks")
    legend_below(figure, axes[0, 0], columns=4)
    return figure, list(axes.flat)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 2), (2, 1), (1, 3), (2, 3)])
def test_panels_stand_one_below_the_other_in_their_order_and_none_is_wider_than_a_phone(
    rows, columns
):
    figure, axes = drawn(rows, columns)
    assert make_narrow(figure) is (columns > 1)
    figure.draw_without_rendering()
    assert figure.get_size_inches()[0] == WIDTH
    for above, below in itertools.pairwise(axes):
        assert above.bbox.y0 > below.bbox.y1
    assert all(axis.bbox.width > figure.bbox.width / 2 for axis in axes)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 2), (2, 3)])
def test_no_word_is_left_out_or_runs_out_of_the_drawing(rows, columns):
    figure, axes = drawn(rows, columns)
    make_narrow(figure)
    figure.draw_without_rendering()
    for axis in axes:
        title = axis._left_title
        assert " ".join(title.get_text().split()) == LONG
        assert title.get_window_extent().x1 <= figure.bbox.width + 2
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        f"a population pruned {level} %" for level in (50, 70, 90, 95)
    ]
    assert legend.get_window_extent().width <= figure.bbox.width


def test_labels_of_an_axis_that_would_touch_are_turned():
    figure, [axis] = drawn(1, 1)
    make_narrow(figure)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axis.get_xticklabels()]
    assert all(before.x1 <= after.x0 for before, after in itertools.pairwise(boxes))


def test_a_panel_that_shared_its_labels_gets_its_own():
    figure, (first, second) = drawn(1, 2, sharey=True)
    assert not second.yaxis.get_tick_params()["labelleft"]
    make_narrow(figure)
    assert second.yaxis.get_tick_params()["labelleft"]
    assert second.get_ylabel() == first.get_ylabel() == "networks"


def test_names_of_rows_leave_room_for_a_panel_and_do_not_touch():
    names = ["Pruning spreads classes more than int8", "PIEs beyond the noise floor", "Few"] * 4
    figure, axis = pyplot.subplots(figsize=(6.4, 3.6))
    axis.plot(range(len(names)), range(len(names)))
    axis.set_yticks(range(len(names)), names)
    make_narrow(figure)
    figure.draw_without_rendering()
    shown = axis.get_yticklabels()
    assert [" ".join(name.get_text().split()) for name in shown] == names
    assert axis.bbox.width > 0.45 * figure.bbox.width
    boxes = [name.get_window_extent() for name in shown]
    assert all(below.y1 <= above.y0 + 1 for below, above in itertools.pairwise(boxes))
