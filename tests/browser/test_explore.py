"""The charts that readers change: by keyboard, in both themes, on a phone, and without scripts."""

import pytest

PAGE = "pages/explore"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
DRAWN = "document.querySelectorAll('figure.explorer.drawn svg').length == 3"
MARKS = """place => [...document.querySelectorAll('figure.explorer')[place].querySelectorAll('.role-mark :is(path, line, image, text)')]
    .map(mark => [mark.getAttribute('transform'), mark.getAttribute('d'), mark.getAttribute('x2'), mark.getAttribute('href'), mark.textContent].join())"""

CHANGED = "([place, before]) => JSON.stringify(({marks})(place)) != JSON.stringify(before)"


@pytest.fixture
def open_page(browser, html):
    """Open the page in a window of its own, which is closed after the test."""
    contexts = []

    def visit(viewport=DESKTOP, **options):
        context = browser.new_context(viewport=viewport, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.troubles = []
        tab.on("pageerror", lambda error: tab.troubles.append(str(error)))
        tab.on("requestfailed", lambda request: tab.troubles.append(request.url))
        tab.on(
            "console",
            lambda said: (
                tab.troubles.append(said.text) if said.type in ("error", "warning") else None
            ),
        )
        tab.goto((html.resolve() / f"{PAGE}.html").as_uri())
        if options.get("java_script_enabled", True):
            tab.wait_for_function(DRAWN)
        return tab

    yield visit
    for context in contexts:
        context.close()


def test_the_charts_are_drawn_from_disk_without_a_warning_and_within_their_bytes(open_page, html):
    assert open_page().troubles == []
    library = html / "_static" / "vendor" / "vega.js"
    assert library.stat().st_size <= 1_000_000
    assert (html / f"{PAGE}.html").read_text().count("application/json") == 3
    charts = (html / f"{PAGE}.html").read_text().split('<script type="application/json">')[1:]
    assert sum(len(chart.partition("</script>")[0]) for chart in charts) <= 200_000


@pytest.mark.parametrize("place", [0, 1, 2])
def test_every_control_changes_its_chart_by_keyboard_alone(open_page, place):
    tab = open_page()
    controls = tab.locator("figure.explorer").nth(place).locator(".vega-bind")
    for number in range(controls.count()):
        before, words = tab.evaluate(MARKS, place), controls.nth(number).inner_text()
        chosen = controls.nth(number).locator("input:checked, input[type=range]").first
        chosen.focus()
        tab.keyboard.press("End" if chosen.get_attribute("type") == "range" else "ArrowRight")
        if "Correction" not in words:  # two corrections may well agree on every class
            tab.wait_for_function(CHANGED.format(marks=MARKS), arg=[place, before])
            assert tab.evaluate(MARKS, place) != before
        tab.reload()  # each alone: of classes that move, few networks may find none in any draw
        tab.wait_for_function(DRAWN)
    assert tab.troubles == []


DOTS = """() => [...document.querySelectorAll('figure.explorer')[0].querySelectorAll('.mark-symbol.role-mark path')].map(dot => {
    const [x, y] = dot.getAttribute('transform').match(/-?[0-9.]+/g).map(Number);
    return [y, x, dot.getAttribute('aria-label')];
})"""


def test_classes_stand_in_the_order_of_their_loss_at_every_level(open_page):
    tab = open_page()
    levels = tab.locator("figure.explorer").first.locator(".vega-bind").first.locator("input")
    for place in range(levels.count()):
        before = tab.evaluate(MARKS, 0)
        levels.nth(place).check()
        if place:  # the first is the one that the page opens with
            tab.wait_for_function(CHANGED.format(marks=MARKS), arg=[0, before])
        dots = sorted(tab.evaluate(DOTS))
        across = [x for _, x, _ in dots]
        assert len(dots) > 2 and across == sorted(across)


def test_the_charts_follow_the_theme_and_fit_a_phone(open_page):
    tab = open_page(PHONE)
    ink = "(text => text && getComputedStyle(text).fill)(document.querySelector('figure.explorer .role-axis-label text'))"
    light = tab.evaluate(ink)
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    # For a moment the old charts are gone and the new ones are not there.
    tab.wait_for_function(f"{ink} && {ink} != '{light}' && {DRAWN}")
    widest = tab.evaluate(
        "Math.max(...[...document.querySelectorAll('figure.explorer svg, figure.explorer .vega-bindings')].map(e => e.getBoundingClientRect().right))"
    )
    assert widest <= PHONE["width"] and tab.troubles == []
    smallest = tab.evaluate(
        "Math.min(...[...document.querySelectorAll('figure.explorer svg text')].filter(e => e.textContent).map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 11


CHOSEN = """[...document.querySelectorAll('figure.explorer .vega-bind input')]
    .map(input => input.type == 'radio' ? input.checked : input.value).join()"""


def test_what_a_reader_has_chosen_stays_when_the_theme_changes(open_page):
    tab = open_page()
    at_first = tab.evaluate(CHOSEN)
    for control in tab.locator("figure.explorer .vega-bind").all():
        chosen = control.locator("input:checked, input[type=range]").first
        chosen.focus()
        tab.keyboard.press("End" if chosen.get_attribute("type") == "range" else "ArrowRight")
    before = tab.evaluate(CHOSEN)
    tab.evaluate(
        "document.querySelectorAll('figure.explorer svg').forEach(e => e.classList.add('old')), document.documentElement.dataset.theme = 'dark'"
    )
    tab.wait_for_function(f"!document.querySelector('figure.explorer svg.old') && {DRAWN}")
    assert tab.evaluate(CHOSEN) == before != at_first
    fresh = open_page()  # and the charts follow what is chosen
    for place in range(3):
        assert tab.evaluate(MARKS, place) != fresh.evaluate(MARKS, place)
    assert tab.troubles == []


FITS = "[...document.querySelectorAll('figure.explorer')].every(e => Math.abs(e.querySelector('svg').getBoundingClientRect().width - e.querySelector('.explorer-chart').clientWidth) < 2)"


def test_the_charts_fit_their_places_again_after_a_narrow_window_is_widened(open_page):
    tab = open_page(PHONE)
    tab.set_viewport_size(DESKTOP)
    # Sidebars move in while the window is widened, so the places shrink after it has its size.
    tab.wait_for_function(
        f"[...document.querySelectorAll('figure.explorer')].every(e => e.clientWidth < 800) && {FITS}"
    )
    assert tab.troubles == []


def test_the_charts_fit_their_places_whatever_they_were_narrowed_by(open_page):
    """Also by as much as axes and margins take, where the width of the marks before is the place's after."""
    tab = open_page()
    for narrower in range(1, 80):
        for width in (600, 600 - narrower):
            tab.evaluate(
                "width => document.querySelectorAll('figure.explorer').forEach(e => { e.style.width = `${width}px`; })",
                width,
            )
            tab.wait_for_function(FITS)
    assert tab.troubles == []


def test_a_chart_that_is_not_yet_drawn_anew_does_not_widen_a_page_on_a_phone(open_page):
    tab = open_page(PHONE)
    tab.evaluate(
        "document.querySelectorAll('figure.explorer svg').forEach(chart => chart.setAttribute('width', 900))"
    )
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert tab.troubles == []


def test_without_scripts_no_empty_chart_stands_in_the_page(open_page):
    tab = open_page(java_script_enabled=False)
    assert not tab.locator("figure.explorer").first.is_visible()
    assert tab.get_by_text("it belongs to").is_visible()
