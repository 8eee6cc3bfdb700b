"""Can dense models tell which answers compression will change? How well a score ranks what happens.

Judge, outcome and floor are of members of their own: a judge that took part in the outcome would
look good for nothing. What happens between dense models and pruned ones stands beside what happens
between dense models and dense ones, because an unsure answer flips either way.

Source: that the dense model's uncertainty tells which samples are affected is a statement of
Iofinova et al., CVPR 2023 (arXiv 2304.12622); the design is ours.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs, resampling

OUTCOMES = ("flip", "harm")
HARM = 0.5  # rise of the error rate from which an answer is harmed
SHARES = (0.05, 0.1, 0.2)


def doubt(positive: npt.ArrayLike) -> np.ndarray:
    """Return how unsure models are of each answer: 1 minus twice the distance of their mean to 1/2.

    Args:
        positive: (K, ...) probability of yes.

    Returns:
        (...) 0 where all are sure, to 1.

    Examples:
        >>> doubt([[0.5, 1.0, 0.25], [0.5, 1.0, 0.75]]).tolist()
        [1.0, 0.0, 1.0]
    """
    mean = np.asarray(positive, dtype=float).mean(axis=0)
    return np.asarray(1 - 2 * np.abs(mean - 0.5))


def ranking(score: npt.ArrayLike, event: npt.ArrayLike) -> float:
    """Return the area under the ROC curve: how often what happened has a higher score.

    Args:
        score: (n,) numbers.
        event: (n,) booleans, what happened.

    Returns:
        0 to 1, 0.5 by chance, ties counting half; NaN where all or nothing happened.

    Examples:
        >>> ranking([0.1, 0.9, 0.5, 0.5], np.array([False, True, True, False]))
        0.875
    """
    return _area(*Ranked(np.asarray(score)).counts(np.asarray(event, dtype=bool)))


def captured(score: npt.ArrayLike, event: npt.ArrayLike, share: float) -> float:
    """Return which part of what happened lies in the share with the highest scores.

    Args:
        score: (n,) numbers; of equal ones each counts in part.
        event: (n,) booleans.
        share: in (0, 1).

    Returns:
        0 to 1, `share` by chance; NaN where nothing happened.

    Examples:
        >>> captured([3, 2, 2, 1], np.array([False, True, False, True]), 0.5)
        0.25
    """
    return _part(*Ranked(np.asarray(score)).counts(np.asarray(event, dtype=bool)), share)


class Ranked:
    """Answers in the order of a score, so that what happened is counted for each of its values."""

    def __init__(self, score: np.ndarray) -> None:
        """Sort once what is counted often.

        Args:
            score: (n,) numbers.
        """
        self._order = np.argsort(score, kind="stable")
        ascending = score[self._order]
        self._starts = np.flatnonzero(np.append(True, ascending[1:] != ascending[:-1]))

    def counts(
        self, event: np.ndarray, times: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Count answers by the values of the score, ascending.

        Args:
            event: (n,) booleans, what happened.
            times: (n,) how often each answer was drawn; once if not given.

        Returns:
            How many answers have each value, and to how many of them it happened.
        """
        if times is None:
            times = np.ones(len(event), dtype=np.int64)
        sides = (times[self._order], (times * event)[self._order])
        answers, hits = (np.add.reduceat(side, self._starts) for side in sides)
        return answers, hits


def _area(answers: np.ndarray, hits: np.ndarray) -> float:
    """The area under the ROC curve, from counts by ascending values of the score."""
    missed = answers - hits
    if not (hits.sum() and missed.sum()):
        return float("nan")
    below = np.cumsum(missed) - missed
    return float((hits * (below + missed / 2)).sum() / (int(hits.sum()) * int(missed.sum())))


def _part(answers: np.ndarray, hits: np.ndarray, share: float) -> float:
    """The part of what happened in the share with the highest scores, equal ones each in part."""
    if not hits.sum():
        return float("nan")
    wanted, taken = share * answers.sum(), np.cumsum(answers[::-1])
    last = int(np.searchsorted(taken, max(int(np.ceil(wanted)), 1)))
    above = taken[last] - answers[::-1][last]
    inside = hits[::-1][:last].sum()
    return float((inside + (wanted - above) / answers[::-1][last] * hits[::-1][last]) / hits.sum())


def happened(
    *, label: np.ndarray, baseline: np.ndarray, compressed: np.ndarray
) -> dict[str, np.ndarray]:
    """Return what happened to each answer between two populations.

    Args:
        label: (...) true answers, 0 or 1.
        baseline: (K, ...) answers.
        compressed: (L, ...) answers.

    Returns:
        Booleans (...): "flip", the answers that most members give differ (as many of both count as
        yes); "harm", the share of wrong answers rose by `HARM` or more.
    """
    before, after = baseline.mean(axis=0), compressed.mean(axis=0)
    wrong = [np.abs(side - label) for side in (before, after)]
    return {
        "flip": (before >= 0.5) != (after >= 0.5),
        "harm": wrong[1] - wrong[0] >= HARM - 1e-12,
    }


def deal(members: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Deal members at random into two halves of an odd size, so that votes cannot tie.

    Returns:
        Places of the members of each.
    """
    size = half_size(members)
    order = generator.permutation(members)
    return order[:size], order[size : 2 * size]


def half_size(members: int) -> int:
    """Return the largest odd number of members of which two lots can be dealt."""
    return max(members // 2 - (members // 2 + 1) % 2, 1)


def tell(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    positive: npt.ArrayLike,
    compressed: npt.ArrayLike,
    second_baseline: npt.ArrayLike,
    chosen: npt.ArrayLike | None = None,
    judges: int | None = None,
    shares: Sequence[float] = SHARES,
    draws: int = 100,
    seed: int,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Ask how well dense models' doubt ranks what pruning does, beside what chance does.

    Again and again the baseline's members are dealt into judges and a side of the comparison; the
    other side are as many members of the compressed population or, for the floor, of the second
    baseline.

    Args:
        label: (N, T) true answers, 0 or 1; each example a source of its own.
        baseline: (K, N, T) answers of dense members.
        positive: (K, N, T) their probabilities of yes.
        compressed: (L, N, T) answers.
        second_baseline: (M, N, T) answers.
        chosen: (N, T) booleans, which answers are ranked; None for all.
        judges: members that judge; None for as many as each side has.
        shares: of the highest scores, for what they capture.
        draws: deals, each with examples drawn anew for the intervals.
        seed: of them.
        alpha: intervals are at 1 - alpha; in (0, 1).

    Returns:
        A row an outcome (`OUTCOMES`) and measure ("AUC", "top 5 %", ...): outcome, measure,
        events (mean number between dense and compressed), value (mean over deals), low, high;
        floor, floor_low, floor_high: the same between dense and dense; beyond, beyond_low,
        beyond_high: their difference. NaN where nothing happened in any deal.

    Raises:
        UserError: shapes that do not match, a number out of range.
    """
    inputs.fraction("alpha", alpha)
    label = inputs.binary("label", label, dimensions=2)
    sides = {
        "baseline": inputs.binary("baseline", baseline, dimensions=3),
        "compressed": inputs.binary("compressed", compressed, dimensions=3),
        "second_baseline": inputs.binary("second_baseline", second_baseline, dimensions=3),
    }
    for name, side in sides.items():
        if side.shape[1:] != label.shape or len(side) < 2:
            raise UserError(
                f"{name} has shape {side.shape}: at least 2 members and {label.shape} answers of "
                "each are needed; give the same examples and tasks"
            )
    if draws < 2:
        raise UserError(f"draws is {draws}: at least 2 are needed to see a spread; 100 is usual")
    mask = np.ones(label.shape, bool) if chosen is None else np.asarray(chosen, dtype=bool)
    generator, found, events = np.random.default_rng(seed), [], []
    for _ in range(draws):
        judging, others = deal(len(sides["baseline"]), generator)
        score = doubt(np.asarray(positive)[judging[:judges]])
        drawn = generator.integers(len(label), size=len(label))
        times = np.bincount(drawn, minlength=len(label))
        of_answer = np.broadcast_to(times[:, None], label.shape)[mask]
        ranked = Ranked(score[mask])
        of_draw = []
        for name in ("compressed", "second_baseline"):
            other = generator.permutation(len(sides[name]))[: len(others)]
            after = happened(
                label=label, baseline=sides["baseline"][others], compressed=sides[name][other]
            )
            of_draw.append(
                [
                    [
                        _measured(ranked, after[outcome][mask], each, shares)
                        for each in (None, of_answer)
                    ]
                    for outcome in OUTCOMES
                ]
            )
            if name == "compressed":
                events.append([after[outcome][mask].sum() for outcome in OUTCOMES])
        found.append(of_draw)
    # draw, side, outcome, (all examples, drawn ones), measure
    return _summary(np.array(found), np.mean(events, axis=0), shares, alpha)


def _measured(
    ranked: Ranked, event: np.ndarray, times: np.ndarray | None, shares: Sequence[float]
) -> list[float]:
    answers, hits = ranked.counts(event, times)
    return [_area(answers, hits), *(_part(answers, hits, share) for share in shares)]


def _summary(
    found: np.ndarray, events: np.ndarray, shares: Sequence[float], alpha: float
) -> pd.DataFrame:
    names = ["AUC", *(f"top {100 * share:g} %" for share in shares)]
    values = {
        "": found[:, 0],
        "floor": found[:, 1],
        "beyond": found[:, 0] - found[:, 1],
    }
    rows = []
    for place, outcome in enumerate(OUTCOMES):
        for at, name in enumerate(names):
            row = {"outcome": outcome, "measure": name, "events": float(events[place])}
            for side, draws in values.items():
                whole, drawn = draws[:, place, 0, at], draws[:, place, 1, at]
                low, high = resampling.percentiles(drawn, alpha=alpha)
                mean = np.nanmean(whole) if not np.isnan(whole).all() else np.nan
                ends = dict(zip(("low", "high"), (float(low), float(high)), strict=True))
                row[side or "value"] = float(mean)
                row |= {f"{side}_{end}" if side else end: end_of for end, end_of in ends.items()}
            rows.append(row)
    return pd.DataFrame(rows)
