"""Simulated language models that answer an exam, and their logs as lm-evaluation-harness has them.

No language model is behind it: scores of options are drawn, so that what compression did is known.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from forgetting.errors import UserError, did_you_mean

SUBJECTS = (
    *("anatomy", "astronomy", "biology", "chemistry", "economics", "geography"),
    *("grammar", "history", "law", "music", "physics", "statistics"),
)
FORMS = ("plain", "negated")  # Of questions; no simulated model is harmed in either.
OPTIONS = 4
KNOWN = 3.0  # By how much the score of the right option is higher where a model knows the answer.
TIME = "2026-01-01T00-00-00"


@dataclass(frozen=True)
class Exam:
    """Questions with four options, and how an uncompressed model scores them.

    Attributes:
        subject: (N,) text, one of `SUBJECTS`; each is a task of the harness.
        form: (N,) text, one of `FORMS`.
        right: (N,) places of the right options, from 0.
        known: (N,) booleans, whether the model knows the answer rather than guesses.
        scores: (N, 4) log-likelihoods of the options.
    """

    subject: np.ndarray
    form: np.ndarray
    right: np.ndarray
    known: np.ndarray
    scores: np.ndarray

    def is_right(self, scores: npt.ArrayLike) -> np.ndarray:
        """Return which questions a model with these (N, 4) scores answers right."""
        return np.asarray(scores).argmax(axis=1) == self.right


def simulate_exam(questions: int, *, seed: int) -> Exam:
    """Draw an exam whose subjects differ in size and difficulty.

    Args:
        questions: of a middling subject, at least 2; the smallest has half as many, the largest
            twice.
        seed: of all that is drawn.
    """
    generator = np.random.default_rng([seed, 0])
    sizes = generator.permutation(questions * np.geomspace(0.5, 2, len(SUBJECTS))).round()
    skill = generator.permutation(np.linspace(0.35, 0.85, len(SUBJECTS)))
    place = np.repeat(np.arange(len(SUBJECTS)), sizes.astype(int))
    known = generator.random(len(place)) < skill[place]
    right = generator.integers(0, OPTIONS, len(place))
    scores = generator.normal(-12, 1, (len(place), OPTIONS))
    scores[np.arange(len(place)), right] += KNOWN * known
    form = np.array(FORMS)[generator.integers(0, len(FORMS), len(place))]
    return Exam(np.array(SUBJECTS)[place], form, right, known, scores)


def compress(
    exam: Exam, *, noise: float, harmed: str = "", harm: float = 0.0, shift: float = 0.0, seed: int
) -> np.ndarray:
    """Return the scores of a compressed copy of the model that took the exam.

    Args:
        exam: with the scores of the original.
        noise: standard deviation of what is added to each score; 0 or more.
        harmed: the subject of which the copy has forgotten something; empty for none.
        harm: the share of what the original knows there, in [0, 1].
        shift: what is added to the score of each first option.
        seed: of all that is drawn.

    Returns:
        (N, 4) log-likelihoods.

    Raises:
        UserError: the subject is none of the exam's.
    """
    if harmed and harmed not in SUBJECTS:
        raise UserError(
            f"harmed is {harmed!r}: it is one of {', '.join(SUBJECTS)}"
            f"{did_you_mean(harmed, SUBJECTS)}"
        )
    generator = np.random.default_rng([seed, 1])
    scores = exam.scores + noise * generator.normal(size=exam.scores.shape)
    forgotten = exam.known & (exam.subject == harmed) & (generator.random(len(exam.known)) < harm)
    scores[np.flatnonzero(forgotten), exam.right[forgotten]] -= KNOWN
    scores[:, 0] += shift
    return scores


def write_logs(exam: Exam, scores: npt.ArrayLike, folder: Path) -> Path:
    """Write what a model answered as `lm_eval --log_samples` does, a file for each subject.

    Args:
        exam: its questions.
        scores: (N, 4) of this model.
        folder: that `--output_path` would name; it must not be there.

    Returns:
        The folder.
    """
    values = np.asarray(scores, dtype=float)
    folder.mkdir(parents=True)
    for subject in SUBJECTS:
        places = np.flatnonzero(exam.subject == subject)
        rows = _rows(exam, places, values[places])
        text = "".join(json.dumps(row) + "\n" for row in rows)
        file = folder / f"samples_exam_{subject}_{TIME}.jsonl"
        file.write_text(text, encoding="utf-8")
    return folder


def _rows(exam: Exam, places: np.ndarray, scores: np.ndarray) -> Iterator[dict[str, Any]]:
    """The lines of one subject, with the keys of lm-evaluation-harness 0.4.13."""
    letters = "ABCD"[:OPTIONS]
    for number, (place, of_options) in enumerate(zip(places.tolist(), scores, strict=True)):
        right = int(exam.right[place])
        doc = {"question": f"question {place}", "form": str(exam.form[place]), "answer": right}
        context = f"{doc['question']}\nAnswer:"
        answers = [[repr(score), "False"] for score in of_options.tolist()]
        yield {
            "doc_id": number,
            "doc": doc | {"choices": list(letters)},
            "target": str(right),
            "arguments": {
                f"gen_args_{k}": {"arg_0": context, "arg_1": f" {letter}"}
                for k, letter in enumerate(letters)
            },
            "resps": [[answer] for answer in answers],
            "filtered_resps": answers,
            "filter": "none",
            "metrics": ["acc"],
            "doc_hash": _digest(json.dumps(doc)),
            "prompt_hash": _digest(context),
            "target_hash": _digest(str(right)),
            "acc": float(int(of_options.argmax()) == right),
        }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def unpaired_p(*, baseline: npt.ArrayLike, compressed: npt.ArrayLike, n: npt.ArrayLike) -> Any:
    """Return p as lm-evaluation-harness's `model_comparator.py` has it: the two models unpaired.

    Args:
        baseline: counts of right answers, of any shape.
        compressed: likewise.
        n: questions, the same that both models were asked; at least 2.

    Returns:
        Two-sided p of z = (a - b) / sqrt(se_a^2 + se_b^2), a and b being accuracies and se their
        standard errors; 1 where all answers of both are right, or wrong.

    Examples:
        >>> round(float(unpaired_p(baseline=140, compressed=122, n=220)), 3)
        0.08
    """
    size = np.asarray(n, dtype=float)
    before, after = (np.asarray(side, dtype=float) / size for side in (baseline, compressed))
    error = np.sqrt((before * (1 - before) + after * (1 - after)) / (size - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.nan_to_num((before - after) / error, nan=0.0)
    return 2 * stats.norm.sf(np.abs(z))
