"""How long a contributor waits, side by side with an earlier commit on the same machine.

    .venv/bin/python lib/benchmarks/waiting.py                             # all stages
    .venv/bin/python lib/benchmarks/waiting.py --only setup
    .venv/bin/python lib/benchmarks/waiting.py --only pages --runs runs    # trains nothing

Both commits are cloned into temporary folders and go through the same stages in turn, each with
package caches of its own that start empty. A stage needs those before it; all that ran is shown.
Tests are timed that both commits have, by name and parameters: more of them are no slower.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASE_COMMIT = "c8f7272"


@dataclass(frozen=True)
class Stage:
    """Something to wait for.

    Attributes:
        commands: What is run in a clone, `{study}` being the study's name.
        needs: The stages without which it cannot run.
        target: How many times faster it should be, or how many seconds it may take.
    """

    commands: tuple[str, ...]
    needs: tuple[str, ...]
    target: str


STAGES = {
    "setup": Stage(("make setup",), (), "2x"),
    "training": Stage(("make train STUDY={study}",), ("setup",), "1.5x"),
    "pages": Stage((".venv/bin/forgetting pages {study}",), ("setup", "training"), "2x"),
    "binding": Stage((".venv/bin/forgetting book",), ("setup", "training", "pages"), ""),
    "nothing changed": Stage(
        ("make book STUDY={study}",), ("setup", "training", "pages", "binding"), "8 s"
    ),
    "tests": Stage(("make test",), ("setup", "training", "pages", "binding"), "2x"),
}


def selected(only: list[str]) -> list[str]:
    """The names of the stages to run: those asked for and those that they need, in order."""
    wanted = set(only or STAGES)
    for name in only:
        wanted |= set(STAGES[name].needs)
    return [name for name in STAGES if name in wanted]


def clone(commit: str, folder: Path) -> Path:
    """A clone of this repository at `commit`, in `folder`."""
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", ROOT, folder], check=True)
    subprocess.run(
        ["git", "-c", "advice.detachedHead=false", "checkout", "--quiet", commit],
        cwd=folder,
        check=True,
    )
    return folder


def environment(caches: Path) -> dict[str, str]:
    """This process's environment without what would lead a clone elsewhere, and empty caches."""
    ours = ("FORGETTING_", "MAKE", "PYTHONPATH", "VIRTUAL_ENV", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PIP_CACHE_DIR": str(caches / "pip"), "UV_CACHE_DIR": str(caches / "uv")}


def same_tests(collected: dict[str, list[str]]) -> dict[str, list[str]]:
    """The tests of each side that the other has, too, in whatever file they lie.

    Args:
        collected: Tests of each side, as pytest names them: `file::name[parameters]`.
    """

    def name(test: str) -> str:
        return test.partition("::")[2]

    common = set.intersection(*({name(test) for test in tests} for tests in collected.values()))
    return {side: [t for t in tests if name(t) in common] for side, tests in collected.items()}


def collect_tests(place: Path, variables: dict[str, str]) -> list[str]:
    """All tests of the clone in `place`, which is set up."""
    command = ".venv/bin/python -m pytest -c lib/pyproject.toml --rootdir . --collect-only"
    done = subprocess.run(
        command.split(), cwd=place, env=variables, check=True, capture_output=True, text=True
    )
    return [line for line in done.stdout.splitlines() if "::" in line]


def choose_same_tests(places: dict[str, Path], variables: dict[str, dict[str, str]]) -> None:
    """Let `make test` run in each clone those tests alone that both have; `variables` say so."""
    chosen = same_tests({side: collect_tests(places[side], variables[side]) for side in places})
    for side, tests in chosen.items():
        listed = places[side].with_name(f"{side}-tests.txt")
        listed.write_text("\n".join(tests))
        variables[side]["PYTEST_ADDOPTS"] = f"@{listed}"
        print(f"{len(tests):,} tests of {side} have their like", file=sys.stderr)


def seconds(commands: tuple[str, ...], folder: Path, variables: dict[str, str]) -> float:
    """How long `commands` take in `folder`; stops this script where one fails."""
    start = time.monotonic()
    for command in commands:
        done = subprocess.run(
            command.split(),
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{command}, in {folder.name}, failed:\n{done.stdout[-4000:]}")
    return time.monotonic() - start


def compare(commits: dict[str, str], names: list[str], *, study: str, runs: Path | None) -> None:
    """Runs the stages in a clone of each commit, and prints a row for each stage.

    Args:
        commits: The two commits by what they are called in the table.
        names: The stages, in order.
        study: The study that the book is made of.
        runs: A folder of trained populations that stands in for the stage "training".
    """
    with tempfile.TemporaryDirectory(prefix="waiting-") as temporary:
        places = {side: clone(commit, Path(temporary) / side) for side, commit in commits.items()}
        variables = {side: environment(Path(temporary) / f"{side}-caches") for side in commits}
        if runs is not None:
            for place in places.values():
                shutil.copytree(runs, place / "runs")
        print(f"| stage | {' | '.join(commits.values())} | ratio | target |")
        print("| --- | --- | --- | --- | --- |")
        for name in names:
            commands = tuple(c.format(study=study) for c in STAGES[name].commands)
            if name == "tests":
                choose_same_tests(places, variables)
            before, after = (seconds(commands, places[s], variables[s]) for s in commits)
            row = f"{name} | {before:.1f} s | {after:.1f} s | {before / after:.2f}x"
            print(f"| {row} | {STAGES[name].target} |", flush=True)


def main() -> None:
    """Compares the commit that the command line names with the present one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", nargs="?", default=BASE_COMMIT, help="the earlier commit")
    parser.add_argument("--after", default="HEAD", help="the commit compared with it")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=[], metavar="STAGE")
    parser.add_argument("--study", default="digits", help="what the book is made of")
    parser.add_argument("--runs", type=Path, help="trained populations, instead of training")
    arguments = parser.parse_args()
    names = selected(arguments.only)
    if arguments.runs is not None and "training" not in arguments.only:
        names = [name for name in names if name != "training"]
    commits = {}
    for side in ("before", "after"):
        words = ["git", "rev-parse", "--short", getattr(arguments, side)]
        done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
        commits[side] = done.stdout.strip()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start\n")
    compare(commits, names, study=arguments.study, runs=arguments.runs)


if __name__ == "__main__":
    main()
