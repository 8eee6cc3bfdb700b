"""Colours that stay apart for every kind of colour vision, and markers that say the same."""

import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

from forgetting.book import style
from forgetting.errors import UserError
from forgetting.study import FORMATS, load_study

SETTINGS = [
    "dense",
    "dense-again",
    "selectors",
    "pruned-0.5",
    "pruned-0.98",
    *(f"{format}-of-dense" for format in FORMATS),
]
LEVELS = ["pruned-0.3", "pruned-0.5", "pruned-0.7", "pruned-0.9", "pruned-0.95", "pruned-0.98"]
# Full dichromacy in linear RGB: Machado, Oliveira & Fernandes (2009), table 1, severity 1.
BLIND = {
    "nobody": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def linear(colour):
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* (D65) of linear RGB."""
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ np.clip(rgb, 0, 1)
        / [0.9505, 1, 1.089]
    )
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("name", SETTINGS + LEVELS + ["dynamic-int8-of-dense-again"])
def test_every_colour_has_contrast_three_on_white(name):
    luminance = linear(style.colour(name)) @ [0.2126, 0.7152, 0.0722]
    assert 1.05 / (luminance + 0.05) >= 3


@pytest.mark.parametrize("who", BLIND)
@pytest.mark.parametrize("pair", [*itertools.combinations(SETTINGS, 2)], ids=" ".join)
def test_concepts_stay_apart_for_every_kind_of_colour_vision(who, pair):
    first, second = (lab(BLIND[who] @ linear(style.colour(name))) for name in pair)
    assert np.linalg.norm(first - second) > 12, "differs by less than is seen at a glance"


def test_more_sparsity_is_darker_and_has_another_marker():
    lightness = [lab(linear(style.colour(name)))[0] for name in LEVELS]
    assert all(before - after > 2 for before, after in itertools.pairwise(lightness))
    assert len({style.look(name)["marker"] for name in LEVELS}) == len(LEVELS)


def test_what_is_told_apart_by_colour_is_told_apart_by_marker_too():
    assert len({style.look(name)["marker"] for name in SETTINGS}) == len(SETTINGS)


def test_every_setting_of_every_study_has_a_look_that_matplotlib_takes():
    figure, axes = pyplot.subplots()
    labels = []
    for setting in load_study("digits").populations:
        labels += [line.get_label() for line in axes.plot([1, 2], **style.look(setting))]
    pyplot.close(figure)
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", ["sparse", "pruned-1.5", "pruned-", "int8"])
def test_a_setting_without_a_colour_is_refused(name):
    with pytest.raises(UserError, match=name):
        style.colour(name)


@pytest.mark.parametrize("who", BLIND)
def test_lines_that_are_no_settings_stay_apart_from_each_other_and_from_white(who):
    colours = [linear(style.series(place)["color"]) for place in range(len(style.SERIES))]
    for first, second in itertools.combinations(colours, 2):
        assert np.linalg.norm(lab(BLIND[who] @ first) - lab(BLIND[who] @ second)) > 12
    assert all(1.05 / (colour @ [0.2126, 0.7152, 0.0722] + 0.05) >= 3 for colour in colours)
    assert len({style.series(place)["marker"] for place in range(len(style.SERIES))}) == len(
        style.SERIES
    )
    with pytest.raises(UserError, match="at most"):
        style.series(len(style.SERIES))


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("pruned-0.95", "pruned 95 %"),
        ("dense-again", "dense again"),
        ("fixed-int8-of-dense", "fixed-point int8"),
        ("float16-of-dense-again", "float16 (of dense again)"),
        ("dense", "dense"),
        ("clear", "clear PIEs"),
        ("clearly", "clearly"),
        ("glass_blur", "glass blur"),
        ("corrupted: glass_blur", "corrupted: glass blur"),
        ("resnet_v1_50", "resnet_v1_50"),
        ("pruned-later", "pruned-later"),
        ("a pruned-0.9 network", "a pruned-0.9 network"),
    ],
)
def test_a_table_calls_a_setting_what_figures_call_it_and_leaves_other_text(text, called):
    assert style.in_a_cell(text) == called
