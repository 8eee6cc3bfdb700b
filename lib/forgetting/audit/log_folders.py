"""Folders that lm-evaluation-harness wrote: which files of theirs an audit reads."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from forgetting.audit.sample_logs import HARNESS, NAME, LogOptions
from forgetting.errors import UserError
from forgetting.text import counted, listed, quoted

WANTED = "give the folder that lm_eval --log_samples --output_path wrote"
FILES = "samples_<task>_<time>.jsonl"
EARLY = "results.json"  # Up to version 0.4.2; its tasks are those of the files beside it.


def given_logs(predictions: object, format: str | None = None) -> dict[str, list[Path]] | None:
    """Return the folders or files of logs by setting, if that is what predictions are.

    Args:
        predictions: as given to an audit: one or several, or a mapping by setting, of which one may
            have several logs: its members 0, 1, 2. A folder's name is its setting, where none is
            given.
        format: "harness" where folders and files are logs whatever they are called.

    Returns:
        None where none of them is a log.

    Raises:
        UserError: some are logs and others not, two folders have one name, a file of results is
            given instead of samples, or the format is unknown.
    """
    if format not in (None, HARNESS):
        raise UserError(f"--format is {quoted(format)}: it is {HARNESS}, or left out")
    if isinstance(predictions, Mapping):
        named = [
            (str(name), each)
            for name, given in predictions.items()
            for each in (given if isinstance(given, list | tuple) else [given])
        ]
    elif isinstance(predictions, list | tuple):
        named = [("", each) for each in predictions]
    else:
        named = [("", predictions)]
    logs = [
        (name, Path(each))
        for name, each in named
        if isinstance(each, str | Path) and is_log(Path(each), format)
    ]
    if not logs:
        return None
    if len(logs) < len(named):
        others = (
            each
            for _, each in named
            if not isinstance(each, str | Path) or not is_log(Path(each), format)
        )
        other = next(others)
        if isinstance(other, str | Path) and Path(other).is_dir():
            raise UserError(f"{quoted(other)} has no file {FILES}: {WANTED}")
        what = other if isinstance(other, str | Path) else f"the {type(other).__name__}"
        raise UserError(
            f"{quoted(logs[0][1])} holds logs of lm_eval and {quoted(what)} does not: audit "
            "either alone"
        )
    folders: dict[str, list[Path]] = {}
    for name, path in logs:
        setting = name or (path.stem if path.is_file() and format else path.resolve().name)
        if setting in folders and not name:
            raise UserError(
                f"{quoted(folders[setting][0])} and {quoted(path)} are both called "
                f"{quoted(setting)}: name them apart by --model NAME=FOLDER, or give both the name "
                "by it where they are members of one setting"
            )
        if path in folders.get(setting, []):
            raise UserError(f"{quoted(path)} is given twice for {quoted(setting)}: give it once")
        folders.setdefault(setting, []).append(path)
    return folders


def add_second_run(
    predictions: object, again: str | Path, *, baseline: str, format: str | None = None
) -> dict[str, list[Path]]:
    """Return the folders of logs by setting, a second run of the baseline among them.

    Args:
        predictions: as given to an audit.
        again: what lm_eval wrote when it asked the same model once more.
        baseline: the setting of the uncompressed model; the second run is <baseline>-again.
        format: as of `given_logs`.

    Raises:
        UserError: one of them is no log, or there is a setting of that name.
    """
    folders, name = given_logs(predictions, format), f"{baseline}-again"
    if folders is None or not is_log(Path(again), format):
        raise UserError(
            f"--again is {quoted(again)}: it is for logs of lm_eval; name a second baseline among "
            "other predictions by --second-baseline"
        )
    if name in folders:
        raise UserError(
            f"{quoted(folders[name][0])} is called {quoted(name)}, and --again gives another "
            "second run: give one of them"
        )
    return folders | {name: [Path(again)]}


def is_log(path: Path, format: str | None = None) -> bool:
    """Whether a path is a folder, or a file, that lm_eval wrote, by its name or by the format.

    Raises:
        UserError: it is a file of results, which hold no single answers.
    """
    if len(path.name) > 255:
        return False
    if path.is_file() and path.name.startswith("results_") and path.suffix == ".json":
        raise UserError(
            f"{quoted(path)} holds the results of whole tasks, not of each question: {WANTED}"
        )
    if format == HARNESS and path.exists():
        return True
    if path.is_file():
        return NAME.fullmatch(path.name) is not None
    return path.is_dir() and any(
        NAME.fullmatch(file.name) or file.name.startswith("results_") or file.name == EARLY
        for file in path.rglob("*.json*")
    )


def task_files(path: Path, options: LogOptions) -> tuple[dict[str, Path], list[str]]:
    """Return the file of each task, the newest run's, and notes on others that there are.

    Args:
        path: a folder, which may hold the models' folders that lm_eval makes, or one file.
        options: run, and the format, by which names of files may be any.

    Raises:
        UserError: no such files, none of the run that was asked for, two models, runs with other
            numbers of questions.
    """
    files = [path] if path.is_file() else sorted(path.rglob("*.jsonl"))
    runs: dict[str, dict[str, Path]] = {}
    for file in files:
        if not (name := NAME.fullmatch(file.name)):
            continue
        of_task = runs.setdefault(name["task"], {})
        if name["time"] in of_task or any(
            file.parent != other.parent for other in of_task.values()
        ):
            other = next(iter(of_task.values()))
            raise UserError(
                f"{quoted(path)} holds answers of two models to {quoted(name['task'])}, in "
                f"{quoted(other.parent.name)} and {quoted(file.parent.name)}: give the folder of "
                "each"
            )
        of_task[name["time"]] = file
    runs = runs or {task: {"": file} for task, file in _early_files(path).items()}
    if not runs and options.format == HARNESS:
        runs = {task: {"": file} for task, file in _by_stem(files).items()}
    if not runs:
        raise UserError(f"{quoted(path)} has no file {FILES}: {WANTED}")
    if options.run is not None:
        times = sorted({time for of_task in runs.values() for time in of_task})
        runs = {
            task: {options.run: of_task[options.run]}
            for task, of_task in runs.items()
            if options.run in of_task
        }
        if not runs:
            raise UserError(
                f"{quoted(path)} has no run of {quoted(options.run)}: it has "
                f"{listed(map(quoted, times[-5:]))}; name one of these by --run"
            )
    for task, of_task in runs.items():
        _check_lengths(task, of_task, path)
    older = sum(len(of_task) - 1 for of_task in runs.values())
    notes = []
    if older:
        notes.append(
            f"{quoted(path.name)} holds {counted(older, 'older file')} of the same tasks: the "
            "newest is read (--run chooses)."
        )
    return {task: of_task[max(of_task)] for task, of_task in sorted(runs.items())}, notes


def _by_stem(files: Sequence[Path]) -> dict[str, Path]:
    """Files whose names say neither task nor time: what they are called is the task.

    Raises:
        UserError: two of one name.
    """
    found: dict[str, Path] = {}
    for file in files:
        if file.stem in found:
            raise UserError(
                f"{quoted(found[file.stem])} and {quoted(file)} would both be the task "
                f"{quoted(file.stem)}: give the folder of each model"
            )
        found[file.stem] = file
    return found


def _early_files(folder: Path) -> dict[str, Path]:
    """Files by task as lm_eval called them up to version 0.4.2: <model's arguments>_<task>.jsonl.

    Raises:
        UserError: two models, or results that are damaged.
    """
    results = folder / EARLY
    if not results.is_file():
        return {}
    try:
        tasks = list(json.loads(results.read_text(encoding="utf-8"))["configs"])
    except (ValueError, RecursionError, KeyError, TypeError):
        raise UserError(f"{quoted(results)} does not say which tasks it is of: {WANTED}") from None
    found: dict[str, Path] = {}
    for file in sorted(folder.glob("*.jsonl")):
        fitting = [task for task in tasks if file.stem.endswith(f"_{task}")]
        if not fitting:
            continue
        task = max(fitting, key=len)
        if task in found:
            raise UserError(
                f"{quoted(folder)} holds answers of two models to {quoted(task)}, in "
                f"{quoted(found[task].name)} and {quoted(file.name)}: give each a folder"
            )
        found[task] = file
    return found


def _check_lengths(task: str, of_task: Mapping[str, Path], path: Path) -> None:
    """Refuse runs of other lengths: the newest may be a trial with --limit."""
    if len(of_task) == 1:
        return
    lines = {time: _lines(file) for time, file in sorted(of_task.items())}
    if len(set(lines.values())) > 1:
        counts = listed(f"{count:,} at {quoted(time)}" for time, count in lines.items())
        raise UserError(
            f"{quoted(path)} holds runs of {quoted(task)} with other numbers of lines, {counts}: "
            "choose one by --run"
        )


def _lines(file: Path) -> int:
    with open(file, "rb") as opened:
        return sum(part.count(b"\n") for part in iter(lambda: opened.read(2**20), b""))
