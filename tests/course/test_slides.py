"""Decks are filled with what pages found; what a page does not have is refused in one line."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from forgetting.book import prose
from forgetting.book.page import read_page
from forgetting.course.slides import decks, fill_deck, missing_pages, pages_of, take_slides
from forgetting.course.slides_build import build_slides
from forgetting.errors import UserError

TABLE = """<figure><figcaption>Rates.</figcaption><div><table><thead><tr><th scope="col">group</th>
<th scope="col">rate &amp; more (%)</th></tr></thead><tbody>
<tr><th scope="row"><details><summary>warm</summary><dl><dt>p</dt><dd>0.1</dd></dl></details></th><td class="number">1.5 [1, 2]</td></tr>
<tr><th scope="row">cool</th><td class="number">2.5</td></tr></tbody></table></div>
<details><summary>1 more row</summary><div><table><thead><tr><th>group</th><th>rate</th></tr></thead><tbody>
<tr><th scope="row">grey</th><td class="number">3.5</td></tr></tbody></table></div></details></figure>"""
GALLERY = (
    '<figure class="gallery"><ul>'
    + "".join(f"<li><img src='{k}'></li>" for k in range(9))
    + "</ul></figure>"
)


def shown(name, data, **words):
    return new_output(
        "display_data",
        data=data,
        metadata={"forgetting": {"name": name, "caption": "As seen.", **words}},
    )


@pytest.fixture
def page(monkeypatch, tmp_path):
    """A page that was run, at its place in the book."""
    monkeypatch.setenv("FORGETTING_BOOK", str(tmp_path))
    outputs = [
        shown("fig-warm-line", {"image/svg+xml": "<svg/>"}, alt="A line rises & falls."),
        shown("tbl-warm-rates", {"text/html": TABLE}),
        shown("fig-warm-faces", {"text/html": GALLERY}, gallery=True),
    ]
    question = new_markdown_cell(
        "1. Why $p$? See {numref}`tbl-x` and [the page](#sec-y), with $\\log K$.",
        metadata={"tags": ["question", "argue"]},
    )
    notebook = new_notebook(cells=[new_code_cell("", outputs=outputs), question])
    said = {
        "as_text": {"loss": "−1.2", "of.target": "8"},
        "as_condition": {"fell": True, "rose": False},
    }
    notebook.metadata["forgetting"] = {"said": said}
    file = tmp_path / "pages" / "warm" / "rates.ipynb"
    file.parent.mkdir(parents=True)
    nbformat.write(notebook, file)
    return "warm/rates"


def fill(text):
    return fill_deck(text, where="a deck")


def test_values_stand_in_sentences_and_lines_depend_on_what_was_found(page):
    text = (
        "It fell by {eval}`warm/rates#loss` ({eval}`warm/rates#of.target`).\n"
        "{only}`warm/rates#rose` Up.\n- {only}`warm/rates#fell` Down.\n{only}`not warm/rates#rose` Not up."
    )
    assert fill(text) == "It fell by −1.2 (8).\n- Down.\nNot up."


def test_a_figure_stands_in_the_slide_itself_with_its_words_and_its_caption_in_the_notes(page):
    drawn = fill(":::{shown} warm/rates#fig-line\n:height: 300\n:::\n")
    assert 'src="data:image/svg+xml;base64,PHN2Zy8+"' in drawn and "height: 300px" in drawn
    assert 'alt="A line rises &amp; falls."' in drawn
    assert re.search(r'<aside class="notes">.*As seen\.', drawn)


def test_columns_and_rows_of_a_table_are_chosen_and_cells_stay_as_they_are(page):
    every = fill(":::{shown} warm/rates#tbl-rates\n:::")
    assert re.findall(r"<t[dh][^>]*>([^<]+)", every)[2:] == [
        "warm",
        "1.5 [1, 2]",
        "cool",
        "2.5",
        "grey",
        "3.5",
    ]
    some = fill(":::{shown} warm/rates#tbl-rates\n:columns: rate & more (%)\n:rows: 2\n:::")
    assert re.findall(r"<t[dh][^>]*>([^<]+)", some) == ["rate &amp; more (%)", "1.5 [1, 2]", "2.5"]


def test_a_gallery_shows_its_first_pictures(page):
    assert fill(":::{shown} warm/rates#fig-faces\n:images: 3\n:::").count("<img") == 3


def test_a_question_has_the_words_of_the_page_without_links(page):
    asked = fill(":::{shown} warm/rates#question-1\n:::")
    assert asked.startswith(
        "**Exercise 1.** Why *p*? See the table *x* of the page and the page, with *log K*."
    )


def test_notes_are_for_the_speaker_and_say_their_minutes(page):
    noted = fill(":::{notes} 0–10\nSay it *slowly*: {eval}`warm/rates#loss`.\n:::")
    assert (
        '<aside class="notes" data-minutes="0–10">' in noted and "\nSay it *slowly*: −1.2." in noted
    )


@pytest.mark.parametrize(
    "text, said",
    [
        ("{eval}`warm/rates#lost`", r"a deck: .* no lost.*loss"),
        ("{eval}`loss`", r"'loss' is not PAGE#NAME"),
        ("{only}`warm/rate#fell` x", r"page warm/rate is not made; run `make book`"),
        (":::{shown} warm/rates#fig-lin\n:::", r"displays no fig-lin.*fig-line"),
        (":::{shown} warm/rates#question-2\n:::", r"has 1 exercises, and no number 2"),
        (
            ":::{shown} warm/rates#tbl-rates\n:columns: rate\n:::",
            r"no column 'rate'; it has group \| rate & more",
        ),
    ],
)
def test_what_a_page_does_not_have_is_refused_in_one_line(page, text, said):
    with pytest.raises(UserError, match=said) as refused:
        fill(text)
    assert "\n" not in str(refused.value)


def test_a_picture_that_may_be_missing_leaves_nothing(page):
    assert fill(":::{shown} warm/rates#fig-none\n:optional: yes\n:::") == ""


def test_pages_that_are_not_made_are_named_once(page):
    text = "{only}`not a/b#x` {eval}`warm/rates#loss` {eval}`a/b#y`\n:::{shown} c#fig-d\n:::"
    assert missing_pages({"one": text, "two": text}) == ["a/b", "c"]


def test_no_deck_types_a_measured_number():
    for name, text in decks().items():
        spoken = re.sub(r"`[^`]*`|^:::\{.*|^:\w+:.*", "", text, flags=re.MULTILINE)
        found = re.findall(r"\d+[.,]\d+|\d+ ?%", spoken)
        assert set(found) <= {"0.05"}, name  # the level that a student is told


def test_slides_are_built_with_warnings_as_errors(page, monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(
        "forgetting.course.slides_build.decks", lambda: {"index": "# One\n\n[](#nowhere)\n"}
    )
    with pytest.raises(UserError, match="fix the warnings above"):
        build_slides(tmp_path / "out")
    assert "nowhere" in capfd.readouterr().err and not (tmp_path / "out").exists()


def test_what_is_built_is_small_and_other_files_stay(page, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "forgetting.course.slides_build.decks", lambda: {"index": "# One\n\n## Two\n"}
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    first = build_slides(tmp_path / "out")
    assert first[0].name == "index.html" and (tmp_path / "out" / "mine.txt").exists()
    before = {file: file.read_bytes() for file in first}
    assert {file: file.read_bytes() for file in build_slides(tmp_path / "out")} == before
    assert sum(map(len, before.values())) < 3e6


def test_slides_are_not_written_over_a_file(page, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="taken is a file"):
        build_slides(tmp_path / "taken")


@pytest.mark.parametrize("deck", decks())
def test_each_mark_of_a_deck_is_something_that_the_page_has(deck):
    """What a page's text names, captions or asks is known before it is run."""
    text = decks()[deck]
    for place in pages_of(text):
        cells = read_page(place.rpartition("/")[2]).notebook.cells
        words = [cell.source for cell in cells if cell.cell_type == "markdown"]
        named = {name for source in words for name in prose.names_in(source)}
        captions = {caption.name for source in words for caption in prose.take_captions(source)[1]}
        asked = sum("question" in cell.metadata.get("tags", []) for cell in cells)
        questions = {f"question-{number}" for number in range(1, asked + 1)}
        values = re.findall(rf"\{{(?:eval|only)\}}`(?:not )?{place}#([\w.]+)`", text)
        shown = re.findall(rf"^:::\{{shown\}} {place}#(\S+)$", text, re.MULTILINE)
        assert set(values) <= named and set(shown) <= captions | questions
        assert values or shown


SOURCE = "# Deck\n\n## One\n\nFirst.\n\n:::{notes} 0–10\nSay it.\n:::\n\n## Two\n\nSecond.\n"


def test_slides_of_another_deck_come_whole_in_minutes_of_the_deck_that_takes_them():
    mine = ":::{slides} source\n:titles: Two | One\n:minutes: 20–30\n:::\n\n## Mine\n"
    taken = take_slides(mine, {"source": SOURCE})
    assert re.findall(r"^## .*$", taken, re.MULTILINE) == ["## Two", "## One", "## Mine"]
    assert ":::{notes} 20–30\nSay it.\n:::" in taken and "0–10" not in taken
    assert "# Deck" not in taken.splitlines()


@pytest.mark.parametrize(
    "wanted, said",
    [
        ("other\n:titles: One", "taken of 'other': decks are source"),
        ("source\n:titles: One | Too", r"source has no slide 'Too'.*Two"),
    ],
)
def test_a_slide_that_is_not_there_is_refused_in_one_line(wanted, said):
    with pytest.raises(UserError, match=said) as refused:
        take_slides(f":::{{slides}} {wanted}\n:minutes: 0–1\n:::\n", {"source": SOURCE})
    assert "\n" not in str(refused.value)


def test_every_slide_that_a_deck_takes_is_there_and_none_is_left_as_a_mark():
    for text in decks().values():
        assert ":::{slides}" not in text


def test_a_slide_about_what_the_page_does_not_name_is_left_out(page):
    slide = "## {0}\n\n:::{{needs}} warm/rates#{0}\n:::\n\nHere.\n\n"
    filled = fill("# Deck\n\n" + "".join(map(slide.format, ("loss", "gain", "rose"))))
    assert re.findall(r"^## (.*)$", filled, re.MULTILINE) == ["loss", "rose"]
    assert "needs" not in filled
