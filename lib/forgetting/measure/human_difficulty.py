"""Are forgotten images hard for people? PIEs beside equally uncertain images; label errors."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import exemplars, inference, inputs, matching, resampling

CONTROLS = ("the rest", "equally uncertain")


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
        draws: as in `matching.compare`.
        shuffles: as in `matching.compare`.
        seed: whole number or numpy Generator.
        alpha: intervals are at 1 - alpha.

    Returns:
        group ("PIEs", "clear PIEs"), control (`CONTROLS`) and the columns of `matching.compare`. A
        group without images has no row.
    """
    cell, tables = matching.cells(judge), []
    for group, measure in (("PIEs", "pie"), ("clear PIEs", "clear")):
        picked = found[measure].to_numpy()
        keep = picked | ~found["pie"].to_numpy()
        for control, of in zip(CONTROLS, (None, cell[keep]), strict=True):
            if picked.any():
                how = {"draws": draws, "shuffles": shuffles, "seed": seed, "alpha": alpha}
                table = matching.compare(
                    outcomes=outcomes[keep], picked=picked[keep], cell=of, **how
                )
                tables.append(table.assign(group=group, control=control))
    table = (
        pd.concat(tables, ignore_index=True)
        if tables
        else pd.DataFrame(columns=["group", "control"])
    )
    return table[["group", "control", *table.columns.drop(["group", "control"])]]


def compare_with_null(
    *,
    outcomes: pd.DataFrame,
    baseline: npt.ArrayLike,
    second_baseline: npt.ArrayLike,
    baseline_confidence: npt.ArrayLike,
    second_baseline_confidence: npt.ArrayLike,
    compressed: Mapping[str, npt.ArrayLike],
    draws: int = 500,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Whether PIEs differ from equally uncertain images by more than the noise floor's PIEs do.

    Uncertainty is measured with few networks. Images that are chosen for a divided vote are
    therefore a little more uncertain than others on which the judges divide alike, and matching
    leaves a difference where there is none. It leaves one for the noise floor, too, if that is
    chosen
    in the same way: both kinds of PIE are found by as many networks, and judged by the same, which
    took part in neither. The noise floor's is the larger one, for compression also makes PIEs of
    images on which the baseline networks are hardly divided, and these need less matching. So
    `beyond` leans to the side where PIEs are *less* hard: what lies on the other side is evidence,
    what lies there is none.

    In each draw the members are divided: PIEs are found between half of the baseline and half of
    the compressed members, the noise floor's between the same half and half of the second baseline;
    the other halves of baseline and second baseline, together, are the judge. For the interval
    images are drawn with replacement as well. A half so drawn varies around the whole as the whole
    around the truth, as in `exemplar_controls.null_control`; the standard deviation of `beyond`
    over such draws is its standard error, and the interval is `beyond` -+ t(K - 1) se.

    Args:
        outcomes: a row an image and a column an outcome.
        baseline: (K, N) predicted labels, K at least 2.
        second_baseline: (K, N) predicted labels of a population trained alike.
        baseline_confidence: (K, N) probabilities of the predicted labels.
        second_baseline_confidence: (K, N) the same of the second baseline.
        compressed: (K, N) predicted labels by name, independent of the baseline.
        draws: how often the members are divided.
        seed: whole number or numpy Generator.
        alpha: intervals are at 1 - alpha.

    Returns:
        One row a population, group, control and outcome.
            setting; group ("PIEs", "clear PIEs"); control; outcome.
            pies, null_pies: mean number over draws. members: networks on either side, K // 2.
            difference, null_difference: `matching.compare`'s difference for PIEs and for the noise
                floor's, mean over draws.
            beyond, low, high: the first minus the second with its interval. se, df: for
                `power.smallest_detectable`.
            resamples: "both": other trainings and other images.
            draws: those in which both kinds could be compared.

    Raises:
        UserError: populations that do not match.
    """
    inputs.fraction("alpha", alpha)
    baseline, second_baseline, *others = inputs.populations(
        {"baseline": baseline, "second_baseline": second_baseline, **compressed},
        members=2,
        paired=True,
    )
    columns, (members, size) = outcomes.drop(columns="example", errors="ignore"), baseline.shape
    pool, sure, values = (
        np.concatenate([baseline, second_baseline]),
        np.concatenate([baseline_confidence, second_baseline_confidence]),
        columns.to_numpy(dtype=float),
    )
    generator, no_cell = np.random.default_rng(seed), np.zeros(size, dtype=int)
    populations, groups = [*others, second_baseline], {"PIEs": "pie", "clear PIEs": "clear"}
    shape = (draws, len(populations), len(groups), len(CONTROLS), columns.shape[1])
    plain, resampled, counted = np.empty(shape), np.empty(shape), np.empty(shape[:3])
    for draw in range(draws):
        halves = [
            resampling.subsets(members, members // 2, draws=1, seed=generator)[0]
            for _ in range(len(populations) + 1)
        ]
        left = ~np.concatenate([halves[0], halves[-1]])
        cell = matching.cells(matching.uncertainty(predicted=pool[left], confidence=sure[left]))
        weight = np.bincount(generator.integers(size, size=size), minlength=size)
        for k, (population, half) in enumerate(zip(populations, halves[1:], strict=True)):
            found = exemplars.find(baseline=baseline[halves[0]], compressed=population[half])
            for g, measure in enumerate(groups.values()):
                picked = found[measure].to_numpy()
                keep, counted[draw, k, g] = picked | ~found["pie"].to_numpy(), picked.sum()
                for c, of in enumerate((no_cell, cell)):
                    for store, many in ((plain, None), (resampled, weight[keep])):
                        own, rest, _ = matching.means(
                            values[keep], picked=picked[keep], cell=of[keep], weight=many
                        )
                        store[draw, k, g, c] = own - rest
    rows, place = [], np.ndindex(len(others), *shape[2:])
    for k, g, c, o in place:
        own, null = plain[:, k, g, c, o], plain[:, -1, g, c, o]
        spread = resampled[:, k, g, c, o] - resampled[:, -1, g, c, o]
        usable = ~np.isnan(own - null)
        beyond = (own - null)[usable].mean() if usable.any() else np.nan
        spread = spread[~np.isnan(spread)]
        se = spread.std(ddof=1) if len(spread) > 1 and np.ptp(spread) > 0 else np.nan
        low, high = inference.interval(beyond, se=se, df=members - 1, alpha=alpha)
        rows.append(
            {
                "setting": list(compressed)[k],
                "group": list(groups)[g],
                "control": CONTROLS[c],
                "outcome": columns.columns[o],
                "pies": counted[:, k, g].mean(),
                "null_pies": counted[:, -1, g].mean(),
                "members": members // 2,
                "difference": own[usable].mean() if usable.any() else np.nan,
                "null_difference": null[usable].mean() if usable.any() else np.nan,
                "beyond": beyond,
                "low": float(low),
                "high": float(high),
                "se": se,
                "df": members - 1,
                "resamples": "both",
                "draws": int(usable.sum()),
            }
        )
    return pd.DataFrame(rows)


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
        One row a value of `wrong` above 0, control (`CONTROLS`: all images that nobody mislabels,
        or equally uncertain ones of these) and way to resample.
            wrong; control; n, left_out.
            change, change_others: in the share of members that predict the label, compressed minus
                baseline, among these images and among the others.
            beyond, low, high: the first minus the second.
            resamples: "members" (Welch's interval: other trainings, these images) or "images"
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
        for control, of in zip(
            CONTROLS, (np.zeros(keep.sum(), dtype=int), cell[keep]), strict=True
        ):
            how = {"draws": draws, "shuffles": 0, "seed": seed, "alpha": alpha}
            row = matching.compare(outcomes=change[keep], picked=picked, cell=of, **how).iloc[0]
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
