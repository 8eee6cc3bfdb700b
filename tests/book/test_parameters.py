"""A parameters cell is read, checked and filled; what is not allowed is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from forgetting.book import parameters
from forgetting.errors import UserError

CELL = """\
study: str = "smoke"  # the study that is read
alpha: float = 0.05  # level of the tests; in (0, 1)
members: int | None = None  # networks used, None for all; in [2, inf)
levels: list[float] = [0.5,
                       0.9]  # lévels shown; each in [0, 1)
ties: str = "none"  # what a tied example is; one of none, lowest, highest
exact: bool = False  # whether p is exact
"""


@given(
    some.fixed_dictionaries(
        {
            "alpha": some.floats(0, 1, exclude_min=True, exclude_max=True),
            "members": some.none() | some.integers(2, 10**9),
            "levels": some.lists(some.floats(0, 0.99), min_size=1, max_size=5, unique=True),
            "ties": some.sampled_from(["none", "lowest", "highest"]),
            "exact": some.booleans(),
            "study": some.text(some.characters(codec="utf-8"), min_size=1),
        }
    )
)
def test_a_filled_cell_has_the_given_values_and_keeps_types_and_comments(values):
    described = parameters.parse_cell(CELL)
    filled = parameters.parse_cell(
        parameters.fill_cell(CELL, parameters.check_values(described, values, where="here"))
    )
    assert {name: parameter.default for name, parameter in filled.items()} == values
    assert [(p.name, p.allowed, p.meaning) for p in filled.values()] == [
        (p.name, p.allowed, p.meaning) for p in described.values()
    ]


def test_a_cell_filled_with_its_own_defaults_is_unchanged():
    assert (
        parameters.fill_cell(
            CELL, parameters.check_values(parameters.parse_cell(CELL), {}, where="here")
        )
        == CELL
    )


@pytest.mark.parametrize("low, high", [("[0", "1]"), ("[0", "1)"), ("(0", "1]"), ("(0", "1)")])
def test_interval_brackets_say_whether_the_bounds_are_allowed(low, high):
    [parameter] = parameters.parse_cell(f"x: float = 0.5  # share; in {low}, {high}\n").values()
    for bound, allowed in ((0.0, low == "[0"), (1.0, high == "1]")):
        if allowed:
            assert parameter.check(bound) == bound
        else:
            with pytest.raises(UserError):
                parameter.check(bound)


def test_a_list_that_is_refused_is_told_how_it_is_written_and_that_can_be_read():
    for cell, wrong, form in (
        ('names: list[str] = ["tint", "frame"]  # groups', "tint", '["tint","frame"]'),
        ("at: list[float] = [0.5, 0.9]  # levels; each in [0, 1)", [0.5, 2], "[0.5,0.9]"),
        ("at: list[float] | None = None  # levels; each in [0, 1)", 0.5, "[0.5]"),
    ):
        [(name, parameter)] = parameters.parse_cell(cell).items()
        with pytest.raises(UserError) as refused:
            parameter.check(wrong)
        written = str(refused.value).partition("; write ")[2]
        assert written == f"'{name}={form}'"
        read = parameters.parse_assignments(written)[name]
        assert parameter.check(read) == read and isinstance(read, list)
    with pytest.raises(UserError, match=r"or None$"):
        parameter.check("high")


def test_assignments_are_read_as_a_shell_passes_them():
    assert parameters.parse_assignments(
        'alpha=1e-3 levels="[0.3, 0.5]" ties=lowest names=[a,b] exact=true members=None x=a=b'
    ) == {
        "alpha": 0.001,
        "levels": [0.3, 0.5],
        "ties": "lowest",
        "names": ["a", "b"],
        "exact": True,
        "members": None,
        "x": "a=b",
    }
    assert parameters.parse_assignments("") == {}


@pytest.mark.parametrize(
    "wrong", ["alpha", "alpha 0.1", "=3", "2x=3", "alpha=1 alpha=2", 'alpha="1']
)
def test_assignments_that_cannot_be_read_are_refused(wrong):
    with pytest.raises(UserError, match="write for instance|once"):
        parameters.parse_assignments(wrong)


@given(some.lists(some.sampled_from(["a", "b", "c"]), min_size=1))
def test_a_list_names_each_value_once(values):
    parameter = parameters.Parameter("some", "str", ["a"], "which", many=True)
    if len(set(values)) == len(values):
        assert parameter.check(values) == values
    else:
        with pytest.raises(UserError, match="some is .*names a value twice; give each once"):
            parameter.check(values)
