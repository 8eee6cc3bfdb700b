"""What an audit says of classes and groups, in plain sentences.

Which of them lost most and how sure that is, or why that cannot be said.
"""

import pandas as pd

from forgetting.audit.change_text import change_decimals, rate_change
from forgetting.audit.comparison import TWO_MODELS
from forgetting.audit.set_names import METRICS, nouns, plain_name
from forgetting.audit.worst_set import families, few_changed, why_none, worst_of_family, worst_row
from forgetting.measure import mcnemar
from forgetting.text import confidence_level, counted, listed, signed

MOST_NAMED, MOST_SMALL = 10, 3
DISCLAIMER = "Not significant is not unharmed"


def set_sentences(
    table: pd.DataFrame,
    findings: pd.DataFrame,
    *,
    of: str,
    design: str,
    alpha: float,
    minimum: int,
) -> list[str]:
    """Return sentences about the classes or groups of one setting.

    Args:
        table: the setting's rows of `Audit.classes` or `Audit.groups`.
        findings: the rows of `Audit.findings` about them.
        of: "classes" or "groups".
        design: of the comparison, as in `Audit.overall`.
        alpha: level of the tests.
        minimum: examples below which a class or group is not tested.
    """
    parts = families(table)
    lines = _headline(table, of, alpha) if len(parts) == 1 else []
    if len(parts) > 1 and (table["change"] == 0).all():
        lines = [why_none(table, alpha, *nouns(table, of))]
    elif len(parts) > 1:
        lines = [
            f"{_family_name(rows)}: {_headline(rows, of, alpha, such='such ')[0]}" for rows in parts
        ]
    if (table["change"] != 0).any():
        lines += [
            *_counts(table, findings, of, alpha),
            *_too_small(table, of, minimum),
            *_untested(table, of),
        ]
    return [*lines, *_power(table, design, *nouns(table, of)), *_needed(table, design, alpha)]


def _family_name(rows: pd.DataFrame) -> str:
    """`False-negative rate by single attributes`."""
    name = METRICS.get(rows["metric"].iloc[0], rows["metric"].iloc[0])
    by = "two attributes" if rows["intersection"].iloc[0] else "single attributes"
    return f"{name[0].upper()}{name[1:]} of groups by {by}"


def _with_rate(rows: pd.DataFrame, of: str) -> list[str]:
    return [f"{plain_name(row, of)} ({rate_change(row)})" for _, row in rows.iterrows()]


def _headline(table: pd.DataFrame, of: str, alpha: float, such: str = "") -> list[str]:
    one, many = nouns(table, of)
    worst, row = worst_of_family(table, of, alpha), worst_row(table, alpha)
    if row is None:
        return [worst["why"]]
    name = plain_name(row, of)
    others = [name for name in worst["could_be_worst"] if name != worst["name"]]
    verb_of_loss = "shows the largest loss" if others else "lost most"
    start = f"{name[0].upper()}{name[1:]} {verb_of_loss}"
    if (table["change"] < row["change"]).any():
        start = f"Of the {many} that lost significantly, {name} {verb_of_loss}"
    values = [row["change"], row["simultaneous_low"], row["simultaneous_high"]]
    decimals = change_decimals(values, row["baseline_rate"], row["compressed_rate"])
    change, low, high = (signed(value, decimals) for value in values)
    first = (
        f"{start}: {rate_change(row)} on {counted(int(row['n']), 'example')}, a change in right "
        f"answers of {change} points ({low} to {high}); in brackets, an interval that holds for "
        f"all {such}{many} at once, at {confidence_level(alpha)}."
    )
    if not others:
        return [first, f"By these intervals no other {one} lost as much."]
    some = _some(others)
    if 3 < len(others) >= int((~table["too_small"]).sum()) - 1:
        some = f"any of the other {counted(len(others), one, many)}"
    return [
        first,
        "That it lost is clear at that level; that it lost most is not: "
        f"{some} may have lost as much.",
    ]


def _some(names: list[str]) -> str:
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[:MOST_NAMED])} or one of {len(names) - MOST_NAMED:,} more"
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def _finding(findings: pd.DataFrame, question: str, rule: str) -> pd.Series:
    return findings[(findings["question"] == question) & (findings["rule"] == rule)].iloc[0]


def _counts(table: pd.DataFrame, findings: pd.DataFrame, of: str, alpha: float) -> list[str]:
    plain, holm = (_finding(findings, "change", rule) for rule in ("uncorrected", "Holm"))
    if not holm["tested"]:
        return []
    number = round(holm["by_chance"] / alpha)
    each = f", in each of the {number} families that are corrected alone" if number > 1 else ""
    sets = f"{counted(int(holm['tested']), *nouns(table, of))} tested"
    if few_changed(table).any():
        # Whether others changed unlike the whole was tested all the same.
        one, many = nouns(table, of)
        sets = f"the {holm['tested']:,} {many}" if holm["tested"] > 1 else f"the one {one}"
        sets += " in which enough examples changed between right and wrong for a test"
    text = (
        f"Of {sets}, {holm['lost']:,} lost and {holm['gained']:,} gained significantly "
        "after Holm's correction, which lets a false alarm through in at most "
        f"{100 * alpha:g} % of such audits{each}. Without correction these are {plain['lost']:,} "
        f"and {plain['gained']:,}, where chance alone gives up to {plain['by_chance']:.2g}."
    )
    return [text]


def _too_small(table: pd.DataFrame, of: str, minimum: int) -> list[str]:
    too_small = int(table["too_small"].sum())
    if not too_small:
        return []
    text = (
        f"{counted(too_small, *nouns(table, of))} with fewer than {minimum:,} examples "
        f"{'is' if too_small == 1 else 'are'} shown, but neither tested nor ranked."
    )
    largest = min(table.loc[~table["too_small"], "change"].min(), 0)
    larger = table[table["too_small"] & (table["change"] < largest)].sort_values("change")
    if len(larger):
        names = listed(_with_rate(larger.head(MOST_SMALL), of))
        text += f" A larger loss than in any that was tested was seen in {names}."
    return [text]


def _untested(table: pd.DataFrame, of: str) -> list[str]:
    lines = []
    few = int(few_changed(table).sum())
    if few and (table["reason"] == "").any():  # Else the headline has said it.
        lines.append(
            f"In {counted(few, *nouns(table, of))} too few did: no change could have been found "
            "there."
        )
    alike = table[table["reason"].str.contains("same in every") & (table["change"] != 0)]
    if len(alike):
        names = _some(_with_rate(alike.sort_values("change", kind="stable"), of))
        lines.append(
            f"Changed, but without the differences between members that a test needs: {names}."
        )
    return lines


def _open_rows(table: pd.DataFrame, design: str) -> pd.DataFrame:
    """The sets of which it is said how large a loss would be found."""
    return table[~table["too_small"] & ((table["reason"] == "") | (design == TWO_MODELS))]


def _power(table: pd.DataFrame, design: str, one: str, many: str) -> list[str]:
    rows = _open_rows(table, design)
    sizes = 100 * rows["detectable"].dropna()
    never = len(rows) - len(sizes)
    if not len(sizes):
        if not never:
            return []
        return [
            f"{DISCLAIMER}: in no {one} would a loss be found in 4 of 5 such audits, however large."
        ]
    low, high = (f"{size:.1f}" for size in (sizes.min(), sizes.max()))
    span = f"{low} points"
    if low != high:
        span = f"{low} to {high} points, depending on the {one} (median {sizes.median():.1f})"
    end = f"; in {counted(never, one, many)} none would be, however large." if never else "."
    return [
        f"{DISCLAIMER}: the smallest loss that would be found in 4 of 5 such audits is {span}{end}"
    ]


def _needed(table: pd.DataFrame, design: str, alpha: float) -> list[str]:
    rows = _open_rows(table, design)
    if design != TWO_MODELS or rows["needed"].isna().all():
        return []
    single, corrected = mcnemar.fewest_discordant(alpha), int(rows["needed"].iloc[0])
    end = (
        f"; after correction, {corrected} for the first to be found." if corrected > single else "."
    )
    return [
        f"For a test to find anything, at least {single} examples must change between right and "
        f"wrong, all in one direction{end}"
    ]
