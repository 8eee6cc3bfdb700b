"""The rule of book/architecture.md: who may import whom, and how long a module may be."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forgetting import paths

LIB = paths.ROOT / "lib"
PACKAGE = LIB / "forgetting"
MODULES = sorted(PACKAGE.rglob("*.py"))
LINES, FUNCTION_LINES = 300, 60
# Modules and functions that are longer, and why. These lists are to shrink.
LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def lint_imports(lib):
    """The answer of import-linter for the library in the folder `lib`."""
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache", "pyproject.toml"],
        cwd=lib,
        env=os.environ | {"PYTHONPATH": str(lib)},
        capture_output=True,
        text=True,
    )


def test_each_part_of_the_library_imports_only_what_the_contracts_allow():
    done = lint_imports(LIB)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("measure/populations.py", "from forgetting import study"),
        ("audit/comparison.py", "from forgetting import paths"),
        ("audit/rules.py", "from forgetting.data import spec"),
        ("predictions_file.py", "from forgetting import paths"),
        ("book/parameters.py", "from forgetting import audit"),
        ("claims/ledger.py", "def f():\n    import torch"),
        ("audit/table_source.py", "def f():\n    import onnx"),
        ("unplaced.py", "import math"),
    ],
)
def test_an_import_that_breaks_the_rule_is_noticed(module, line, tmp_path):
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(LIB / "forgetting", tmp_path / "forgetting", ignore=ignore)
    shutil.copy(LIB / "pyproject.toml", tmp_path)
    with (tmp_path / "forgetting" / module).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


def lines_of(node):
    """The lines of a module or function, its own docstring and those inside it left out."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = [
        inner.body[0]
        for inner in ast.walk(node)
        if isinstance(inner, documented) and ast.get_docstring(inner) is not None
    ]
    first = getattr(node, "lineno", 1)
    last = node.end_lineno if hasattr(node, "lineno") else node.body[-1].end_lineno
    return last - first + 1 - sum(doc.end_lineno - doc.lineno + 1 for doc in docstrings)


def trees():
    for module in MODULES:
        tree = ast.parse(module.read_text(encoding="utf-8"))
        if tree.body:
            yield module.relative_to(PACKAGE).as_posix(), tree


def test_no_module_is_longer_than_300_lines_without_its_docstrings():
    long = {name: n for name, tree in trees() if (n := lines_of(tree)) > LINES}
    assert set(long) == set(LONG_MODULES), long


def test_no_function_is_longer_than_60_lines_without_its_docstring():
    long = {
        f"{name}:{node.name}": n
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (n := lines_of(node)) > FUNCTION_LINES
    }
    assert set(long) == set(LONG_FUNCTIONS), long


def test_the_page_on_architecture_names_every_room():
    text = (paths.book / "architecture.md").read_text(encoding="utf-8")
    rooms = {
        f"{entry.name}/" if entry.is_dir() else entry.stem
        for entry in PACKAGE.iterdir()
        if not entry.name.startswith("_") and (entry.is_dir() or entry.suffix == ".py")
    }
    assert {room for room in rooms if f"`{room}`" not in text} == set()
