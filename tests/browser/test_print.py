"""A page printed by the browser is its text, figures and tables, with nothing of the screen around them."""

import re
import zlib

import pytest
from bs4 import BeautifulSoup

PAGE = "pages/class-disparity"
PAPER = {"width": 680, "height": 1009}  # A4 less 15 mm on each side, in px

# No library that reads PDF is among our dependencies; what Chromium writes is read in few lines.
OBJECT = re.compile(rb"(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
STREAM = re.compile(rb"stream\r?\n(.*)\r?\nendstream", re.DOTALL)
FONT = re.compile(rb"/(F\d+) (\d+) 0 R")
SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|<([0-9A-F]+)> Tj|/ActualText \((.*?)\)|(EMC)|(ET)")


def text_of(pdf: bytes) -> list[str]:
    """The text of each page, in the order in which it was drawn, without white space."""
    objects = {int(number): content for number, content in OBJECT.findall(pdf)}
    pages = [content for content in objects.values() if re.search(rb"/Type /Page\b", content)]
    return [_page(content, objects) for content in pages if b"/Contents" in content]


def _stream(content: bytes) -> bytes:
    data = STREAM.search(content)[1]
    return zlib.decompress(data) if b"/FlateDecode" in content else data


def _letters(content: bytes, objects: dict[int, bytes]) -> dict[int, str]:
    """What each glyph of a font stands for."""
    found = re.search(rb"/ToUnicode (\d+) 0 R", content)
    letters: dict[int, str] = {}
    for kind, body in re.findall(
        rb"beginbf(char|range)\n(.*?)endbf",
        _stream(objects[int(found[1])]) if found else b"",
        re.DOTALL,
    ):
        for line in body.splitlines():
            *glyphs, text = re.findall(rb"<([0-9A-F]+)>", line)
            first, last = int(glyphs[0], 16), int(glyphs[-1], 16)
            start = bytes.fromhex(text.decode()).decode("utf-16-be")
            assert kind == b"char" or len(start) == 1
            for step in range(last - first + 1):
                letters[first + step] = start[:-1] + chr(ord(start[-1]) + step)
    return letters


def _page(content: bytes, objects: dict[int, bytes]) -> str:
    resources = content
    if shared := re.search(rb"/Resources (\d+) 0 R", content):
        resources = objects[int(shared[1])]
    fonts = {name: _letters(objects[int(at)], objects) for name, at in FONT.findall(resources)}
    drawing = _stream(objects[int(re.search(rb"/Contents (\d+) 0 R", content)[1])])
    text, letters, instead = "", {}, False
    for font, glyphs, actual, end, _ in SHOWN.findall(drawing):
        if font:
            letters = fonts[font]
        elif actual:
            text, instead = text + actual.decode("latin-1"), True
        elif end:
            instead = False
        elif glyphs and not instead:
            codes = (int(glyphs[k : k + 4], 16) for k in range(0, len(glyphs), 4))
            text += "".join(letters.get(code, "�") for code in codes)
    return re.sub(r"\s", "", text)


def bare(text):
    """Text without white space, which a PDF does not keep."""
    return re.sub(r"\s", "", text)


@pytest.fixture(scope="module")
def soup(html):
    return BeautifulSoup((html / f"{PAGE}.html").read_text(), "html.parser")


@pytest.fixture(scope="module")
def tab(browser, html):
    """The page in a dark browser, its folds closed."""
    context = browser.new_context(color_scheme="dark", viewport=PAPER)
    tab = context.new_page()
    tab.goto((html / f"{PAGE}.html").as_uri())
    yield tab
    context.close()


@pytest.fixture(scope="module")
def printed(tab):
    """The text of the PDF, without white space."""
    pages = text_of(tab.pdf(prefer_css_page_size=True, format="A4"))
    assert 1 < len(pages) < 40 and all(pages)
    return "".join(pages)


def test_the_headings_paragraphs_and_tables_are_in_the_pdf(printed, soup):
    article = soup.select_one("article")
    headings = [bare(h.get_text().removesuffix("#")) for h in article.select("h2")]
    assert len(headings) > 2 and [h for h in headings if h not in printed] == []
    texts = [p for p in article.select("p") if not p.select(".math, a, button")]
    plain = [bare(p.get_text()) for p in texts if not p.find_parent(["details", "figure"])]
    # Whole but for those that a page break parts: what follows may have been drawn in between.
    ends = [(text[:40], text[-40:]) for text in plain]
    assert (
        len(ends) > 5 and [both for both in ends if not any(end in printed for end in both)] == []
    )
    cells = {bare(cell.get_text()) for cell in article.select(".table-scroll :is(thead th, td)")}
    assert len(cells) > 10 and [cell for cell in cells if cell not in printed] == []


def test_what_was_folded_is_open(printed, soup):
    folded = soup.select("article details .highlight")
    assert (
        folded
        and [code for code in folded if bare(code.get_text())[:40] not in printed.replace("�", "")]
        == []
    )
    assert all(bare(word.get_text()) in printed for word in soup.select(".table-scroll details dd"))


def test_nothing_of_the_sidebar_and_no_button_is_in_the_pdf(printed, soup):
    captions = [bare(text.get_text()) for text in soup.select(".bd-sidebar-primary .caption-text")]
    here = bare(soup.select_one("article").get_text())
    links = [bare(link.get_text()) for link in soup.select(".bd-sidebar-primary .toctree-l1 a")]
    around = [*captions, *(link for link in links if link not in here)]
    assert len(captions) > 3 and len(around) > 15
    assert [text for text in around if text in printed] == []
    for word in ("Showthecode", "Hidethecode", "DownloadthetableasCSV", "Search"):
        assert word not in printed


def test_afterwards_the_page_is_as_it_was(tab, printed):
    assert tab.evaluate("document.querySelectorAll('article details[open]').length") == 0
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"


def test_no_table_or_figure_is_cut(tab):
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    cut = tab.evaluate(
        """paper => [...document.querySelectorAll('article :is(img, table, pre, figure)')]
            .filter(e => e.getBoundingClientRect().right > paper.width + 1
                || e.tagName == 'IMG' && e.getBoundingClientRect().height > paper.height
                || !['TABLE', 'IMG'].includes(e.tagName) && e.scrollWidth > e.clientWidth + 1)
            .map(e => e.outerHTML.slice(0, 120))""",
        PAPER,
    )
    shown = tab.evaluate("document.querySelectorAll('article :is(img, table)').length")
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    tab.emulate_media(media="screen")
    assert cut == [] and shown > 2
