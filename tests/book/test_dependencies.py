"""A page is out of date where something changed that it uses, and only there."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forgetting import paths
from forgetting.book import dependencies
from forgetting.book.dependencies import library_digest, module_files, used_modules
from forgetting.book.page import page_names, read_page

IMPORT = """
import json, os, sys
import jupytext, matplotlib.pyplot, numpy, pandas, pyarrow.parquet, pydantic, scipy.stats
for name, lines in json.loads(sys.stdin.read()).items():
    if not os.fork():
        exec("\\n".join(lines))
        print(name, *(module for module in sys.modules if module.startswith("forgetting")))
        sys.stdout.flush()
        os._exit(0)
    os.wait()
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the library, which may be changed."""
    copy = tmp_path / "lib" / "forgetting"
    shutil.copytree(dependencies.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy.parent / "requirements.lock").write_text("numpy==1\n")
    monkeypatch.setattr(paths, "claims", tmp_path / "claims")
    paths.claims.mkdir()
    (paths.claims / "claims.yml").write_text("- one\n")
    return copy


def digests(package):
    return {name: library_digest(read_page(name), package) for name in page_names()}


def out_of_date(package, *files):
    """For each file in turn, the pages whose digest changes when a line is added to it."""
    before, changed = digests(package), []
    for file in files:
        with file.open("a") as opened:
            opened.write("\n")
        after = digests(package)
        changed.append({name for name in after if after[name] != before[name]})
        before = after
    return changed


def test_all_that_importing_what_a_notebook_imports_runs_is_among_the_modules_it_uses():
    """The imports are run, each notebook's in a process of its own, and sys.modules is read."""
    lines = {
        name: [
            ast.unparse(node)
            for cell in read_page(name).notebook.cells
            if cell.cell_type == "code"
            for node in ast.walk(ast.parse(cell.source))
            if isinstance(node, ast.Import | ast.ImportFrom)
            and any("forgetting" in part for part in ast.unparse(node).split())
        ]
        for name in page_names()
        if "import torch" not in read_page(name).text  # which takes longer than all others
    }
    done = subprocess.run(
        [sys.executable, "-c", IMPORT],
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == len(lines) > 5
    for name, *run in (line.split() for line in done.stdout.splitlines()):
        used = used_modules(dependencies._notebook_imports(read_page(name)), module_files())
        assert set(run) <= used and len(run) > 5


def test_a_change_of_the_audit_makes_only_the_pages_about_it_out_of_date(package):
    files = (package / "audit").glob("*.*")
    about = {"audit-your-model", "audit-language"}
    assert all(pages == about for pages in out_of_date(package, *files))


def test_a_change_of_a_measure_reaches_the_pages_that_use_it_by_whatever_way(package):
    [changed] = out_of_date(package, package / "measure" / "robustness.py")
    assert {"robustness", "claims"} <= changed  # the claims by way of what they are tested on
    assert not changed & {"overview", "populations", "class-disparity", "exemplars"}


def test_a_change_of_the_room_that_makes_pages_reaches_all(package):
    files = sorted((package / "book").glob("*.py"))
    assert all(pages == set(page_names()) for pages in out_of_date(package, *files))


def test_a_change_of_the_claims_reaches_the_pages_that_answer_them_alone(package):
    answering = {name for name in page_names() if "forgetting.claims" in read_page(name).text}
    assert {"claims", "exemplars", "robustness"} <= answering < set(page_names())
    assert out_of_date(package, paths.claims / "claims.yml") == [answering]


def test_another_version_of_anything_reaches_all(package):
    assert out_of_date(package, package.parent / "requirements.lock") == [set(page_names())]


def test_imports_within_functions_relative_ones_and_packages_count(tmp_path):
    sources = {
        "one/__init__.py": "",
        "one/a.py": "def f():\n    from one.deep import b\n",
        "one/deep/__init__.py": "from . import d\n",
        "one/deep/b.py": "from ..c import something\n",
        "one/deep/d.py": "import os, numpy.linalg\n",
        "one/c.py": "import one.a\n",
        "one/unused.py": "",
    }
    for name, source in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    files = module_files(tmp_path / "one")
    assert {str(Path(file).relative_to(tmp_path)) for file in files.values()} == set(sources)
    used = used_modules(["one.a.f", "elsewhere"], files)
    assert used == {"one", "one.a", "one.deep", "one.deep.b", "one.deep.d", "one.c"}
