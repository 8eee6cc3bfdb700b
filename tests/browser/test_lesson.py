"""The lesson on PIEs in a browser: from disk, without a network, by keyboard, with a reload half-way."""

import pytest

from forgetting.course.lesson import make_lesson, write_lesson
from forgetting.course.lesson_answers import read_answers, read_key

QUESTIONS, IMAGES = 8, 6


@pytest.fixture(scope="module")
def chromium(executable):
    """A browser of its own: the lesson needs no book."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, tmp_path):
    """The page in a window without a network, what went wrong, and the page's key."""
    files = write_lesson(
        make_lesson("tinted", sparsity=0.95, images=IMAGES), tmp_path / "annotate.html"
    )
    context = chromium.new_context(accept_downloads=True, offline=True)
    tab, troubles = context.new_page(), []
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else troubles.append(r.url),
    )
    tab.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    tab.goto(files[0].resolve().as_uri())
    yield tab, troubles, read_key(files[1])
    context.close()


def progress(tab):
    return tab.locator("#progress").inner_text()


def test_all_is_answered_by_keyboard_with_a_reload_half_way_and_what_is_saved_can_be_read(
    opened, tmp_path
):
    tab, troubles, key = opened
    code = tab.locator("#code").inner_text()
    assert len(code) == 4
    tab.keyboard.press("Enter")  # the button that begins has the focus
    half = IMAGES * QUESTIONS // 2
    for _ in range(half):
        tab.keyboard.press("1")
    before = progress(tab)
    tab.reload()
    assert tab.locator("#code").inner_text() == code
    assert f"{half} of {IMAGES * QUESTIONS} answers" in tab.locator("#found").inner_text()
    tab.keyboard.press("Enter")
    assert progress(tab) == before
    tab.keyboard.press("2")
    tab.keyboard.press("Backspace")  # back, and answer otherwise
    assert progress(tab) == before
    pressed = tab.locator("#answers [aria-pressed=true]")
    assert pressed.inner_text().startswith("2")
    tab.keyboard.press("1")
    tab.keyboard.press("p")
    assert tab.locator("#paused").is_visible()
    tab.keyboard.press("Enter")
    for _ in range(half - 2):
        tab.keyboard.press("ArrowRight")  # to the first answer
        tab.keyboard.press("Enter")
    assert tab.locator("#work").is_visible()
    tab.keyboard.press("1")
    assert tab.locator("#end").is_visible()
    with tab.expect_download() as saving:
        tab.keyboard.press("Enter")  # the link that saves has the focus
    assert saving.value.suggested_filename == f"answers-{code}.csv"
    (tmp_path / "answers").mkdir()
    saving.value.save_as(tmp_path / "answers" / "one.csv")
    answers, people = read_answers(tmp_path / "answers", key)
    assert len(answers) == IMAGES * QUESTIONS and people["missing"].tolist() == [0]
    assert people["annotator"].tolist() == [code] and set(answers["image"]) == set(key["image"])
    assert troubles == []


def test_focus_is_seen_pictures_have_alternative_text_and_the_label_comes_after_the_guess(opened):
    tab, troubles, _ = opened
    tab.keyboard.press("Enter")
    assert tab.locator("#question").inner_text() == "What is it?"
    assert tab.locator("#examples").is_hidden()
    assert tab.locator("#picture").get_attribute("alt") == f"picture 1 of {IMAGES}"
    tab.keyboard.press("ArrowDown")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert tab.evaluate(outline) != "none"
    tab.keyboard.press("Enter")
    assert "says that this is" in tab.locator("#question").inner_text()
    assert tab.locator("#examples img").count() == 3
    assert troubles == []


def test_two_annotators_see_the_pictures_in_another_order(chromium, opened, tmp_path):
    tab, _, _ = opened
    orders = set()
    for _ in range(4):
        tab.evaluate("localStorage.clear()")
        tab.reload()
        state = tab.evaluate("JSON.parse(Object.values(localStorage)[0]).order")
        assert sorted(state) == list(range(IMAGES))
        orders.add(tuple(state))
    assert len(orders) > 1


def test_where_the_browser_keeps_nothing_the_page_says_so_and_goes_on(opened):
    tab, _, _ = opened
    refuse = "Storage.prototype.setItem = () => { throw new Error('refused'); };"
    tab.context.add_init_script(refuse)
    tab.evaluate("localStorage.clear()")
    tab.reload()
    assert "Save your answers" in tab.locator("#banner").inner_text()
    tab.keyboard.press("Enter")
    tab.keyboard.press("1")
    assert "question 2" in progress(tab)
