"""Commands that a page runs as a reader would, with what they print."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from forgetting import paths
from forgetting.book.display import say

# What a notebook's kernel sets for its cells: commands would draw bars and colours into the page.
COLOURS = ("FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


def run_module(module: str, *words: str, folder: Path) -> int:
    """Run a module as a shell would, show the lines that it prints, and return its exit code.

    Args:
        module: Its dotted name; a page is out of date where a cell names a module that has changed.
        words: Its arguments.
        folder: Where it runs.
    """
    done = module_output(module, *words, folder=folder)
    say_lines([*done.stdout.splitlines(), *done.stderr.splitlines()])
    return done.returncode


def module_output(module: str, *words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a module as a shell would, and return its exit code with what it printed.

    Args:
        module: Its dotted name.
        words: Its arguments.
        folder: Where it runs.
    """
    environment = os.environ | {"PYTHONPATH": str(paths.ROOT / "lib")}
    for name in COLOURS:
        environment.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def say_lines(lines: Iterable[str]) -> None:
    """Display lines as a list."""
    say("\n".join(f"* {line}" for line in lines))
