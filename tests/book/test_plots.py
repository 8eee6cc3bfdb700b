"""Drawings show the numbers of their tables, where they belong."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb

from forgetting.book import plots
from forgetting.book.style import INK
from forgetting.measure.verdict import VERDICTS


@pytest.fixture
def axis():
    figure, axis = pyplot.subplots()
    yield axis
    pyplot.close(figure)


def test_a_dot_stands_on_its_interval_either_way(axis):
    for across in (False, True):
        plots.parts.dots(axis, [1, 2], [0.5, 0.7], [0.4, 0.6], [0.6, 0.8], "dense", across=across)
        points = axis.lines[-1].get_xydata()[:, ::-1] if across else axis.lines[-1].get_xydata()
        np.testing.assert_allclose(points, [[1, 0.5], [2, 0.7]])
        lines = np.array(axis.collections[-1].get_segments())
        lines = lines[..., ::-1] if across else lines
        np.testing.assert_allclose(lines, [[[1, 0.4], [1, 0.6]], [[2, 0.6], [2, 0.8]]])


def test_a_band_and_a_zero_line_lie_along_the_axis_of_the_other_quantity(axis):
    plots.parts.noise_band(axis, -1, 2, across=True)
    box = axis.patches[-1].get_bbox()
    assert (box.x0, box.x1) == (-1, 2)
    plots.parts.noise_band(axis, -1, 2)
    assert (axis.patches[-1].get_bbox().y0, axis.patches[-1].get_bbox().y1) == (-1, 2)
    plots.parts.zero_line(axis)
    assert list(axis.lines[-1].get_ydata()) == [0, 0]
    plots.parts.zero_line(axis, across=True)
    assert list(axis.lines[-1].get_xdata()) == [0, 0]


def test_a_legend_names_each_look_once_in_its_order(axis):
    for word in ("b", "a", "b"):
        axis.plot([0, 1], label=word)
    plots.parts.legend_below(axis.figure, axis)
    [legend] = axis.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["b", "a"]


def test_a_forest_has_a_line_a_row_and_a_marker_of_its_verdict():
    rows = pd.DataFrame({"short": list("abcd"), "value": [2.0, -3, 0.1, 0], "verdict": VERDICTS})
    rows = rows.assign(low=rows["value"] - 1, high=rows["value"] + 1)
    figure = plots.verdicts.verdict_forest(rows, title="x", xlabel="y")
    axis = figure.axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == list("abcd")
    drawn = [line.get_xdata()[0] for line in axis.lines if line.get_label() in VERDICTS]
    assert drawn == rows["value"].tolist()
    pyplot.close(figure)


def test_the_changes_of_classes_are_filled_only_where_they_are_significant():
    table = pd.DataFrame({"relative_significant_holm": [True, False]})
    for name in ("relative", "change"):
        table[f"{name}_low"], table[f"{name}_high"] = -0.1, 0.1
    table["relative_change"], table["change"] = [0.01, 0.02], [0.03, 0.04]
    figure = plots.classes.changes(
        [("pruned-0.9", table, 0.0)], order=[1, 0], names=["zero", "one"], overall=0.05
    )
    left, right = figure.axes
    filled = [
        line
        for line in left.lines
        if line.get_markerfacecolor() not in ("white",) and len(line.get_xdata()) == 1
    ]
    np.testing.assert_allclose([line.get_xdata()[0] for line in filled], [1.0])
    assert [text.get_text() for text in left.get_yticklabels()] == ["one", "zero"]
    assert right.lines[-1].get_xdata()[0] == pytest.approx(5)
    pyplot.close(figure)


def test_a_map_of_rates_prints_each_rate_and_is_white_where_it_is_as_promised():
    def table(rate):
        place = pd.MultiIndex.from_tuples([("q", "a"), ("q", "b")])
        return pd.DataFrame({"rate": [rate, 1 - rate]}, index=place)

    rates = {("one", 2): 0.05, ("one", 10): 0.2, ("two", 2): 0.001, ("two", 5): 1.0}
    results = {key: table(rate) for key, rate in rates.items()}
    for bad, places in (
        ("above", {"A": ("q", "a")}),
        ("below", {"A": ("q", "a"), "B": ("q", "b")}),
    ):
        figure = plots.simulations.rate_maps(results, places, aim=0.05, bad=bad)
        axis = figure.axes[0]
        assert [axis.get_title(loc="left") for axis in figure.axes] == list(places)
        assert [text.get_text() for text in axis.get_yticklabels()] == ["one", "two"]
        assert [text.get_text() for text in axis.get_xticklabels()] == ["2", "5", "10"]
        printed = {text.get_position(): text.get_text() for text in axis.texts}
        wanted = {
            (0, 0): "5.0",
            (1, 0): "–",
            (2, 0): "20.0",
            (0, 1): "0.1",
            (1, 1): "100",
            (2, 1): "–",
        }
        assert printed == wanted
        colours = axis.images[0].to_rgba(axis.images[0].get_array())[..., :3]
        assert np.allclose(colours[0, 0], 1, atol=0.005)
        red_above_blue = colours[0, 2, 0] > colours[0, 2, 2]
        assert red_above_blue == (bad == "above")  # orange where it is worse, else blue
        assert (colours[1, 0, 0] > colours[1, 0, 2]) == (bad == "below")
        pyplot.close(figure)


def test_letters_of_a_map_are_read_on_each_of_its_colours():
    def luminance(shade):
        part = np.array(to_rgb(shade))
        return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    for shade in (plots.simulations.BETTER, plots.simulations.WORSE):
        assert (luminance(shade) + 0.05) / (luminance(INK) + 0.05) >= 4.5
