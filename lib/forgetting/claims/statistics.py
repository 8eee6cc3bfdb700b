"""Every statistic that a claim is tested on, of every population against the dense one.

One set of halves of the populations, and one of resampled images, serves all statistics, so that
any two can be compared with an interval.
"""

from typing import NamedTuple

import numpy as np

from forgetting.claims.evidence import INT8, SECOND_BASELINE, Evidence
from forgetting.errors import UserError
from forgetting.measure import class_impact, inputs, plurality, resampling

FLAW_KINDS = ("corrupted", "two digits", "atypical")
# Statistics of classes are numbers of classes, all others fractions. Those about single images
# resample members and sources.
CLASSES = ("affected classes", "gains minus losses")
OVER_MEMBERS = (
    "accuracy",
    *CLASSES,
    "rare classes",
    "PIEs",
    "corrupted images",
    "corrupted beyond clean",
)
ADVERSARIES = ("natural adversaries", "adversaries beyond all")
OVER_BOTH = (
    "accuracy on PIEs",
    "right answers on PIEs",
    *(f"PIEs among {kind}" for kind in FLAW_KINDS),
    *ADVERSARIES,
)
STATISTICS = (*OVER_MEMBERS, *OVER_BOTH)


class Measured(NamedTuple):
    """Statistics of several populations against dense, on all and on each draw.

    All arrays have the columns of `STATISTICS`, NaN where a statistic is not defined.

    Attributes:
        values: setting to (S,).
        member_draws: setting to (draws, S), halves of the members.
        source_draws: setting to (draws, S), all members on resampled images; NaN for statistics
            that keep the images.
        members: how many a population has.
        alpha: level of the tests of classes.
    """

    values: dict[str, np.ndarray]
    member_draws: dict[str, np.ndarray]
    source_draws: dict[str, np.ndarray]
    members: int
    alpha: float


def measure_statistics(
    evidence: Evidence, *, draws: int = 400, seed: int, alpha: float = 0.05
) -> Measured:
    """Compute every statistic of every population against dense, with what its intervals need.

    Halves are drawn without replacement (with replacement every PIE count is inflated, see
    `exemplar_controls.null_control`); a half varies around all members as all members vary around
    the truth. Quantized members follow their parents into a half. In a half, a class counts as
    affected where its change exceeds the margin that it needed in all members: judged by its own
    margin a half finds too few. Sources are drawn with replacement, all copies of a source
    together; held-out images likewise.

    Args:
        evidence: the populations.
        draws: random halves, and random sets of sources, at least 2.
        seed: of both.
        alpha: level of the uncorrected tests of classes.

    Raises:
        UserError: populations of different size, fewer than 2 members or draws.
    """
    names = list(evidence.predicted)
    inputs.populations(evidence.predicted, label=evidence.label, members=2, paired=True)
    if draws < 2:
        raise UserError(f"draws is {draws}: at least 2 are needed to see a spread; 400 is usual")
    size, generator = len(evidence.predicted["dense"]), np.random.default_rng(seed)
    halves = {
        name: resampling.subsets(size, size // 2, draws=draws, seed=generator)
        for name in names
        if name != INT8
    }
    halves |= {INT8: halves[SECOND_BASELINE]} if INT8 in names else {}
    everyone, source_seed = np.ones(size, dtype=bool), int(generator.integers(2**31))
    measured = Measured({}, {}, {}, size, alpha)
    for name in names:
        if name == "dense":
            continue
        margin, votes = _margins(evidence, name, alpha), _votes(evidence, name)
        measured.values[name] = _statistics(evidence, name, margin, votes, everyone, everyone)
        measured.member_draws[name] = np.array(
            [
                _statistics(evidence, name, margin, votes, first, second)
                for first, second in zip(halves["dense"], halves[name], strict=True)
            ]
        )
        measured.source_draws[name] = _over_sources(
            evidence, name, votes, draws=draws, seed=source_seed
        )
    return measured


def _margins(evidence: Evidence, name: str, alpha: float) -> np.ndarray:
    """How far each class must change to be significant (C,), NaN where it is not tested."""
    plain = evidence.kind == "plain"
    table = class_impact.compare(
        label=evidence.label[plain],
        baseline=evidence.predicted["dense"][:, plain],
        compressed=evidence.predicted[name][:, plain],
        alpha=alpha,
    )
    return ((table["relative_high"] - table["relative_low"]) / 2).to_numpy()


class _Votes(NamedTuple):
    """The votes of the members of two populations, 0 or 1, and which of them are right.

    Attributes:
        dense: (K, N * R), R being the most labels that occur for one image.
        other: (L, N * R).
        labels: R.
        dense_right: (K, N) booleans.
        other_right: (L, N) booleans.
    """

    dense: np.ndarray
    other: np.ndarray
    labels: int
    dense_right: np.ndarray
    other_right: np.ndarray


def _votes(evidence: Evidence, name: str) -> _Votes:
    dense, other = evidence.predicted["dense"], evidence.predicted[name]
    ranks, names = plurality.ranked(np.concatenate([dense, other]))
    # As float32, in which sums of so few ones are exact and matrix products fast.
    votes = (ranks[..., None] == np.arange(names.shape[1])).astype(np.float32)
    votes = votes.reshape(len(ranks), -1)
    right = [population == evidence.label for population in (dense, other)]
    return _Votes(votes[: len(dense)], votes[len(dense) :], names.shape[1], *right)


def _pies(votes: _Votes, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Which images are PIEs (N,) of some members of both populations; as `exemplars.find`."""
    one, other = (
        plurality.leaders((members.astype(np.float32) @ cast).reshape(-1, votes.labels))[0]
        for members, cast in ((first, votes.dense), (second, votes.other))
    )
    return (one != other) & (one >= 0) & (other >= 0)


def _statistics(
    evidence: Evidence,
    name: str,
    margin: np.ndarray,
    votes: _Votes,
    first: np.ndarray,
    second: np.ndarray,
) -> np.ndarray:
    """All statistics of the members `second` of `name` against the members `first` of dense."""
    test, holdout = _columns(evidence, name, votes, first, second)
    values = (
        _class_statistics(evidence, test, margin)
        | _corruption_statistics(evidence, name, first, second)
        | {"PIEs": test["pie"].mean()}
        | _image_statistics(_totals(test), _totals(holdout))
    )
    return np.array([values.get(statistic, np.nan) for statistic in STATISTICS], dtype=float)


def _columns(
    evidence: Evidence, name: str, votes: _Votes, first: np.ndarray, second: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """One number an image: of the test images (N,), and of the held-out ones (M,)."""
    pie = _pies(votes, first, second)
    right = votes.dense_right[first].mean(axis=0)
    test = {
        "n": np.ones(len(pie)),
        "right": right,
        "right_other": votes.other_right[second].mean(axis=0),
        "pie": pie,
        "right_pie": right * pie,
    }
    for kind in ("plain", *FLAW_KINDS):
        test |= {kind: evidence.kind == kind, f"pie_{kind}": pie & (evidence.kind == kind)}
    if name not in evidence.holdout:
        return test, {}
    right = evidence.holdout["dense"][first].mean(axis=0)
    right_other = evidence.holdout[name][second].mean(axis=0)
    return test, {
        "n": np.ones(len(right)),
        "hard": evidence.adversary,
        "right": right,
        "right_other": right_other,
        "hard_right": right * evidence.adversary,
        "hard_right_other": right_other * evidence.adversary,
    }


def _totals(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key: values.sum() for key, values in columns.items()}


def _class_statistics(
    evidence: Evidence, columns: dict[str, np.ndarray], margin: np.ndarray
) -> dict[str, np.ndarray]:
    """Accuracy, and what classes lose, on the plain test images."""
    plain = evidence.kind == "plain"
    label = evidence.label[plain]
    n = np.bincount(label, minlength=len(evidence.training))
    gained = columns["right_other"][plain] - columns["right"][plain]
    recall, accuracy = np.bincount(label, weights=gained, minlength=len(n)) / n, gained.mean()
    change = recall - accuracy
    gains, losses = (change > margin).sum(), (change < -margin).sum()
    rarest_first = np.argsort(evidence.training, kind="stable")
    half = len(n) // 2
    rare = recall[rarest_first[:half]].mean() - recall[rarest_first[-half:]].mean()
    return {
        "accuracy": accuracy,
        "affected classes": gains + losses,
        "gains minus losses": gains - losses,
        "rare classes": rare if np.ptp(evidence.training) else np.float64(np.nan),
    }


def _corruption_statistics(
    evidence: Evidence, name: str, first: np.ndarray, second: np.ndarray
) -> dict[str, np.ndarray]:
    if name not in evidence.corrupted:
        return {}
    dense = evidence.corrupted["dense"][first].mean(axis=0)
    other = evidence.corrupted[name][second].mean(axis=0)
    clean, corrupted = (other - dense) / dense
    return {"corrupted images": other[1] - dense[1], "corrupted beyond clean": corrupted - clean}


def _image_statistics(
    test: dict[str, np.ndarray], holdout: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The statistics of `OVER_BOTH` from totals over images, each a number or (draws,).

    They are NaN where nothing is left to divide by.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = test["right_pie"] / test["pie"] - test["right"] / test["n"]
        plain = test["pie_plain"] / test["plain"]
        values = {
            "accuracy on PIEs": gap,
            "right answers on PIEs": np.where(test["pie"] > 0, gap, 0.0) * test["pie"] / test["n"],
        }
        for kind in FLAW_KINDS:
            values[f"PIEs among {kind}"] = test[f"pie_{kind}"] / test[kind] - plain
        if holdout:
            change = (holdout["right_other"] - holdout["right"]) / holdout["right"]
            hard = holdout["hard_right_other"] - holdout["hard_right"]
            values["natural adversaries"] = hard / holdout["hard"]
            values["adversaries beyond all"] = hard / holdout["hard_right"] - change
    return values


def _over_sources(
    evidence: Evidence, name: str, votes: _Votes, *, draws: int, seed: int
) -> np.ndarray:
    """The statistics with all members, on resampled images (draws, S)."""
    everyone = np.ones(len(evidence.predicted["dense"]), dtype=bool)
    test, holdout = _columns(evidence, name, votes, everyone, everyone)
    values = _image_statistics(
        _drawn_totals(test, evidence.source, draws=draws, seed=seed),
        _drawn_totals(holdout, np.arange(len(evidence.adversary)), draws=draws, seed=seed),
    )
    missing = np.full(draws, np.nan)
    return np.stack([values.get(statistic, missing) for statistic in STATISTICS], axis=1)


def _drawn_totals(
    columns: dict[str, np.ndarray], source: np.ndarray, *, draws: int, seed: int
) -> dict[str, np.ndarray]:
    """Totals (draws,) of each column over resampled sources.

    The same seed serves every population: the same images are drawn for effect and null.
    """
    if not columns:
        return {}
    values = np.stack(list(columns.values()), axis=1)
    totals = resampling.cluster_totals(values, source, draws=draws, seed=seed).T
    return dict(zip(columns, totals, strict=True))
