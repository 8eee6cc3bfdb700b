"""Rules that judge an audit, for a pipeline that needs a yes or a no.

A rule such as `any group: change_low < -0.05` or `any gap: gap_change_high > 0.05` is met where its
condition holds for some row. A field without a value (NaN) makes a comparison unknown, and logic is
three-valued: unknown or true is true, unknown and false is false. What is too small to be tested is
left out, and so is the noise floor. The grammar stands in `rule_parser`.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from forgetting.errors import UserError
from forgetting.text import counted, quoted

PASSED, MET, UNKNOWN = 0, 3, 4
NUMBERS = tuple(
    "n baseline_rate compressed_rate baseline_count compressed_count proportional_change change "
    "change_low change_high both_sources_low both_sources_high simultaneous_low simultaneous_high "
    "p p_holm p_bh detectable relative_change relative_low relative_high "
    "relative_simultaneous_low relative_simultaneous_high relative_p relative_p_holm relative_p_bh "
    "relative_detectable flips to_wrong to_right floor_change floor_low floor_high".split()
)
GAP_NUMBERS = tuple(
    "n n_reference baseline_rate compressed_rate baseline_reference_rate "
    "compressed_reference_rate gap_baseline gap_compressed gap_change gap_change_low "
    "gap_change_high both_sources_low both_sources_high simultaneous_low simultaneous_high p "
    "p_holm p_bh detectable floor_change floor_low floor_high pooled_change pooled_low "
    "pooled_high".split()
)
OVERALL_NUMBERS = tuple(
    "n baseline_accuracy compressed_accuracy change change_low change_high both_sources_low "
    "both_sources_high p detectable flips to_wrong to_right".split()
)
# All other numbers lie in [-1, 1].
AMOUNTS = tuple(
    "n n_reference baseline_count compressed_count proportional_change flips to_wrong "
    "to_right".split()
)
# Fields by table: those that are numbers, and those that name a row.
FIELDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "class": (NUMBERS, ("setting", "class")),
    "group": (NUMBERS, ("setting", "attribute", "group", "metric")),
    "gap": (GAP_NUMBERS, ("setting", "attribute", "group", "reference", "metric")),
    "overall": (OVERALL_NUMBERS, ("setting",)),
}

Row = Mapping[Hashable, Any]
Condition = Callable[[Row], bool | None]


@dataclass(frozen=True)
class Rule:
    """A rule that was understood.

    Attributes:
        text: the rule as it was written.
        table: "class", "group", "gap" or "overall".
        condition: what it says of a row: true, false, or None where that is unknown.
        numbers: the numeric fields that it asks for.
        names: (field, value) of each name that it mentions.
    """

    text: str
    table: str
    condition: Condition
    numbers: tuple[str, ...]
    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Verdict:
    """What a rule says of an audit.

    Attributes:
        rule: the rule as it was written.
        code: 0 not met, 3 met, 4 cannot be decided.
        line: the same in one line.
    """

    rule: str
    code: int
    line: str


def judge(rule: Rule, tables: Mapping[str, pd.DataFrame]) -> Verdict:
    """Judge an audit by a rule.

    Args:
        rule: of `parse_rule`.
        tables: those of `Audit` by the word of a rule: overall, class, group and gap.

    Raises:
        UserError: a rule about groups, and no groups were given; a name that no row has.
    """
    table = tables[rule.table]
    if rule.table in ("group", "gap") and table.empty:
        raise UserError(
            f"the rule {rule.text!r} is about groups: give a table of groups (--groups)"
        )
    for field, value in rule.names:
        if value not in (names := table[field].unique().tolist()):
            some = ", ".join(map(quoted, names[:8])) + (", ..." if len(names) > 8 else "")
            raise UserError(
                f"the rule {rule.text!r} names the {field} {quoted(value)}: there are {some}; "
                "name one of these"
            )
    left_out = 0
    if "too_small" in table:
        left_out, table = int(table["too_small"].sum()), table[~table["too_small"]]
    elif "role" in table:
        table = table[table["role"] == "compressed"]
    fields = [field for kind in FIELDS[rule.table] for field in kind]
    # Only what the rule can name goes through Python, row by row.
    by, rising = ("gap_change", False) if rule.table == "gap" else ("change", True)
    rows = table.sort_values(by, ascending=rising, kind="stable")[fields].to_dict("records")
    answers = [rule.condition(row) for row in rows]
    met = [row for row, answer in zip(rows, answers, strict=True) if answer]
    unknown = [row for row, answer in zip(rows, answers, strict=True) if answer is None]
    if met:
        code, line = MET, f"rule met: {rule.text}: {_named(met, rule)}"
    elif not rows:
        code, line = UNKNOWN, f"rule cannot be decided: {rule.text}: there is no row to judge"
    elif unknown:
        why = f"a field it needs is unknown for {_named(unknown, rule)}"
        code, line = UNKNOWN, f"rule cannot be decided: {rule.text}: {why}"
    else:
        code, line = PASSED, f"rule not met: {rule.text}: by none of {counted(len(rows), 'row')}"
    if left_out:
        line += (
            f"; {left_out:,} too small to be tested {'was' if left_out == 1 else 'were'} left out"
        )
    return Verdict(rule.text, code, line)


def _named(rows: Sequence[Row], rule: Rule) -> str:
    """The first of some rows by their names, with what the rule asks of them."""
    keys = {
        "class": ("setting", "class"),
        "group": ("setting", "group", "metric"),
        "gap": ("setting", "group", "metric"),
        "overall": ("setting",),
    }[rule.table]
    names = []
    for row in rows[:3]:
        values = ", ".join(
            f"{field} {'unknown' if pd.isna(row[field]) else format(row[field], '.4g')}"
            for field in rule.numbers
        )
        name = quoted("/".join(str(row[key]) for key in keys))
        names.append(f"{name} ({values})" if values else name)
    return ", ".join(names) + (f" and {len(rows) - 3:,} more" if len(rows) > 3 else "")


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """Return the command's exit code: that of a rule that is met, else of one that is unknown."""
    codes = {verdict.code for verdict in verdicts}
    return next((code for code in (MET, UNKNOWN) if code in codes), PASSED)
