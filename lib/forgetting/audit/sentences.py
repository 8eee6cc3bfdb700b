"""What an audit found, in plain sentences: who lost most and how sure that is, or why that cannot be told."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forgetting.audit import tables
from forgetting.measure import two_models
from forgetting.text import (
    amount,
    clipped,
    confidence_level,
    counted,
    listed,
    p_value,
    percent,
    signed,
)

METRICS = {"error": "error rate", "fpr": "false-positive rate", "fnr": "false-negative rate"}
MOST_NAMED, MOST_BEHIND = 10, 3
RETRAINING = (
    "One model was given on each side, so nothing can be said about retraining: another training of the same recipe may harm other "
    "classes and other groups. All that follows speaks of these two models, on other examples of the same kind."
)
ENOUGH = 5  # Models on each side from which intervals keep their promise in the simulation study.
FEW = f"With fewer than {ENOUGH} models on a side little is found, and an interval may miss the truth more often than it says."
MEMBERS = "Intervals and tests speak of other trainings of the same recipe, tested on these same examples."


def nouns(table: pd.DataFrame, of: str) -> tuple[str, str]:
    """What a row of the class or group table is called, and several of them: a group of a task with two labels has a row for each rate."""
    if of == "classes":
        return "class", "classes"
    return (
        ("rate of a group", "rates of groups")
        if table["metric"].isin(METRICS).any()
        else ("group", "groups")
    )


def _digits(before: float, after: float) -> int:
    """As many decimals as tell two percentages apart, 3 at most."""
    return (
        next((digits for digits in (1, 2) if percent(before, digits) != percent(after, digits)), 3)
        if before != after
        else 1
    )


def _from_to(before: float, after: float) -> str:
    """`from 93.1 % to 88.5 %`."""
    digits = _digits(before, after)
    return f"from {percent(before, digits)} to {percent(after, digits)}"


def _moved(change: float) -> str:
    return "did not change" if change == 0 else "fell" if change < 0 else "rose"


def _points(row: pd.Series, low: str, high: str) -> str:
    values = [row["change"], row[low], row[high]]
    change, low, high = (
        signed(value, _shown(values, row["baseline_rate"], row["compressed_rate"]))
        for value in values
    )
    return f"{change} points ({low} to {high})"


def named(row: pd.Series, of: str) -> str:
    """A row of the class or group table by its name: `class 7`, `group sex=F`, `group sex=F (false-negative rate)`."""
    if of == "classes":
        return f"class {clipped(row['class'])}"
    return f"group {clipped(row['group'])}" + (
        f" ({METRICS[row['metric']]})" if row["metric"] in METRICS else ""
    )


def _rate(row: pd.Series) -> str:
    """`recall fell from 93.1 % to 88.5 %`."""
    what = METRICS.get(row["metric"], row["metric"])
    before, after = row["baseline_rate"], row["compressed_rate"]
    return f"its {what} {_moved(after - before)}" + (
        "" if before == after else f" {_from_to(before, after)}"
    )


def _lost(table: pd.DataFrame, alpha: float) -> pd.Series:
    """Which sets have lost significantly by Holm's rule."""
    return (table["reason"] == "") & (table["p_holm"] <= alpha) & (table["change"] < 0)


def _worst_row(table: pd.DataFrame, alpha: float) -> pd.Series | None:
    """Of the sets that have certainly lost, by Holm's rule and by an interval that holds for all at once, the one that lost most."""
    certain = table.loc[_lost(table, alpha) & (table["simultaneous_high"] < 0), "change"]
    return None if certain.empty else table.loc[certain.idxmin()]


def worst(table: pd.DataFrame, *, of: str, alpha: float) -> dict[str, Any]:
    """Which set of one setting lost most, as far as that can be told.

    A set is named only if its loss is significant by Holm's rule, and its interval that holds for all sets at once has no end at 0 or
    above. Which others could be the worst is read from these intervals.

    Returns named (whether one is); and if so name, metric, n, baseline_rate, compressed_rate, change, simultaneous_low, simultaneous_high,
    could_be_worst (the names of all that could, its own among them), singled_out (whether it alone could); else why.
    """
    row = _worst_row(table, alpha)
    if row is None:
        return {
            "named": False,
            "singled_out": False,
            "why": _why_none(table, alpha, *nouns(table, of)),
        }
    could = table[table["could_be_worst"] | (table.index == row.name)].sort_values(
        "change", kind="stable"
    )
    return {
        "named": True,
        "singled_out": len(could) == 1,
        "name": named(row, of),
        "could_be_worst": [named(other, of) for _, other in could.iterrows()],
        **{
            key: row[key]
            for key in (
                "metric",
                "n",
                "baseline_rate",
                "compressed_rate",
                "change",
                "simultaneous_low",
                "simultaneous_high",
            )
        },
    }


def _why_none(table: pd.DataFrame, alpha: float, one: str, many: str) -> str:
    """Why no set is named, as a sentence."""
    tested, lost = table[table["reason"] == ""], int(_lost(table, alpha).sum())
    if (table["change"] == 0).all():
        return f"No {one} changed."
    if (table["change"] >= 0).all():
        return f"No {one} was seen to lose; {counted(int((table['change'] > 0).sum()), one, many)} gained."
    start = f"No {one} can be singled out: "
    if tested.empty:
        return f"{start}none could be tested, {_reasons(table)}."
    if lost:
        return f"{start}{counted(lost, one, many)} lost significantly, and how much each lost is too uncertain to say which lost most."
    return f"{start}among the {counted(len(tested), one, many)} tested, no loss is larger than luck alone may produce."


def _too_few_changes(table: pd.DataFrame) -> list[str]:
    """The reasons that one model against one has where nothing, or hardly anything, changed."""
    return [
        reason
        for reason in table["reason"].unique()
        if "could have been found" in reason or "no example of it" in reason
    ]


def _reasons(table: pd.DataFrame) -> str:
    few = table["reason"].isin(_too_few_changes(table))
    told = table.loc[~few & (table["reason"] != ""), "reason"].value_counts()
    if few.any():
        told["too few examples changed between right and wrong for any change to be found"] = int(
            few.sum()
        )
    return ", ".join(
        f"{count:,} because {reason}" if len(told) > 1 else f"because {reason}"
        for reason, count in told.items()
    )


def about_sets(
    table: pd.DataFrame, found: pd.DataFrame, *, of: str, design: str, alpha: float, minimum: int
) -> list[str]:
    """Sentences about the classes or groups of one setting; `found` are the rows of `tables.findings` about them."""
    told = _headline(table, of, alpha)
    if (table["change"] != 0).any():
        told += [*_counts(table, found, of, alpha), *_untested(table, of, minimum)]
    return [*told, *_power(table, design, alpha, *nouns(table, of))]


def _headline(table: pd.DataFrame, of: str, alpha: float) -> list[str]:
    one, many = nouns(table, of)
    most, row = worst(table, of=of, alpha=alpha), _worst_row(table, alpha)
    if row is None:
        return [most["why"]]
    others = [name for name in most["could_be_worst"] if name != most["name"]]
    verb = "shows the largest loss" if others else "lost most"
    first = f"{most['name'][0].upper()}{most['name'][1:]} {verb}"
    if (table["change"] < row["change"]).any():
        first = f"Of the {many} that lost significantly, {most['name']} {verb}"
    said = (
        f"{first}: {_rate(row)} on {counted(int(row['n']), 'example')}, a change in right answers of "
        f"{_points(row, 'simultaneous_low', 'simultaneous_high')}; "
        f"in brackets, an interval that holds for all {many} at once, at {confidence_level(alpha)}."
    )
    if not others:
        return [said, f"By these intervals no other {one} lost as much."]
    every = 3 < len(others) >= int((~table["too_small"]).sum()) - 1
    some = f"any of the other {counted(len(others), one, many)}" if every else _some(others)
    return [
        said,
        f"That it lost is clear at that level; that it lost most is not: {some} may have lost as much.",
    ]


def _some(names: list[str]) -> str:
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[:MOST_NAMED])} or one of {len(names) - MOST_NAMED:,} more"
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def _counts(table: pd.DataFrame, found: pd.DataFrame, of: str, alpha: float) -> list[str]:
    one, many = nouns(table, of)
    rows = found.set_index(["question", "rule"])
    plain, holm = (rows.loc[("change", rule)] for rule in ("uncorrected", "Holm"))
    if not holm["tested"]:
        return []
    told = (
        f"Of {counted(int(holm['tested']), one, many)} tested, {holm['lost']:,} lost and {holm['gained']:,} gained significantly after "
        f"Holm's correction, which lets a false alarm through in at most {100 * alpha:g} % of such audits. Without correction it is "
        f"{plain['lost']:,} and {plain['gained']:,}, where chance alone gives up to {plain['by_chance']:.2g}."
    )
    relative = rows.loc[("relative_change", "Holm")]
    if relative["tested"]:
        behind = table[
            (table["relative_reason"] == "")
            & (table["relative_p_holm"] <= alpha)
            & (table["relative_change"] < 0)
        ].sort_values("relative_change")
        names = [
            f"{named(row, of)} by {signed(-row['relative_change'])[1:]} points"
            for _, row in behind.head(MOST_BEHIND).iterrows()
        ]
        more = f" and {len(behind) - MOST_BEHIND:,} more" if len(behind) > MOST_BEHIND else ""
        told += (
            f" Held against the change of the whole, which is another question ({int(relative['tested']):,} tested), {relative['lost']:,} fell "
            f"behind{', ' + ', '.join(names) + more + ',' if names else ''} and {relative['gained']:,} got ahead, after the same correction."
        )
    return [told]


def _untested(table: pd.DataFrame, of: str, minimum: int) -> list[str]:
    told, (one, many) = [], nouns(table, of)
    too_small = int(table["too_small"].sum())
    if too_small:
        told.append(
            f"{counted(too_small, one, many)} with fewer than {minimum:,} examples "
            f"{'is' if too_small == 1 else 'are'} shown, and neither tested nor ranked."
        )
        larger = table[
            table["too_small"]
            & (table["change"] < min(table.loc[~table["too_small"], "change"].min(), 0))
        ].sort_values("change")
        if len(larger):
            said = [
                f"{named(row, of)} ({_rate(row)})" for _, row in larger.head(MOST_BEHIND).iterrows()
            ]
            told[-1] += f" A larger loss than in any that was tested was seen in {listed(said)}."
    few = int(table["reason"].isin(_too_few_changes(table)).sum())
    if few and (table["reason"] == "").any():  # Else the headline has said it.
        told.append(
            f"In {counted(few, one, many)} too few examples changed between right and wrong: no change could have been found there."
        )
    sure = table[table["reason"].str.contains("same in every") & (table["change"] != 0)]
    if len(sure):
        said = [
            f"{named(row, of)} ({_rate(row)})"
            for _, row in sure.sort_values("change", kind="stable").iterrows()
        ]
        told.append(
            f"Changed, and without the differences between members that a test needs: {_some(said)}."
        )
    return told


def _power(table: pd.DataFrame, design: str, alpha: float, one: str, many: str) -> list[str]:
    shown = table[~table["too_small"] & ((table["reason"] == "") | (design == tables.MODELS))]
    sizes, told = 100 * shown["detectable"].dropna(), []
    never = len(shown) - len(sizes)
    if len(sizes):
        low, high = (f"{size:.1f}" for size in (sizes.min(), sizes.max()))
        span = (
            f"{low} points"
            if low == high
            else f"{low} to {high} points, by {one} (median {sizes.median():.1f})"
        )
        told.append(
            f"Not significant is not unharmed: the smallest loss that would be found in 4 of 5 such audits is {span}"
            + (
                f"; in {counted(never, one, many)} no loss would be, however large."
                if never
                else "."
            )
        )
    elif never:
        told.append(
            f"Not significant is not unharmed: in no {one} would a loss be found in 4 of 5 such audits, however large it were."
        )
    if design == tables.MODELS and len(shown):
        single, corrected = two_models.needed(alpha), int(shown["needed"].iloc[0])
        told.append(
            f"For a test to find anything at least {single} examples must change between right and wrong, all one way"
            + (
                f"; after correction, {corrected} for the first to be found."
                if corrected > single
                else "."
            )
        )
    return told


def about_whole(row: pd.Series, *, alpha: float) -> list[str]:
    """Sentences about one row of `Audit.overall`."""
    models = (
        "one model against one"
        if row["design"] == tables.MODELS
        else f"{row['compressed_members']} models against {row['baseline_members']}"
        + (", each against the one it was made from" if row["design"] == tables.PAIRS else "")
    )
    told = [
        f"With {clipped(row['setting'])}, {models}, on {counted(int(row['n']), 'example')}, the share of right answers "
        f"{_changed(row, alpha)}.",
        *_flips(row),
        RETRAINING if row["design"] == tables.MODELS else MEMBERS,
    ]
    if not np.isnan(row["both_sources_low"]):
        ends = [row["both_sources_low"], row["both_sources_high"]]
        digits = _shown(ends, row["baseline_accuracy"], row["compressed_accuracy"])
        told[-1] += (
            " Other examples of the same kind add no uncertainty that could be measured here."
            if np.allclose(ends, [row["change_low"], row["change_high"]], atol=1e-5)
            else f" Had the examples been others of the same kind as well, the change might have been {signed(ends[0], digits)} to "
            f"{signed(ends[1], digits)} points ({confidence_level(alpha)} interval over both)."
        )
    if 1 < min(row["baseline_members"], row["compressed_members"]) < ENOUGH:
        told.append(FEW)
    return told


def about_floor(row: pd.Series, *, baseline: str, alpha: float) -> list[str]:
    """Sentences about the row of `Audit.overall` that holds the second dense population against the baseline."""
    single = row["design"] == tables.MODELS
    what = "One retraining as the noise floor" if single else "The noise floor"
    start = f"{what}: between {clipped(baseline)} and {clipped(row['setting'])}, which differ by nothing but chance, "
    more = ["Another retraining may change more, or less."] if single else []
    return [
        " ".join(
            [f"{start}the share of right answers {_changed(row, alpha)}.", *_flips(row), *more]
        )
    ]


def _shown(values: Sequence[float], before: float, after: float) -> int:
    """Decimals of a change and its interval: as many as the two rates have, and more where a value would look like 0 and is not."""
    return next(
        (
            d
            for d in range(_digits(before, after), 3)
            if all(value == 0 or abs(round(100 * value, d)) > 0 for value in values)
        ),
        3,
    )


def _changed(row: pd.Series, alpha: float) -> str:
    """`fell from 80.2 % to 79.0 %, a change of −1.2 points (95 % interval −1.5 to −0.9)`."""
    before, after = row["baseline_accuracy"], row["compressed_accuracy"]
    said = (
        f"is {percent(before)} on both sides"
        if row["change"] == 0
        else f"{_moved(row['change'])} {_from_to(before, after)}"
    )
    if np.isnan(row["change_low"]):
        return said
    values = [row["change"], row["change_low"], row["change_high"]]
    change, low, high = (signed(value, _shown(values, before, after)) for value in values)
    return (
        f"{said}, a change of {change} points ({confidence_level(alpha)} interval {low} to {high})"
    )


def _flips(row: pd.Series) -> list[str]:
    if np.isnan(row["flips"]):
        return []
    per = "" if row["design"] == tables.MODELS else " in each pair, on average"
    if row["flips"] == 0:
        return [f"No prediction changed{per}."]
    between = row["flips"] - row["to_wrong"] - row["to_right"]
    return [
        f"{amount(row['flips'])} predictions changed{per}: {amount(row['to_wrong'])} from right to wrong, "
        f"{amount(row['to_right'])} from wrong to right"
        + (f", {amount(between)} from one wrong class to another." if between > 1e-9 else ".")
    ]


def about_pies(
    table: pd.DataFrame, setting: str, *, second: str | None, most: int, alpha: float
) -> list[str]:
    """Sentences about the rows of `tables.pies` of one setting, whose larger population has `most` members; none for one model each."""
    if table.empty:
        return []
    pie, clear = (table[table["measure"] == measure].iloc[0] for measure in ("pie", "clear"))
    tied = int(pie["observed_tied"])
    told = [
        f"On {pie['observed']:,} of {counted(int(pie['examples']), 'example')} "
        f"({percent(pie['observed'] / pie['examples'])}) the majority of the {clipped(setting)} models says another class than "
        f"the majority of the baseline's; on {clear['observed']:,} both majorities are of two thirds or more."
        + (
            f" On {counted(tied, 'further example')} the votes of a side are tied: there is no majority to hold against."
            if tied
            else ""
        )
    ]
    of_clear = (
        ""
        if pie["floor"] == "none"
        else f"; of clear ones so many come up with probability {p_value(clear['p'])}"
    )
    dealt = "If all models are dealt at random into two populations, as if compression changed nothing, so many disagreements come up with"
    if pie["floor"] == "none":
        told.append(
            "Each copy is held against its own original, so without any compression there would be none."
        )
    elif pie["floor"] == "halves":
        told.append(
            f"No second dense population was given. Halves of the baseline, {counted(int(pie['half_members']), 'model')} each, disagree "
            f"with each other on {pie['half_null']:,.1f} examples on average; a half of it and as many {clipped(setting)} models "
            f"on {pie['half_observed']:,.1f}. {dealt} probability {p_value(pie['p'])}{of_clear}."
        )
    else:
        excess, low, high = (
            signed(pie[name], 0, times=1) for name in ("excess", "excess_low", "excess_high")
        )
        ends = (
            ""
            if np.isnan(pie["excess_low"])
            else f" ({confidence_level(alpha)} interval {low} to {high})"
        )
        told.append(
            f"The baseline and {clipped(second)}, which differ by nothing but chance, disagree on {pie['null']:,.0f} (clearly on "
            f"{clear['null']:,.0f}); the excess is {excess}{ends}. {dealt} probability {p_value(pie['p'])}{of_clear}."
        )
        if pie["members"] < most:
            told.append(
                f"For these counts each population was cut to {counted(int(pie['members']), 'model')}, as many as the smallest has: a "
                "majority of fewer models is another one."
            )
    return told
