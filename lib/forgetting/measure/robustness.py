"""Accuracy under corruption and on natural adversaries, relative to the baseline."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inference, inputs

COLUMNS = ("setting", "member", "corruption", "severity", "class", "n", "correct")
KEYS = ("corruption", "severity", "class")


def _accuracies(counts: pd.DataFrame, by: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracy and examples of each member (rows) in each cell of `by` (columns)."""
    summed = counts.groupby(["setting", "member", *by], observed=True)[["n", "correct"]].sum()
    accuracy, n = summed["correct"] / summed["n"], summed["n"]
    return (accuracy.unstack(by), n.unstack(by)) if by else (accuracy.to_frame(), n.to_frame())


def _against(baseline: np.ndarray, accuracy: np.ndarray, alpha: float) -> dict:
    """Compare members' accuracies (L, cells) with the baseline's (K, cells), as columns."""
    change = inference.welch(baseline, accuracy, alpha=alpha)
    proportional, low, high = inference.proportional_change(baseline, accuracy, alpha=alpha)
    return {
        "change": change.change,
        "change_low": change.low,
        "change_high": change.high,
        "proportional_change": proportional,
        "proportional_low": low,
        "proportional_high": high,
    }


def compare(
    *,
    counts: pd.DataFrame,
    baseline: str,
    by: Sequence[str] = ("corruption", "severity"),
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare accuracy under corruption of each population with the baseline's.

    Args:
        counts: one row a setting, member, corruption, severity and class, with `n` examples of
            which `correct` were right; severity 0 is the clean image. Every member needs the same
            cells with the same `n`.
        baseline: the setting that the others are compared with, e.g. "dense". Members are taken
            as independent of the baseline's (Welch).
        by: what a cell is, any of "corruption", "severity", "class"; what is left out is pooled
            over its examples. Clean images are cells of their own if corruption or severity is
            named, and left out of the pool otherwise.
        alpha: intervals are at 1 - alpha.

    Returns:
        One row a setting, the baseline left out, and cell; all rates and changes are fractions.

        - setting; the columns of `by`; n: examples of the cell, a member; members.
        - baseline_accuracy, compressed_accuracy: means over members.
        - change, change_low, change_high: compressed minus baseline.
        - proportional_change, proportional_low, proportional_high: change / baseline accuracy,
          negative for a loss, with the interval of the delta method.
        - beyond, beyond_low, beyond_high: change minus the change on the clean images (of the
          same class, if `by` names it): what is lost under corruption beyond what is lost
          anyway, from each member's own difference between corrupted and clean. 0 on clean
          images.
        - resamples: "members": other trainings, these images.

        Intervals are NaN where no member differs from another.

    Raises:
        UserError: missing columns, an unknown baseline or key, fewer than 2 members, no other
            setting, members with other cells.

    Source: arXiv 1911.05248, robustness relative to the baseline; corruptions after Hendrycks and
    Dietterich, 2019.
    """
    inputs.fraction("alpha", alpha)
    by = [inputs.one_of("by", key, KEYS) for key in by]
    settings = _settings(counts, baseline)
    cells, lost, n = _cells(counts, by)
    members = cells.groupby(level="setting").size()
    if members.min() < 2:
        raise UserError(
            f"{members.idxmin()} has 1 member: at least 2 are needed to see how trainings differ; "
            "add members"
        )
    tables = []
    for setting in (name for name in settings if name != baseline):
        before, after = (cells.loc[name].to_numpy() for name in (baseline, setting))
        beyond = inference.welch(lost.loc[baseline], lost.loc[setting], alpha=alpha)
        tables.append(
            cells.columns.to_frame(index=False)[by].assign(
                setting=setting,
                n=n,
                members=members[setting],
                baseline_accuracy=before.mean(axis=0),
                compressed_accuracy=after.mean(axis=0),
                **_against(before, after, alpha),
                beyond=beyond.change,
                beyond_low=beyond.low,
                beyond_high=beyond.high,
                resamples="members",
            )
        )
    table = pd.concat(tables, ignore_index=True)
    return table[["setting", *by, *(name for name in table if name not in ("setting", *by))]]


def _settings(counts: pd.DataFrame, baseline: str) -> list[str]:
    """Check the counts and the baseline that `compare` is given; return the settings in order."""
    if missing := [name for name in COLUMNS if name not in counts]:
        raise UserError(
            f"the counts lack the column {missing[0]!r}: needed are {', '.join(COLUMNS)}; add it"
        )
    settings = counts["setting"].unique().tolist()
    if baseline not in settings or len(settings) < 2:
        raise UserError(
            f"the baseline is {baseline!r} and the counts have {', '.join(map(str, settings))}: "
            "the baseline and at least one other are needed; add their counts"
        )
    if ((counts["severity"] == 0) != (counts["corruption"] == "none")).any():
        raise UserError(
            'severity 0 and corruption "none" must stand together: both mean the clean image; fix '
            "the counts"
        )
    return settings


def _cells(counts: pd.DataFrame, by: list[str]) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Accuracy of each member (rows) in each cell of `by` (columns), what it lost there, examples.

    The loss is from the member's own accuracy on the clean images.
    """
    is_clean = counts["severity"] == 0
    cells, sizes = _accuracies(
        counts if {"corruption", "severity"} & set(by) else counts[~is_clean], by
    )
    clean, _ = _accuracies(counts[is_clean], [key for key in by if key == "class"])
    complete = clean.index.equals(cells.index) and not (
        cells.isna().any(axis=None) or clean.isna().any(axis=None)
    )
    if not complete or (sizes != sizes.iloc[0]).any(axis=None):
        raise UserError(
            "the members were not all counted on the same images: each needs every corruption, "
            "severity and class, the clean images too, with the same n; count them again"
        )
    of_cells = clean[cells.columns.get_level_values("class")] if "class" in by else clean
    return cells, cells - of_cells.to_numpy(), sizes.iloc[0].to_numpy()


def natural_adversaries(
    *, label: npt.ArrayLike, predicted: npt.ArrayLike, share: float = 0.5
) -> np.ndarray:
    """Pick the examples that most of some held-out networks get wrong, after ImageNet-A's idea.

    Such examples are chosen for being hard, so every network's accuracy on them is low; only
    differences between populations mean anything.

    Args:
        label: (N,) true labels.
        predicted: (S, N) labels by S selectors, networks of another kind that belong to no
            population that is compared on these examples.
        share: in [0, 1): an example is picked if more than this share of the selectors are wrong.

    Returns:
        (N,) booleans.

    Raises:
        UserError: shapes that do not match, a share out of range.

    Source: Hendrycks et al., Natural Adversarial Examples, 2021.

    Example:
        >>> natural_adversaries(label=[0, 1], predicted=[[0, 0], [0, 0], [0, 1]])
        array([False,  True])
    """
    label, predicted = inputs.populations({"predicted": predicted}, label=label)
    if not 0 <= share < 1:
        raise UserError(
            f"share is {share}: it must be at least 0 and below 1; 0.5 takes what most selectors "
            "get wrong"
        )
    return (predicted != label).sum(axis=0) > share * len(predicted)


def accuracy(
    *,
    label: npt.ArrayLike,
    populations: Mapping[str, npt.ArrayLike],
    baseline: str,
    mask: npt.ArrayLike | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare the accuracy of several populations, on some of the examples, with the baseline's.

    Args:
        label: (N,) true labels.
        populations: (K, N) predicted labels by setting name, at least 2 members each, independent
            of the baseline's.
        baseline: the name that the others are compared with.
        mask: (N,) booleans, the examples used; all if not given.
        alpha: intervals are at 1 - alpha.

    Returns:
        One row a population, all fractions: setting; n; members; accuracy, low, high (mean over
        members with its t interval); change, change_low, change_high (minus the baseline's, Welch);
        proportional_change, proportional_low, proportional_high (change / baseline accuracy, delta
        method); resamples ("members": other trainings, these images). Intervals are NaN where no
        member differs from another, and for the baseline compared with itself.

    Raises:
        UserError: shapes that do not match, an unknown baseline, fewer than 2 members, a mask
            without examples.
    """
    inputs.fraction("alpha", alpha)
    inputs.one_of("baseline", baseline, tuple(populations))
    label, *predicted = inputs.populations(populations, label=label, members=2)
    mask = (
        np.ones(len(label), dtype=bool) if mask is None else inputs.mask("mask", mask, len(label))
    )
    if not mask.any():
        raise UserError("the mask has no example: at least 1 is needed; choose other examples")
    hits = {
        name: (values[:, mask] == label[mask]).mean(axis=1)
        for name, values in zip(populations, predicted, strict=True)
    }
    rows = []
    for name, values in hits.items():
        mean, low, high = inference.mean_interval(values, alpha=alpha)
        against = {
            key: float(value) for key, value in _against(hits[baseline], values, alpha).items()
        }
        if name == baseline:
            against = {
                key: 0.0 if key in ("change", "proportional_change") else np.nan for key in against
            }
        rows.append(
            {
                "setting": name,
                "n": int(mask.sum()),
                "members": len(values),
                "accuracy": float(mean),
                "low": float(low),
                "high": float(high),
                **against,
            }
        )
    return pd.DataFrame(rows).assign(resamples="members")


def proportional_beyond(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    mask: npt.ArrayLike,
    alpha: float = 0.05,
) -> inference.Change:
    """Test whether some examples lose a larger share of their accuracy than all examples do.

    Args:
        label: (N,) true labels.
        baseline: (K, N) predicted labels, K at least 2.
        compressed: (L, N) predicted labels of members trained independently, L at least 2.
        mask: (N,) booleans, the examples in question.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        The proportional change on these examples minus that on all, by the delta method with
        Welch's degrees of freedom; negative where they lose more. NaN where the baseline is never
        right.

    Raises:
        UserError: shapes that do not match, fewer than 2 members, a mask without examples.
    """
    inputs.fraction("alpha", alpha)
    label, *both = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2
    )
    mask = inputs.mask("mask", mask, len(label))
    if not mask.any():
        raise UserError("the mask has no example: at least 1 is needed; choose other examples")
    parts = [
        np.stack([hits[:, mask].mean(axis=1), hits.mean(axis=1)], axis=1)
        for hits in (predicted == label for predicted in both)
    ]
    base = parts[0].mean(axis=0)
    base = np.where(base == 0, np.nan, base)
    ratio, signs = parts[1].mean(axis=0) / base, np.array([1, -1])
    # As in `inference.proportional_change`, of both shares in one number for each member.
    spread = inference.welch(parts[0] * ratio / base @ signs, parts[1] / base @ signs)
    return inference.from_error(ratio @ signs, se=spread.se, df=spread.df, alpha=alpha)
