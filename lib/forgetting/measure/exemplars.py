"""Pruning identified exemplars (PIEs): examples on whose label two populations disagree."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import inputs, plurality


def find(
    *,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    ties: str = "none",
    baseline_confidence: npt.ArrayLike | None = None,
    compressed_confidence: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Find the PIEs and the clear ones among them. No true label takes part.

    Args:
        baseline: (K, N) predicted labels, one row a member.
        compressed: (L, N) predicted labels of the same examples in the same order.
        ties: the rule for a tied plurality label, as in `plurality.labels`. Under "none" a tied
            example is no PIE.
        baseline_confidence: (K, N) probabilities of the predicted labels; needed by
            ties="confidence" only.
        compressed_confidence: (L, N) the same of `compressed`.

    Returns:
        One row an example.

        - example: 0 to N - 1.
        - baseline_plurality, compressed_plurality: plurality labels, -1 where tied under "none".
        - pie: both have a plurality label and these differ.
        - clear: they differ and each has at least two thirds of its population's votes, in whole
          numbers: 3 votes >= 2 K.
        - baseline_tied, compressed_tied: ties before any rule broke them (they are possible at an
          odd K too).
        - baseline_agreement, compressed_agreement: the plurality label's share of the votes.
        - taxicab: sum over labels of the absolute difference between the shares of the baseline's
          and of the compressed members' votes, 0 to 2.

    Raises:
        UserError: as `plurality.labels`, and populations of different examples.

    Source: arXiv 1911.05248 (PIE); arXiv 2010.03058 (taxicab distance); the clear PIE is
    ours.

    Example:
        >>> find(baseline=[[0, 1], [0, 1], [0, 1]], compressed=[[1, 1], [1, 1], [0, 1]])["pie"]
        0     True
        1    False
        Name: pie, dtype: bool
    """
    baseline, compressed = inputs.populations({"baseline": baseline, "compressed": compressed})
    members, compressed_members = len(baseline), len(compressed)
    ranks, names = plurality.ranked(np.concatenate([baseline, compressed]))
    baseline, compressed = ranks[:members], ranks[members:]
    baseline_counted, compressed_counted = (
        plurality.count(population, classes=names.shape[1]) for population in (baseline, compressed)
    )
    baseline_label, baseline_top, baseline_tied = plurality.leaders(
        baseline_counted, ties=ties, predicted=baseline, confidence=baseline_confidence
    )
    compressed_label, compressed_top, compressed_tied = plurality.leaders(
        compressed_counted, ties=ties, predicted=compressed, confidence=compressed_confidence
    )
    baseline_label, compressed_label = (
        plurality.named(rank, names) for rank in (baseline_label, compressed_label)
    )
    pie = (baseline_label != compressed_label) & (baseline_label >= 0) & (compressed_label >= 0)
    # Shares on their common denominator, in whole numbers: equal populations are exactly 0 apart.
    apart = np.multiply(baseline_counted, compressed_members, dtype=np.int32)
    apart -= np.multiply(compressed_counted, members, dtype=np.int32)
    return pd.DataFrame(
        {
            "example": np.arange(len(names)),
            "baseline_plurality": baseline_label,
            "compressed_plurality": compressed_label,
            "pie": pie,
            "clear": pie
            & (3 * baseline_top >= 2 * members)
            & (3 * compressed_top >= 2 * compressed_members),
            "baseline_tied": baseline_tied,
            "compressed_tied": compressed_tied,
            "baseline_agreement": baseline_top / members,
            "compressed_agreement": compressed_top / compressed_members,
            "taxicab": np.abs(apart).sum(axis=1) / (members * compressed_members),
        }
    )


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Count the PIEs and the ties of a table of `find`.

    Args:
        found: that table.

    Returns:
        One row: examples; pies, pie_share; clear, clear_share; tied (on either side),
        baseline_tied, compressed_tied. Shares are fractions of all examples.
    """
    return pd.DataFrame(
        [
            {
                "examples": len(found),
                "pies": int(found["pie"].sum()),
                "pie_share": found["pie"].mean(),
                "clear": int(found["clear"].sum()),
                "clear_share": found["clear"].mean(),
                "tied": int((found["baseline_tied"] | found["compressed_tied"]).sum()),
                "baseline_tied": int(found["baseline_tied"].sum()),
                "compressed_tied": int(found["compressed_tied"].sum()),
            }
        ]
    )


def accuracy(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    pie: npt.ArrayLike,
    clear: npt.ArrayLike,
) -> pd.DataFrame:
    """Compare the accuracy of both populations on PIEs, clear PIEs, all others and all examples.

    To be read beside the same table for the noise floor's PIEs (`baseline` against
    `second_baseline`): at most one of two differing plurality labels can be right, so accuracy on
    PIEs is low by selection. In a binary task without ties the two plurality accuracies on PIEs sum
    to 1 and the baseline one is 1/2 + gap / (2 PIE share), gap being the baseline minus the
    compressed plurality accuracy on all examples, whatever the PIEs are like.

    Args:
        label: (N,) true labels.
        baseline: (K, N) predicted labels.
        compressed: (L, N) predicted labels.
        pie: (N,) booleans, the column of `find`.
        clear: (N,) booleans, the column of `find`.

    Returns:
        One row a subset and population, all fractions, NaN where the subset is empty.

        - subset: "all", "non-PIEs", "PIEs" or "clear PIEs"; population: "baseline" or
          "compressed".
        - n: examples in the subset.
        - plurality_accuracy: share of them whose plurality label is right; a tied example counts
          with the chance that one of its tied labels, drawn at random, is.
        - mean_accuracy: mean over members.

    Raises:
        UserError: shapes that do not match, masks that are not booleans.

    Source: arXiv 1911.05248, accuracy on PIEs, non-PIEs and all.
    """
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label
    )
    pie, clear = inputs.mask("pie", pie, len(label)), inputs.mask("clear", clear, len(label))
    right, share = {}, {}
    for population, predicted in (("baseline", baseline), ("compressed", compressed)):
        (true, *voted), names = plurality.ranked([label, *predicted])
        counted = plurality.count(voted, classes=names.shape[1])
        leads = counted == counted.max(axis=1, keepdims=True)
        right[population] = leads[np.arange(len(label)), true] / leads.sum(axis=1)
        share[population] = (predicted == label).mean(axis=0)
    subsets = {"all": np.ones_like(pie), "non-PIEs": ~pie, "PIEs": pie, "clear PIEs": clear}
    return pd.DataFrame(
        [
            {
                "subset": subset,
                "population": population,
                "n": int(chosen.sum()),
                "plurality_accuracy": right[population][chosen].mean() if chosen.any() else np.nan,
                "mean_accuracy": share[population][chosen].mean() if chosen.any() else np.nan,
            }
            for subset, chosen in subsets.items()
            for population in ("baseline", "compressed")
        ]
    )
