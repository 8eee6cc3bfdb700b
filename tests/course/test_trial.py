"""Each stub fails its check and each solution passes: on the smoke study, and on small archives.

What students run, on the studies of the book, `make course CHECK=yes` tries.
"""

import jupytext
import nbformat
import pytest

from forgetting.book import exercises
from forgetting.book.page import Page, read_page, resolve_parameters
from forgetting.course.folder import pages_with_exercises
from forgetting.course.trial import try_exercises
from forgetting.predictions import is_available
from forgetting.study import load_study

LEAST = {  # parameters that keep a page's resampling short
    "class-disparity": {"draws": 100},
    "exemplars": {"draws": 100},
    "pie-characteristics": {"draws": 100},
    "quantization-against-pruning": {"draws": 100},
    "how-many-models": {"draws": 50},
    "claims": {"draws": 50, "beside": ["smoke"]},
    "task-complexity": {"draws": 50, "studies": ["smoke"]},
    "audit-your-model": {"draws": 50},
    "what-helps": {"members": 4},
    "bias": {"members": 4, "wider": ["tinted-joint"], "control": ["tinted-joint"]},
    "dense-tells": {"members": 4, "draws": 20},
    "sub-groups": {"draws": 100, "members": 4, "control": ["tinted"]},
    "case": {"members": 4},
    "hundred-classes": {"draws": 50, "members": 4, "dealt_again": ["numbers"]},
    "published-networks": {"draws": 50},
}
# Of further pages those exercises that only studies without planted flaws have.
NATURAL = {"pie-characteristics": {"draws": 100, "members": 2}, "robustness": {"members": 4}}


def tried(name, study, parameters):
    page = read_page(name)
    return try_exercises(page, resolve_parameters(name, study=study, parameters=parameters))


@pytest.mark.parametrize(
    ("name", "study"),
    [(page.name, str(values["study"])) for page, values in pages_with_exercises("smoke")],
)
def test_stubs_fail_and_solutions_pass(name, study, smoke):
    if not is_available(load_study(study)):
        pytest.skip(f"there is no archive of {study}")
    trials = tried(name, study, LEAST.get(name, {}))
    assert trials and not [trial.line for trial in trials if trial.line]


@pytest.mark.parametrize("name", NATURAL)
def test_stubs_fail_and_solutions_pass_without_planted_flaws(name, monkeypatch):
    monkeypatch.setattr("forgetting.measure.resampling.SOURCE_DRAWS", 1)  # of 10,000 images
    trials = tried(name, "cifar10-narrow", NATURAL[name])
    assert trials and not [trial.line for trial in trials if trial.line]


TEXT = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# A page

```{code-cell} python
:tags: [parameters]
study: str = "smoke"  # the study that is read
```

```{code-cell} python
base = 1
```

+++ {"tags": ["question", "change"]}

1. Change it.

```{code-cell} python
:tags: [solution]
few = base + 10  # was: base
```

```{code-cell} python
:tags: [check]
CHECK
```
"""


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("assert few == 11", ""),
        ("assert few", "the stub passes the check"),
        ("assert few == 12", "the solution fails: AssertionError"),
        ("few.no_such()", "the solution fails: AttributeError"),
    ],
)
def test_a_check_that_cannot_fail_and_a_solution_that_fails_are_told(check, words):
    text = TEXT.replace("CHECK", check)
    notebook = jupytext.reads(text, fmt="md:myst")
    assert isinstance(notebook, nbformat.NotebookNode) and exercises.find_exercises(
        notebook.cells, where="page"
    )
    [trial] = try_exercises(Page("page", text, notebook, 1, {}), {"study": "smoke"})
    assert words in trial.line and bool(words) == bool(trial.line)
