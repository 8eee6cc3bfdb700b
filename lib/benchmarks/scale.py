"""How the audit scales: this checkout and another one, each in processes of its own, in turn.

    .venv/bin/python lib/benchmarks/scale.py                                  # this checkout alone
    .venv/bin/python lib/benchmarks/scale.py --against ../earlier             # beside another one
    .venv/bin/python lib/benchmarks/scale.py --rows 10000000 --only start rows

It prints five tables: (a) starting, and an audit of ImageNet's size; (b) an audit of very many
rows; (c) a table of groups beside fairlearn's MetricFrame with bootstrap intervals; (d) an audit of
lm-evaluation-harness's logs, of which a million answers take 1 GB of disk; (e) all pairs of as many
networks as have published predictions on ImageNet.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "lib"))  # before what follows, which another checkout may have, too

from benchmarks import audit as imagenet  # noqa: E402
from forgetting.book.content import language  # noqa: E402
from forgetting.measure import model_pairs, sets, subgroups  # noqa: E402

ROWS, GROUPS, PART = 100_000_000, 40, 2**20
DRAWS, QUANTILES = 1000, [0.025, 0.975]
PARTS = ("start", "imagenet", "rows", "groups", "logs", "pairs")
NETWORKS = 65
ANSWERS = 1_000_000
UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


class Run(NamedTuple):
    """A process that has ended: seconds, seconds of the processor, and peak memory in bytes."""

    wall: float
    processor: float
    memory: float


def run(checkout: Path, words: Sequence[str], folder: Path) -> Run:
    """Run `forgetting` of a checkout in a folder; its output is dropped.

    Raises:
        subprocess.CalledProcessError: it fails.
    """
    environment = os.environ | {"PYTHONPATH": str(checkout / "lib")}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "forgetting.cli", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # which wait4 keeps from the object
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    wall = time.perf_counter() - start
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * UNIT)


def best(
    checkouts: Sequence[Path], words: Sequence[str], folder: Path, *, repeats: int
) -> list[Run]:
    """Run the same command of all checkouts in turn; the fastest of each, by the processor."""
    runs = [[run(checkout, words, folder) for checkout in checkouts] for _ in range(repeats)]
    return [min(of_one, key=lambda one: one.processor) for of_one in zip(*runs, strict=True)]


def write_small(folder: Path) -> list[str]:
    """Write two models on 200 examples; return the words of the audit."""
    generator = np.random.default_rng(0)
    label = generator.integers(0, 4, 200)
    for setting, rate in (("dense", 0.1), ("int8", 0.15)):
        predicted = np.where(generator.random(200) < rate, (label + 1) % 4, label)
        columns = {"setting": setting, "member": 0, "example": range(200), "label": label}
        pd.DataFrame(columns | {"predicted": predicted}).to_csv(folder / f"{setting}.csv")
    return ["audit", "dense.csv", "int8.csv", "--baseline", "dense", "--out", "small"]


def write_rows(folder: Path, rows: int) -> tuple[list[str], int]:
    """Write two models on very many examples, in parts, and groups of them.

    Returns:
        The words of the audit, and the bytes of predictions as an Arrow table.
    """
    examples, size = rows // 2, 0
    writers: dict[str, pq.ParquetWriter] = {}
    for start in range(0, examples, PART):
        generator = np.random.default_rng([7, start])
        number = np.arange(start, min(start + PART, examples), dtype=np.int32)
        label = generator.integers(0, 10, len(number)).astype(np.int32)
        group = generator.integers(0, GROUPS, len(number)).astype(np.int8)
        tables = {"groups": pa.table({"example": number, "site": group})}
        for setting, rate in (("dense", 0.1), ("int8", 0.11)):
            wrong = generator.random(len(number)) < rate
            predicted = np.where(wrong, (label + 1) % 10, label).astype(np.int32)
            columns = {"example": number, "label": label, "predicted": predicted}
            tables[setting] = pa.table(columns)
            size += tables[setting].nbytes
        for name, table in tables.items():
            if name not in writers:
                writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", table.schema)
            writers[name].write_table(table)
    for writer in writers.values():
        writer.close()
    models = ["--model", "dense=dense.parquet", "--model", "int8=int8.parquet"]
    words = ["audit", *models, "--baseline", "dense", "--groups", "groups.parquet"]
    return [*words, "--out", "rows"], size


def write_logs(folder: Path, answers: int, prompt: int) -> tuple[list[str], int]:
    """Write what two simulated language models answered, half of the answers each.

    Args:
        folder: where to.
        answers: of both models.
        prompt: characters that are put before each question, which the log repeats for each option;
            solved questions of a few-shot prompt take some thousands.

    Returns:
        The words of the audit, and the bytes of the logs.
    """
    middling = round(answers / 2 / np.geomspace(0.5, 2, len(language.SUBJECTS)).sum())
    exam = language.simulate_exam(middling, seed=0)
    compressed = language.compress(exam, noise=0.3, harmed="law", harm=0.3, seed=1)
    size = 0
    for name, scores in (("fp16", exam.scores), ("int4", compressed)):
        written = language.write_logs(exam, scores, folder / name)
        for file in written.iterdir():
            _lengthen(file, prompt)
            size += file.stat().st_size
    return ["audit", "fp16", "int4", "--baseline", "fp16", "--out", "answers"], size


def _lengthen(file: Path, prompt: int) -> None:
    before = json.dumps("arg_0") + ': "'
    longer = before + ("Solved before. " * (prompt // 15 + 1))[:prompt]
    with file.open() as lines:
        text = "".join(line.replace(before, longer) for line in lines)
    file.write_text(text)


def time_bootstrap(examples: int, draws: int) -> tuple[float, float, float] | None:
    """Time group accuracies with intervals by MetricFrame's bootstrap, and ours.

    Returns:
        Seconds of the processor for both models by MetricFrame, ours, and the largest difference
        of a rate; None where fairlearn is not installed.
    """
    if importlib.util.find_spec("fairlearn") is None:
        return None
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score

    arrays = imagenet.simulated(examples, 10, 1, seed=0)
    site = pd.Series(np.random.default_rng(1).integers(0, GROUPS, examples), name="site")
    start, theirs = time.process_time(), []
    for side in ("baseline", "compressed"):
        frame = MetricFrame(
            metrics=accuracy_score,
            y_true=arrays["label"],
            y_pred=arrays[side][0],
            sensitive_features=site,
            n_boot=draws,
            ci_quantiles=QUANTILES,
            random_state=0,
        )
        theirs.append(np.ravel(frame.by_group))
        frame.by_group_ci  # noqa: B018 - it is computed when it is asked for
    took, start = time.process_time() - start, time.process_time()
    grouped = sets.groups(site.astype("category").to_frame(), label=arrays["label"], together=[1])
    table = subgroups.compare(
        grouped,
        label=arrays["label"],
        baseline=arrays["baseline"],
        compressed=arrays["compressed"],
    )
    ours = time.process_time() - start
    rates = np.concatenate([table["baseline_rate"], table["compressed_rate"]])
    return took, ours, float(np.abs(np.concatenate(theirs) - rates).max())


def time_pairs() -> tuple[float, int]:
    """Time all pairs of networks of ImageNet's size; return seconds of the processor, and pairs."""
    generator = np.random.default_rng(0)
    label = np.repeat(np.arange(imagenet.CLASSES), imagenet.EXAMPLES // imagenet.CLASSES)
    wrong = generator.random((NETWORKS, len(label))) < np.linspace(0.2, 0.45, NETWORKS)[:, None]
    predicted = np.where(wrong, generator.integers(0, imagenet.CLASSES, wrong.shape), label)
    start = time.process_time()
    pairs = model_pairs.compare(label=label, predicted=predicted)
    return time.process_time() - start, len(pairs)


def _print_runs(name: str, runs: Sequence[Run]) -> None:
    cells = [f"{one.wall:.2f} ({one.processor:.2f}), {one.memory / 1e6:,.0f} MB" for one in runs]
    ratio = ""
    if len(runs) > 1:
        ratio = f"{runs[1].processor / runs[0].processor:.2f}, by the clock "
        ratio += f"{runs[1].wall / runs[0].wall:.2f}"
    print(f"| {name} | {' | '.join(cells)} | {ratio} |", flush=True)


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--rows", type=int, default=ROWS, help="predictions of table (b)")
    parser.add_argument("--answers", type=int, default=ANSWERS, help="answers of table (d)")
    parser.add_argument("--prompt", type=int, default=0, help="characters before each question")
    parser.add_argument("--draws", type=int, default=DRAWS, help="bootstrap samples of table (c)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    asked = parser.parse_args(words)
    checkouts = [ROOT, *([asked.against.resolve()] if asked.against else [])]
    print("Seconds (of the processor), peak memory; ratios of both kinds of seconds.")
    # Linux counts what the parent held, too, when it started the process.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 1e6
    print(f"No memory below {own:,.0f} MB, this process's own, is seen.")
    print(f"| | {' | '.join(['this', 'other'][: len(checkouts)])} | times as fast |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "start" in asked.only:
            words = ["audit", "--help"]
            _print_runs("(a) --help", best(checkouts, words, folder, repeats=asked.repeats))
            words = write_small(folder)
            _print_runs("(a) smallest", best(checkouts, words, folder, repeats=asked.repeats))
        if "imagenet" in asked.only:
            size = imagenet.EXAMPLES, imagenet.CLASSES, imagenet.MEMBERS
            imagenet.write_inputs(imagenet.simulated(*size, seed=0), folder)
            words = ["audit", "predictions.parquet", "--baseline", "baseline"]
            words += ["--groups", "groups.csv", "--out", "report"]
            _print_runs(
                "(a) ImageNet's size", best(checkouts, words, folder, repeats=asked.repeats)
            )
        if "rows" in asked.only:
            words, size_of_table = write_rows(folder, asked.rows)
            one = run(ROOT, words, folder)  # Earlier checkouts may lack --model.
            _print_runs(f"(b) {asked.rows:,} rows, {GROUPS} groups", [one])
            print(f"    memory {one.memory / size_of_table:.1f} times the Arrow table's")
        if "logs" in asked.only:
            words, size_of_logs = write_logs(folder, asked.answers, asked.prompt)
            one = run(ROOT, words, folder)  # Earlier checkouts read no logs.
            _print_runs(f"(d) {asked.answers:,} answers of lm_eval", [one])
            megabytes = size_of_logs / 1e6
            print(f"    {megabytes:,.0f} MB of logs, {megabytes / one.wall:.0f} MB a second")
    if "pairs" in asked.only:
        took, pairs = time_pairs()
        shape = f"{NETWORKS} x {imagenet.EXAMPLES:,} x {imagenet.CLASSES:,} classes"
        print(f"(e) {pairs:,} pairs, {shape}: {took:.1f} s of the processor")
    if "groups" in asked.only:
        times = time_bootstrap(imagenet.EXAMPLES, asked.draws)
        if times is None:
            print("(c) fairlearn is not installed")
            return
        print(
            f"(c) {GROUPS} groups of {imagenet.EXAMPLES:,} examples: MetricFrame, accuracy of both "
            f"models with {asked.draws:,} bootstrap samples {times[0]:.1f} s of the processor; "
            f"ours, with the change, its score interval and exact test, {times[1]:.3f} s: "
            f"{times[0] / times[1]:.0f} times as fast; rates differ by at most {times[2]:.0e}"
        )


if __name__ == "__main__":
    main()
