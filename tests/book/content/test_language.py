"""The simulated exam is what the page says it is, and its logs are read as the harness's own are."""

import numpy as np
import pytest

from forgetting.audit import audit_predictions
from forgetting.book.content import language
from forgetting.errors import UserError


@pytest.fixture(scope="module")
def exam():
    return language.simulate_exam(60, seed=3)


def test_the_same_seed_gives_the_same_exam_and_every_subject_has_its_share(exam):
    again = language.simulate_exam(60, seed=3)
    np.testing.assert_array_equal(again.scores, exam.scores)
    sizes = [(exam.subject == subject).sum() for subject in language.SUBJECTS]
    assert min(sizes) == 30 and max(sizes) == 120 and sum(sizes) == len(exam.right)
    assert exam.is_right(exam.scores)[exam.known].mean() > 0.9
    assert exam.is_right(exam.scores)[~exam.known].mean() < 0.4


def test_what_is_forgotten_is_in_one_subject_and_was_known(exam):
    scores = language.compress(exam, noise=0.0, harmed="law", harm=0.5, seed=0)
    changed = (scores != exam.scores).any(axis=1)
    assert set(exam.subject[changed]) == {"law"} and exam.known[changed].all()
    assert 0.2 < changed.sum() / (exam.known & (exam.subject == "law")).sum() < 0.8
    same = language.compress(exam, noise=0.0, seed=0)
    np.testing.assert_array_equal(same, exam.scores)
    shifted = language.compress(exam, noise=0.0, shift=0.5, seed=0)
    np.testing.assert_allclose((shifted - exam.scores).sum(axis=0), [0.5 * len(same), 0, 0, 0])
    with pytest.raises(UserError, match=r"harmed is 'laws': .* did you mean 'law'"):
        language.compress(exam, noise=0.0, harmed="laws", seed=0)


def test_the_audit_reads_the_logs_as_they_were_drawn(exam, tmp_path):
    int4 = language.compress(exam, noise=0.5, seed=1)
    folders = [
        language.write_logs(exam, scores, tmp_path / name)
        for name, scores in (("fp16", exam.scores), ("int4", int4))
    ]
    audit = audit_predictions(folders, baseline="fp16")
    overall, answers = audit.overall.iloc[0], audit.answers.iloc[0]
    assert overall["baseline_accuracy"] == exam.is_right(exam.scores).mean()
    assert overall["compressed_accuracy"] == exam.is_right(int4).mean()
    assert overall["flips"] == (exam.scores.argmax(axis=1) != int4.argmax(axis=1)).sum()
    assert answers["tasks"] == 12 and answers["multiple_choice"] == len(exam.right)


def test_the_unpaired_test_is_that_of_two_samples_with_their_own_standard_errors():
    right = [np.arange(220) < count for count in (140, 122)]
    errors = [side.std(ddof=1) / np.sqrt(len(side)) for side in right]
    z = (right[0].mean() - right[1].mean()) / np.hypot(*errors)
    p = language.unpaired_p(baseline=140, compressed=122, n=220)
    assert z == pytest.approx(1.7508, abs=1e-3) and p == pytest.approx(0.0800, abs=1e-4)
    assert language.unpaired_p(baseline=[9, 5], compressed=[9, 5], n=9).tolist() == [1, 1]
