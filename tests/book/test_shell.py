"""Commands that a page runs."""

import sys

from forgetting.book.shell import run_module


def test_what_a_command_prints_is_shown_and_its_exit_code_returned(displayed, tmp_path):
    (tmp_path / "speak.py").write_text(
        "import os, sys\nprint(sys.argv[1], os.getcwd())\nprint('alas', file=sys.stderr)\nsys.exit(3)\n"
    )
    assert sys.executable and run_module("speak", "well", folder=tmp_path) == 3
    assert displayed[0][0]["text/markdown"] == f"* well {tmp_path.resolve()}\n* alas"


def test_a_command_draws_no_bar_into_the_page_of_a_kernel_that_asks_for_colours(
    displayed, tmp_path, monkeypatch
):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as the kernel of a notebook does
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    (tmp_path / "work.py").write_text(
        "from rich.console import Console\n"
        "from forgetting.progress import Progress\n"
        "with Progress(2, 'pictures', Console(stderr=True)) as progress:\n"
        "    progress.advance(2)\n"
        "print('done')\n"
    )
    assert run_module("work", folder=tmp_path) == 0
    assert displayed[0][0]["text/markdown"] == "* done"
