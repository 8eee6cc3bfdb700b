"""The part of a page's code that exercises need is enough, and no more than it has to be."""

from hypothesis import given, settings
from hypothesis import strategies as st

from forgetting.course.slices import free_names, slice_code


def run(cells):
    names = {}
    for cell in cells:
        exec(cell, names)
    return names


def test_only_what_a_name_depends_on_is_kept():
    cells = ["a = 1\nb = 2", "c = a + 1\nprint('no')", "d = b"]
    assert slice_code(cells, {"c"}) == ["a = 1", "c = a + 1"]
    assert slice_code(cells, set()) == []


def test_what_changes_a_table_belongs_to_it_and_what_displays_it_does_not():
    cells = ["t = {}\nt['x'] = 1\nt.update(y=2)\nbook.show(t)"]
    assert slice_code(cells, {"t"}) == ["t = {}\nt['x'] = 1\nt.update(y=2)"]


def test_a_value_that_is_lost_is_not_computed():
    assert slice_code(["t = slow()", "t = 1"], {"t"}) == ["t = 1"]
    assert slice_code(["t = 1", "t = t + 1"], {"t"}) == ["t = 1", "t = t + 1"]


def test_imports_functions_and_branches_are_followed():
    cells = [
        "import math as m",
        "def f(x):\n    return m.floor(x) + k",
        "k = 1",
        "if k:\n    z = f(k)",
    ]
    assert run(slice_code(cells, {"z"}))["z"] == 2


def test_variables_of_comprehensions_and_functions_ask_for_nothing():
    cells = [
        "for n in slow():\n    pass",
        "def f(k):\n    m = k\n    return [n + m for n in k]",
        "m = 1",
    ]
    assert slice_code(cells, {"f"}) == [cells[1]]


def test_free_names_are_those_that_cells_do_not_set_themselves():
    cells = ["def f(x):\n    y = x + k\n    return y", "a = [f(n) for n in x]", "b = a + n + y"]
    assert free_names(cells) == {"k", "x", "n", "y"}


STATEMENTS = st.tuples(
    st.sampled_from("abcd"),
    st.sampled_from(["=", "+="]),
    st.lists(st.sampled_from("abcd"), max_size=2),
)


@settings(max_examples=50)
@given(st.lists(st.lists(STATEMENTS, max_size=4), max_size=5), st.sampled_from("abcd"))
def test_a_slice_gives_its_names_the_values_that_all_of_the_code_gives(program, wanted):
    begin = "a = b = c = d = 1"
    cells = [
        "\n".join(f"{name} {sign} {' + '.join([*others, '1'])}" for name, sign, others in cell)
        for cell in program
    ]
    assert run(slice_code([begin, *cells], {wanted}))[wanted] == run([begin, *cells])[wanted]
