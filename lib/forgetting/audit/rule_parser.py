"""The grammar of rules.

::

    rule       = "any" table ":" condition
    table      = "class" | "group" | "gap" | "overall"
    condition  = comparisons joined by "and", "or", "not" and parentheses
    comparison = field, one of < <= > >= == !=, value
    value      = a number, or a text in quotes for a field that names a row (only == and !=)

"and" binds closer than "or". A condition is read as a Python expression and walked; it is never
run. A rule that by mistake could never be met (points instead of fractions) is refused.
"""

import ast
import operator
import re
import warnings
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import pandas as pd

from forgetting.audit.rules import AMOUNTS, FIELDS, Condition, Rule
from forgetting.errors import UserError

MOST_CHARACTERS, MOST_DEPTH = 1000, 20
OPERATORS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
}
START = re.compile(r"\s*any\s+(\w+)\s*:")
TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")
UNFINISHED = re.compile(r"(\b(and|or|not)|[<>=!])$")
TOKEN = re.compile(rf"{TEXT.pattern}|\bclass\b")


def parse_rule(text: str) -> Rule:
    """Understand a rule.

    Raises:
        UserError: anything that the grammar does not allow, an unknown table or field, a text where
            a number belongs, a number beyond -1 and 1 for a fraction.
    """
    if len(text) > MOST_CHARACTERS:
        raise _refusal(text, f"has {len(text):,} characters; at most {MOST_CHARACTERS:,} are read")
    start = START.match(text)
    if start is None:
        raise _refusal(text, "does not begin with 'any', a table and a colon")
    if start[1] not in FIELDS:
        raise _refusal(text, f"names the table {start[1]!r}; there are {', '.join(FIELDS)}")
    return _Reader(text, start[1]).rule(text[start.end() :])


def _refusal(text: str, problem: str) -> UserError:
    short = text if len(text) <= 80 else text[:77] + "..."
    return UserError(f"the rule {short!r} {problem}; write it like 'any group: change_low < -0.05'")


class _Reader:
    """Makes a condition of a Python expression, node by node."""

    def __init__(self, text: str, table: str) -> None:
        self.text, self.table, self.source = text, table, ""
        self.numbers: list[str] = []
        self.names: list[tuple[str, str]] = []

    def rule(self, condition: str) -> Rule:
        read = self._condition(self._parsed(condition), depth=0)
        return Rule(
            self.text, self.table, read, tuple(dict.fromkeys(self.numbers)), tuple(self.names)
        )

    def _parsed(self, condition: str) -> ast.expr:
        outside = TEXT.sub("", condition)
        if max(accumulate((c == "(") - (c == ")") for c in outside), default=0) > MOST_DEPTH:
            raise _refusal(self.text, f"is nested more than {MOST_DEPTH} deep")
        if "#" in outside:
            raise _refusal(self.text, "has '#', which means nothing in a rule")
        # A text in quotes has no escapes; `class` is a field here and a keyword of Python.
        python = TOKEN.sub(
            lambda found: "class_" if found[0] == "class" else repr(found[0][1:-1]), condition
        )
        self.source = re.sub(r"\s", " ", python).strip()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a number that touches a word, as in 1and
                return ast.parse(self.source, mode="eval").body
        except SyntaxError as error:
            rest = self.source[max(0, (error.offset or 1) - 1) :][:12]
            early = not rest or UNFINISHED.search(self.source)
            where = "ends too early" if early else f"cannot be read from {_written(rest)} on"
            raise _refusal(self.text, where) from None
        except (ValueError, RecursionError, MemoryError):
            raise _refusal(self.text, "cannot be read") from None

    def _shown(self, node: ast.expr) -> str:
        return _written((ast.get_source_segment(self.source, node) or "?")[:40])

    def _condition(self, node: ast.expr, *, depth: int) -> Condition:
        if depth > MOST_DEPTH:
            raise _refusal(self.text, f"is nested more than {MOST_DEPTH} deep")
        match node:
            case ast.BoolOp(op, values):
                parts = [self._condition(value, depth=depth + 1) for value in values]
                decisive = isinstance(op, ast.Or)
                return lambda row: _combined([part(row) for part in parts], decisive)
            case ast.UnaryOp(ast.Not(), operand):
                inner = self._condition(operand, depth=depth + 1)
                return lambda row: None if (answer := inner(row)) is None else not answer
            case ast.Compare(ast.Name(field), [operator_node], [value]):
                return self._comparison(field.replace("class_", "class"), operator_node, value)
            case ast.Compare(_, [_, _, *_]):
                problem = f"compares twice in {self._shown(node)}: join two comparisons by 'and'"
            case ast.Compare(left, _, _):
                problem = f"has {self._shown(left)} where the name of a field belongs"
            case _:
                problem = f"has {self._shown(node)} where a comparison such as 'n < 1' belongs"
        raise _refusal(self.text, problem)

    def _comparison(self, field: str, operator_node: ast.cmpop, value: ast.expr) -> Condition:
        numbers, names = FIELDS[self.table]
        if field not in (*numbers, *names):
            fields = ", ".join((*numbers, *names))
            raise _refusal(self.text, f"names the field {field!r}; there are {fields}")
        if type(operator_node) not in OPERATORS:
            signs = " ".join(sign for sign, _ in OPERATORS.values())
            raise _refusal(self.text, f"compares {field!r} by none of {signs}")
        sign, compare = OPERATORS[type(operator_node)]
        if field in names:
            if sign not in ("==", "!="):
                problem = f"compares {field!r}, a name, by {sign!r}: only == and != can"
                raise _refusal(self.text, problem)
            name = self._name(field, value)
            self.names.append((field, name))
            return lambda row: bool(compare(row[field], name))
        number = self._number(field, value)
        self.numbers.append(field)
        return lambda row: None if pd.isna(row[field]) else bool(compare(row[field], number))

    def _name(self, field: str, node: ast.expr) -> str:
        match node:
            case ast.Constant(str(name)):
                return name
        problem = f"compares {field!r} with {self._shown(node)}: a text in quotes belongs there"
        raise _refusal(self.text, problem)

    def _number(self, field: str, node: ast.expr) -> float:
        sign, constant = 1, node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            sign, constant = (-1 if isinstance(node.op, ast.USub) else 1), node.operand
        value = constant.value if isinstance(constant, ast.Constant) else None
        if not isinstance(value, int | float) or isinstance(value, bool):
            problem = f"compares {field!r} with {self._shown(node)}: a number belongs there"
            raise _refusal(self.text, problem)
        number = sign * float(value)
        if field not in AMOUNTS and abs(number) > 1:
            problem = (
                f"compares {field!r} with {self._shown(node)}: it is a fraction, 5 points are 0.05"
            )
            raise _refusal(self.text, problem)
        return number


def _written(source: str) -> str:
    """Show a piece of the Python expression as the rule had it."""
    return repr(source.replace("class_", "class"))


def _combined(answers: list[bool | None], decisive: bool) -> bool | None:
    """Combine answers: by "or" True is decisive, by "and" False; else unknown is."""
    if decisive in answers:
        return decisive
    return None if None in answers else not decisive
