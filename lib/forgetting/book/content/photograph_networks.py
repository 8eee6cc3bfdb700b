"""What the page on photographs asks of other runtimes and larger networks of the family."""

import pandas as pd
from scipy import stats

from forgetting.book.content.photographs import compare_all, setting_name, wide
from forgetting.data import photograph_predictions as published


def shared_flips(table: pd.DataFrame, one: str, others: list[str]) -> pd.DataFrame:
    """Count the photographs that two copies both label otherwise than the dense network.

    Args:
        table: of `published.PHOTOGRAPHS`, from `load_predictions`.
        one: a copy.
        others: the copies it is compared with.

    Returns:
        A row for each of `others`: copy, its name on the page; flips, its own; shared, those that
        `one` flips too; expected, how many two sets of these sizes share on average if either is
        drawn at random from the photographs; p, that at least as many are shared then
        (hypergeometric, exact); same_label, photographs with the same label from both copies.
    """
    answers, rows = wide(table), []
    dense = answers[published.DENSE]
    first = answers[one] != dense
    for other in others:
        second = answers[other] != dense
        n, sizes = len(answers), (int(first.sum()), int(second.sum()))
        shared = int((first & second).sum())
        rows.append(
            {
                "copy": setting_name(other),
                "flips": sizes[1],
                "shared": shared,
                "expected": sizes[0] * sizes[1] / n,
                "p": float(stats.hypergeom.sf(shared - 1, n, *sizes)),
                "same_label": int((answers[one] == answers[other]).sum()),
            }
        )
    return pd.DataFrame(rows)


def by_size(table: pd.DataFrame, larger: pd.DataFrame, *, alpha: float) -> pd.DataFrame:
    """Compare the int8 copy of each network of the family with its own dense one.

    Args:
        table: of `published.PHOTOGRAPHS`.
        larger: of `published.LARGER`, the same photographs.
        alpha: level of the tests.

    Returns:
        A row a network, from the smallest on, of `photographs.compare_all`, and flipped_low,
        flipped_high (Clopper and Pearson's interval of the share of flips, of level 1 - alpha);
        fewer_p, of McNemar's exact test that as many photographs flip as in the first row.
    """
    pairs = {"EfficientNet-Lite0": (published.DENSE, "int8")} | {
        f"EfficientNet-{name.title()}": (name, f"{name}-int8") for name in published.LARGER_NETWORKS
    }
    whole = pd.concat([table, larger], ignore_index=True)
    rows, answers = compare_all(whole, pairs, alpha=alpha), wide(whole)
    flipped = [answers[dense] != answers[compressed] for dense, compressed in pairs.values()]
    ends = [
        stats.binomtest(int(one.sum()), len(one)).proportion_ci(1 - alpha, method="exact")
        for one in flipped
    ]
    return rows.assign(
        flipped_low=[end.low for end in ends],
        flipped_high=[end.high for end in ends],
        fewer_p=[float("nan"), *(_other_share_p(flipped[0], one) for one in flipped[1:])],
    )


def _other_share_p(one: pd.Series, other: pd.Series) -> float:
    """McNemar's exact test that two yes-no columns of the same photographs have one share."""
    once = [int((first & ~second).sum()) for first, second in ((one, other), (other, one))]
    return float(stats.binomtest(once[0], sum(once)).pvalue) if sum(once) else float("nan")
