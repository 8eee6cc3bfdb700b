"""A page before it is run: notebooks are checked, and parameters refused before anything runs."""

import pytest

from forgetting import paths
from forgetting.book import execute
from forgetting.book.build import build_pages, run_page
from forgetting.book.page import (
    check_parameters,
    check_study_pages,
    needed_sparsities,
    page_names,
    read_page,
    resolve_parameters,
)
from forgetting.book.provenance import provenance
from forgetting.errors import UserError
from forgetting.study import load_study, study_names

READS = "print(study, alpha, members, levels, ties, exact)"


@pytest.mark.parametrize(
    "name", page_names() or [pytest.param("", marks=pytest.mark.skip("no notebooks yet"))]
)
def test_every_notebook_is_whole_and_its_parameters_are_described_and_read(name):
    page = read_page(name)
    assert page.parameters["study"].type == "str"
    assert check_parameters(name, {}).keys() == page.parameters.keys()
    assert "book.provenance(" in page.notebook.cells[-1].source, (
        "a page ends with the box on how it was made"
    )


@pytest.mark.parametrize("study", study_names())
def test_every_study_that_comes_with_the_project_speaks_of_pages_and_parameters_that_exist(study):
    check_study_pages(load_study(study))
    for name in page_names():
        resolve_parameters(name, study=study)


def test_values_given_replace_defaults_and_the_rest_stay(book):
    got = check_parameters(
        "one", {"alpha": 0.01, "members": 7, "levels": [0, 0.3], "ties": "lowest", "exact": True}
    )
    assert got == {
        "study": "smoke",
        "alpha": 0.01,
        "members": 7,
        "levels": [0.0, 0.3],
        "ties": "lowest",
        "exact": True,
    }
    assert all(type(level) is float for level in got["levels"])


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"alhpa": 0.1}, ["alhpa", "0.1", "alpha"]),
        ({"alpha": 1.0}, ["alpha", "1.0", "(0, 1)"]),
        ({"alpha": 0}, ["alpha", "(0, 1)"]),
        ({"alpha": "low"}, ["alpha", "'low'", "number"]),
        ({"alpha": True}, ["alpha", "True", "number"]),
        ({"alpha": float("nan")}, ["alpha", "nan"]),
        ({"alpha": None}, ["alpha", "None"]),
        ({"members": 1}, ["members", "[2, inf)", "or None"]),
        ({"members": 2.0}, ["members", "2.0", "whole number"]),
        ({"levels": 0.5}, ["levels", "a list"]),
        ({"levels": []}, ["levels", "at least one"]),
        ({"levels": [0.5, 1.0]}, ["levels", "[0, 1)"]),
        ({"ties": "low"}, ["ties", "'low'", "none, lowest, highest"]),
        ({"exact": 1}, ["exact", "True or False"]),
    ],
)
def test_a_parameter_that_is_not_allowed_is_refused_before_a_kernel_starts(
    book, monkeypatch, wrong, words
):
    monkeypatch.setattr(execute, "_run_cells", lambda *_: pytest.fail("a kernel started"))
    with pytest.raises(UserError) as caught:
        run_page("one", study="smoke", parameters=wrong)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    "cell, words",
    [
        ("alpha = 0.05  # level\n", "line 2"),
        ("alpha: float = 0.05\n", "needs a comment"),
        ("alpha: float = 1 / 20  # level\n", "not a literal"),
        ("alpha: complex = 1  # level\n", "complex"),
        ("alpha: float = 0.05  # level; in [0.1, 1)\n", "0.05"),
        ("alpha: float = 0.05  # level; between 0 and 1\n", "needs a comment"),
        ("print(3)\n", "line 2"),
    ],
)
def test_a_parameters_cell_that_is_not_described_lines_is_an_error_of_the_notebook(
    book, short, cell, words
):
    (paths.notebooks / "one.md").write_text(short("print(study, alpha)", more=cell))
    with pytest.raises(UserError) as caught:
        read_page("one")
    assert words in str(caught.value) and "notebooks/one.md" in str(caught.value)


@pytest.mark.parametrize(
    "whole, words",
    [
        (
            lambda text: text("print(study, alpha, members, levels, ties)"),
            "no cell reads parameter exact",
        ),
        (
            lambda text: text().replace(":tags: [parameters]", ""),
            "0 code cells tagged parameters",
        ),
        (
            lambda text: text() + text()[text().index("```{code-cell}") :],
            "2 code cells tagged parameters",
        ),
        (
            lambda text: text("print(alpha)", "alpha: float = 0.1  # level\n"),
            "lacks the parameter study",
        ),
        (lambda text: text(READS + "\nx = = 3"), "cell 3, line 2"),
        (lambda text: text().replace("kernelspec:", "other:"), "no kernelspec"),
    ],
)
def test_a_notebook_that_is_not_whole_is_refused(book, text, whole, words):
    (paths.notebooks / "one.md").write_text(whole(text))
    with pytest.raises(UserError, match=words):
        read_page("one")


def test_an_unknown_page_is_refused_with_the_nearest_name(book):
    with pytest.raises(UserError, match="did you mean 'one'"):
        read_page("onee")


def test_the_study_gives_parameters_to_all_pages_and_to_one_and_the_caller_overrides_both(
    study_file,
):
    study = study_file(
        pages={"common": {"alpha": 0.2, "ties": "lowest"}, "one": {"ties": "highest"}}
    )
    assert resolve_parameters("one", study=study, parameters={"members": 3}) == {
        "study": study,
        "alpha": 0.2,
        "members": 3,
        "levels": [0.5, 0.9],
        "ties": "highest",
        "exact": False,
    }


def test_members_that_are_not_given_are_no_more_than_the_study_has(study_file):
    many = {"common": {"members": 60}}
    assert resolve_parameters("one", study=study_file(members=5))["members"] is None
    assert resolve_parameters("one", study=study_file(members=5, pages=many))["members"] == 5
    assert resolve_parameters("one", study=study_file(members=70, pages=many))["members"] == 60


def test_a_reader_has_no_more_networks_than_are_read_unless_given():
    def reader(study, **given):
        return resolve_parameters("how-many-models", study=study, parameters=given)["reader"]

    assert reader("digits") == 5 and reader("smoke") == 4 and reader("digits", members=4) == 4
    assert reader("digits", reader=20, members=10) == 20  # The page refuses it.


@pytest.mark.parametrize(
    "keys, words",
    [
        ({"oen": {}}, "did you mean 'one'"),
        ({"one": {"alpah": 0.1}}, "did you mean 'alpha'"),
        ({"common": {"memberz": 3}}, "did you mean 'members'"),
        ({"common": {"alpha": 3}}, "alpha is 3"),
        ({"one": {"study": "digits"}}, "STUDY=digits"),
    ],
)
def test_a_study_that_speaks_of_what_does_not_exist_is_refused(study_file, keys, words):
    with pytest.raises(UserError, match=words):
        build_pages(["one"], study=study_file(pages=keys))


def test_a_common_parameter_goes_only_to_the_pages_that_have_it(study_file, short):
    (paths.notebooks / "two.md").write_text(short())
    assert resolve_parameters("two", study=study_file(pages={"common": {"alpha": 0.2}})).keys() == {
        "study"
    }


def test_the_levels_that_a_page_reads_are_known_before_it_runs():
    assert needed_sparsities({"sparsity": 0.8, "sparsities": [0.5, 0.8, 0], "alpha": 0.1}) == (
        0.8,
        0.5,
    )
    assert needed_sparsities({"sparsity": None}) == ()


@pytest.mark.parametrize(
    ("name", "role"), [("photographs", ", the study whose own networks, dense"), ("exemplars", "")]
)
def test_the_box_at_the_end_says_what_is_taken_of_a_study_that_is_not_all_that_is_read(
    name, role, monkeypatch
):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    provenance(name, resolve_parameters(name, study="smoke"))
    title = load_study("smoke").title
    after = shown[0].data.partition(f"<p>Study <strong>{title}</strong>")[2]
    assert after.startswith(role or " (<code>smoke")
