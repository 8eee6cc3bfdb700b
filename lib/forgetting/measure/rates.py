"""Rates of right answers in many sets of examples (classes, groups), population against population: changes, and those beyond the whole's.

Sets may overlap; each is held against the whole that it is a part of. `paired` asks the same of one model against one model.
"""

import numpy as np
import pandas as pd

from forgetting.measure import inference, inputs

CROSSED = 30  # Examples from which an interval over other examples too keeps its promise; see the calibration.
STILL = "its rate of right answers is the same in every member of both populations"
STEADY = "its change against the whole is the same in every member"


def contrast(
    *, right, whole, n, total, alpha: float = 0.05, paired: bool = False
) -> tuple[inference.Change, np.ndarray]:
    """The test whether a set moves exactly as its whole does: of its rate minus the whole's rate, dense against compressed.

    Arguments
        right: two arrays (K, ..., G) and (L, ..., G), right answers of each member in each set, before and after.
        whole: the same for the whole of each set, of shapes that broadcast to these.
        n, total: (G,) examples of each set and of its whole (or one number for all).
        alpha, paired: as in `class_impact.compare`.

    Returns the `Change` of rates as fractions, (..., G), NaN but for `change` where a set cannot be tested; and whether that is because
    its rate is the same in every member, (..., G) booleans.
    """
    # Tests run on whole numbers, N n (rate - rate of the whole): what does not vary is found exactly, whatever the order of the members.
    scale = np.asarray(total) * n
    contrasts = [total * hits - n * all_hits for hits, all_hits in zip(right, whole, strict=True)]
    result = inference.compared(*contrasts, alpha=alpha, pairs=paired)
    still = np.all([hits.max(axis=0) == hits.min(axis=0) for hits in right], axis=0)
    change, low, high, t, df, p, se, share = result
    told = (
        np.where(still, np.nan, values)
        for values in (low / scale, high / scale, t, df, p, se / scale, share)
    )
    return inference.Change(change / scale, *told), still


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
        n; rate_baseline, rate_compressed: examples, and the mean rate of right answers over members.
        change, change_low, change_high; simultaneous_low, simultaneous_high; p, p_holm, p_bh; reason: of the rate itself, with an interval
            for the set alone and one that holds for all tested sets at once, and why it was not tested, else "".
        crossed_low, crossed_high: the interval of the change for the set alone, over other members and other examples
            (`inference.crossed`). NaN for sets of fewer than `CROSSED` examples, among which what is lost rarely may not be at all.
        detectable: the smallest true change that this test finds in 4 of 5 audits at the level corrected for the number of sets tested
            (`inference.welch_detectable`; `smallest_detectable` in pairs). NaN where it is more than the baseline had to lose: no loss,
            however large, would be found.
        beyond and the same columns with `beyond_` before their names: of change minus the change of the whole, the test of
            `class_impact.compare`. A different question: a set may lose although it gains against the whole.
        resamples: "members": other trainings, these examples.
    No interval reaches beyond -1 or 1, as no change can.
    """
    inputs.fraction("alpha", alpha)
    enough = np.ones(right[0].shape[1], dtype=bool) if enough is None else np.asarray(enough)
    result = inference.compared(*right, alpha=alpha, pairs=paired)
    result = result._replace(
        **{name: getattr(result, name) / n for name in ("change", "low", "high", "se")}
    )
    still = "its change is the same in every pair" if paired else STILL
    beyond, constant = contrast(
        right=right, whole=whole, n=n, total=total, alpha=alpha, paired=paired
    )
    questions = [
        (result, np.where(np.isnan(result.p), still, "")),
        (beyond, np.where(constant, STILL, np.where(np.isnan(beyond.p), STEADY, ""))),
    ]
    columns = {"n": np.broadcast_to(n, enough.shape)}
    columns |= {
        f"rate_{side}": hits.mean(axis=0) / n
        for side, hits in zip(("baseline", "compressed"), right, strict=True)
    }
    for name, prefix, (asked, why) in zip(
        ("change", "beyond"), ("", "beyond_"), questions, strict=True
    ):
        reason = np.where(enough, why, inference.TOO_FEW)
        told = answers(asked, reason=reason, alpha=alpha)
        level = alpha / max(int((reason == "").sum()), 1)
        columns |= {name: told["change"], f"{name}_low": told["low"], f"{name}_high": told["high"]}
        columns |= {
            prefix + key: told[key]
            for key in ("simultaneous_low", "simultaneous_high", "p", "p_holm", "p_bh")
        }
        if not prefix:
            known = np.where(columns["n"] < CROSSED, np.nan, told["se"])
            wide = inference.crossed(
                told["change"],
                se=known,
                df=told["df"],
                spread=np.nan if spread is None else spread,
                n=n,
                alpha=alpha,
            )
            columns |= dict(zip(("crossed_low", "crossed_high"), wide, strict=True))
        columns[f"{prefix}detectable"] = (
            inference.smallest_detectable(se=told["se"], df=told["df"], alpha=level)
            if paired
            else inference.welch_detectable(
                se=told["se"],
                share=asked.share,
                members=(len(right[0]), len(right[1])),
                alpha=level,
            )
        )
        columns[f"{prefix}reason"] = reason
    possible = columns["detectable"] <= columns["rate_baseline"]
    columns["detectable"] = np.where(possible, columns["detectable"], np.nan)
    ends = {
        name: np.clip(values, -1, 1)
        for name, values in columns.items()
        if name.endswith(("_low", "_high"))
    }
    return pd.DataFrame(columns | ends).assign(resamples="members")
