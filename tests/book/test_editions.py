"""The book has pages of further studies, with names of their own and links that stay among them."""

import nbformat
import pytest

from forgetting import paths
from forgetting.book.editions import Edition, edition_of, editions
from forgetting.book.execute import execute_page
from forgetting.book.page import check_parameters
from forgetting.errors import UserError

READS = "print(study, alpha, members, levels, ties, exact)"


def test_the_table_of_contents_says_which_pages_the_book_has_of_which_study(book, text, contents):
    (book / "notebooks" / "two.md").write_text(text())
    contents("pages/two", "pages/smoke/two", "rerun")
    assert editions() == {"": ["one", "two"], "smoke": ["two"]}
    contents("pages/smok/two")
    with pytest.raises(UserError, match=r"pages/smok/two is not a page of a study"):
        editions()


def test_the_first_study_of_a_page_keeps_the_names_of_its_sections(book, text, contents):
    for name in ("one", "two"):
        (book / "notebooks" / f"{name}.md").write_text(
            text().replace("# A question", f"(sec-{name})=\n# A question")
        )
    contents("pages/smoke/one", "pages/smoke/two", "pages/digits/two")
    assert edition_of("smoke").sections == ("one",) and edition_of("digits").sections == ("two",)


def test_a_page_of_an_edition_has_names_of_its_own_and_links_that_stay_within_it(book, text):
    shows = "from forgetting import book\nimport pandas as pd\n"
    shows += 'book.table(pd.DataFrame({"a": [1]}), name="counts", caption="A row.")\n'
    shows += f'book.say("As {{numref}}`tbl-counts` and [there](#sec-two) say.")\n{READS}'
    prose = "(sec-one)=\n# A question\n\n{numref}`tbl-counts`, [two](#sec-two), "
    prose += "[other](#sec-other), and `tbl-counts` as it is.\n"
    (book / "notebooks" / "one.md").write_text(text(shows).replace("# A question\n", prose))
    edition = Edition("smoke", "(Smoke)", ("one", "two"))
    out = paths.pages("smoke") / "one.ipynb"
    assert execute_page("one", check_parameters("one", {}), out, edition=edition) == ["counts"]
    page = out.read_text()
    assert (paths.tables("smoke") / "counts.csv").exists() and not (
        paths.tables() / "counts.csv"
    ).exists()
    assert "../../tables/smoke/counts.csv" in page and '"name": "tbl-smoke-counts"' in page
    first = nbformat.read(out, 4).cells[0].source
    assert first.startswith("(sec-smoke-one)=\n# A question (Smoke)\n")
    assert first.endswith(
        "{numref}`tbl-smoke-counts`, [two](#sec-smoke-two), "
        "[other](#sec-other), and `tbl-counts` as it is."
    )
    assert "As {numref}`tbl-smoke-counts` and [there](#sec-smoke-two) say." in page
