"""How fast an audit is at ImageNet's size, how much memory it takes, and beside what else does part of it."""

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

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import stats

from forgetting import audit
from forgetting.measure import class_impact, exemplars, inputs, subgroups

EXAMPLES, CLASSES, MEMBERS = 50_000, 1000, 30
PLAIN = 50  # Classes that the plain implementation is timed on; it takes as long for each.
TARGETS = {"measures": (2.0, 1e9), "audit": (20.0, 3e9)}  # Seconds and bytes on two cores.


def made(examples: int, classes: int, members: int, *, seed) -> dict[str, np.ndarray]:
    """Two populations with easy and hard examples, a mistake that is usual for each, and classes that lose unequally.

    Returns label (N,), dense and compressed (K, N), all int32; sex (N,) and age (N,), codes of two and of five values.
    """
    generator = np.random.default_rng(seed)
    label = np.sort(generator.integers(0, classes, examples - classes).astype(np.int32))
    label = np.concatenate([np.arange(classes, dtype=np.int32), label])
    usual = (label + generator.integers(1, classes, examples)) % classes
    hard, lost = generator.beta(0.4, 1.2, examples), generator.gamma(0.5, 0.04, classes)[label]
    found = {"label": label}
    for name, harm in (("dense", 0), ("compressed", lost)):
        wrong = generator.random((members, examples)) < np.minimum(hard + harm, 1)
        mistaken = np.where(
            generator.random((members, examples)) < 0.8, usual, (label + 1) % classes
        )
        found[name] = np.where(wrong, mistaken, label).astype(np.int32)
    return found | {
        "sex": generator.integers(0, 2, examples),
        "age": generator.integers(0, 5, examples),
    }


def _written(found: dict[str, np.ndarray], folder: Path) -> None:
    """The same as arrays, as a Parquet file of predictions and as a CSV file of groups."""
    np.savez(folder / "arrays.npz", **found)
    writer = None
    for setting in ("dense", "compressed"):
        for member, row in enumerate(found[setting]):
            table = pa.table(
                {
                    "setting": pa.array([setting] * len(row)).dictionary_encode(),
                    "member": np.full(len(row), member, np.int32),
                    "example": np.arange(len(row), dtype=np.int32),
                    "label": found["label"],
                    "predicted": row,
                }
            )
            writer = writer or pq.ParquetWriter(folder / "predictions.parquet", table.schema)
            writer.write_table(table)
    writer.close()
    _groups(found).rename_axis("example").reset_index().to_csv(folder / "groups.csv", index=False)


def _groups(found) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sex": np.array(["F", "M"])[found["sex"]],
            "age": np.array(["a", "b", "c", "d", "e"])[found["age"]],
        }
    )


# What is timed, each in a process of its own.


def measures(folder: Path) -> Callable[[], None]:
    """Classes, groups and exemplars from arrays: what the pages call."""
    found = dict(np.load(folder / "arrays.npz", allow_pickle=False))
    label, dense, compressed, table = (
        found["label"],
        found["dense"],
        found["compressed"],
        _groups(found).astype("category"),
    )

    def work():
        class_impact.compare(label=label, baseline=dense, compressed=compressed)
        subgroups.compare(
            subgroups.groups(table, label=label), label=label, baseline=dense, compressed=compressed
        )
        exemplars.find(baseline=dense, compressed=compressed)

    return work


def whole(folder: Path) -> Callable[[], None]:
    """From the file of predictions to the report."""
    return lambda: audit.run(
        folder / "predictions.parquet", baseline="dense", groups=folder / "groups.csv"
    ).write(folder / "report")


def _timed(prepare: Callable, folder: Path) -> dict[str, float]:
    work = prepare(folder)
    wall, processor = time.perf_counter(), time.process_time()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    return {
        "seconds": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "bytes": peak,
    }


def plain(found: dict[str, np.ndarray]) -> tuple[float, float, float]:
    """The official procedure in plain pandas: processor seconds for all classes, ours, and the largest difference in p.

    Loop over the classes, filter, recall of each member, minus the population's accuracy, `ttest_ind`. It is timed on `PLAIN` classes.
    """
    tables = [
        pd.DataFrame(
            {
                "member": np.repeat(np.arange(len(found[name])), len(found["label"])),
                "label": np.tile(found["label"], len(found[name])),
                "predicted": found[name].ravel(),
            }
        )
        for name in ("compressed", "dense")
    ]
    start = time.process_time()
    ours = class_impact.compare(
        label=found["label"],
        baseline=found["dense"],
        compressed=found["compressed"],
        centre="population",
    )["relative_p"]
    ours_took, start = time.process_time() - start, time.process_time()
    accuracy = [(table["label"] == table["predicted"]).mean() for table in tables]
    whole_took, start = time.process_time() - start, time.process_time()
    some, told = range(0, len(ours), max(1, len(ours) // PLAIN)), []
    for number in some:
        samples = []
        for table, mean in zip(tables, accuracy, strict=True):
            rows = table[table["label"] == number]
            samples.append(
                (rows["label"] == rows["predicted"]).groupby(rows["member"]).mean() - mean
            )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", RuntimeWarning
            )  # Of classes in which no member differs from another.
            told.append(stats.ttest_ind(*samples, equal_var=False).pvalue)
    took = whole_took + (time.process_time() - start) * len(ours) / len(some)
    return took, ours_took, float(np.nanmax(np.abs(np.array(told) - ours.to_numpy()[list(some)])))


def metric_frame(found: dict[str, np.ndarray]) -> tuple[float, float, float] | None:
    """fairlearn's accuracy by groups and intersections for one model against one: its seconds, ours, the largest difference in a rate.

    None where fairlearn is not installed.
    """
    if importlib.util.find_spec("fairlearn") is None:
        return None
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score

    table = _groups(found)
    start, theirs = time.process_time(), []
    for name in ("dense", "compressed"):
        for columns in [[one] for one in table] + [list(pair) for pair in combinations(table, 2)]:
            frame = MetricFrame(
                metrics=accuracy_score,
                y_true=found["label"],
                y_pred=found[name][0],
                sensitive_features=table[columns],
            )
            theirs.append(frame.by_group)
    took, start = time.process_time() - start, time.process_time()
    sets = subgroups.groups(table.astype("category"), label=found["label"])
    ours = subgroups.compare(
        sets, label=found["label"], baseline=found["dense"][:1], compressed=found["compressed"][:1]
    )
    ours_took = time.process_time() - start
    rates = np.concatenate([ours["baseline_rate"], ours["compressed_rate"]])
    return (
        took,
        ours_took,
        float(np.abs(np.concatenate([np.ravel(one) for one in theirs]) - rates).max()),
    )


def run(
    *,
    say: Callable[[str], None],
    examples: int = EXAMPLES,
    classes: int = CLASSES,
    members: int = MEMBERS,
) -> dict:
    """Measure and say how long measures and the whole audit take, their peak memory, and what pandas and fairlearn take.

    Returns examples, classes, members; for "measures" and "audit" seconds, processor (seconds of it), bytes (peak of the whole process),
    report (bytes of the page); plain and metric_frame: processor seconds of either and ours, and the largest difference from ours
    (metric_frame is None where fairlearn is not installed).
    """
    inputs.fraction("classes/examples", classes / examples)
    found = made(examples, classes, members, seed=0)
    result: dict = {"examples": examples, "classes": classes, "members": members}
    say(
        f"audit: {examples:,} examples, {classes:,} classes, {members} + {members} models, {2 * members * examples:,} predictions"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _written(found, folder)
        for what, prepare in (("measures", measures), ("audit", whole)):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                result[what] = pool.submit(_timed, prepare, folder).result()
            told, (seconds, size) = result[what], TARGETS[what]
            say(
                f"  {what}: {told['seconds']:.1f} s ({told['processor']:.1f} s of processor), peak memory {told['bytes'] / 1e9:.2f} GB; "
                f"wanted at ImageNet's size on two free cores: {seconds:g} s, {size / 1e9:g} GB"
            )
        result["audit"]["report"] = (folder / "report" / "index.html").stat().st_size
        said = json.loads((folder / "report" / "summary.json").read_text(encoding="utf-8"))
        say(
            f"  report: {result['audit']['report'] / 1e6:.2f} MB; random splits behind counts of exemplars: {said['draws']}"
        )
    seconds, ours, apart = plain(found)
    result["plain"] = {"processor": seconds, "ours": ours, "difference": apart}
    say(
        f"  class test in plain pandas: {seconds:.1f} s of processor; ours {ours:.2f} s, {seconds / ours:.0f} times as fast; p differ by "
        f"at most {apart:.0e}"
    )
    frame = metric_frame(found)
    result["metric_frame"] = frame and dict(
        zip(("processor", "ours", "difference"), frame, strict=True)
    )
    if frame is None:
        say("  fairlearn is not installed: its MetricFrame is not timed")
    else:
        say(
            f"  groups by fairlearn's MetricFrame, two models: {frame[0]:.2f} s of processor; ours, with intervals and tests, "
            f"{frame[1]:.2f} s, {frame[0] / frame[1]:.0f} times as fast; rates differ by at most {frame[2]:.0e}"
        )
    return result


if __name__ == "__main__":
    run(say=print)
