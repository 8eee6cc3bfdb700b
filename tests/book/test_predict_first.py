"""A question with its right answer becomes HTML that a script can ask, and that works without one."""

import subprocess
import sys

import pytest
from bs4 import BeautifulSoup

CONF = """
extensions = ["myst_parser", "forgetting.book.predict_first"]
myst_enable_extensions = ["colon_fence"]
html_theme = "basic"
"""
PAGE = """# Page

:::{predict} loss
:right: −1,200.5
:unit: points
By *how many*?
---
By **some**.

And more.
:::

:::{predict} which
:choices: a half | neither & "none"
:right: neither & "none"
Which?
---
Neither.
:::

:::{predict} unknown
:right: nan
:unit: points
By how many?
---
It cannot be said.
:::
"""
WRONG = """# Page

:::{predict} which
:choices: one | two
:right: three
Which?
---
That.
:::

:::{predict} what
:right: 1
No line.
:::
"""


def build(folder, text):
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(text)
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", folder, folder / "html"]
    return subprocess.run(list(map(str, words)), capture_output=True, text=True)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    done = build(folder, PAGE)
    assert (done.returncode, done.stderr) == (0, "")
    return BeautifulSoup((folder / "html" / "index.html").read_text(), "html.parser").select(
        ".predict"
    )


def test_the_right_number_is_written_as_scripts_read_it(asked):
    assert asked[0].attrs | {"class": None} == {
        "class": None,
        "data-name": "loss",
        "data-right": "-1200.5",
        "data-unit": "points",
    }


def test_what_was_found_folds_out_below_the_question(asked):
    details = asked[0].select_one("details")
    assert details.select_one("strong").text == "some" and len(details.select("p")) == 2
    assert asked[0].select_one("em").text == "how many" and not details.select("em")


def test_the_right_choice_is_one_of_those_offered(asked):
    assert asked[1]["data-choices"].split(" | ") == ["a half", 'neither & "none"']
    assert asked[1]["data-right"] == 'neither & "none"'


def test_where_nothing_can_be_compared_nothing_is_asked(asked):
    assert (
        "data-right" not in asked[2].attrs
        and "cannot be said" in asked[2].select_one("details").text
    )


def test_a_question_without_a_possible_answer_or_without_a_finding_is_an_error(tmp_path):
    done = build(tmp_path, WRONG)
    assert done.returncode and "right is 'three'; choices has one, two" in done.stderr
    assert "a line --- parts the question" in done.stderr
