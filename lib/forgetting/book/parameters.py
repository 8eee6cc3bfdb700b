"""A notebook's parameters: read from its one `parameters` cell, described by their comments, checked before anything runs.

Each line of that cell is `name: type = literal  # meaning`, where the comment may end in what is allowed:

    alpha: float = 0.05  # level of the tests; in (0, 1)
    members: int | None = None  # networks of each population that are used, None for all; in [2, inf)
    levels: list[float] = [0.5, 0.9]  # levels of sparsity shown; each in [0, 1)
    ties: str = "none"  # what a tied example's modal label is; one of none, lowest, highest
"""

import ast
import io
import json
import math
import re
import shlex
import tokenize
from dataclasses import dataclass

from forgetting.errors import UserError, did_you_mean

TYPES = {"int": int, "float": float, "str": str, "bool": bool}
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

    `type` is a key of TYPES; `many`: a list of them; `optional`: None is allowed. `choices` holds what is allowed as text, empty for
    anything; `low` and `high` bound numbers, and are allowed themselves where `low_closed` and `high_closed` say so.
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
            one += f" in {'[' if self.low_closed else '('}{self.low:.10g}, {self.high:.10g}{']' if self.high_closed else ')'}"
        return (f"a list of at least one, each {one}" if self.many else one) + (
            ", or None" if self.optional else ""
        )

    def check(self, value: object) -> object:
        """`value` (a whole number becomes a float where one is wanted), or UserError with the name, the value and what is allowed."""
        if value is None and self.optional:
            return None
        values = value if self.many else [value]
        if isinstance(values, list | tuple) and values and all(map(self._fits, values)):
            as_wanted = [TYPES[self.type](one) for one in values]
            return as_wanted if self.many else as_wanted[0]
        raise UserError(f"parameter {self.name} is {value!r}; allowed: {self.allowed}")

    def _fits(self, value: object) -> bool:
        kind = {float: "float", int: "int"}.get(type(value))
        if self.type not in (type(value).__name__, "float" if kind else None):
            return False
        if self.choices and str(value) not in self.choices:
            return False
        if kind is None:
            return True
        above = value > self.low or (self.low_closed and value == self.low)
        below = value < self.high or (self.high_closed and value == self.high)
        return above and below


def parse(source: str) -> dict[str, Parameter]:
    """The parameters of a `parameters` cell, in its order.

    Raises:
        ValueError: something other than described lines, or a default that its own comment does not allow.
    """
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
    found = {}
    for statement in ast.parse(source).body:
        if (
            not isinstance(statement, ast.AnnAssign)
            or not isinstance(statement.target, ast.Name)
            or statement.value is None
        ):
            raise ValueError(f"line {statement.lineno} is not `name: type = literal  # meaning`")
        name = statement.target.id
        try:
            found[name] = _described(name, statement, comments.get(statement.end_lineno, ""))
            found[name].check(found[name].default)
        except (ValueError, UserError) as error:
            raise ValueError(f"parameter {name}: {error}") from None
    return found


def _described(name: str, statement: ast.AnnAssign, comment: str) -> Parameter:
    kind = ANNOTATION.fullmatch(ast.unparse(statement.annotation))
    if not kind:
        raise ValueError(
            f"type {ast.unparse(statement.annotation)} is not one of {', '.join(TYPES)}, a list of one, or either `| None`"
        )
    try:
        default = ast.literal_eval(statement.value)
    except ValueError:
        raise ValueError(
            f"{ast.unparse(statement.value)} is not a literal; compute it in a later cell"
        ) from None
    said = COMMENT.fullmatch(comment.lstrip("#").strip())
    if not said:
        raise ValueError(
            "its line needs a comment `# meaning`, `# meaning; in [low, high]` or `# meaning; one of a, b, c`"
        )
    allowed = {}
    if said["open"]:
        allowed = {"low": float(said["low"]), "high": float(said["high"])}
        allowed |= {"low_closed": said["open"] == "[", "high_closed": said["close"] == "]"}
    elif said["choices"]:
        allowed = {"choices": tuple(choice.strip() for choice in said["choices"].split(","))}
    form = {"many": bool(kind["list"]), "optional": bool(kind["optional"])}
    return Parameter(name, kind["type"], default, said["meaning"].strip(), **form, **allowed)


def check(
    parameters: dict[str, Parameter], given: dict[str, object], *, where: str
) -> dict[str, object]:
    """Every parameter's value: the given one, or its default.

    Raises:
        UserError: an unknown name (with the nearest one), a wrong type, a value out of range; nothing has been run by then.
    """
    for name in given:
        if name not in parameters:
            hint = did_you_mean(name, list(parameters))
            raise UserError(
                f"parameter {name} (given as {given[name]!r}) is unknown to {where}; it has {', '.join(parameters)}{hint}"
            )
    return {
        name: parameter.check(given.get(name, parameter.default))
        for name, parameter in parameters.items()
    }


def parse_assignments(text: str) -> dict[str, object]:
    """`alpha=0.01 levels="[0.5, 0.9]" ties=lowest` as a mapping; what is no Python literal is text.

    Raises:
        UserError: a word without `=`, a name twice, an unclosed quotation mark.
    """
    given = {}
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError(
            f"parameters {text!r} are not readable ({error}); write for instance alpha=0.01 members=10"
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
    """Python's literals, the words true, false and null in their place; `[a, b]` is a list of words."""
    try:
        return ast.literal_eval(
            {"true": "True", "false": "False", "null": "None"}.get(value, value)
        )
    except (ValueError, SyntaxError):
        if value[:1] + value[-1:] == "[]":
            return [_literal(item.strip()) for item in value[1:-1].split(",")]
        return value


def fill(source: str, values: dict[str, object]) -> str:
    """The `parameters` cell with `values` in the place of its defaults; types and comments stay."""
    lines = source.encode().splitlines(keepends=True)  # ast counts columns in UTF-8 bytes
    for statement in reversed(ast.parse(source).body):
        value = statement.value
        if ast.literal_eval(value) != values[statement.target.id]:
            first, last = value.lineno - 1, value.end_lineno - 1
            new = (
                lines[first][: value.col_offset]
                + shown(values[statement.target.id]).encode()
                + lines[last][value.end_col_offset :]
            )
            lines[first : last + 1] = [new]
    return b"".join(lines).decode()


def shown(value: object) -> str:
    """A value as Python source, text in double quotes."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
