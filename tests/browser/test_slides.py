"""The slides in a browser: from disk, without a network, nothing cut off, notes for each, and printed."""

import re

import pytest
from bs4 import BeautifulSoup

from forgetting import paths
from forgetting.course.slides_build import build_slides

DECKS = {
    "session-1": "Session 1:",
    "session-2": "Session 2:",
    "four-1": "Session 1 of four:",
    "four-2": "Session 2 of four:",
    "four-3": "Session 3 of four:",
    "four-4": "Session 4 of four:",
}
SCREEN = {"width": 1280, "height": 720}
# What can be seen of the slide that is shown, and does not lie on the screen.
CUT = """() => [...Reveal.getCurrentSlide().querySelectorAll(':not(aside.notes, aside.notes *)')]
    .filter(e => e.getClientRects().length)
    .filter(e => { const r = e.getBoundingClientRect();
        return r.right > 1281 || r.bottom > 690 || r.left < -1 || r.top < -1
            || e.scrollWidth > e.clientWidth + 1 && e.clientWidth; })
    .map(e => Reveal.getIndices().h + ' ' + e.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def slides(html, tmp_path_factory):
    """The folder of the slides, built from the pages of the book that is read."""
    out = tmp_path_factory.mktemp("course") / "slides"
    build_slides(out)
    return out


@pytest.fixture(scope="module", params=DECKS)
def deck(request, browser, slides):
    """A deck in a window without a network, and what went wrong in it."""
    context = browser.new_context(offline=True, viewport=SCREEN)
    tab, troubles = context.new_page(), []
    for tabs in (tab, context):
        tabs.on("requestfailed", lambda asked: troubles.append(asked.url))
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    context.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else troubles.append(r.url),
    )
    tab.goto((slides / f"{request.param}.html").as_uri())
    tab.wait_for_function("window.Reveal && Reveal.isReady()")
    yield tab, troubles
    context.close()


def test_no_slide_is_cut_off_on_a_small_screen_and_keys_lead_through_all(deck):
    tab, troubles = deck
    slides = tab.evaluate("Reveal.getTotalSlides()")
    assert slides > 10
    tab.keyboard.press("Home")
    cut, seen = [], 0
    while True:
        cut += tab.evaluate(CUT)
        seen += 1
        if tab.evaluate("Reveal.isLastSlide()"):
            break
        tab.keyboard.press("ArrowRight")
    assert (seen, cut, troubles) == (slides, [], [])


def test_drawings_and_pictures_are_there_and_described(deck):
    tab, _ = deck
    tab.wait_for_function("[...document.images].every(i => i.complete)")
    shown = tab.evaluate("[...document.images].map(i => [i.naturalWidth > 0, i.alt.length > 20])")
    assert shown and all(all(image) for image in shown)


def test_the_speaker_sees_the_notes_of_the_slide_and_the_next_one(deck):
    tab, troubles = deck
    tab.keyboard.press("Home")
    with tab.expect_popup() as opening:
        tab.keyboard.press("s")
    speaker = opening.value
    speaker.wait_for_function("document.querySelector('.speaker-controls-notes .value').innerText")
    notes = tab.locator("section.present aside.notes").first.text_content()
    said = speaker.locator(".speaker-controls-notes .value").text_content()
    assert " ".join(notes.split()) in " ".join(said.split())
    assert speaker.locator("iframe").count() == 2
    speaker.close()
    assert troubles == []


def test_each_slide_is_a_page_in_print(deck, slides):
    tab, _ = deck
    count = tab.evaluate("Reveal.getTotalSlides()")
    context = tab.context.browser.new_context(offline=True)
    printed = context.new_page()
    printed.goto(tab.url.partition("#")[0] + "?print-pdf")
    printed.wait_for_selector(".pdf-page")
    pdf = printed.pdf(prefer_css_page_size=True)
    printed.emulate_media(media="print")
    margins = printed.evaluate(
        """[...document.querySelectorAll('.pdf-page')].map(page => [...page.querySelectorAll('h1, h2, p, li')]
            .filter(e => e.getClientRects().length).map(e => e.getBoundingClientRect())
            .map(e => [e.left - page.getBoundingClientRect().left, page.getBoundingClientRect().right - e.right])).flat(2)"""
    )
    context.close()
    assert len(re.findall(rb"/Type /Page\b", pdf)) == count and min(margins) >= 40


def minutes(slides, deck):
    """What each slide says of its minutes, in their order."""
    soup = BeautifulSoup((slides / f"{deck}.html").read_text(), "html.parser")
    leaves = [part for part in soup.select("section") if not part.select("section")]
    return [part.select_one("aside[data-minutes]")["data-minutes"] for part in leaves]


@pytest.mark.parametrize("deck_name", DECKS)
def test_the_plan_names_the_slides_minute_by_minute(slides, deck_name):
    plan = (paths.book / "teach" / "plan.md").read_text(encoding="utf-8")
    [of_session] = re.findall(
        rf"^### {DECKS[deck_name]}.*?(?=^#|^\(sec)", plan, re.DOTALL | re.MULTILINE
    )
    rows = re.findall(r"^\| (\d+–\d+) \|.*\| ([\d–]+) \|$", of_session, re.MULTILINE)
    found = minutes(slides, deck_name)
    assert list(dict.fromkeys(found)) == [when for when, _ in rows]
    for when, which in rows:
        first, _, last = which.partition("–")
        places = [place for place, other in enumerate(found, 1) if other == when]
        assert places == list(range(int(first), int(last or first) + 1))


def test_a_folder_of_slides_takes_little_room(slides):
    size = sum(file.stat().st_size for file in slides.rglob("*") if file.is_file())
    assert size < 8e6
