"""One question has one answer on all pages of the built book, and the published table gives it."""

from collections import defaultdict

import nbformat
import numpy as np
import pandas as pd
import pytest

from forgetting import paths
from forgetting.book.reruns import is_rerun


@pytest.fixture(scope="module")
def answers(html):
    """What each page answers: (study, claim, level) to {verdict: pages}."""
    found = defaultdict(lambda: defaultdict(list))
    for page in sorted(paths.pages().rglob("*.ipynb")):
        if is_rerun(page):
            continue  # asks another question
        notebook = nbformat.read(page, as_version=4)
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                words = output.get("metadata", {}).get("forgetting", {})
                for level, verdict in words.get("answers", {}).items():
                    name = page.relative_to(paths.pages()).as_posix()
                    found[words["study"], words["claim"], level][verdict].append(name)
    return found


def test_no_question_has_two_answers(answers):
    contradictions = {
        question: dict(given) for question, given in answers.items() if len(given) > 1
    }
    assert not contradictions


def test_pages_besides_the_ledger_answer_too(answers):
    pages = {page for given in answers.values() for some in given.values() for page in some}
    wanted = {"exemplars", "populations", "robustness", "quantization-against-pruning"}
    assert {f"{name}.ipynb" for name in wanted | {"class-disparity", "claims"}} <= pages


def judged_by_the_rule_on_the_page(row):
    """The verdict on a row of a published table, by its numbers alone."""
    sign = -1 if row["direction"] == "less" else 1
    low, high = sorted((sign * row["low"], sign * row["high"]))
    of_interest = row["negligible"]
    if row["direction"] == "none":
        within, beyond = -of_interest < low and high < of_interest, max(low, -high) > of_interest
        return "holds" if within else "contradicted" if beyond else "undecided at this scale"
    if row["direction"] == "any":
        clear, at_most = max(low, -high) > 0, row["widest"]
    else:
        clear, at_most = low > 0, high
        if high < 0:
            return "contradicted"
    if clear:
        return "holds"
    small = at_most < of_interest
    return "no more than the noise floor" if small else "undecided at this scale"


@pytest.mark.parametrize("name", ["claims-numbers", "claims-by-study"])
def test_a_reader_gets_each_verdict_of_the_ledger_from_its_published_table(answers, name):
    table = pd.read_csv(paths.tables("") / f"{name}.csv")
    assert len(table) > 5
    for row in table.to_dict("records"):
        assert row["verdict"] == judged_by_the_rule_on_the_page(row), row


def test_each_verdict_of_the_published_table_is_given_on_a_page(answers):
    for row in pd.read_csv(paths.tables("") / "claims-numbers.csv").to_dict("records"):
        level = "nan" if np.isnan(row["sparsity"]) else f"{row['sparsity']:g}"
        given = [
            verdicts
            for (_, claim, at), verdicts in answers.items()
            if (claim, at) == (row["id"], level)
        ]
        assert any(row["verdict"] in verdicts for verdicts in given), row["id"]
