"""Exercises are written with their solutions; readers get the questions alone."""

import jupytext
import pytest

from forgetting.book import exercises
from forgetting.book.editions import editions, whole_edition
from forgetting.book.page import read_page, resolve_parameters
from forgetting.errors import UserError

TEXT = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

## Exercises

+++ {"tags": ["question", "change"]}

1. Change it.

```{code-cell} python
:tags: [solution]
few = 10  # was: 60
double = 2 * few
```

```{code-cell} python
:tags: [check]
assert double == 20
```

+++ {"tags": ["answer"]}

Because.

+++ {"tags": ["question", "argue"]}

2. Why?

+++ {"tags": ["answer"]}

Therefore.
"""


def cells_of(text=TEXT):
    return jupytext.reads(text, fmt="md:myst").cells


def test_an_exercise_has_its_question_its_solution_its_check_and_its_answer():
    first, second = exercises.find_exercises(cells_of(), where="here")
    assert (first.number, first.kind, second.number, second.kind) == (1, "change", 2, "argue")
    assert [len(part) for part in (first.solution, first.check, first.answer)] == [1, 1, 1]
    assert not second.solution and second.answer[0].source == "Therefore."


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"question", "change"', '"question"', "tag it with one of change, complete, argue"),
        ("2. Why?", "3. Why?", "it is number 2"),
        (":tags: [check]", ":tags: [other]", "exercise 1 .change. has no cell tagged check"),
        (
            '+++ {"tags": ["answer"]}\n\nTherefore.',
            "Therefore.",
            "2 .argue. has no cell tagged ans",
        ),
        ('{"tags": ["question", "change"]}', '{"tags": ["x"]}', "solution stands before any que"),
    ],
)
def test_what_an_exercise_lacks_is_said_in_one_line(old, new, words):
    assert old in TEXT
    with pytest.raises(UserError, match=f"^here: .*{words}"):
        exercises.find_exercises(cells_of(TEXT.replace(old, new)), where="here")


def test_readers_get_the_questions_alone_and_teachers_all_of_it_folded():
    alone = exercises.for_readers(cells_of(), solutions=False)
    words = "\n".join(cell.source for cell in alone)
    assert "1. Change it." in words and "2. Why?" in words
    assert not any(word in words for word in ("few", "assert", "Because", "Therefore"))
    whole = exercises.for_readers(cells_of(), solutions=True)
    folded = [cell for cell in whole if exercises.is_hidden(cell)]
    assert len(folded) == 4
    for cell in folded:
        code = cell.cell_type == "code"
        assert "hide-cell" in cell.metadata["tags"] if code else "{dropdown}" in cell.source


@pytest.mark.parametrize(
    ("solution", "given"),
    [
        ("few = 10  # was: 60\nuse(few)", "few = 60  # change this\nuse(few)"),
        ("whole()", exercises.YOURS.rstrip()),
        (
            "def f(x):\n    ### BEGIN SOLUTION\n    y = x\n\n    return y\n    ### END SOLUTION\nf(1)",
            "def f(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()\nf(1)",
        ),
        (
            "a = 1\n### BEGIN SOLUTION\nb = 2\n### END SOLUTION\nc = 3\n### BEGIN SOLUTION\nd = 4\n### END SOLUTION",
            f"a = 1\n{exercises.YOURS}c = 3\n{exercises.YOURS}".rstrip(),
        ),
    ],
)
def test_a_stub_holds_what_is_given_and_nothing_of_what_is_to_be_written(solution, given):
    assert exercises.stub(solution) == given
    assert "SOLUTION" not in exercises.solved(solution)
    for source in (given, exercises.solved(solution), exercises.for_nbgrader(solution)):
        compile(source, "<cell>", "exec")


def test_nbgrader_is_given_a_changed_value_as_a_region():
    assert exercises.for_nbgrader("few = 10  # was: 60").splitlines() == [
        "few = 60  # change this",
        exercises.BEGIN,
        "few = 10",
        exercises.END,
    ]


EDITIONS = [
    (edition, page) for edition, pages in editions().items() for page in pages if page != "overview"
]


@pytest.mark.parametrize(("edition", "name"), EDITIONS)
def test_every_page_of_the_book_has_four_exercises_of_three_kinds(edition, name):
    if name == "explore":
        return  # it is charts; other pages' exercises send readers there
    page, values = read_page(name), resolve_parameters(name, study=edition or "digits")
    found = exercises.find_exercises(whole_edition(page, values).cells, where=name)
    assert len(found) >= 4 and {exercise.kind for exercise in found} == set(exercises.KINDS)
