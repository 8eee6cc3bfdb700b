"""Pictures for people to judge, in three arms: PIEs, images of the noise floor, and matched others.

A comparison of PIEs with all other images has no floor: images on which *uncompressed* networks
part are odd, too. So people see three images side by side, a triple, without being told which is
which.
"""

import numpy as np
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import exemplars, inputs, matching, plurality

ARMS = ("pie", "floor", "matched")


def deal_arms(
    *,
    baseline: np.ndarray,
    baseline_confidence: np.ndarray,
    compressed: np.ndarray,
    triples: int,
    seed: int | np.random.Generator,
    paired: bool = False,
) -> pd.DataFrame:
    """Choose triples of examples: a PIE, one of the noise floor, and one that is neither.

    The members of the baseline are dealt into three populations of equal size: two that are
    compared (with as many compressed members, and with one another) and a judge that takes part in
    neither comparison. The matched example is one of the PIE's cell of uncertainty in the judge
    (`matching.cells`); the noise floor's is the one whose margin is nearest, since there are few.

    Args:
        baseline: (K, N) predicted labels of all uncompressed networks, K at least 6.
        baseline_confidence: (K, N) probabilities of these labels.
        compressed: (L, N) predicted labels.
        triples: How many are wanted, at least 1; clear PIEs come first.
        seed: Whole number or numpy Generator.
        paired: Whether compressed member k was made from baseline member k, L at most K. The first
            population is then compared with its own copies.

    Returns:
        One row a chosen example: example, arm (one of `ARMS`), triple (from 0), clear (whether it
        is a clear PIE of its own comparison), margin (in the judge). Where there are too few of an
        arm there are fewer triples.

    Raises:
        UserError: Fewer than six baseline members, populations of different examples, or not one
            triple.
    """
    baseline, compressed = inputs.populations({"baseline": baseline, "compressed": compressed})
    each = min(len(baseline) // 3, len(compressed))
    if each < 2:
        raise UserError(
            f"there are {len(baseline)} baseline and {len(compressed)} compressed members; the "
            "three populations of the baseline need 2 each, and the compressed one 2"
        )
    if triples < 1:
        raise UserError(f"triples is {triples}: at least 1 is needed")
    generator = np.random.default_rng(seed)
    dealt = generator.permutation(len(baseline))
    if paired:  # those that copies were made from come first
        dealt = dealt[np.argsort(dealt >= len(compressed), kind="stable")]
    first, second, judge = (dealt[k * each : (k + 1) * each] for k in range(3))
    copies = compressed[first] if paired else compressed[:each]
    pie = exemplars.find(baseline=baseline[first], compressed=copies)
    floor = exemplars.find(baseline=baseline[first], compressed=baseline[second])
    # Margins count votes, whatever for: of a thousand classes an image gets votes for a few.
    votes, _ = plurality.ranked(baseline[judge])
    unsure = matching.uncertainty(
        predicted=votes, confidence=np.asarray(baseline_confidence)[judge]
    )
    rows = _triples(pie, floor, unsure, triples, generator)
    if not rows:
        raise UserError(
            f"no triple can be made of {int(pie['pie'].sum())} PIEs and {int(floor['pie'].sum())} "
            "images of the noise floor; choose a higher sparsity or a study with more images"
        )
    return pd.DataFrame(rows)


def _triples(
    pie: pd.DataFrame,
    floor: pd.DataFrame,
    unsure: pd.DataFrame,
    triples: int,
    generator: np.random.Generator,
) -> list[dict[str, object]]:
    cell, margin = matching.cells(unsure), unsure["margin"].to_numpy()
    luck = generator.random(len(pie))
    of_pie = pie.assign(luck=luck)[pie["pie"]].sort_values(
        ["clear", "luck"], ascending=[False, True]
    )
    of_floor = np.flatnonzero(floor["pie"] & ~pie["pie"])
    clear = {arm: (floor if arm == "floor" else pie)["clear"].to_numpy() for arm in ARMS}
    neither = ~pie["pie"].to_numpy() & ~floor["pie"].to_numpy()
    rows: list[dict[str, object]] = []
    free = np.ones(len(pie), dtype=bool)
    for one in of_pie["example"]:
        if len(rows) == 3 * triples:
            break
        others = np.flatnonzero(neither & free & (cell == cell[one]))
        floors = of_floor[free[of_floor]]
        if not len(others) or not len(floors):
            continue
        apart = np.abs(margin[floors] - margin[one])
        beside = floors[np.lexsort((luck[floors], apart))[0]]
        chosen = {"pie": one, "floor": beside, "matched": others[np.argmin(luck[others])]}
        free[list(chosen.values())] = False
        number = len(rows) // 3
        for arm, place in chosen.items():
            about = {"clear": bool(clear[arm][place]), "margin": float(margin[place])}
            rows.append({"example": int(place), "arm": arm, "triple": number} | about)
    return rows
