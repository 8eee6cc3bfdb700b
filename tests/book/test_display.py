"""Figures, tables, galleries and prose: words for everyone, and the same bytes every time."""

import base64
import html
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from PIL import Image

from forgetting import book
from forgetting.book.tables import MARKS, format_cell
from forgetting.errors import UserError
from forgetting.measure.verdict import VERDICTS

ALT = "Two lines rise together and then part."


@pytest.fixture
def tables(monkeypatch, tmp_path):
    """The folder that tables are written to."""
    monkeypatch.setenv("FORGETTING_BOOK", str(tmp_path))
    return tmp_path / "tables"


def drawing(seed=0):
    figure, axes = pyplot.subplots()
    axes.plot(np.random.default_rng(seed).normal(size=9), **book.look("pruned-0.9"))
    axes.fill_between(
        range(9), -1, 1, hatch="/"
    )  # clip paths and hatches get ids, random without a salt
    axes.legend()
    return figure


@pytest.mark.parametrize(
    "alt",
    ["", "  ", "A plot.", "figure-one-of-the-page.svg", "Two lines rise together and then part"],
)
def test_a_figure_without_a_sentence_of_alt_text_is_refused(displayed, alt):
    with pytest.raises(UserError, match="alt text"):
        book.show(drawing(), alt=alt)
    pyplot.close("all")
    assert displayed == []


def test_the_same_figure_gives_the_same_bytes_and_no_date(displayed):
    book.use_style()
    for _ in range(2):
        book.show(drawing(), alt=ALT)
    first, second = (data["image/svg+xml"] for data, _ in displayed)
    narrow, again = (metadata["forgetting"]["narrow"] for _, metadata in displayed)
    assert first == second and narrow == again
    assert "<dc:date>" not in first
    assert pyplot.get_fignums() == []


def test_a_figure_stands_on_white_and_carries_its_words(displayed):
    book.show(drawing(), alt=ALT, caption="It parts.", name="parting")
    [(data, metadata)] = displayed
    words = metadata["forgetting"]
    given = {"alt": ALT, "caption": "It parts.", "name": "fig-parting"}
    assert given.items() <= words.items()
    assert words["narrow"] != data["image/svg+xml"] and words["stacked"] is False
    assert metadata["image/svg+xml"] == {"alt": ALT}
    ground = re.search(r'<g id="patch_1">\s*<path[^>]*style="fill: (#\w+)', data["image/svg+xml"])
    assert ground[1] == "#ffffff"


def test_a_table_file_holds_fractions_with_six_digits_and_the_page_shows_points(displayed, tables):
    third = 1 / 3
    recall = {"recall": [third, 1.0], "recall_change": [-third, np.nan]}
    frame = pd.DataFrame({"class": ["a", "b"], "n": [12345, 7], **recall, "p": [0.012345, 1e-9]})
    book.table(
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
    html = displayed[0][0]["text/html"]
    assert re.findall(r"<td[^>]*>([^<]*)</td>", html) == [
        "12,345",
        "33.33",
        "−33.33",
        "0.012",
        "7",
        "100.00",
        "–",
        "1e−09",  # three decimals would make it nothing
    ]
    assert "recall change (points)" in html and "recall (%)" in html
    assert displayed[0][1]["forgetting"] == {
        "table": "impact",
        "caption": "Changes.",
        "name": "tbl-impact",
    }


def test_whole_numbers_with_gaps_are_not_written_as_floats(displayed, tables):
    book.table(
        pd.DataFrame({"k": ["a", "b"], "bytes": [1234567.0, np.nan]}),
        name="bytes",
        caption="Bytes.",
    )
    assert (tables / "bytes.csv").read_text() == "k,bytes\na,1234567\nb,\n"


def test_nothing_is_left_beside_a_table_and_writing_it_again_gives_the_same_bytes(
    displayed, tables
):
    frame = pd.DataFrame({"a": [0.1, 0.2]})
    book.table(frame, name="twice", caption="Twice.")
    before = (tables / "twice.csv").read_bytes()
    book.table(frame, name="twice", caption="Twice.")
    assert (tables / "twice.csv").read_bytes() == before
    assert [file.name for file in tables.iterdir()] == ["twice.csv"]


def test_text_in_a_table_is_not_read_as_html(displayed, tables):
    frame = pd.DataFrame({"<i>": ["<b>bold</b>"], "x": ["a & b"]})
    book.table(frame, name="escaped", caption="<script>alert(1)</script>", labels={"x": "<u>"})
    html = displayed[0][0]["text/html"]
    assert not re.search(r"<(i|b|u|script)>", html)
    assert "a &amp; b" in html


def test_columns_and_rows_have_headers(displayed, tables):
    book.table(
        pd.DataFrame({"class": ["a", "b", "c"], "n": [1, 2, 3], "ok": [True, False, True]}),
        name="heads",
        caption="Heads.",
    )
    html = displayed[0][0]["text/html"]
    assert html.count('<th scope="col"') == 3
    assert html.count('<th scope="row"') == 3
    assert html.count("<td>yes</td>") == 2
    assert 'href="../tables/heads.csv" download' in html


def test_a_long_table_is_cut_on_the_page_but_not_in_its_file(displayed, tables):
    book.table(pd.DataFrame({"example": range(100)}), name="long", caption="Long.", rows=10)
    assert displayed[0][0]["text/html"].count('<th scope="row"') == 10
    assert "The first 10 of 100 rows" in displayed[0][0]["text/html"]
    assert len((tables / "long.csv").read_text().splitlines()) == 101


@pytest.mark.parametrize(
    "value, digits, words",
    [
        (-0.001, 2, "0.00"),
        (-0.01, 2, "−0.01"),
        (0.0, 1, "0.0"),
        (-0.5, 0, "0"),
        (1234.5, None, "1,234"),
        (34664.0, 0, "34,664"),
        (9249.0, 0, "9,249"),
        (9249, None, "9,249"),
        (0.00012345, None, "0.000123"),
    ],
)
def test_numbers_are_shown_as_a_reader_expects(value, digits, words):
    assert format_cell(value, "x", units={}, digits=digits) == words


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
    displayed, tables, wrong
):
    with pytest.raises(UserError):
        book.table(pd.DataFrame({"a": [1]}), **{"name": "fine", "caption": "Fine.", **wrong})
    assert not tables.exists() and displayed == []


@pytest.mark.parametrize("shape", [(5, 7, 4), (5, 1, 7, 4), (5, 3, 7, 4)])
def test_a_gallery_shows_every_pixel_and_every_word(displayed, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    book.gallery(images, ["4: 12 < 9"] * 5, alts=[ALT] * 5, caption="Noise & more.", name="noise")
    data, metadata = displayed[0]
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


def test_a_gallery_refuses_images_without_words_and_what_is_no_image(displayed):
    images = np.zeros((2, 4, 4), np.uint8)
    for wrong in (images.astype(float), images[0], np.zeros((2, 2, 4, 4), np.uint8), images[:0]):
        with pytest.raises(UserError, match="images have shape"):
            book.gallery(wrong, ["a"] * len(wrong), alts=[ALT] * len(wrong), caption="No.")
    with pytest.raises(UserError, match="2 images"):
        book.gallery(images, ["a"], alts=[ALT, ALT], caption="No.")
    with pytest.raises(UserError, match="alt text"):
        book.gallery(images, ["a", "b"], alts=[ALT, "b"], caption="No.")
    assert displayed == []


def test_prose_from_results_is_shown_as_markdown_and_headings_are_refused(displayed):
    book.say("Of *10* classes, $k = 3$.\n\n- a list\n- of two")
    assert displayed[0][0]["text/markdown"].startswith("Of *10*")
    for heading in ("# Found", "text\n\n## Found", "Found\n=====", ""):
        with pytest.raises(UserError):
            book.say(heading)


def test_folded_columns_open_under_the_head_of_their_row_and_stay_in_the_file(displayed, tables):
    frame = pd.DataFrame({"claim": ["one", "two"], "verdict": ["holds", "?"], "why": ["<b>", "c"]})
    book.table(frame, name="folded", caption="What folds.", folded=["why"])
    drawn = displayed[0][0]["text/html"]
    assert drawn.count('<th scope="col"') == 2 and "why</th>" not in drawn
    assert "<summary>one</summary><dl><dt>why</dt><dd>&lt;b&gt;</dd></dl></details>" in drawn
    assert (tables / "folded.csv").read_text().splitlines()[0] == "claim,verdict,why"
    with pytest.raises(UserError, match="column 'none' is not in the table"):
        book.table(frame, name="folded", caption="What folds.", folded=["none"])


def test_every_verdict_has_a_sign_and_a_class_wherever_it_stands(displayed, tables):
    frame = pd.DataFrame({"claim": list("abcd"), "here": VERDICTS})
    book.table(frame, name="marked", caption="All verdicts.")
    drawn = displayed[0][0]["text/html"]
    for verdict in VERDICTS:
        assert re.search(
            rf'<span class="verdict verdict-\w+">[^<]*<span [^>]*>.</span> {verdict}<', drawn
        )
    assert len(set(re.findall(r"verdict verdict-(\w+)", drawn))) == len(VERDICTS)


def test_a_sign_alone_has_the_colour_of_its_verdict_and_says_it(displayed, tables):
    signs = {verdict: MARKS[verdict] for verdict in VERDICTS}
    frame = pd.DataFrame({"claim": ["a"]} | {v: [sign] for v, (_, sign) in signs.items()})
    book.table(frame, name="grid", caption="Signs.")
    drawn = displayed[0][0]["text/html"]
    for verdict, (name, sign) in signs.items():
        assert (
            f'<span class="verdict-sign verdict-{name}" role="img" aria-label="{verdict}" '
            f'title="{verdict}">{sign}</span>' in drawn
        )


def test_the_ends_of_an_interval_take_the_unit_and_the_decimals_of_their_number(displayed, tables):
    frame = pd.DataFrame(
        {"class": ["a"], "change": [0.1234], "change_low": [0.1], "change_high": [0.2]}
    )
    for digits in (1, {"change": 1}):
        book.table(frame, name="ends", caption="One.", points=["change"], digits=digits)
        assert "12.3 [10.0, 20.0]" in displayed[-1][0]["text/html"]
    book.table(
        frame, name="ends", caption="One.", points=["change"], digits={"change": 1, "change_low": 2}
    )
    assert "12.3 [10.00, 20.0]" in displayed[-1][0]["text/html"]


def test_the_ends_of_an_interval_stand_in_brackets_and_are_columns_of_the_file(displayed, tables):
    frame = pd.DataFrame(
        {
            "class": ["a", "b"],
            "change": [-0.1, 0.02],
            "change_low": [-0.2, np.nan],
            "change_high": [0.0, np.nan],
            "all_low": [-0.3, np.nan],
            "all_high": [0.1, np.nan],
        }
    )
    points = ["change", "change_low", "change_high", "all_low", "all_high"]
    book.table(frame, name="brackets", caption="In brackets.", points=points, digits=1)
    drawn = displayed[0][0]["text/html"]
    heads = re.findall(r'<th scope="col"[^>]*>([^<]*)<', drawn)
    assert heads == ["class", "change (points)", "all (points)"]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", drawn)
    assert cells == ["−10.0 [−20.0, 0.0]", "[−30.0, 10.0]", "2.0", "–"]
    assert (tables / "brackets.csv").read_text().splitlines()[0] == ",".join(frame)


def test_twelve_rows_are_seen_and_the_others_fold_out(displayed, tables):
    frame = pd.DataFrame({"row": range(40), "value": range(40)})
    book.table(frame, name="folding", caption="Many rows.", rows=30)
    seen, rest = displayed[0][0]["text/html"].split("<details", 1)
    assert seen.count('<th scope="row"') == 12 and rest.count('<th scope="row"') == 18
    assert ">18 more rows</summary>" in rest and "The first 30 of 40 rows." in rest


def test_all_rows_of_a_closed_table_fold_out(displayed, tables):
    frame = pd.DataFrame({"row": range(20), "value": range(20)})
    book.table(frame, name="closed", caption="Drawn above.", closed=True)
    seen, rest = displayed[0][0]["text/html"].split("<details", 1)
    assert "<table" not in seen and rest.count('<th scope="row"') == 20
    assert ">The table, 20 rows</summary>" in rest


def test_rows_carry_the_values_by_which_they_may_be_chosen(displayed, tables):
    frame = pd.DataFrame({"claim": ["a", "b"], "study_of": ['x "y"', "<z>"], "sure": [True, False]})
    book.table(frame, name="chosen", caption="Two.", choose=["study_of", "sure"])
    drawn = displayed[0][0]["text/html"]
    attributes = {
        name: [
            json.loads(html.unescape(words))
            for words in re.findall(rf' data-{name}="([^"]*)"', drawn)
        ]
        for name in ("choose", "choices")
    }
    assert attributes == {
        "choose": [["study of", "sure"]],
        "choices": [['x "y"', "yes"], ["<z>", "no"]],
    }
    with pytest.raises(UserError, match="column 'paper' is not in the table"):
        book.table(frame, name="chosen", caption="Two.", choose=["paper"])


def test_a_table_that_is_wider_than_a_phone_says_in_each_cell_what_its_column_is(displayed, tables):
    narrow = pd.DataFrame({"networks": [5], "recall": [0.5]})
    wide = narrow.assign(**{f"a_long_quantity_{place}": [0.25] for place in range(5)})
    for frame, stacks in ((narrow, False), (wide, True)):
        book.table(frame, name="wide", caption="Wide or not.", labels={"recall": "recall <1"})
        drawn = displayed[-1][0]["text/html"]
        assert ('<table class="stacks"' in drawn) is stacks
        heads = [html.unescape(head) for head in re.findall(r' data-head="([^"]*)"', drawn)]
        assert heads == (
            ["networks", "recall <1", *(c.replace("_", " ") for c in wide.columns[2:])]
            if stacks
            else []
        )
