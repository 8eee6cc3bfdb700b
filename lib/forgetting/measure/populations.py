"""Rates of right answers in many sets of examples (classes, groups), population against population.

Sets may overlap; each is compared with the whole that it is a part of. `two_models` asks the same of
one model against one model.
"""

import numpy as np
import pandas as pd

from forgetting.measure import inference, inputs

BOTH_SOURCES_MINIMUM = 30  # Examples from which an interval over other examples too keeps its promise; see the calibration.
KEYS = ("simultaneous_low", "simultaneous_high", "t", "df", "se", "p", "p_holm", "p_bh")
STILL = "its rate of right answers is the same in every member of both populations"
STEADY = "its change against the whole is the same in every member"


def contrast(
    *, right, whole, n, total, alpha: float = 0.05, paired: bool = False
) -> tuple[inference.Change, np.ndarray]:
    """The test whether a set moves exactly as its whole does: of its rate minus the whole's rate, the second baselinest compressed.

    Arguments
        right: two arrays (K, ..., G) and (L, ..., G), right answers of each member in each set,
            baseline first.
        whole: the same for the whole of each set, of shapes that broadcast to these.
        n, total: (G,) examples of each set and of its whole (or one number for all).
        alpha, paired: as in `class_impact.compare`.

    Returns the `Change` of rates as fractions, (..., G), NaN but for `change` where a set cannot be tested; and whether that is because
    its rate is the same in every member, (..., G) booleans.
    """
    # Tests run on whole numbers, N n (rate - rate of the whole): what does not vary is found exactly, whatever the order of the members.
    scale = np.asarray(total) * n
    contrasts = [total * hits - n * all_hits for hits, all_hits in zip(right, whole, strict=True)]
    result = inference.compare(*contrasts, alpha=alpha, paired=paired)
    still = np.all([hits.max(axis=0) == hits.min(axis=0) for hits in right], axis=0)
    change, low, high, t, df, p, se, share = result
    told = (
        np.where(still, np.nan, values)
        for values in (low / scale, high / scale, t, df, p, se / scale, share)
    )
    return inference.Change(change / scale, *told), still


def untested(relative: inference.Change, constant: np.ndarray) -> np.ndarray:
    """Why each set was not tested by `contrast`, whose results these are; "" where it was."""
    return np.where(constant, STILL, np.where(np.isnan(relative.p), STEADY, ""))


def answers(result: inference.Change, *, reason, alpha: float) -> dict[str, np.ndarray]:
    """A `Change` as columns, NaN but for `change` wherever there is a `reason` not to test.

    Returns change, low, high, t, df, p, p_holm, p_bh, se, and simultaneous_low, simultaneous_high: an interval that holds for all tested
    sets at once (Bonferroni), for sentences that pick one.
    """
    told = {
        name: np.where(reason == "", getattr(result, name), np.nan)
        for name in ("low", "high", "t", "df", "p", "se")
    }
    level = alpha / max(int((reason == "").sum()), 1)
    widest = inference.interval(result.change, se=told["se"], df=told["df"], alpha=level)
    told |= inference.corrections(told["p"])
    return {
        "change": result.change,
        **told,
        "simultaneous_low": widest[0],
        "simultaneous_high": widest[1],
    }


def changes(
    *, right, whole, n, total, spread=None, alpha: float = 0.05, paired: bool = False, enough=None
) -> pd.DataFrame:
    """Two questions about each of many sets of examples: has its rate of right answers changed, and differently from the whole?

    Arguments as for `contrast`, with at least 2 members on each side; `spread`: (G,) standard deviation over each set's examples of what
    each changed on average over members, None where it is not known; `enough`: (G,) which sets are large enough to take part in tests and
    corrections, None for all.

    Returns a row a set; rates and changes are fractions, compressed minus baseline.
        n; baseline_rate, compressed_rate: examples, and the mean rate of right answers over members.
        change, change_low, change_high; simultaneous_low, simultaneous_high; t, df, se; p, p_holm, p_bh;
            reason: of the rate itself, with an interval for the set alone and one that holds for all
            tested sets at once, and why it was not tested, else "".
        both_sources_low, both_sources_high: the interval of the change for the set alone, over other members and other examples
            (`inference.both_sources`). NaN for sets of fewer than `BOTH_SOURCES_MINIMUM` examples, among which what is lost rarely may not be at all.
        detectable: the smallest true change that this test finds in 4 of 5 audits at the level corrected for the number of sets tested
            (`inference.welch_detectable`; `smallest_detectable` in pairs). NaN where it is more than the baseline had to lose: no loss,
            however large, would be found.
        relative_change, relative_low, relative_high, and the other columns with `relative_` before
            their names: of the change minus the change of the whole. A different question: a set may
            lose although it gains against the whole.
        resamples: "members": other trainings, these examples.
    No interval of a change reaches beyond -1 or 1 and none of a relative change beyond -2 or 2, as no
    such change can.
    """
    return pd.DataFrame(
        columns(
            right=right,
            whole=whole,
            n=n,
            total=total,
            spread=spread,
            alpha=alpha,
            paired=paired,
            enough=enough,
        )
    )


def columns(
    *, right, whole, n, total, spread=None, alpha: float = 0.05, paired: bool = False, enough=None
) -> dict[str, np.ndarray | str]:
    """The columns of `changes` by name: quicker to select from than a table where thousands of comparisons are made."""
    inputs.fraction("alpha", alpha)
    enough = np.ones(right[0].shape[1], dtype=bool) if enough is None else np.asarray(enough)
    result = inference.compare(*right, alpha=alpha, paired=paired)
    result = result._replace(
        **{name: getattr(result, name) / n for name in ("change", "low", "high", "se")}
    )
    still = "its change is the same in every pair" if paired else STILL
    relative, constant = contrast(
        right=right, whole=whole, n=n, total=total, alpha=alpha, paired=paired
    )
    questions = [
        (result, np.where(np.isnan(result.p), still, "")),
        (relative, untested(relative, constant)),
    ]
    table = {"n": np.broadcast_to(n, enough.shape)}
    table |= {
        f"{side}_rate": hits.mean(axis=0) / n
        for side, hits in zip(("baseline", "compressed"), right, strict=True)
    }
    for prefix, ends, (asked, why) in zip(
        ("", "relative_"), ("change_", "relative_"), questions, strict=True
    ):
        reason = np.where(enough, why, inference.TOO_FEW)
        told = answers(asked, reason=reason, alpha=alpha)
        level = alpha / max(int((reason == "").sum()), 1)
        table |= {
            f"{prefix}change": told["change"],
            f"{ends}low": told["low"],
            f"{ends}high": told["high"],
        }
        table |= {prefix + key: told[key] for key in KEYS}
        if not prefix:
            known = np.where(table["n"] < BOTH_SOURCES_MINIMUM, np.nan, told["se"])
            wide = inference.both_sources(
                told["change"],
                se=known,
                df=told["df"],
                spread=np.nan if spread is None else spread,
                n=n,
                alpha=alpha,
            )
            table |= dict(zip(("both_sources_low", "both_sources_high"), wide, strict=True))
        table[f"{prefix}detectable"] = (
            inference.smallest_detectable(se=told["se"], df=told["df"], alpha=level)
            if paired
            else inference.welch_detectable(
                se=told["se"],
                share=asked.share,
                members=(len(right[0]), len(right[1])),
                alpha=level,
            )
        )
        table[f"{prefix}reason"] = reason
    possible = table["detectable"] <= table["baseline_rate"]
    table["detectable"] = np.where(possible, table["detectable"], np.nan)
    clipped = {
        name: np.clip(values, -limit, limit)
        for name, values in table.items()
        if name.endswith(("_low", "_high"))
        for limit in (2 if name.startswith("relative_") else 1,)
    }
    return table | clipped | {"resamples": "members"}
