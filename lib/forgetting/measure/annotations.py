"""What annotators said of a study's images, beside several levels of compression."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import difficulty, human_difficulty, matching, multiplicity

ASKED = 3  # labels that each training image was given by annotators
GROUPS = {"PIEs": "pie", "clear PIEs": "clear"}


def count_annotations(
    *, counts: npt.ArrayLike, suspects: pd.DataFrame, wrong: npt.ArrayLike
) -> pd.DataFrame:
    """Count what annotators were asked and answered.

    Args:
        counts: (N, classes) how many annotators gave each test image each label.
        suspects: a row for each test label that was judged, with the boolean column error.
        wrong: (M,) how many of three annotators gave each training image another label than the
            data set does.

    Returns:
        what: what is counted, in words; number.
    """
    counts, wrong = np.asarray(counts), np.asarray(wrong)
    numbers = {
        "test pictures": len(counts),
        "labels that people gave to these": counts.sum(),
        "test pictures that all people call the same": ((counts > 0).sum(axis=1) == 1).sum(),
        "test labels that looked wrong and were judged": len(suspects),
        "of these, not confirmed by most judges": suspects["error"].sum(),
        "training pictures": len(wrong),
    }
    for many in range(ASKED + 1):
        words = f"of these, {many} of {ASKED} people give another label"
        numbers[words] = (wrong == many).sum()
    return pd.DataFrame({"what": list(numbers), "number": [int(n) for n in numbers.values()]})


def compare_levels(
    *,
    outcomes: pd.DataFrame,
    judge: pd.DataFrame,
    found: Mapping[float, pd.DataFrame],
    null: pd.DataFrame,
    draws: int = 2000,
    shuffles: int = 2000,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare PIEs of several levels, and PIEs of the noise floor, with images that are not PIEs.

    Args:
        outcomes: a row for each image, a column for each outcome.
        judge: `matching.uncertainty` of a population that has no part in `found` and `null`.
        found: `exemplars.find`'s table of each level of sparsity.
        null: `exemplars.find`'s table of two baseline populations.
        draws: bootstrap draws of images behind each interval.
        shuffles: permutations behind each p-value.
        seed: of all resampling.
        alpha: intervals are at 1 - alpha.

    Returns:
        The columns of `human_difficulty.compare_exemplars`, with the group "null PIEs" as well;
        sparsity, NaN for these; p_holm, Holm's correction over all rows.
    """

    def compare(table: pd.DataFrame) -> pd.DataFrame:
        return human_difficulty.compare_exemplars(
            found=table,
            outcomes=outcomes,
            judge=judge,
            draws=draws,
            shuffles=shuffles,
            seed=seed,
            alpha=alpha,
        )

    tables = [compare(table).assign(sparsity=level) for level, table in found.items()]
    floor = compare(null)
    floor = floor[floor["group"] == "PIEs"].assign(group="null PIEs", sparsity=np.nan)
    compared = pd.concat([*tables, floor], ignore_index=True)
    return compared.assign(p_holm=multiplicity.adjust(compared["p"], method="holm"))


def balance_levels(
    *,
    covariates: pd.DataFrame,
    judge: pd.DataFrame,
    found: Mapping[float, pd.DataFrame],
    null: pd.DataFrame,
) -> pd.DataFrame:
    """Check whether images that are matched with PIEs are like them, level by level.

    Args:
        covariates: a row for each image, a column for each quantity in which they may be alike.
        judge: `matching.uncertainty` of the population by which images are matched.
        found: `exemplars.find`'s table of each level of sparsity.
        null: `exemplars.find`'s table of two baseline populations.

    Returns:
        The columns of `matching.balance`; group ("PIEs", "clear PIEs", "null PIEs"); sparsity, NaN
        for the null PIEs.
    """
    cell = matching.cells(judge)

    def likeness(table: pd.DataFrame, measure: str) -> pd.DataFrame:
        picked = table[measure].to_numpy()
        keep = picked | ~table["pie"].to_numpy()
        return matching.balance(covariates=covariates[keep], picked=picked[keep], cell=cell[keep])

    tables = [
        likeness(table, measure).assign(group=group, sparsity=level)
        for level, table in found.items()
        for group, measure in GROUPS.items()
    ]
    floor = likeness(null, "pie").assign(group="null PIEs", sparsity=np.nan)
    return pd.concat([*tables, floor], ignore_index=True)


def compare_labels_lost(
    *,
    wrong: npt.ArrayLike,
    other: npt.ArrayLike,
    given: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: Mapping[str, npt.ArrayLike],
    draws: int = 2000,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare the loss of training labels by how many annotators give another label.

    Args:
        wrong: (N,) how many of three annotators give each training image another label.
        other: (N,) such another label, where there is one.
        given: (N,) the labels that the networks were trained on.
        baseline: (K, N) predicted labels of the training images, at least 2 members.
        compressed: (L, N) predicted labels by name of the setting, at least 2 members each.
        draws: bootstrap draws of images behind each interval.
        seed: of these draws.
        alpha: intervals are at 1 - alpha.

    Returns:
        The columns of `difficulty.forgetting_of_labels`, with the kinds "0 of 3" to "3 of 3";
        setting.
    """
    wrong = np.asarray(wrong)
    kind = np.array([f"{many} of {ASKED}" for many in wrong.tolist()])
    tables = [
        difficulty.forgetting_of_labels(
            kind=kind,
            source=np.arange(len(wrong)),
            reference=f"0 of {ASKED}",
            given=given,
            true=np.where(wrong > 0, other, -1),
            baseline=baseline,
            compressed=predicted,
            draws=draws,
            seed=seed,
            alpha=alpha,
        ).assign(setting=setting)
        for setting, predicted in compressed.items()
    ]
    return pd.concat(tables, ignore_index=True)
