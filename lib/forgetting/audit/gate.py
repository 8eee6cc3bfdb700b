"""Rules over an audit's tables, for machines that must say yes or no: `any group: change_low < -0.05`. Their grammar::

    rule       = "any" table ":" condition
    table      = "class" or "group" or "overall"
    condition  = comparisons joined by "and", "or", "not" and parentheses; "and" binds closer than "or"
    comparison = field, one of < <= > >= == !=, value
    value      = a number, or a text in quotes for the fields that name a row (only == and !=)

A rule is met where the condition holds for some row. A field that a row does not have (NaN) makes a comparison unknown, and logic is
three-valued: unknown or true is true, unknown and false is false. Groups and classes too small to be tested are not looked at, nor is the
noise floor. Nothing is ever evaluated as code. A rule that could never be met by mistake, points where fractions are or a name that is not
there, is refused.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from forgetting.errors import UserError
from forgetting.text import counted, quoted

PASSED, MET, UNKNOWN = 0, 3, 4
MOST_CHARACTERS, MOST_DEPTH = 1000, 20
NUMBERS = (
    "n baseline_rate compressed_rate baseline_count compressed_count proportional_change change change_low change_high both_sources_low "
    "both_sources_high simultaneous_low simultaneous_high p p_holm p_bh detectable relative_change relative_low relative_high relative_simultaneous_low "
    "relative_simultaneous_high relative_p relative_p_holm relative_p_bh relative_detectable flips to_wrong to_right"
).split()
AMOUNTS = (
    "n",
    "baseline_count",
    "compressed_count",
    "proportional_change",
    "flips",
    "to_wrong",
    "to_right",
)  # All other numbers lie in [-1, 1].
# Fields by table: those that are numbers and those that name a row.
FIELDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "class": (tuple(NUMBERS), ("setting", "class")),
    "group": (tuple(NUMBERS), ("setting", "attribute", "group", "metric")),
    "overall": (
        (
            "n",
            "baseline_accuracy",
            "compressed_accuracy",
            "change",
            "change_low",
            "change_high",
            "both_sources_low",
            "both_sources_high",
            "p",
            "detectable",
            "flips",
            "to_wrong",
            "to_right",
        ),
        ("setting",),
    ),
}
OPERATORS: dict[str, Callable] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<word>[A-Za-z_]+)|(?P<text>\"[^\"]*\"|'[^']*')|(?P<sign><=|>=|==|!=|[<>():]))"
)

KINDS = tuple(TOKEN.groupindex)

Condition = Callable[[dict], bool | None]


@dataclass(frozen=True)
class Rule:
    """A rule that was understood: its `text`, its `table`, its condition of a row (true, false or None: unknown), the `numbers` that it
    asks for, and the `names`, (field, value), that it speaks of."""

    text: str
    table: str
    condition: Condition
    numbers: tuple[str, ...]
    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Verdict:
    """What a `rule` says of an audit: `code` (0 passed, 3 met, 4 cannot be told) and the one `line` that tells it."""

    rule: str
    code: int
    line: str


def parse(text: str) -> Rule:
    """Understand a rule.

    Raises:
        UserError: anything that the grammar does not allow, an unknown table or field, a text where a number belongs, a number beyond -1 and
            1 for a fraction.
    """
    return _Parser(text).rule()


class _Parser:
    def __init__(self, text: str):
        self.text, self.tokens, self.asked, self.named, at = text, [], [], [], 0
        if len(text) > MOST_CHARACTERS:
            raise self.wrong(f"has {len(text):,} characters, at most {MOST_CHARACTERS:,} are read")
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if not found:
                raise self.wrong(
                    f"has {text[at:].strip()[:12]!r} where a field, a number, a sign or a text in quotes belongs"
                )
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()

    def wrong(self, what: str) -> UserError:
        shown = self.text if len(self.text) <= 80 else self.text[:77] + "..."
        return UserError(
            f"the rule {shown!r} {what}; write it like 'any group: change_low < -0.05'"
        )

    def next(self, *kinds: str) -> str:
        kind, value = self.tokens.pop(0) if self.tokens else ("end", "its end")
        if kind not in kinds and (value not in kinds or value in KINDS):
            raise self.wrong(f"has {value!r} where {' or '.join(kinds)} belongs")
        return value

    def at(self, value: str) -> bool:
        if self.tokens and self.tokens[0][1] == value and self.tokens[0][0] != "text":
            self.tokens.pop(0)
            return True
        return False

    def rule(self) -> Rule:
        self.next("any")
        table = self.next("word")
        if table not in FIELDS:
            raise self.wrong(f"names the table {table!r}; there are {', '.join(FIELDS)}")
        self.next(":")
        self.numbers, self.names = FIELDS[table]
        condition = self.either(0)
        if self.tokens:
            raise self.wrong(
                f"goes on with {self.tokens[0][1]!r} where 'and', 'or' or its end belongs"
            )
        return Rule(
            self.text, table, condition, tuple(dict.fromkeys(self.asked)), tuple(self.named)
        )

    def either(self, depth: int) -> Condition:
        parts = [self.both(depth)]
        while self.at("or"):
            parts.append(self.both(depth))
        return lambda row: _settled([part(row) for part in parts], True)

    def both(self, depth: int) -> Condition:
        parts = [self.one(depth)]
        while self.at("and"):
            parts.append(self.one(depth))
        return lambda row: _settled([part(row) for part in parts], False)

    def one(self, depth: int) -> Condition:
        if depth > MOST_DEPTH:
            raise self.wrong(f"is nested more than {MOST_DEPTH} deep")
        if self.at("not"):
            inner = self.one(depth + 1)
            return lambda row: None if inner(row) is None else not inner(row)
        if self.at("("):
            inner = self.either(depth + 1)
            self.next(")")
            return inner
        return self.comparison()

    def comparison(self) -> Condition:
        field = self.next("word")
        if field not in (*self.numbers, *self.names):
            raise self.wrong(
                f"names the field {field!r}; there are {', '.join((*self.numbers, *self.names))}"
            )
        sign = self.next("<", "<=", ">", ">=", "==", "!=")
        compare, value = OPERATORS[sign], self.next("number" if field in self.numbers else "text")
        if field in self.names:
            if sign not in ("==", "!="):
                raise self.wrong(f"compares {field!r}, a name, by {sign!r}: only == and != can")
            self.named.append((field, value[1:-1]))
            return lambda row: compare(row[field], value[1:-1])
        number = float(value)
        if field not in AMOUNTS and abs(number) > 1:
            raise self.wrong(
                f"compares {field!r} with {value}: it is a fraction, 5 points are 0.05"
            )
        self.asked.append(field)
        return lambda row: None if pd.isna(row[field]) else bool(compare(row[field], number))


def _settled(answers: list[bool | None], by: bool) -> bool | None:
    """`by` if any answer is, else unknown if any is, else the other: "or" by True, "and" by False."""
    return by if by in answers else None if None in answers else not by


def judge(
    rule: Rule, *, overall: pd.DataFrame, classes: pd.DataFrame, groups: pd.DataFrame
) -> Verdict:
    """What `rule` says of the tables of an audit.

    Raises:
        UserError: a rule about groups, and no groups were given; a name that no row has.
    """
    table = {"class": classes, "group": groups, "overall": overall}[rule.table]
    if rule.table == "group" and table.empty:
        raise UserError(
            f"the rule {rule.text!r} speaks of groups: give a table of groups by --groups"
        )
    for field, value in rule.names:
        if value not in (there := table[field].unique().tolist()):
            some = ", ".join(map(quoted, there[:8])) + (", ..." if len(there) > 8 else "")
            raise UserError(
                f"the rule {rule.text!r} names the {field} {quoted(value)}: there are {some}; name one of these"
            )
    left_out = 0
    if "too_small" in table:
        left_out, table = int(table["too_small"].sum()), table[~table["too_small"]]
    elif "role" in table:
        table = table[table["role"] == "compressed"]
    numbers, names = FIELDS[rule.table]
    # Only what the rule can name goes through Python, a row at a time.
    rows = table.sort_values("change", kind="stable")[[*numbers, *names]].to_dict("records")
    answers = [rule.condition(row) for row in rows]
    met = [row for row, answer in zip(rows, answers, strict=True) if answer]
    unknown = [row for row, answer in zip(rows, answers, strict=True) if answer is None]
    small = f"; {left_out:,} too small to be tested not looked at" if left_out else ""
    if met:
        return Verdict(rule.text, MET, f"rule met: {rule.text}: {_these(met, rule)}{small}")
    if not rows:
        return Verdict(
            rule.text,
            UNKNOWN,
            f"rule cannot be decided: {rule.text}: there is no row to look at{small}",
        )
    if unknown:
        return Verdict(
            rule.text,
            UNKNOWN,
            f"rule cannot be decided: {rule.text}: a field it needs cannot be told of {_these(unknown, rule)}{small}",
        )
    return Verdict(
        rule.text,
        PASSED,
        f"rule not met: {rule.text}: by none of {counted(len(rows), 'row')}{small}",
    )


def _these(rows: list[dict], rule: Rule) -> str:
    """The first of `rows` by their names, with what the rule asks of them."""
    keys = {
        "class": ("setting", "class"),
        "group": ("setting", "group", "metric"),
        "overall": ("setting",),
    }[rule.table]
    told = []
    for row in rows[:3]:
        values = ", ".join(
            f"{name} {'unknown' if pd.isna(row[name]) else format(row[name], '.4g')}"
            for name in rule.numbers
        )
        told.append(
            quoted("/".join(str(row[key]) for key in keys)) + (f" ({values})" if values else "")
        )
    return ", ".join(told) + (f" and {len(rows) - 3:,} more" if len(rows) > 3 else "")
