"""Minutes and earlier pages are counted from the pages, and the glossary explains the statistics."""

import re
import subprocess
import sys

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from hypothesis import given
from hypothesis import strategies as st

from forgetting import paths
from forgetting.book.reading_times import builds_on, minutes

CONF = """
extensions = ["myst_parser", "forgetting.book.sphinx_extension"]
html_theme = "basic"
"""
INDEX = """# Book

```{reading-times}
:without: Rest; Other
```

```{toctree}
:caption: First
one
two
```

```{toctree}
:caption: Second
three
```

```{toctree}
:caption: Rest
four
```
"""
STATISTICS = [
    *("Welch's t-test", "Holm's correction", "Benjamini and Hochberg's correction"),
    *("Permutation test", "McNemar's test", "Jaccard overlap", "Equivalence", "Bootstrap"),
    *("Smallest effect of interest", "Simultaneous interval", "Noise floor", "Called"),
    "Plurality label",
]


@pytest.fixture(scope="module")
def landing(tmp_path_factory):
    """The landing page of a book of four pages, of 500, 300, 210 and 10 words."""
    folder = tmp_path_factory.mktemp("book")
    for name, text in {
        "one": "(sec-one)=\n# One\n\n"
        + "word " * 499
        + "\n\n```python\n"
        + "code " * 900
        + "\n```\n",
        "two": "(sec-two)=\n# Two\n\nSee [one](#sec-one) and [three](#sec-three). " + "word " * 294,
        "three": "(sec-three)=\n# Three\n\nSee {ref}`sec-two` and [one](#sec-one). "
        + "word " * 204,
        "four": "# Four\n\nNo more.\n",
        "index": INDEX,
    }.items():
        (folder / f"{name}.md").write_text(text)
    (folder / "conf.py").write_text(CONF)
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-n", "-q", folder, folder / "html"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return BeautifulSoup((folder / "html" / "index.html").read_text(), "html.parser")


def test_the_landing_page_says_how_long_each_page_takes_and_what_it_builds_on(landing):
    items = [item.get_text().strip() for item in landing.select(".reading-times li")]
    assert items == ["One, 2 minutes", "Two, 2 minutes; after One", "Three, 1 minute; after Two"]
    heads = [head.parent.get_text() for head in landing.select("p > strong")]
    assert heads == ["First, 4 minutes", "Second, 1 minute"]
    links = [link["href"] for link in landing.select(".reading-times a")]
    assert links == ["one.html", "two.html", "one.html", "three.html", "two.html"]


@given(st.integers(1, 3000), st.integers(0, 3000))
def test_code_is_not_read(words, code):
    page = nodes.section("", nodes.paragraph("", "word " * words))
    with_code = nodes.section("", page.deepcopy(), nodes.literal_block("", "code " * code))
    assert minutes(page) == minutes(with_code) == max(1, round(words / 200))


@given(st.data(), st.integers(1, 8))
def test_what_a_page_builds_on_is_earlier_and_says_all_that_it_refers_to(data, size):
    order = [str(number) for number in range(size)]
    references = {page: data.draw(st.sets(st.sampled_from(order))) for page in order}
    needed = builds_on(references, order)

    def all_before(page):
        return {page}.union(*(all_before(other) for other in needed[page]))

    for place, page in enumerate(order):
        earlier = references[page] & set(order[:place])
        assert set(needed[page]) <= earlier <= all_before(page)
        for other in needed[page]:
            rest = [all_before(third) for third in needed[page] if third != other]
            assert not any(other in reached for reached in rest)


def entries():
    """The entries of the glossary: term to text."""
    text = (paths.book / "glossary.md").read_text()
    body = text.split("```{glossary}\n")[1].split("\n```")[0]
    found = [entry.split("\n", 1) for entry in body.split("\n\n")]
    return {term: " ".join(words.split()) for term, words in found}


@pytest.mark.parametrize("term", STATISTICS)
def test_the_glossary_explains_each_statistic_in_two_or_three_sentences(term):
    sentences = re.findall(r"[.:](?= |$)", re.sub(r"\{\w+(:\w)?\}`[^`]*`", "", entries()[term]))
    assert 2 <= len(sentences) <= 4, term


def test_the_glossary_is_in_the_order_of_the_alphabet():
    assert list(entries()) == sorted(entries(), key=str.casefold)
