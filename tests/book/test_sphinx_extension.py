"""What notebooks display becomes numbered figures and tables in HTML, readers' files beside it."""

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from matplotlib import pyplot
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.util.inspect import stringify_signature
from sphinx.util.typing import stringify_annotation

import forgetting
from forgetting import book
from forgetting.book import sphinx_extension

CONF = """
extensions = ["myst_nb", "forgetting.book.sphinx_extension"]
nb_execution_mode = "off"
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath"]
numfig = True
numfig_format = {"figure": "Figure %s", "table": "Table %s"}
mathjax_path = "vendor/mathjax/tex-mml-chtml.js"
html_theme = "basic"
"""
OTHER = """# Other

```{table} Of its own
:name: tbl-other

| a |
| - |
| 1 |
```

See {numref}`tbl-other`.
"""
PROSE = "# Page\n\nSee {numref}`fig-first`, {numref}`fig-last`, {numref}`tbl-impact`.\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The HTML of a page with two figures, a table, a gallery and prose, displayed by two cells."""
    folder = tmp_path_factory.mktemp("book")
    outputs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGETTING_BOOK", str(folder))
        patch.setattr(
            "IPython.display.display",
            lambda data, metadata=None, raw=True: outputs.append((data, metadata or {})),
        )
        for name in ("first", "second"):
            book.show(
                pyplot.figure(),
                alt=f"An empty {name} figure & nothing else.",
                caption=f"The *{name}*, $k = 2$.",
                name=name,
            )
        book.show(pyplot.figure(), alt="A figure without a caption at all.")
        book.table(
            pd.DataFrame({"class": ["stripe"], "cell": [1]}),
            name="impact",
            caption="Impact <of> all.",
        )
        book.gallery(
            np.zeros((2, 3, 3), np.uint8),
            ["a", "b"],
            alts=["A black square, nothing else."] * 2,
            caption="Squares.",
            name="last",
        )
        book.say("So **$k = 2$** in {numref}`tbl-impact`.")
    shown = [
        nbformat.v4.new_output("display_data", data=data, metadata=metadata)
        for data, metadata in outputs
    ]
    cells = [
        nbformat.v4.new_markdown_cell(PROSE),
        nbformat.v4.new_code_cell("x", outputs=shown[:3]),
        nbformat.v4.new_code_cell("y", outputs=shown[3:]),
    ]
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    (folder / "pages").mkdir()
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / "pages" / "page.ipynb"
    )
    (folder / "pages" / "other.md").write_text(OTHER)
    (folder / "index.md").write_text("# Book\n\n```{toctree}\npages/page\npages/other\n```\n")
    (folder / "conf.py").write_text(CONF)
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-n", "-q", folder, folder / "html"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def page(built):
    return BeautifulSoup((built / "pages" / "page.html").read_text(), "html.parser")


def test_every_figure_has_its_own_alt_text_whatever_its_cell_shows_besides(page):
    assert [image["alt"] for image in page.find_all("img")] == [
        "An empty first figure & nothing else.",
        "An empty second figure & nothing else.",
        "A figure without a caption at all.",
        "A black square, nothing else.",
        "A black square, nothing else.",
    ]


def test_a_phone_is_given_the_narrow_drawing_of_each_figure(built, page):
    pictures = page.find_all("picture")
    assert len(pictures) == 3
    for drawn in pictures:
        narrow, wide = built / "pages" / drawn.source["srcset"], built / "pages" / drawn.img["src"]
        assert narrow.exists() and wide.exists() and narrow.read_text() != wide.read_text()
        assert "600px" in drawn.source["media"] and "screen" in drawn.source["media"]


def test_numbers_start_anew_on_each_page(built):
    other = BeautifulSoup((built / "pages" / "other.html").read_text(), "html.parser")
    assert [number.text.strip() for number in other.select(".caption-number")] == ["Table 1"]
    assert other.select_one('a.reference[href="#tbl-other"]').text.strip() == "Table 1"


def test_figures_galleries_and_tables_are_numbered_in_their_order(page):
    assert [number.text.strip() for number in page.select(".caption-number")] == [
        "Figure 1",
        "Figure 2",
        "Table 1",
        "Figure 3",
    ]


def test_prose_refers_to_them_by_name_and_number(page):
    links = [
        (link["href"], link.text)
        for link in page.select("a.internal")
        if link["href"].startswith(("#fig", "#tbl"))
    ]
    first, last, impact = (
        ("#fig-first", "Figure 1"),
        ("#fig-last", "Figure 3"),
        ("#tbl-impact", "Table 1"),
    )
    assert links == [first, last, impact, impact]
    ids = [element["id"] for element in page.select("[id]")]
    assert len(ids) == len(set(ids)) and {"fig-first", "fig-last", "tbl-impact"} <= set(ids)


def test_captions_of_figures_are_markdown_and_those_of_tables_plain_text(built):
    text = (built / "pages" / "page.html").read_text()
    assert 'The <em>first</em>, <span class="math' in text
    assert "</span>Impact &lt;of&gt; all.</figcaption>" in text


def test_the_search_knows_the_words_of_tables_and_galleries_one_by_one(built):
    index = json.loads(
        (built / "searchindex.js").read_text().removeprefix("Search.setIndex(").rstrip(")\n")
    )
    assert {"stripe", "cell", "squar"} <= index["terms"].keys()  # stems
    assert not any("stripecell" in term for term in index["terms"])


def test_what_readers_need_lies_beside_the_page(built):
    assert (built / "tables" / "impact.csv").read_text() == "class,cell\nstripe,1\n"
    assert (built / "notebooks" / "page.ipynb").exists()
    mathjax = built / "_static" / "vendor" / "mathjax"
    assert (mathjax / "tex-mml-chtml.js").stat().st_size > 10**6
    assert len(list((mathjax / "output/chtml/fonts/woff-v2").glob("*.woff"))) > 20


def test_what_is_returned_is_not_taken_for_a_type():
    lines = ["Count.", "", "Returns:", "    A row a class: class, n.", ""]
    sphinx_extension.take_types_from_signatures(None, "function", "f", None, None, lines)
    written = str(GoogleDocstring(lines, Config(napoleon_use_rtype=True)))
    assert ":returns: A row a class: class, n." in written and ":rtype:" not in written


def test_array_like_is_written_as_in_the_code():
    arrays = stringify_annotation(npt.ArrayLike, "smart")
    short = sphinx_extension.shorten_types(
        None, "function", "f", None, None, f"(x: {arrays} | None)", None
    )
    assert short == ("(x: ArrayLike | None)", None)


def test_autodoc_writes_a_signature_that_can_be_shortened():
    def f(x: npt.ArrayLike | None = None) -> npt.NDArray: ...

    written = stringify_signature(inspect.signature(f), unqualified_typehints=True)
    short, _ = sphinx_extension.shorten_types(None, "function", "f", None, None, written, None)
    assert short.startswith("(x: ArrayLike | None = None)")


def test_types_of_every_command_can_be_shown():
    """Also those that are imported for type checkers alone, so that the command starts fast."""
    modules = [path.stem for path in Path(forgetting.__file__).parent.glob("cli*.py")]
    names = [*(f"forgetting.{name}" for name in modules), "forgetting.course.commands"]
    seen = 0
    for name in names:
        for _, found in inspect.getmembers(importlib.import_module(name), inspect.isfunction):
            if found.__module__ == name:
                before = dict(found.__annotations__)
                sphinx_extension.drop_metadata(None, found, False)
                assert set(found.__annotations__) == set(before)
                found.__annotations__ = before
                seen += 1
    assert seen > 20
