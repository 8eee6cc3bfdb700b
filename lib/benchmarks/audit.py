"""How fast an audit is at the size of ImageNet, and what others take for parts of it."""

import importlib.util
import json
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import stats

from forgetting.audit import audit_predictions
from forgetting.measure import class_impact, exemplars, inputs, sets, subgroups

EXAMPLES, CLASSES, MEMBERS = 50_000, 1000, 30
PLAIN = 50  # Classes that the plain implementation is timed on; it takes as long for each.
TARGETS = {"measures": (2.0, 1e9), "audit": (20.0, 3e9)}  # Seconds and bytes on two cores.


def simulated(examples: int, classes: int, members: int, *, seed: int) -> dict[str, np.ndarray]:
    """Simulate two populations with easy and hard examples, and classes that lose unequally.

    Returns:
        label (N,), baseline and compressed (K, N), all int32; sex (N,) and age (N,), codes of two
        and of five values.
    """
    generator = np.random.default_rng(seed)
    label = np.sort(generator.integers(0, classes, examples - classes).astype(np.int32))
    label = np.concatenate([np.arange(classes, dtype=np.int32), label])
    usual_mistake = (label + generator.integers(1, classes, examples)) % classes
    hard, lost = generator.beta(0.4, 1.2, examples), generator.gamma(0.5, 0.04, classes)[label]
    arrays = {"label": label}
    for side, harm in (("baseline", 0), ("compressed", lost)):
        wrong = generator.random((members, examples)) < np.minimum(hard + harm, 1)
        usual = generator.random((members, examples)) < 0.8
        mistaken = np.where(usual, usual_mistake, (label + 1) % classes)
        arrays[side] = np.where(wrong, mistaken, label).astype(np.int32)
    return arrays | {
        "sex": generator.integers(0, 2, examples),
        "age": generator.integers(0, 5, examples),
    }


def write_inputs(arrays: dict[str, np.ndarray], folder: Path) -> None:
    """Write the same as arrays, as a Parquet file of predictions and as a CSV file of groups."""
    np.savez(
        folder / "arrays.npz",
        label=arrays["label"],
        baseline=arrays["baseline"],
        compressed=arrays["compressed"],
        sex=arrays["sex"],
        age=arrays["age"],
    )
    tables = (
        pa.table(
            {
                "setting": pa.array([setting] * len(row)).dictionary_encode(),
                "member": np.full(len(row), member, np.int32),
                "example": np.arange(len(row), dtype=np.int32),
                "label": arrays["label"],
                "predicted": row,
            }
        )
        for setting in ("baseline", "compressed")
        for member, row in enumerate(arrays[setting])
    )
    first = next(tables)
    with pq.ParquetWriter(folder / "predictions.parquet", first.schema) as writer:
        for table in (first, *tables):
            writer.write_table(table)
    _groups(arrays).rename_axis("example").reset_index().to_csv(folder / "groups.csv", index=False)


def _groups(arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sex": np.array(["F", "M"])[arrays["sex"]],
            "age": np.array(["a", "b", "c", "d", "e"])[arrays["age"]],
        }
    )


# What is timed, each in a process of its own.


def measures_work(folder: Path) -> Callable[[], None]:
    """Prepare classes, groups and exemplars from arrays: what the pages call."""
    arrays = dict(np.load(folder / "arrays.npz", allow_pickle=False))
    label, groups = arrays["label"], _groups(arrays).astype("category")
    sides = {side: arrays[side] for side in ("baseline", "compressed")}

    def work() -> None:
        class_impact.compare(label=label, **sides)
        subgroups.compare(sets.groups(groups, label=label), label=label, **sides)
        exemplars.find(**sides)

    return work


def audit_work(folder: Path) -> Callable[[], None]:
    """Prepare the way from the file of predictions to the report."""

    def work() -> None:
        audit = audit_predictions(
            folder / "predictions.parquet", baseline="baseline", groups=folder / "groups.csv"
        )
        audit.write(folder / "report")

    return work


def _timed(prepare: Callable[[Path], Callable[[], None]], folder: Path) -> dict[str, float]:
    work = prepare(folder)
    wall, processor = time.perf_counter(), time.process_time()
    work()
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
    }


def time_plain_pandas(arrays: dict[str, np.ndarray]) -> dict[str, float]:
    """Time the official procedure in plain pandas.

    Loop over the classes, filter, recall of each member, minus the population's accuracy,
    `ttest_ind`. It is timed on `PLAIN` classes.

    Returns:
        processor: seconds of the processor for all classes; ours; difference: the largest in p.
    """
    tables = [
        pd.DataFrame(
            {
                "member": np.repeat(np.arange(len(arrays[side])), len(arrays["label"])),
                "label": np.tile(arrays["label"], len(arrays[side])),
                "predicted": arrays[side].ravel(),
            }
        )
        for side in ("compressed", "baseline")
    ]
    start = time.process_time()
    ours = class_impact.compare(
        label=arrays["label"],
        baseline=arrays["baseline"],
        compressed=arrays["compressed"],
        centre="population",
    )["relative_p"].to_numpy()
    ours_took, start = time.process_time() - start, time.process_time()
    accuracy = [(table["label"] == table["predicted"]).mean() for table in tables]
    accuracy_took, start = time.process_time() - start, time.process_time()
    some, theirs = list(range(0, len(ours), max(1, len(ours) // PLAIN))), []
    for number in some:
        samples = []
        for table, mean in zip(tables, accuracy, strict=True):
            rows = table[table["label"] == number]
            right = rows["label"] == rows["predicted"]
            samples.append(right.groupby(rows["member"]).mean() - mean)
        with warnings.catch_warnings():
            # Of classes in which no member differs from another.
            warnings.simplefilter("ignore", RuntimeWarning)
            theirs.append(stats.ttest_ind(*samples, equal_var=False).pvalue)
    took = accuracy_took + (time.process_time() - start) * len(ours) / len(some)
    difference = float(np.nanmax(np.abs(np.array(theirs) - ours[some])))
    return {"processor": took, "ours": ours_took, "difference": difference}


def time_metric_frame(arrays: dict[str, np.ndarray]) -> dict[str, float] | None:
    """Time fairlearn's accuracy by groups and intersections for one model against one.

    Returns:
        processor: its seconds of the processor; ours; difference: the largest in a rate. None where
        fairlearn is not installed.
    """
    if importlib.util.find_spec("fairlearn") is None:
        return None
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score

    groups = _groups(arrays)
    start, theirs = time.process_time(), []
    for side in ("baseline", "compressed"):
        columns = [[name] for name in groups] + [list(pair) for pair in combinations(groups, 2)]
        for some in columns:
            frame = MetricFrame(
                metrics=accuracy_score,
                y_true=arrays["label"],
                y_pred=arrays[side][0],
                sensitive_features=groups[some],
            )
            theirs.append(np.ravel(frame.by_group))
    took, start = time.process_time() - start, time.process_time()
    grouped = sets.groups(groups.astype("category"), label=arrays["label"])
    ours = subgroups.compare(
        grouped,
        label=arrays["label"],
        baseline=arrays["baseline"][:1],
        compressed=arrays["compressed"][:1],
    )
    ours_took = time.process_time() - start
    rates = np.concatenate([ours["baseline_rate"], ours["compressed_rate"]])
    difference = float(np.abs(np.concatenate(theirs) - rates).max())
    return {"processor": took, "ours": ours_took, "difference": difference}


def benchmark_audit(
    *,
    say: Callable[[str], None],
    examples: int = EXAMPLES,
    classes: int = CLASSES,
    members: int = MEMBERS,
) -> dict[str, Any]:
    """Measure how long measures and the audit take, their memory, and what others take.

    Args:
        say: prints a line.
        examples: of the simulated predictions.
        classes: of these.
        members: on each side.

    Returns:
        examples, classes, members; for "measures" and "audit" seconds, processor (seconds of it),
        bytes (peak of the process), report (bytes of the page); plain and metric_frame: see
        `time_plain_pandas` and `time_metric_frame`.
    """
    inputs.fraction("classes/examples", classes / examples)
    arrays = simulated(examples, classes, members, seed=0)
    result: dict[str, Any] = {"examples": examples, "classes": classes, "members": members}
    say(
        f"audit: {examples:,} examples, {classes:,} classes, {members} + {members} models, "
        f"{2 * members * examples:,} predictions"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(arrays, folder)
        for what, prepare in (("measures", measures_work), ("audit", audit_work)):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                times = pool.submit(_timed, prepare, folder).result()
            result[what] = times
            seconds, size = TARGETS[what]
            say(
                f"  {what}: {times['seconds']:.1f} s ({times['processor']:.1f} s of processor), "
                f"peak memory {times['bytes'] / 1e9:.2f} GB; wanted at ImageNet's size on two free "
                f"cores: {seconds:g} s, {size / 1e9:g} GB"
            )
        result["audit"]["report"] = (folder / "report" / "index.html").stat().st_size
        summary = json.loads((folder / "report" / "summary.json").read_text(encoding="utf-8"))
        say(
            f"  report: {result['audit']['report'] / 1e6:.2f} MB; random splits behind counts of "
            f"exemplars: {summary['draws']}"
        )
    result["plain"] = plain = time_plain_pandas(arrays)
    say(
        f"  class test in plain pandas: {plain['processor']:.1f} s of processor; ours "
        f"{plain['ours']:.2f} s, {plain['processor'] / plain['ours']:.0f} times as fast; p differ "
        f"by at most {plain['difference']:.0e}"
    )
    result["metric_frame"] = frame = time_metric_frame(arrays)
    if frame is None:
        say("  fairlearn is not installed: its MetricFrame is not timed")
    else:
        say(
            f"  groups by fairlearn's MetricFrame, two models: {frame['processor']:.2f} s of "
            f"processor; ours, with intervals and tests, {frame['ours']:.2f} s, "
            f"{frame['processor'] / frame['ours']:.0f} times as fast; rates differ by at most "
            f"{frame['difference']:.0e}"
        )
    return result


if __name__ == "__main__":
    benchmark_audit(say=print)
