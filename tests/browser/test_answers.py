"""One question has one answer on all pages of the built book, and the published table gives it."""

from collections import defaultdict

import nbformat
import numpy as np
import pandas as pd
import pytest

from forgetting import paths
from forgetting.book.reruns import is_rerun
from forgetting.claims.answer import judge_claim


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


def test_a_reader_gets_each_verdict_of_the_ledger_from_its_published_table(answers):
    table = pd.read_csv(paths.tables("") / "claims-numbers.csv")
    single = table[(table["tests"] == 1) & table["low"].notna()]
    assert len(single) > 5
    for row in single.to_dict("records"):
        assert row["verdict"] == judge_claim(row["id"], low=row["low"], high=row["high"]), row["id"]
    for row in table.to_dict("records"):
        level = "nan" if np.isnan(row["sparsity"]) else f"{row['sparsity']:g}"
        given = [
            verdicts
            for (_, claim, at), verdicts in answers.items()
            if (claim, at) == (row["id"], level)
        ]
        assert any(row["verdict"] in verdicts for verdicts in given), row["id"]
