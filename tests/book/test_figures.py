"""Figures, tables, galleries and prose: words for everyone, the same bytes every time, colours that stay apart."""

import base64
import io
import itertools
import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from PIL import Image

from forgetting import study as studies
from forgetting.book import figures
from forgetting.errors import UserError

ALT = "Two lines rise together and then part."
SETTINGS = [
    "dense",
    "dense-again",
    "selectors",
    "pruned-0.5",
    "pruned-0.98",
    *(f"{format}-of-dense" for format in studies.FORMATS),
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


@pytest.fixture
def shown(monkeypatch):
    """What was displayed: a list of (data by type, metadata)."""
    outputs = []
    monkeypatch.setattr(
        figures, "display", lambda data, metadata=None, raw=False: outputs.append((data, metadata))
    )
    return outputs


@pytest.fixture
def tables(monkeypatch, tmp_path):
    """The folder that tables are written to."""
    monkeypatch.setenv("FORGETTING_BOOK", str(tmp_path))
    return tmp_path / "tables"


def drawing(seed=0):
    figure, axes = pyplot.subplots()
    axes.plot(np.random.default_rng(seed).normal(size=9), **figures.look("pruned-0.9"))
    axes.fill_between(
        range(9), -1, 1, hatch="/"
    )  # clip paths and hatches get ids, random without a salt
    axes.legend()
    return figure


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
    luminance = linear(figures.colour(name)) @ [0.2126, 0.7152, 0.0722]
    assert 1.05 / (luminance + 0.05) >= 3


@pytest.mark.parametrize("who", BLIND)
@pytest.mark.parametrize("pair", [*itertools.combinations(SETTINGS, 2)], ids=" ".join)
def test_concepts_stay_apart_for_every_kind_of_colour_vision(who, pair):
    first, second = (lab(BLIND[who] @ linear(figures.colour(name))) for name in pair)
    assert np.linalg.norm(first - second) > 12, "differs by less than is seen at a glance"


def test_more_sparsity_is_darker_and_has_another_marker():
    lightness = [lab(linear(figures.colour(name)))[0] for name in LEVELS]
    assert all(before - after > 2 for before, after in itertools.pairwise(lightness))
    assert len({figures.look(name)["marker"] for name in LEVELS}) == len(LEVELS)


def test_what_is_told_apart_by_colour_is_told_apart_by_marker_too():
    assert len({figures.look(name)["marker"] for name in SETTINGS}) == len(SETTINGS)


def test_every_setting_of_every_study_has_a_look_that_matplotlib_takes():
    figure, axes = pyplot.subplots()
    labels = []
    for setting in studies.load_study("digits").populations:
        labels += [line.get_label() for line in axes.plot([1, 2], **figures.look(setting))]
    pyplot.close(figure)
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", ["sparse", "pruned-1.5", "pruned-", "int8"])
def test_a_setting_without_a_colour_is_refused(name):
    with pytest.raises(UserError, match=name):
        figures.colour(name)


@pytest.mark.parametrize(
    "alt",
    ["", "  ", "A plot.", "figure-one-of-the-page.svg", "Two lines rise together and then part"],
)
def test_a_figure_without_a_sentence_of_alt_text_is_refused(shown, alt):
    with pytest.raises(UserError, match="alt text"):
        figures.show(drawing(), alt=alt)
    pyplot.close("all")
    assert shown == []


def test_the_same_figure_gives_the_same_bytes_and_no_date(shown):
    figures.style()
    for _ in range(2):
        figures.show(drawing(), alt=ALT)
    first, second = (data["image/svg+xml"] for data, _ in shown)
    assert first == second
    assert "<dc:date>" not in first
    assert pyplot.get_fignums() == []


def test_a_figure_stands_on_white_and_carries_its_words(shown):
    figures.show(drawing(), alt=ALT, caption="It parts.", name="parting")
    [(data, metadata)] = shown
    assert metadata["forgetting"] == {"alt": ALT, "caption": "It parts.", "name": "fig-parting"}
    assert metadata["image/svg+xml"] == {"alt": ALT}
    ground = re.search(r'<g id="patch_1">\s*<path[^>]*style="fill: (#\w+)', data["image/svg+xml"])
    assert ground[1] == "#ffffff"


def test_a_table_file_holds_fractions_with_six_digits_and_the_page_shows_points(shown, tables):
    third = 1 / 3
    recall = {"recall": [third, 1.0], "recall_change": [-third, np.nan]}
    frame = pd.DataFrame({"class": ["a", "b"], "n": [12345, 7], **recall, "p": [0.012345, 1e-9]})
    figures.table(
        frame,
        name="impact",
        caption="Changes.",
        points=["recall_change"],
        percents=["recall"],
        digits={"p": 3},
    )
    assert (
        (tables / "impact.csv").read_text()
        == "class,n,recall,recall_change,p\na,12345,0.333333,-0.333333,0.012345\nb,7,1,,1e-09\n"
    )
    html = shown[0][0]["text/html"]
    assert re.findall(r"<td[^>]*>([^<]*)</td>", html) == [
        "12,345",
        "33.33",
        "−33.33",
        "0.012",
        "7",
        "100.00",
        "–",
        "0.000",
    ]
    assert "recall change (points)" in html and "recall (%)" in html
    assert shown[0][1]["forgetting"] == {
        "table": "impact",
        "caption": "Changes.",
        "name": "tbl-impact",
    }


def test_whole_numbers_with_gaps_are_not_written_as_floats(shown, tables):
    figures.table(
        pd.DataFrame({"k": ["a", "b"], "bytes": [1234567.0, np.nan]}),
        name="bytes",
        caption="Bytes.",
    )
    assert (tables / "bytes.csv").read_text() == "k,bytes\na,1234567\nb,\n"


def test_nothing_is_left_beside_a_table_and_writing_it_again_gives_the_same_bytes(shown, tables):
    frame = pd.DataFrame({"a": [0.1, 0.2]})
    figures.table(frame, name="twice", caption="Twice.")
    before = (tables / "twice.csv").read_bytes()
    figures.table(frame, name="twice", caption="Twice.")
    assert (tables / "twice.csv").read_bytes() == before
    assert [file.name for file in tables.iterdir()] == ["twice.csv"]


def test_text_in_a_table_is_not_read_as_html(shown, tables):
    frame = pd.DataFrame({"<i>": ["<b>bold</b>"], "x": ["a & b"]})
    figures.table(frame, name="escaped", caption="<script>alert(1)</script>", labels={"x": "<u>"})
    html = shown[0][0]["text/html"]
    assert not re.search(r"<(i|b|u|script)>", html)
    assert "a &amp; b" in html


def test_columns_and_rows_have_headers(shown, tables):
    figures.table(
        pd.DataFrame({"class": ["a", "b", "c"], "n": [1, 2, 3], "ok": [True, False, True]}),
        name="heads",
        caption="Heads.",
    )
    html = shown[0][0]["text/html"]
    assert html.count('<th scope="col"') == 3
    assert html.count('<th scope="row"') == 3
    assert html.count("<td>yes</td>") == 2
    assert 'href="../tables/heads.csv" download' in html


def test_a_long_table_is_cut_on_the_page_but_not_in_its_file(shown, tables):
    figures.table(pd.DataFrame({"example": range(100)}), name="long", caption="Long.", rows=10)
    assert shown[0][0]["text/html"].count('<th scope="row"') == 10
    assert "The first 10 of 100 rows" in shown[0][0]["text/html"]
    assert len((tables / "long.csv").read_text().splitlines()) == 101


@pytest.mark.parametrize(
    "value, digits, words",
    [
        (-0.001, 2, "0.00"),
        (-0.01, 2, "−0.01"),
        (0.0, 1, "0.0"),
        (-0.5, 0, "0"),
        (1234.5, None, "1,234"),
        (0.00012345, None, "0.000123"),
    ],
)
def test_numbers_are_shown_as_a_reader_expects(value, digits, words):
    assert figures._cell(value, "x", units={}, digits=digits) == words


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": ["lost"]},
        {"labels": {"lost": "x"}},
        {"digits": {"lost": 1}},
        {"name": "Upper"},
        {"name": "../up"},
        {"caption": " "},
    ],
)
def test_a_table_with_a_wrong_column_name_or_caption_is_refused_and_not_written(
    shown, tables, wrong
):
    with pytest.raises(UserError):
        figures.table(pd.DataFrame({"a": [1]}), **{"name": "fine", "caption": "Fine.", **wrong})
    assert not tables.exists() and shown == []


@pytest.mark.parametrize("shape", [(5, 7, 4), (5, 1, 7, 4), (5, 3, 7, 4)])
def test_a_gallery_shows_every_pixel_and_every_word(shown, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    figures.gallery(
        images, ["4: 12 < 9"] * 5, alts=[ALT] * 5, caption="Noise & more.", name="noise"
    )
    data, metadata = shown[0]
    assert metadata["forgetting"] == {
        "caption": "Noise & more.",
        "name": "fig-noise",
        "gallery": True,
    }
    pictures = re.findall(r"base64,([^\"]+)\"", data["text/html"])
    for image, picture in zip(images, pictures, strict=True):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))))
        expected = (
            np.moveaxis(image, 0, -1) if shape[1] == 3 and len(shape) == 4 else image.reshape(7, 4)
        )
        np.testing.assert_array_equal(pixels, expected)
    assert data["text/html"].count("4: 12 &lt; 9") == data["text/html"].count(f'alt="{ALT}"') == 5


def test_a_gallery_refuses_images_without_words_and_what_is_no_image(shown):
    images = np.zeros((2, 4, 4), np.uint8)
    for wrong in (images.astype(float), images[0], np.zeros((2, 2, 4, 4), np.uint8), images[:0]):
        with pytest.raises(UserError, match="images have shape"):
            figures.gallery(wrong, ["a"] * len(wrong), alts=[ALT] * len(wrong), caption="No.")
    with pytest.raises(UserError, match="2 images"):
        figures.gallery(images, ["a"], alts=[ALT, ALT], caption="No.")
    with pytest.raises(UserError, match="alt text"):
        figures.gallery(images, ["a", "b"], alts=[ALT, "b"], caption="No.")
    assert shown == []


def test_prose_from_results_is_shown_as_markdown_and_headings_are_refused(shown):
    figures.say("Of *10* classes, $k = 3$.\n\n- a list\n- of two")
    assert shown[0][0]["text/markdown"].startswith("Of *10*")
    for heading in ("# Found", "text\n\n## Found", "Found\n=====", ""):
        with pytest.raises(UserError):
            figures.say(heading)


@pytest.mark.parametrize("who", BLIND)
def test_lines_that_are_no_settings_stay_apart_from_each_other_and_from_white(who):
    colours = [linear(figures.series(place)["color"]) for place in range(len(figures.SERIES))]
    for first, second in itertools.combinations(colours, 2):
        assert np.linalg.norm(lab(BLIND[who] @ first) - lab(BLIND[who] @ second)) > 12
    assert all(1.05 / (colour @ [0.2126, 0.7152, 0.0722] + 0.05) >= 3 for colour in colours)
    assert len({figures.series(place)["marker"] for place in range(len(figures.SERIES))}) == len(
        figures.SERIES
    )
    with pytest.raises(UserError, match="at most"):
        figures.series(len(figures.SERIES))
