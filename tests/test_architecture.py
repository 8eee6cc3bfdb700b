"""The rule of book/architecture.md: who may import whom, and that the page names every room."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forgetting import paths

LIB = paths.ROOT / "lib"
PACKAGE = LIB / "forgetting"


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


def test_the_page_on_architecture_names_every_room():
    text = (paths.book / "architecture.md").read_text(encoding="utf-8")
    rooms = {
        f"{entry.name}/" if entry.is_dir() else entry.stem
        for entry in PACKAGE.iterdir()
        if not entry.name.startswith("_") and (entry.is_dir() or entry.suffix == ".py")
    }
    assert {room for room in rooms if f"`{room}`" not in text} == set()
