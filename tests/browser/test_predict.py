"""Predict, then see: kept in the browser alone, by keyboard, and without scripts it folds out."""

import pytest

PAGE = "pages/populations"


@pytest.fixture
def context(browser):
    made = browser.new_context(offline=True)
    yield made
    made.close()


@pytest.fixture
def tab(context, html):
    """The page in a window without a network, and what it asked for besides files."""
    tab, asked = context.new_page(), []
    tab.on(
        "request", lambda r: None if r.url.startswith(("file:", "data:")) else asked.append(r.url)
    )
    tab.goto((html / f"{PAGE}.html").as_uri())
    yield tab
    assert asked == []


def test_an_answer_is_kept_compared_with_what_was_found_and_forgotten_by_keyboard(tab):
    box = tab.locator(".predict").first
    right = box.get_attribute("data-right")
    assert not box.locator("details").evaluate("e => e.open")
    box.locator("input").focus()
    tab.keyboard.type("12.5")
    tab.keyboard.press("Enter")
    said = box.locator(".predict-said")
    found = right.replace("-", "−")
    assert said.inner_text() == f"You predicted 12.5 points. Found: {found} points."
    assert box.locator("details").evaluate("e => e.open")
    tab.reload()
    assert said.inner_text().startswith("You predicted 12.5 points.")
    assert box.locator("input").is_disabled()
    box.locator("button:visible").focus()
    tab.keyboard.press("Enter")  # forgets it
    assert said.inner_text() == "" and box.locator("input").evaluate(
        "e => e === document.activeElement"
    )
    tab.reload()
    assert box.locator("input").input_value() == ""
    assert "forgetting-predict" not in tab.evaluate("Object.keys(localStorage).join()")


def test_an_empty_answer_is_not_taken(tab):
    box = tab.locator(".predict").first
    box.locator("input").focus()
    tab.keyboard.press("Enter")
    assert box.locator(".predict-said").inner_text() == ""


def test_where_the_browser_keeps_nothing_the_page_says_so(context, tab):
    refuse = "Storage.prototype.setItem = () => { throw new Error('refused'); };"
    context.add_init_script(refuse)
    tab.reload()
    box = tab.locator(".predict").first
    box.locator("input").fill("1")
    box.locator("button:visible").click()
    assert "keeps nothing" in box.locator(".predict-said").inner_text()


def test_without_scripts_what_was_found_folds_out(browser, html):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((html / f"{PAGE}.html").as_uri())
    box = tab.locator(".predict").first
    assert box.locator("form").count() == 0
    answer = box.locator("details p").first
    assert not answer.is_visible()
    box.locator("summary").click()
    assert answer.is_visible()
    context.close()


def test_of_choices_the_right_one_is_one(tab, html):
    tab.goto((html / "pages" / "class-disparity.html").as_uri())
    box = tab.locator(".predict[data-choices]").first
    right = box.get_attribute("data-right")
    assert right in box.get_attribute("data-choices").split(" | ")
    box.locator(f"input[value='{right}']").check()
    box.locator("button:visible").click()
    assert box.locator(".predict-said").inner_text() == f"You predicted “{right}”, and so it is."
