"""A notebook's parameters: read from its one `parameters` cell, checked before anything runs.

Each line of that cell is `name: type = literal  # meaning`, where the comment may end in what is
allowed:

    alpha: float = 0.05  # level of the tests; in (0, 1)
    members: int | None = None  # networks used of each population, None for all; in [2, inf)
    levels: list[float] = [0.5, 0.9]  # levels of sparsity shown; each in [0, 1)
    ties: str = "none"  # the plurality label of a tied example; one of none, lowest, highest
"""

import ast
import io
import json
import math
import re
import shlex
import tokenize
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from forgetting.errors import UserError, did_you_mean

TYPES: dict[str, Callable[[Any], object]] = {"int": int, "float": float, "str": str, "bool": bool}
ARTICLE = {"int": "a whole number", "float": "a number", "str": "text", "bool": "True or False"}
RANGE = r"in\s+(?P<open>[\[(])(?P<low>[^,]+),(?P<high>[^\])]+)(?P<close>[\])])"
COMMENT = re.compile(
    rf"(?P<meaning>[^;]+?)(?:;\s*(?:each\s+)?(?:{RANGE}|one of\s+(?P<choices>.+)))?"
)
ANNOTATION = re.compile(
    r"(?P<list>list\[)?(?P<type>int|float|str|bool)(?(list)\])(?P<optional> \| None)?"
)


@dataclass(frozen=True)
class Parameter:
    """One parameter: what it means and what it may be.

    Attributes:
        name: The variable.
        type: A key of TYPES.
        default: Its value if none is given.
        meaning: What the comment says of it.
        many: Whether it is a list.
        optional: Whether None is allowed.
        choices: What is allowed as text; empty for anything.
        low: Numbers are above it.
        high: Numbers are below it.
        low_closed: Whether `low` itself is allowed.
        high_closed: Whether `high` itself is allowed.
    """

    name: str
    type: str
    default: object
    meaning: str
    many: bool = False
    optional: bool = False
    choices: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    low_closed: bool = False
    high_closed: bool = False

    @property
    def allowed(self) -> str:
        """What is allowed, in words: `a number in (0, 1)`."""
        one = ARTICLE[self.type]
        if self.choices:
            one = f"one of {', '.join(self.choices)}"
        elif (self.low, self.high) != (-math.inf, math.inf):
            opening, closing = "(["[self.low_closed], ")]"[self.high_closed]
            one += f" in {opening}{self.low:.10g}, {self.high:.10g}{closing}"
        return (f"a list of at least one, each {one}" if self.many else one) + (
            ", or None" if self.optional else ""
        )

    def check(self, value: object) -> object:
        """Return `value`, a whole number as a float where one is wanted.

        Raises:
            UserError: It is not allowed; the message gives name, value and what is allowed.
        """
        if value is None and self.optional:
            return None
        values = value if self.many else [value]
        if isinstance(values, list | tuple) and values and all(map(self._fits, values)):
            converted = [TYPES[self.type](one) for one in values]
            if len(set(converted)) < len(converted):
                raise UserError(
                    f"parameter {self.name} is {value!r}, which names a value twice; give each once"
                )
            return converted if self.many else converted[0]
        form = self._form(value) if self.many else ""
        raise UserError(f"parameter {self.name} is {value!r}; allowed: {self.allowed}{form}")

    def _form(self, value: object) -> str:
        """Say how a list is written in a shell, by its default or, if it has none, by `value`."""
        example = self.default or ([value] if self._fits(value) else None)
        if not example:
            return ""
        return f"; write '{self.name}={as_source(example).replace(', ', ',')}'"

    def _fits(self, value: object) -> bool:
        number = type(value) in (float, int)  # a bool is not
        if self.type not in (type(value).__name__, "float" if number else None):
            return False
        if self.choices and str(value) not in self.choices:
            return False
        if not isinstance(value, float | int) or not number:
            return True
        above = value > self.low or (self.low_closed and value == self.low)
        below = value < self.high or (self.high_closed and value == self.high)
        return above and below


def parse_cell(source: str) -> dict[str, Parameter]:
    """Return the parameters of a `parameters` cell by name, in its order.

    Raises:
        ValueError: It holds something other than described lines, or a default that its own comment
            does not allow.
    """
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
    parameters = {}
    for statement in ast.parse(source).body:
        if (
            not isinstance(statement, ast.AnnAssign)
            or not isinstance(statement.target, ast.Name)
            or statement.value is None
        ):
            raise ValueError(f"line {statement.lineno} is not `name: type = literal  # meaning`")
        name = statement.target.id
        try:
            line = statement.end_lineno or statement.lineno
            parameters[name] = _parse_line(name, statement, comments.get(line, ""))
            parameters[name].check(parameters[name].default)
        except ValueError as error:
            raise ValueError(f"parameter {name}: {error}") from None
    return parameters


def _parse_line(name: str, statement: ast.AnnAssign, comment: str) -> Parameter:
    assert statement.value is not None  # parse_cell has seen to that
    kind = ANNOTATION.fullmatch(ast.unparse(statement.annotation))
    if not kind:
        raise ValueError(
            f"type {ast.unparse(statement.annotation)} is not one of {', '.join(TYPES)}, "
            "a list of one, or either `| None`"
        )
    try:
        default = ast.literal_eval(statement.value)
    except ValueError:
        raise ValueError(
            f"{ast.unparse(statement.value)} is not a literal; compute it in a later cell"
        ) from None
    words = COMMENT.fullmatch(comment.lstrip("#").strip())
    if not words:
        raise ValueError(
            "its line needs a comment `# meaning`, `# meaning; in [low, high]` "
            "or `# meaning; one of a, b, c`"
        )
    parameter = Parameter(
        name,
        kind["type"],
        default,
        words["meaning"].strip(),
        many=bool(kind["list"]),
        optional=bool(kind["optional"]),
    )
    if words["open"]:
        return replace(
            parameter,
            low=float(words["low"]),
            high=float(words["high"]),
            low_closed=words["open"] == "[",
            high_closed=words["close"] == "]",
        )
    choices = words["choices"].split(",") if words["choices"] else ()
    return replace(parameter, choices=tuple(choice.strip() for choice in choices))


def check_values(
    parameters: dict[str, Parameter], given: dict[str, object], *, where: str
) -> dict[str, object]:
    """Return every parameter's value: the given one, or its default.

    Args:
        parameters: By name.
        given: Values by name.
        where: What an error message calls their owner, e.g. "page overview".

    Raises:
        UserError: An unknown name (with the nearest one), a wrong type, a value out of range.
    """
    for name in given:
        if name not in parameters:
            hint = did_you_mean(name, list(parameters))
            raise UserError(
                f"parameter {name} (given as {given[name]!r}) is unknown to {where}; "
                f"it has {', '.join(parameters)}{hint}"
            )
    return {
        name: parameter.check(given.get(name, parameter.default))
        for name, parameter in parameters.items()
    }


def parse_assignments(text: str) -> dict[str, object]:
    """Return `alpha=0.01 levels="[0.5, 0.9]" ties=lowest` as a mapping.

    A value that is not a Python literal is text.

    Raises:
        UserError: A word without `=`, a name twice, an unclosed quotation mark.
    """
    given: dict[str, object] = {}
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError(
            f"parameters {text!r} are not readable ({error}); "
            "write for instance alpha=0.01 members=10"
        ) from None
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise UserError(
                f"parameter {word!r} is not name=value; write for instance alpha=0.01 members=10"
            )
        if name in given:
            raise UserError(
                f"parameter {name} is given twice, as {given[name]!r} and {value}; give it once"
            )
        given[name] = _literal(value)
    return given


def _literal(value: str) -> object:
    """Return the value of a Python literal, of true, false or null, of `[a, b]`; else the text."""
    try:
        return ast.literal_eval(
            {"true": "True", "false": "False", "null": "None"}.get(value, value)
        )
    except (ValueError, SyntaxError):
        if value[:1] + value[-1:] == "[]":
            return [_literal(item.strip()) for item in value[1:-1].split(",")]
        return value


def fill_cell(source: str, values: dict[str, object]) -> str:
    """Return a `parameters` cell with other defaults; types and comments stay.

    Args:
        source: The cell, one that `parse_cell` takes.
        values: The value of every parameter.
    """
    lines = source.encode().splitlines(keepends=True)  # ast counts columns in UTF-8 bytes
    for statement in reversed(ast.parse(source).body):
        assert isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        old, value = statement.value, values[statement.target.id]
        assert old is not None and old.end_lineno is not None
        if ast.literal_eval(old) != value:
            first, last = old.lineno - 1, old.end_lineno - 1
            before, after = lines[first][: old.col_offset], lines[last][old.end_col_offset :]
            lines[first : last + 1] = [before + as_source(value).encode() + after]
    return b"".join(lines).decode()


def as_source(value: object) -> str:
    """Return a value as Python source, text in double quotes."""
    if isinstance(value, list):
        return f"[{', '.join(map(as_source, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
