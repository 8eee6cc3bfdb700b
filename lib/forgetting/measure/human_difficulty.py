"""Are forgotten images hard for people? PIEs beside equally uncertain images; label errors."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import inference, inputs, matched_comparison, matching


def agreement(counts: npt.ArrayLike, *, label: npt.ArrayLike) -> pd.DataFrame:
    """How hard each image was for people.

    With n answers the entropy is too low by about (labels given - 1) / (1.39 n) on average, for
    hard and easy images alike.

    Args:
        counts: (N, classes), how many people gave each label.
        label: (N,) the data set's.

    Returns:
        One row an image: example (0 to N - 1); entropy (of the answers, in bits); accuracy (share
        of the answers that are `label`).

    Example:
        >>> agreement([[50, 0], [25, 25]], label=[0, 0]).to_dict("list")
        {'example': [0, 1], 'entropy': [0.0, 1.0], 'accuracy': [1.0, 0.5]}
    """
    label, counts = inputs.labels("label", label, dimensions=1), np.asarray(counts)
    accuracy = counts[np.arange(len(label)), label] / counts.sum(axis=1)
    return pd.DataFrame(
        {
            "example": np.arange(len(label)),
            "entropy": matching.entropy(counts),
            "accuracy": accuracy,
        }
    )


def by_margin(
    *,
    outcomes: pd.DataFrame,
    picked: npt.ArrayLike,
    margin: npt.ArrayLike,
    edges: Sequence[float] = (0, 0.2, 0.4, 0.6, 0.8, 1),
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Means of outcomes among picked and other examples of similar margin.

    Args:
        outcomes: a row an example, a column an outcome.
        picked: (N,) booleans.
        margin: (N,) as in `matching.uncertainty`.
        edges: bins are [edge, next edge); the last one holds the margin 1 alone.
        alpha: intervals are at 1 - alpha.

    Returns:
        One row a bin, side and outcome: margin_low, margin_high (of the bin), picked, outcome, n,
        mean, low, high (the t interval over images). NaN for empty bins, and no interval where
        nothing varies.

    Raises:
        UserError: shapes that do not match, masks that are not booleans.
    """
    columns = outcomes.drop(columns="example", errors="ignore")
    picked, margin = (
        inputs.mask("picked", picked, len(columns)),
        inputs.column("margin", margin, len(columns)),
    )
    where, rows = np.digitize(margin, edges) - 1, []
    for place, low in enumerate(edges):
        for side in (True, False):
            some = columns[(where == place) & (picked == side)].astype(float)
            for name, values in some.items():
                interval = (
                    inference.mean_interval(values, alpha=alpha) if len(values) else [np.nan] * 3
                )
                edge = edges[min(place + 1, len(edges) - 1)]
                rows.append(
                    {
                        "margin_low": float(low),
                        "margin_high": float(edge),
                        "picked": side,
                        "outcome": name,
                        "n": len(values),
                        **dict(zip(("mean", "low", "high"), map(float, interval), strict=True)),
                    }
                )
    return pd.DataFrame(rows)


def compare_exemplars(
    *,
    outcomes: pd.DataFrame,
    found: pd.DataFrame,
    judge: pd.DataFrame,
    draws: int = 2000,
    shuffles: int = 2000,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare PIEs and clear PIEs with all images that are not, and with equally uncertain ones.

    Args:
        outcomes: a row an image and a column an outcome.
        found: the table of `exemplars.find`.
        judge: `matching.uncertainty` of a population that took no part in `found`. Networks that
            define PIEs would be uncertain of them by definition.
        draws: as in `matched_comparison.compare`.
        shuffles: as in `matched_comparison.compare`.
        seed: whole number or numpy Generator.
        alpha: intervals are at 1 - alpha.

    Returns:
        group ("PIEs", "clear PIEs"), control (one of `matched_comparison.CONTROLS`) and the columns
        of `matched_comparison.compare`. A group without images has no row.
    """
    cell, tables = matching.cells(judge), []
    for group, measure in (("PIEs", "pie"), ("clear PIEs", "clear")):
        picked = found[measure].to_numpy()
        keep = picked | ~found["pie"].to_numpy()
        for control, of in zip(matched_comparison.CONTROLS, (None, cell[keep]), strict=True):
            if picked.any():
                table = matched_comparison.compare(
                    outcomes=outcomes[keep],
                    picked=picked[keep],
                    cell=of,
                    draws=draws,
                    shuffles=shuffles,
                    seed=seed,
                    alpha=alpha,
                )
                tables.append(table.assign(group=group, control=control))
    table = (
        pd.concat(tables, ignore_index=True)
        if tables
        else pd.DataFrame(columns=["group", "control"])
    )
    return table[["group", "control", *table.columns.drop(["group", "control"])]]


def labels_lost(
    *,
    wrong: npt.ArrayLike,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    judge: pd.DataFrame,
    draws: int = 2000,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Whether compression loses labels of images that people mislabel more than others.

    Args:
        wrong: (N,) how many people's labels of each training image differ from the one networks
            were trained on.
        label: (N,) that label.
        baseline: (K, N) predicted labels of the training part, K at least 2.
        compressed: (L, N) the same, L at least 2.
        judge: `matching.uncertainty` of a population that is neither of the two.
        draws: of the bootstrap over images.
        seed: whole number or numpy Generator.
        alpha: intervals are at 1 - alpha.

    Returns:
        One row a value of `wrong` above 0, control (`matched_comparison.CONTROLS`: all images that
        nobody mislabels, or equally uncertain ones of these) and way to resample.

        - wrong; control; n, left_out.
        - change, change_others: in the share of members that predict the label, compressed minus
          baseline, among these images and among the others.
        - beyond, low, high: the first minus the second.
        - resamples: "members" (Welch's interval: other trainings, these images) or "images"
          (bootstrap: other images, these networks).

    Raises:
        UserError: populations that do not match.
    """
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2
    )
    wrong = inputs.column("wrong", wrong, len(label))
    right = [predicted == label for predicted in (baseline, compressed)]
    change = pd.DataFrame({"change": right[1].mean(axis=0) - right[0].mean(axis=0)})
    cell, rows = matching.cells(judge), []
    for many in sorted(set(wrong[wrong > 0].tolist())):
        keep = (wrong == many) | (wrong == 0)
        picked = wrong[keep] == many
        cells = (np.zeros(keep.sum(), dtype=int), cell[keep])
        for control, of in zip(matched_comparison.CONTROLS, cells, strict=True):
            row = matched_comparison.compare(
                outcomes=change[keep],
                picked=picked,
                cell=of,
                draws=draws,
                shuffles=0,
                seed=seed,
                alpha=alpha,
            ).iloc[0]
            weigh = matching.weights(picked=picked, cell=of)
            over_members = inference.welch(*(hits[:, keep] @ weigh for hits in right), alpha=alpha)
            common = {
                "wrong": many,
                "control": control,
                "n": row["n"],
                "left_out": row["left_out"],
                "change": row["mean_picked"],
                "change_others": row["mean_others"],
                "beyond": row["difference"],
            }
            rows.append(
                {
                    **common,
                    "low": float(over_members.low),
                    "high": float(over_members.high),
                    "resamples": "members",
                }
            )
            rows.append({**common, "low": row["low"], "high": row["high"], "resamples": "images"})
    return pd.DataFrame(rows)
