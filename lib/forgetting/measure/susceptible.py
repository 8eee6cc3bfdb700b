"""Which examples a model doubts, and how well its doubt ranks those whose predictions change.

The examples of which uncompressed models are least sure are those whose predictions change most
easily, whatever changes the model: compression, or another training. So what doubt tells of the one
stands beside what it tells of the other. `telling` asks the same of several yes-or-no tasks.

Source: that the dense model's uncertainty tells which samples are affected is a statement of
Iofinova et al., CVPR 2023 (arXiv 2304.12622); the design is ours.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forgetting.errors import UserError
from forgetting.measure import inference, inputs, plurality, telling

FEWEST_MEMBERS = 4  # of which there are judges, and others
FEWEST_FLIPS = 10  # and as few of what stays, from which an area has an interval
DEALS, FEWEST_DEALS = 50, 10  # of the baseline's members into judges and a side
WORK = 15 * 10**6  # Deals times predictions of the baseline; of more there are fewer deals.
BOUNDS = {"area": (0, 1), "floor_area": (0, 1), "beyond": (-1, 1)}


def doubt(predicted: npt.ArrayLike, confidence: npt.ArrayLike | None) -> np.ndarray:
    """Return how far members are from being sure of the label that most of them give.

    Args:
        predicted: (K, N) labels, whole numbers from 0.
        confidence: (K, N) their probabilities, or None.

    Returns:
        (N,) 1 minus the mean over members of the probability that is known to be given to that
        label: the confidence of those who predict it (1 without confidences), 0 of the others.

    Examples:
        >>> doubt([[0, 1], [0, 1], [1, 1]], None).round(3).tolist()
        [0.333, 0.0]
    """
    labels = np.asarray(predicted)
    given = np.ones(labels.shape) if confidence is None else np.asarray(confidence, dtype=float)
    return np.asarray(1 - np.where(labels == _most(labels), given, 0).mean(axis=0))


def _most(predicted: np.ndarray) -> np.ndarray:
    """The label (N,) that most members give, the lowest of several."""
    if len(predicted) == 1:
        return predicted[0]
    most: np.ndarray = plurality.labels(predicted=predicted, ties="lowest")["plurality"].to_numpy()
    return most


def area_with_influence(
    score: npt.ArrayLike, event: npt.ArrayLike
) -> tuple[float, np.ndarray | None]:
    """Return the area under the ROC curve and how much each example adds to it.

    Args:
        score: (n,) numbers.
        event: (n,) booleans, what happened.

    Returns:
        `telling.ranking` of these; and (n,) values with mean 0, whose variance divided by n is the
        variance of the area over other examples (DeLong's); NaN and None where all or nothing
        happened.

    Source:
        DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837-845.
    """
    score, event = np.asarray(score, dtype=float), np.asarray(event, dtype=bool)
    hits, others = int(event.sum()), int((~event).sum())
    if not hits or not others:
        return float("nan"), None
    values, at = np.unique(score, return_inverse=True)
    happened = np.bincount(at[event], minlength=len(values))
    rest = np.bincount(at[~event], minlength=len(values))
    below = (np.cumsum(rest) - rest / 2) / others  # the share of the rest, ties counting half
    above = 1 - (np.cumsum(happened) - happened / 2) / hits
    placed = np.where(event, below[at], above[at])
    area = float(placed[event].mean())
    return area, (placed - area) * np.where(event, len(score) / hits, len(score) / others)


def compare(
    *,
    baseline: npt.ArrayLike,
    confidence: npt.ArrayLike | None = None,
    compressed: npt.ArrayLike | None = None,
    second_baseline: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    paired: bool = False,
    deals: int | None = None,
    seed: int,
    alpha: float = 0.05,
) -> dict[str, float]:
    """Say how well the baseline's doubt ranks what flips, beside what chance alone flips.

    From `FEWEST_MEMBERS` members on the baseline's are dealt, again and again, into judges and a
    side of the comparison, because a judge that takes part in the outcome would look good for
    nothing; the other side are as many members of the other population. Of fewer members all judge
    and all are compared, in both columns alike.

    Args:
        baseline: (K, N) predicted labels, whole numbers from 0.
        confidence: (K, N) their probabilities; None where they are not known.
        compressed: (L, N) predicted labels; None to ask about the second baseline alone.
        second_baseline: (M, N) of a population of the baseline's kind, if there is one.
        cluster: (N,) what each example was made from, if several share a source.
        paired: whether member k of `compressed` was made from member k of `baseline`; then the
            side is compared with its own copies.
        deals: how often members are dealt; None for `DEALS`, or fewer where there is much to rank.
        seed: of these.
        alpha: intervals are at 1 - alpha; in (0, 1).

    Returns:
        judged_apart: whether judges take no part in the outcome. For the compressed models flips
        (examples whose plurality labels differ, mean over deals), area (under the ROC curve, 0.5 is
        chance), area_low, area_high; for the second baseline floor_flips, floor_area,
        floor_area_low, floor_area_high; beyond (area minus floor_area), beyond_low, beyond_high.
        All NaN where there is no such population or nothing flips, ends where fewer than
        `FEWEST_FLIPS` examples flip, or stay. Intervals are over other examples and, where members
        are dealt, over other members.

    Raises:
        UserError: shapes that do not match, one model without confidences, alpha out of range.
    """
    inputs.fraction("alpha", alpha)
    members, sure, others = _checked(baseline, confidence, compressed, second_baseline)
    examples = members.shape[1]
    source = (
        np.arange(examples) if cluster is None else inputs.clusters("cluster", cluster, examples)
    )
    apart = min([len(members), *(2 * len(side) for side in others.values())]) >= FEWEST_MEMBERS
    times = deals or max(FEWEST_DEALS, min(DEALS, WORK // members.size))
    generator = np.random.default_rng(seed)
    # Each other side is drawn for itself, so that the floor is the same beside any setting.
    drawing = {key: np.random.default_rng([seed, place]) for place, key in enumerate(BOUNDS)}
    summed = {key: _Areas(examples) for key in BOUNDS}
    for _ in range(times if apart else 1):
        judging = side = np.arange(len(members))
        if apart:
            judging, side = telling.deal(len(members), generator)
        score = doubt(members[judging], None if sure is None else sure[judging])
        before, found = _most(members[side]), {}
        for key, other in others.items():
            chosen = side if paired and key == "area" else np.arange(len(other))
            if apart and chosen is not side:
                chosen = drawing[key].permutation(chosen)[: len(side)]
            flipped = before != _most(other[chosen])
            found[key] = _Area(*area_with_influence(score, flipped), int(flipped.sum()))
        if len(found) == len(others) == 2:
            found["beyond"] = found["area"].minus(found["floor_area"])
        for key, area in found.items():
            summed[key].add(area)
    row: dict[str, float] = {"judged_apart": apart}
    for key, areas in summed.items():
        row |= areas.columns(key, source, alpha)
    return row


class _Area(NamedTuple):
    """An area, the influence (N,) of each example or None, and how many flips it is of."""

    value: float
    influence: np.ndarray | None
    flips: int

    def minus(self, other: "_Area") -> "_Area":
        influence = None
        if self.influence is not None and other.influence is not None:
            influence = self.influence - other.influence
        return _Area(self.value - other.value, influence, min(self.flips, other.flips))


class _Areas:
    """Areas of several deals of members, and their mean influence."""

    def __init__(self, examples: int) -> None:
        self._values: list[float] = []
        self._flips: list[int] = []
        self._influence = np.zeros(examples)

    def add(self, area: _Area) -> None:
        self._flips.append(area.flips)
        if area.influence is not None:
            self._values.append(area.value)
            self._influence += area.influence

    def columns(self, name: str, source: np.ndarray, alpha: float) -> dict[str, float]:
        """The mean area and its interval, by the names of `compare`."""
        flips = float(np.mean(self._flips)) if self._flips else np.nan
        row = {} if name == "beyond" else {name.replace("area", "flips"): flips}
        row |= dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
        if not self._values:
            return row
        row[name], times = float(np.mean(self._values)), len(self._values)
        if not FEWEST_FLIPS <= flips <= len(source) - FEWEST_FLIPS:
            return row
        added = np.bincount(source, weights=self._influence) / times / len(source)
        sources = len(added)
        variance = (added**2).sum() * sources / max(sources - 1, 1)
        if times > 1:  # Halves of the members differ about as much as other members would.
            variance += np.var(self._values, ddof=1)
        ends = inference.interval(
            row[name], se=np.sqrt(variance), df=max(sources - 1, 1), alpha=alpha
        )
        lowest, highest = BOUNDS[name]
        for end, value in zip(("low", "high"), ends, strict=True):
            row[f"{name}_{end}"] = float(np.clip(value, lowest, highest))
        return row


def _checked(
    baseline: npt.ArrayLike,
    confidence: npt.ArrayLike | None,
    compressed: npt.ArrayLike | None,
    second_baseline: npt.ArrayLike | None,
) -> tuple[np.ndarray, np.ndarray | None, dict[str, np.ndarray]]:
    """The baseline, its confidences, and what it is compared with by the name of its area."""
    given = {"area": compressed, "floor_area": second_baseline}
    others = {key: side for key, side in given.items() if side is not None}
    members, *sides = inputs.populations({"baseline": baseline} | others)
    if confidence is None and len(members) < 2:
        raise UserError(
            "the baseline is one model without confidences, which says nothing of how sure it is: "
            "give the column confidence, or several trainings"
        )
    sure = None if confidence is None else np.asarray(confidence)
    if sure is not None and sure.shape != members.shape:
        raise UserError(
            f"confidence has shape {sure.shape} and baseline {members.shape}: one is needed for "
            "each prediction; give both of the same models"
        )
    return members, sure, dict(zip(others, sides, strict=True))
