"""Messages: what pydantic refuses is one line that names key, value and what is allowed."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from forgetting.errors import (
    CorruptFile,
    DataNotFound,
    UserError,
    did_you_mean,
    invalid_value,
    told_in_one_line,
)


class Block(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["round", "square"]
    sides: tuple[int, int] = (1, 1)


class Shapes(BaseModel):
    model_config = ConfigDict(extra="forbid")

    first: Block
    other: Block | None = None


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({}, "first is missing; add it"),
        ({"first": {}}, "first.kind is missing; add it"),
        (
            {"first": {"kind": "rond"}},
            "first.kind is 'rond', but should be 'round' or 'square'",
        ),
        (
            {"first": {"kind": "round", "side": 1}},
            "first.side is an unknown key; allowed are kind, sides; did you mean 'sides'?",
        ),
        (
            {"first": {"kind": "round"}, "other": {"kind": "round", "x": 1}},
            "other.x is an unknown key; allowed are kind, sides",
        ),
        (
            {"first": {"kind": "round", 1: 2}},
            "first.1 is an unknown key; allowed are kind, sides",
        ),
        (
            {"first": {"kind": "round"}, "last": {}},
            "last is an unknown key; allowed are first, other",
        ),
    ],
)
def test_an_invalid_value_is_described_by_key_value_and_what_is_allowed(content, line):
    with pytest.raises(ValidationError) as refused:
        Shapes.model_validate(content)
    assert invalid_value(refused.value, Shapes) == line


def test_only_the_first_mistake_is_described_and_in_one_line():
    with pytest.raises(ValidationError) as refused:
        Shapes.model_validate({"first": {"kind": 1, "sides": ("a", 2)}, "other": 3})
    line = invalid_value(refused.value, Shapes)
    assert line.startswith("first.kind is 1, but should be") and "\n" not in line


def test_a_long_value_is_cut():
    with pytest.raises(ValidationError) as refused:
        Shapes.model_validate({"first": {"kind": "r" * 1000}})
    line = invalid_value(refused.value, Shapes)
    assert len(line) < 160 and line.endswith("..., but should be 'round' or 'square'")


def test_whatever_a_user_can_fix_is_a_value_error():
    assert issubclass(UserError, ValueError)
    assert issubclass(DataNotFound, UserError) and issubclass(CorruptFile, UserError)


def test_a_misspelt_name_is_answered_with_the_nearest_and_a_strange_one_with_nothing():
    assert did_you_mean("digit", ["digits", "fashion"]) == "; did you mean 'digits'?"
    assert did_you_mean("zebra", ["digits", "fashion"]) == ""


def test_a_users_mistake_ends_a_program_in_one_line_and_others_do_not(capsys):
    with pytest.raises(SystemExit) as ended, told_in_one_line():
        raise UserError("value is 3: allowed are 1 and 2; take one of them")
    assert ended.value.code == 2
    assert (
        capsys.readouterr().err == "forgetting: value is 3: allowed are 1 and 2; take one of them\n"
    )
    with pytest.raises(KeyError), told_in_one_line():
        raise KeyError("ours")
