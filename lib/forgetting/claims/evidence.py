"""What the claims are tested on: every statistic of every population against dense, with what its interval needs.

One set of halves of the populations, and one of resampled images, serves all statistics, so that any two can be compared with an interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from forgetting import predictions
from forgetting.errors import UserError
from forgetting.measure import class_impact, exemplars, inference, inputs, robustness
from forgetting.study import Study

SECOND_BASELINE, INT8 = "dense-again", "fixed-int8-of-dense-again"
FLAW_KINDS = ("corrupted", "two digits", "atypical")
# Statistics of classes are numbers of classes, all others fractions. Those that speak of single images resample members and sources.
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


@dataclass(frozen=True)
class Evidence:
    """What the claims are tested on.

    Attributes:
        label, kind, source: (N,) true label, kind ("plain" and others) and source of each test image.
        training: (C,) training images of each class.
        predicted: setting to (K, N) predicted labels; "dense" and "dense-again" are needed, all with equally many members.
        corrupted: setting to (K, 2), accuracy of each member on the images that were corrupted, clean and then under corruption; or empty.
        held: setting to (K, M), whether each member is right on each held-out image; or empty.
        adversary: (M,) which of these are natural adversaries.
    """

    label: np.ndarray
    kind: np.ndarray
    source: np.ndarray
    training: np.ndarray
    predicted: Mapping[str, np.ndarray]
    corrupted: Mapping[str, np.ndarray] = field(default_factory=dict)
    held: Mapping[str, np.ndarray] = field(default_factory=dict)
    adversary: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))


def gather_evidence(
    study: Study, *, sparsities: Sequence[float], members: int | None = None
) -> Evidence:
    """What the predictions of `study` give: dense, dense-again, pruned at `sparsities`, fixed-point int8 where the study has it.

    Raises:
        UserError: populations are missing; the message says which command makes them.
    """
    images = predictions.load_study_dataset(study)
    attributes = images.test.attributes
    pruned = [f"pruned-{sparsity:g}" for sparsity in sparsities]
    quantized = [INT8] if "fixed-int8" in study.settings.quantized else []
    tests = {
        name: predictions.load_predictions(study, name, part="test", members=members)
        for name in ("dense", SECOND_BASELINE, *pruned, *quantized)
    }
    corrupted, held, adversary = {}, {}, np.zeros(0, dtype=bool)
    if study.data.corrupted_images:
        corrupted = {
            name: _clean_and_corrupted(
                predictions.load_corruption_counts(study, name, members=members)
            )
            for name in ("dense", SECOND_BASELINE, *pruned)
        }
    if "holdout" in study.parts(study.setting("dense")) and study.settings.selectors:
        selectors = predictions.load_predictions(study, "selectors", part="holdout")
        adversary = robustness.natural_adversaries(
            label=selectors.label, predicted=selectors.predicted
        )
        for name in ("dense", SECOND_BASELINE, *pruned):
            holdout = predictions.load_predictions(study, name, part="holdout", members=members)
            held[name] = holdout.predicted == holdout.label
    return Evidence(
        label=tests["dense"].label,
        kind=attributes["kind"].to_numpy(),
        source=attributes["source"].to_numpy(),
        training=np.bincount(images.train.labels, minlength=len(images.classes)),
        predicted={name: test.predicted for name, test in tests.items()},
        corrupted=corrupted,
        held=held,
        adversary=adversary,
    )


def _clean_and_corrupted(counts: pd.DataFrame) -> np.ndarray:
    summed = counts.groupby(["member", counts["severity"] > 0])[["n", "correct"]].sum()
    return (summed["correct"] / summed["n"]).unstack().to_numpy()


class Measured(NamedTuple):
    """Statistics of several populations against dense: on all, and on each draw. All have the columns of `STATISTICS`, NaN where unknown.

    `value`: setting to (S,). `members`: setting to (draws, S), halves of the members. `sources`: setting to (draws, S), all members on
    resampled images; NaN for what keeps the images. `size`: members a population. `alpha`: level of the tests of classes.
    """

    value: dict[str, np.ndarray]
    members: dict[str, np.ndarray]
    sources: dict[str, np.ndarray]
    size: int
    alpha: float


def measure_statistics(
    evidence: Evidence, *, draws: int = 400, seed: int, alpha: float = 0.05
) -> Measured:
    """Every statistic of every population of `evidence` against dense, with what its intervals need.

    Halves are drawn without replacement (with replacement every PIE count is inflated, see `exemplars.null_control`); a half varies around
    the whole as the whole varies around the truth. Quantized members follow their parents into a half. In a half, a class counts as
    affected where its change exceeds the margin that it needed in the whole populations: judged by its own margin a half finds too few.
    Sources are drawn with replacement, all copies of a source together; held-out images likewise.

    Args:
        draws: random halves, and random sets of sources, at least 2. seed: of both. alpha: level of the uncorrected tests of classes.

    Raises:
        UserError: populations of different size, fewer than 2 members or draws.
    """
    names = list(evidence.predicted)
    inputs.populations(evidence.predicted, label=evidence.label, members=2, paired=True)
    if draws < 2:
        raise UserError(f"draws is {draws}: at least 2 are needed to see a spread; 400 is usual")
    size, generator = len(evidence.predicted["dense"]), np.random.default_rng(seed)
    halves = {
        name: inference.subsets(size, size // 2, draws=draws, seed=generator)
        for name in names
        if name != INT8
    }
    halves |= {INT8: halves[SECOND_BASELINE]} if INT8 in names else {}
    everyone, source_seed = np.ones(size, dtype=bool), int(generator.integers(2**31))
    measured = Measured({}, {}, {}, size, alpha)
    for name in names:
        if name == "dense":
            continue
        margin, rows = (
            _margins(evidence, name, alpha),
            zip(halves["dense"], halves[name], strict=True),
        )
        measured.value[name] = _statistics(evidence, name, margin, everyone, everyone)
        measured.members[name] = np.array(
            [_statistics(evidence, name, margin, first, second) for first, second in rows]
        )
        measured.sources[name] = _over_sources(evidence, name, draws=draws, seed=source_seed)
    return measured


def _margins(e: Evidence, name: str, alpha: float) -> np.ndarray:
    """How far each class must change to be significant (C,), NaN where it is not tested."""
    plain = e.kind == "plain"
    dense, other = e.predicted["dense"][:, plain], e.predicted[name][:, plain]
    table = class_impact.compare(
        label=e.label[plain], baseline=dense, compressed=other, alpha=alpha
    )
    return ((table["relative_high"] - table["relative_low"]) / 2).to_numpy()


def _statistics(
    e: Evidence, name: str, margin: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """All statistics of the members `second` of `name` against the members `first` of dense, in the order of `STATISTICS`."""
    on_test, on_held = _columns(e, name, first, second)
    known = _class_statistics(e, on_test, margin) | _corruption_statistics(e, name, first, second)
    known |= {"PIEs": on_test["pie"].mean()} | _image_statistics(_totals(on_test), _totals(on_held))
    return np.array([known.get(statistic, np.nan) for statistic in STATISTICS], dtype=float)


def _columns(
    e: Evidence, name: str, first: np.ndarray, second: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """One number an image: of the test images (N,), and of the held-out ones (M,)."""
    dense, other = e.predicted["dense"][first], e.predicted[name][second]
    pie = exemplars.find(baseline=dense, compressed=other)["pie"].to_numpy()
    right, right_other = (dense == e.label).mean(axis=0), (other == e.label).mean(axis=0)
    on_test = {
        "n": np.ones(len(pie)),
        "right": right,
        "right_other": right_other,
        "pie": pie,
        "right_pie": right * pie,
    }
    for kind in ("plain", *FLAW_KINDS):
        on_test |= {kind: e.kind == kind, f"pie_{kind}": pie & (e.kind == kind)}
    if name not in e.held:
        return on_test, {}
    held, held_other = e.held["dense"][first].mean(axis=0), e.held[name][second].mean(axis=0)
    on_held = {
        "n": np.ones(len(held)),
        "hard": e.adversary,
        "right": held,
        "right_other": held_other,
    }
    return on_test, on_held | {
        "hard_right": held * e.adversary,
        "hard_right_other": held_other * e.adversary,
    }


def _totals(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key: values.sum() for key, values in columns.items()}


def _class_statistics(
    e: Evidence, columns: dict[str, np.ndarray], margin: np.ndarray
) -> dict[str, float]:
    """Accuracy, and what classes lose, on the plain test images."""
    plain = e.kind == "plain"
    label, n = e.label[plain], np.bincount(e.label[plain], minlength=len(e.training))
    gained = columns["right_other"][plain] - columns["right"][plain]
    recall, accuracy = np.bincount(label, weights=gained, minlength=len(n)) / n, gained.mean()
    change = recall - accuracy
    gains, losses = (change > margin).sum(), (change < -margin).sum()
    rarest_first = np.argsort(e.training, kind="stable")
    half = len(n) // 2
    rare = recall[rarest_first[:half]].mean() - recall[rarest_first[-half:]].mean()
    return {
        "accuracy": accuracy,
        "affected classes": gains + losses,
        "gains minus losses": gains - losses,
        "rare classes": rare if np.ptp(e.training) else np.nan,
    }


def _corruption_statistics(
    e: Evidence, name: str, first: np.ndarray, second: np.ndarray
) -> dict[str, float]:
    if name not in e.corrupted:
        return {}
    dense, other = e.corrupted["dense"][first].mean(axis=0), e.corrupted[name][second].mean(axis=0)
    clean, corrupted = (other - dense) / dense
    return {"corrupted images": other[1] - dense[1], "corrupted beyond clean": corrupted - clean}


def _image_statistics(
    test: dict[str, np.ndarray], held: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The statistics of `OVER_BOTH` from totals over images, each a number or (draws,); NaN where nothing is left to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = test["right_pie"] / test["pie"] - test["right"] / test["n"]
        plain = test["pie_plain"] / test["plain"]
        known = {
            "accuracy on PIEs": gap,
            "right answers on PIEs": np.where(test["pie"] > 0, gap, 0.0) * test["pie"] / test["n"],
        }
        known |= {
            f"PIEs among {kind}": test[f"pie_{kind}"] / test[kind] - plain for kind in FLAW_KINDS
        }
        if held:
            change = (held["right_other"] - held["right"]) / held["right"]
            hard = held["hard_right_other"] - held["hard_right"]
            known |= {
                "natural adversaries": hard / held["hard"],
                "adversaries beyond all": hard / held["hard_right"] - change,
            }
    return known


def _over_sources(e: Evidence, name: str, *, draws: int, seed: int) -> np.ndarray:
    """The statistics with all members, on resampled images (draws, S)."""
    everyone = np.ones(len(e.predicted["dense"]), dtype=bool)
    drawn = []
    for columns, source in zip(
        _columns(e, name, everyone, everyone), (e.source, np.arange(len(e.adversary))), strict=True
    ):
        # The same seed for every population: the same images are drawn for the effect and for its null.
        totals = (
            inference.cluster_totals(
                np.stack(list(columns.values()), axis=1), source, draws=draws, seed=seed
            ).T
            if columns
            else ()
        )
        drawn.append(dict(zip(columns, totals, strict=True)))
    known = _image_statistics(*drawn)
    return np.stack(
        [known.get(statistic, np.full(draws, np.nan)) for statistic in STATISTICS], axis=1
    )
