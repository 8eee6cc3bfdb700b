"""The built book as readers meet it: in a browser, from disk and from a server, light, dark and on a phone, by mouse, keyboard and ear."""

import csv
import functools
import http.server
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe

from forgetting import paths
from forgetting.book.style import STYLE

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
QUICK = {"resultTypes": ["violations"], "preload": False}
STRUCTURE = QUICK | {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
    "rules": {rule: {"enabled": False} for rule in COLOUR_RULES},
}
COLOURS = QUICK | {"runOnly": {"type": "rule", "values": COLOUR_RULES}}
# Text that looks alike, on backgrounds that look alike, has one contrast: axe takes a second for
# each few hundred texts, so one of each look stands for all, on this page and on those seen before.
MARK_LOOKS = """known => {
    const around = new Map();
    const background = e => {
        if (!e) return '';
        if (!around.has(e)) {
            const s = getComputedStyle(e), layer = [s.backgroundColor, s.backgroundImage, s.opacity, s.filter].join();
            const rest = background(e.parentElement);
            around.set(e, layer == 'rgba(0, 0, 0, 0),none,1,none' ? rest : layer + ';' + rest);  // what is clear changes nothing
        }
        return around.get(e);
    };
    const looks = new Set(known);
    for (const e of document.querySelectorAll('body, body *')) {
        e.removeAttribute('data-look');
        if (![...e.childNodes].some(n => n.nodeType == Node.TEXT_NODE && n.data.trim())) continue;
        const s = getComputedStyle(e);
        const link = e.closest('a'), beside = link ? getComputedStyle(link.parentElement).color : '';
        const look = [!!link, s.color, s.fontSize, s.fontWeight, s.textShadow, s.textDecorationLine, s.visibility, beside, background(e)].join();
        if (!looks.has(look)) { looks.add(look); e.setAttribute('data-look', ''); }
    }
    return [...looks];
}"""


def _files(toc: object) -> list[str]:
    """Every document that a table of contents names, in its order."""
    if isinstance(toc, list):
        return [file for entry in toc for file in _files(entry)]
    if not isinstance(toc, dict):
        return []
    own = [toc[key] for key in ("root", "file") if key in toc]
    return own + [file for value in toc.values() for file in _files(value)]


PAGES = _files(yaml.safe_load((paths.book / "_toc.yml").read_text()))
SOME = list(dict.fromkeys([PAGES[0], *[page for page in PAGES if page.startswith("pages/")][:2]]))
every_page = pytest.mark.parametrize("page", PAGES)
some_pages = pytest.mark.parametrize("page", SOME)


@dataclass
class Seen:
    """What a browser saw on one page."""

    troubles: list[str] = field(default_factory=list)
    formulas: dict = field(default_factory=dict)
    images: list[dict] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    tables: list[dict] = field(default_factory=list)
    nan: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    summary: list[str] = field(default_factory=list)
    phone: dict = field(default_factory=dict)
    violations: dict[str, list[str]] = field(default_factory=dict)


def _watched(context, seen: Seen, home: str):
    """A new tab of `context` whose troubles are noted in `seen`."""
    tab = context.new_page()
    tab.on(
        "console",
        lambda message: (
            seen.troubles.append(f"console: {message.text}") if message.type == "error" else None
        ),
    )
    tab.on("pageerror", lambda error: seen.troubles.append(f"script: {error}"))
    tab.on("requestfailed", lambda request: seen.troubles.append(f"failed: {request.url}"))
    tab.on(
        "response",
        lambda answer: (
            seen.troubles.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None
        ),
    )
    ours = (home, "data:", "blob:")
    tab.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(ours)
            else seen.troubles.append(f"foreign: {request.url}")
        ),
    )
    return tab


def _open(tab, address: str) -> None:
    tab.goto(address)
    tab.evaluate("() => window.MathJax?.startup?.promise")


def _violations(tab, options, context=None) -> list[str]:
    violations = Axe().run(tab, context=context, options=options).response["violations"]
    broken = (
        (rule["id"], node["html"][:160], node["failureSummary"].splitlines()[-1].strip())
        for rule in violations
        for node in rule["nodes"]
    )
    return [f"{rule}: {element} ({why})" for rule, element, why in broken]


def _bad_colours(tab, looks: list[str]) -> list[str]:
    """Violations of the rules on colours, by one text of each look that is not in `looks`.

    The looks of the page, if all are right, are added there.
    """
    seen = tab.evaluate(MARK_LOOKS, looks)
    if len(seen) == len(looks):
        return []
    broken = _violations(tab, COLOURS, context="[data-look]")
    if not broken:
        looks[:] = seen
    return broken


LOOK = """() => ({
    formulas: {all: document.querySelectorAll('.math').length, drawn: document.querySelectorAll('.math mjx-container').length,
               wrong: document.querySelectorAll('mjx-merror, [data-mjx-error]').length},
    images: [...document.images].map(i => ({src: i.getAttribute('src').slice(0, 80), alt: i.getAttribute('alt'), width: i.naturalWidth,
                                            article: !!i.closest('article')})),
    links: [...document.querySelectorAll('a[href]')].map(a => a.href),
    tables: [...document.querySelectorAll('figure.data-table')].map(t => {
        const table = t.querySelector('.table-scroll'), seen = t.querySelector(':scope > .table-scroll') || document.createElement('i');
        return {columns: +t.dataset.columns, heads: table.querySelectorAll('thead th').length, rows: t.querySelectorAll('tbody tr').length,
            seen: seen.querySelectorAll('tbody tr').length, hidden: seen.scrollWidth - seen.clientWidth, file: t.querySelector('a[download]')?.href};
    }),
    nan: [...document.querySelectorAll('article :is(td, .cell_output p, figcaption)')].map(e => e.textContent)
        .filter(text => /(^|[^a-z])nan([^a-z]|$)/.test(text)),
    summary: [...document.querySelectorAll('.admonition.summary li')].map(e => e.textContent),
    addresses: document.body.textContent.match(/<[\\w. ]+ at 0x[0-9a-f]+>/g) || [],
})"""
PHONE_LOOK = """() => {
    const scrolls = e => e && (['auto', 'scroll'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
    const beyond = [...document.querySelectorAll('article *')]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement)).map(e => e.outerHTML.slice(0, 120));
    const cut = [...document.querySelectorAll('figure.data-table > .table-scroll')].filter(t => t.scrollWidth > t.clientWidth + 1)
        .map(t => t.closest('figure').querySelector('a[download]')?.textContent);
    const scales = [...document.querySelectorAll('article img[src$=".svg"]')].map(i => i.width / i.naturalWidth);
    return {width: document.documentElement.scrollWidth, window: innerWidth, beyond: beyond.slice(0, 5), cut, scale: Math.min(1, ...scales)};
}"""

# After the window a picture changes to its drawing for phones, which has to be read first, and a chart
# is drawn anew in the width of its place.
FIGURES_FOLLOWED = """() => [...document.querySelectorAll('article picture')].every(picture => {
    const image = picture.querySelector('img');
    const wanted = [...picture.querySelectorAll('source')].find(source => matchMedia(source.media).matches)?.srcset || image.getAttribute('src');
    return image.complete && image.naturalWidth && image.currentSrc.split('/').pop() == wanted.split('/').pop();
}) && [...document.querySelectorAll('figure.explorer')].every(figure => {
    const place = figure.querySelector('.explorer-chart').clientWidth, chart = figure.querySelector('svg')?.getBoundingClientRect().width;
    return Math.abs(chart - place) < 2;
})"""

# Colours fade over when the theme changes: put them where they are going. Waiting for it may never
# end in a window that is not drawn.
SETTLE = "() => document.getAnimations().forEach(a => { try { a.finish() } catch { a.cancel() } })"


@pytest.fixture(scope="module")
def seen(browser, html):
    """Opens a page from disk, once, and gives all that was seen there."""
    context = browser.new_context(viewport=DESKTOP, color_scheme="light")
    context.set_default_timeout(20_000)
    looks: list[str] = []

    @functools.cache
    def visit(page: str) -> Seen:
        seen = Seen()
        tab = _watched(context, seen, html.resolve().as_uri())
        _open(tab, (html.resolve() / f"{page}.html").as_uri())
        tab.wait_for_function(FIGURES_FOLLOWED, polling=50)
        for name, value in tab.evaluate(LOOK).items():
            setattr(seen, name, value)
        seen.violations["light"] = _violations(tab, STRUCTURE) + _bad_colours(tab, looks)
        tab.set_viewport_size(PHONE)
        tab.wait_for_function(FIGURES_FOLLOWED, polling=50)
        seen.phone = tab.evaluate(PHONE_LOOK)
        tab.set_viewport_size(DESKTOP)
        tab.emulate_media(color_scheme="dark")
        tab.wait_for_function("document.documentElement.dataset.theme == 'dark'")
        tab.evaluate(SETTLE)
        seen.violations["dark"] = _bad_colours(
            tab, looks
        )  # what is not colour is the same in the dark
        tab.close()
        return seen

    yield visit
    context.close()


@every_page
def test_every_page_of_the_table_of_contents_is_in_the_book(html, page):
    assert (html / f"{page}.html").exists()


@every_page
def test_a_page_opened_from_disk_has_no_error_and_asks_no_other_host(seen, page):
    assert seen(page).troubles == []


@every_page
def test_every_formula_of_a_page_is_drawn(seen, page):
    formulas = seen(page).formulas
    assert formulas["drawn"] == formulas["all"] and not formulas["wrong"]


@every_page
def test_every_image_of_a_page_loads_and_says_what_is_seen(seen, page):
    for image in seen(page).images:
        assert image["width"] > 0, image
        if image["article"]:
            alt = image["alt"] or ""
            assert (
                len(alt) >= 20
                and " " in alt
                and not alt.lower().endswith((".svg", ".png", ".jpg", ".jpeg"))
            ), image


@every_page
def test_what_was_not_measured_is_no_number_on_a_page(seen, page):
    assert seen(page).nan == []


@every_page
def test_no_page_shows_where_an_object_lay_in_memory(seen, page):
    assert seen(page).addresses == []


@every_page
def test_a_summary_has_five_sentences_at_most(seen, page):
    lines = seen(page).summary
    finds_something = page.startswith("pages/") and not page.endswith(
        ("/overview", "/explore", "/case")
    )
    assert lines or not finds_something
    assert len(lines) <= 5 and not [line for line in lines if re.search(r"\. [A-Z]", line)]


@every_page
def test_a_page_fits_a_phone_without_scrolling_sideways(seen, page):
    phone = seen(page).phone
    assert phone["width"] <= phone["window"], phone["beyond"]
    assert phone["beyond"] == []


@every_page
def test_on_a_phone_every_row_of_a_table_shows_its_values(seen, page):
    assert seen(page).phone["cut"] == []


@every_page
def test_the_smallest_letter_of_a_figure_can_be_read_on_a_phone(seen, page):
    points = [size for name, size in STYLE.items() if name.endswith(("fontsize", "font.size"))]
    points += [STYLE[f"{axis}tick.labelsize"] for axis in "xy"]
    pixels = min(points) * 96 / 72
    assert pixels * seen(page).phone["scale"] >= 11


def test_a_table_of_many_rows_shows_those_that_hold_what_is_typed(browser, html):
    with browser.new_context(viewport=DESKTOP) as context:
        tab = context.new_page()
        _open(tab, (html.resolve() / "pages/claims.html").as_uri())
        table = tab.locator("figure.data-table").first
        rows = table.locator("tbody tr")
        every = rows.count()
        table.locator(".row-filter input").fill("Undecided")
        left = [row for row in rows.all() if row.is_visible()]
        assert 0 < len(left) < every
        assert all("undecided" in row.text_content() for row in left)
        assert table.locator("output").inner_text() == f"{len(left)} of {every} rows"
        table.locator(".row-filter input").fill("")
        assert all(row.is_visible() for row in rows.all())


def test_rows_of_the_ledger_are_chosen_by_paper_study_and_verdict_together(browser, html):
    with (html / "tables" / "claims-by-study.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    picked = {name: rows[-1][name] for name in ("paper", "study", "verdict")}
    with browser.new_context(viewport=DESKTOP) as context:
        tab = context.new_page()
        _open(tab, (html.resolve() / "pages/claims.html").as_uri())
        table = tab.locator(
            "figure.data-table:has(a[download='claims-by-study.csv'], a[href$='claims-by-study.csv'])"
        )
        for place, (name, value) in enumerate(picked.items()):
            table.locator(f"select[name='{name}']").select_option(value)
            asked = list(picked)[: place + 1]
            wanted = [row for row in rows if all(row[key] == picked[key] for key in asked)]
            left = [row for row in table.locator("tbody tr").all() if row.is_visible()]
            assert len(left) == len(wanted) > 0
            assert table.locator("output").inner_text() == f"{len(wanted)} of {len(rows)} rows"


@every_page
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_meets_wcag_a_and_aa_as_far_as_axe_can_tell(seen, page, theme):
    assert seen(page).violations[theme] == []


def test_a_colour_that_few_can_read_is_found_by_one_text_of_its_look(browser, html):
    with browser.new_context(viewport=DESKTOP, color_scheme="light") as context:
        tab = context.new_page()
        _open(tab, (html.resolve() / "read.html").as_uri())
        looks: list[str] = []
        assert _bad_colours(tab, looks) == [] and looks
        tab.evaluate(
            """() => {
            const text = [...document.querySelectorAll('article p')].at(-1);
            text.innerHTML += '<i style="color: #ddd">pale</i> <i style="color: #dedede">paler</i>';
            const dark = text.cloneNode(true);
            dark.style.background = '#767676';
            text.after(dark);
        }"""
        )
        wrong = _bad_colours(tab, looks)
    for word in ("pale", "paler"):
        assert sum(f">{word}<" in line for line in wrong) == 2  # on either background


@every_page
def test_every_link_within_the_book_leads_somewhere(seen, html, page):
    broken = []
    for link in set(seen(page).links):
        parts = urlsplit(link)
        if parts.scheme == "file":
            target = Path(unquote(parts.path))
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.exists() or (
                anchor and f'id="{anchor}"' not in target.read_text(encoding="utf-8")
            ):
                broken.append(link)
    assert broken == []


@every_page
def test_every_written_table_can_be_downloaded_with_all_its_columns_and_rows(seen, page):
    for table in seen(page).tables:
        file = Path(unquote(urlsplit(table["file"]).path))
        with file.open(encoding="utf-8", newline="") as opened:
            rows = list(csv.reader(opened))
        assert len(rows[0]) == table["columns"] >= table["heads"]
        assert len(rows) - 1 >= table["rows"] > 0


@every_page
def test_a_table_fits_the_column_of_a_desktop_and_shows_twelve_rows_at_most(seen, page):
    for table in seen(page).tables:
        assert table["hidden"] <= 1 and table["seen"] <= 12, table


@pytest.fixture(scope="module")
def served(html):
    """The address of the book on a server of this machine's own."""
    handler = functools.partial(_Silent, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@some_pages
def test_a_page_from_a_server_has_no_error_and_asks_no_other_host(browser, served, page):
    seen = Seen()
    with browser.new_context(viewport=DESKTOP) as context:
        _open(_watched(context, seen, served), f"{served}/{page}.html")
    assert seen.troubles == []


FOCUSED = """() => {
    const e = document.activeElement, s = getComputedStyle(e), box = e.getBoundingClientRect();
    const outlined = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0;
    return {what: e.outerHTML.slice(0, 120), body: e === document.body, article: !!e.closest('article'), navigation: !!e.closest('nav'),
            shown: box.width > 0 && box.height > 0, marked: outlined || s.boxShadow !== 'none'};
}"""


@some_pages
def test_the_keyboard_reaches_navigation_and_text_and_the_focus_is_seen(browser, html, page):
    reached = []
    with browser.new_context(viewport=DESKTOP) as context:
        tab = context.new_page()
        _open(tab, (html.resolve() / f"{page}.html").as_uri())
        for _ in range(80):
            tab.keyboard.press("Tab")
            reached.append(tab.evaluate(FOCUSED))
            if reached[-1]["article"]:
                break
    assert reached[-1]["article"], "80 presses of Tab do not reach a link of the text"
    assert any(stop["navigation"] for stop in reached)
    assert [
        stop["what"]
        for stop in reached
        if not stop["body"] and not (stop["shown"] and stop["marked"])
    ] == []


@some_pages
def test_a_page_reads_well_without_scripts(browser, html, page):
    with browser.new_context(viewport=DESKTOP, java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto((html.resolve() / f"{page}.html").as_uri())
        assert tab.locator("article h1").is_visible()
        assert len(tab.locator("article").inner_text()) > 200
        assert all(image.is_visible() for image in tab.locator("article figure img").all())


def test_the_search_finds_pages_from_disk(browser, html):
    seen = Seen()
    with browser.new_context(viewport=DESKTOP) as context:
        tab = _watched(context, seen, html.resolve().as_uri())
        tab.goto((html.resolve() / "search.html").as_uri() + "?q=networks")
        tab.wait_for_selector("#search-results li a", timeout=20_000)
    assert seen.troubles == []
