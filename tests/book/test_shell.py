"""Commands that a page runs."""

import sys

from forgetting.book.shell import run_module


def test_what_a_command_prints_is_shown_and_its_exit_code_returned(displayed, tmp_path):
    (tmp_path / "speak.py").write_text(
        "import os, sys\nprint(sys.argv[1], os.getcwd())\nprint('alas', file=sys.stderr)\nsys.exit(3)\n"
    )
    assert sys.executable and run_module("speak", "well", folder=tmp_path) == 3
    assert displayed[0][0]["text/markdown"] == f"* well {tmp_path.resolve()}\n* alas"
