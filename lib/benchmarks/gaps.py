"""How fast gaps between groups are found, beside a loop over fairlearn's MetricFrame."""

import importlib.util
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from forgetting.measure import gaps, sets

EXAMPLES, MEMBERS, ATTRIBUTES, VALUES = 50_000, 30, 4, "wxyz"
TARGETS = 1.0, 5e8, 20.0  # Seconds, bytes on top of the input, times as fast as the loop.
LOOPED = 2  # Members that the loop is timed on; it takes as long for each.


def simulated_groups(
    examples: int, members: int, *, seed: int
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Simulate two populations on a task with two labels.

    Returns:
        The attributes of the examples; label (N,), baseline and compressed (K, N), int32.
    """
    generator = np.random.default_rng(seed)
    attributes = pd.DataFrame(
        {
            f"attribute {k}": pd.Categorical(generator.choice(list(VALUES), examples))
            for k in range(ATTRIBUTES)
        }
    )
    label = (generator.random(examples) < 0.3).astype(np.int32)
    arrays = {"label": label}
    for side, rate in (("baseline", 0.1), ("compressed", 0.12)):
        wrong = generator.random((members, examples)) < rate
        arrays[side] = np.where(wrong, 1 - label, label)
    return attributes, arrays


def time_gaps(attributes: pd.DataFrame, arrays: dict[str, np.ndarray]) -> dict[str, float]:
    """Time gaps with tests and intervals, and the rates alone by a loop over MetricFrame.

    Returns:
        seconds, processor and bytes (by which the peak of memory grew) of the gaps; where fairlearn
        is installed loop (seconds of the processor for all members, from `LOOPED` of them) and
        difference (the largest in a rate).
    """
    label, before = arrays["label"], _peak()
    wall, processor = time.perf_counter(), time.process_time()
    grouped = sets.groups(attributes, label=label, positive=1, together=[1])
    compared(grouped, arrays)
    result = {
        "seconds": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "bytes": _peak() - before,
    }
    if importlib.util.find_spec("fairlearn") is None:
        return result
    from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate

    metrics = {
        "error": lambda truth, answer: np.mean(truth != answer),
        "fpr": false_positive_rate,
        "fnr": false_negative_rate,
    }
    members = min(LOOPED, len(arrays["baseline"]))
    start, rates = time.process_time(), []
    for member in arrays["baseline"][:members]:
        for name in attributes:
            frame = MetricFrame(
                metrics=metrics,
                y_true=label,
                y_pred=member,
                sensitive_features=attributes[name],
            )
            rates.append(frame.by_group.rename(index=lambda value, name=name: f"{name}={value}"))
    took = time.process_time() - start
    theirs = pd.concat(rates).groupby(level=0).mean().stack()
    # The same members on both sides: their rates alone are wanted here.
    some = arrays | dict.fromkeys(("baseline", "compressed"), arrays["baseline"][:members])
    table = compared(grouped, some).set_index(["group", "metric"])
    ours = table["baseline_rate"].loc[theirs.index]
    both_sides = len(arrays["baseline"]) + len(arrays["compressed"])
    return result | {
        "loop": took * both_sides / members,
        "difference": float(np.abs(ours - theirs).max()),
    }


def compared(grouped: sets.Sets, arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return the gaps of two populations."""
    return gaps.compare(
        grouped,
        label=arrays["label"],
        baseline=arrays["baseline"],
        compressed=arrays["compressed"],
        positive=1,
    )


def _peak() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def benchmark_gaps(
    *, say: Callable[[str], None], examples: int = EXAMPLES, members: int = MEMBERS
) -> dict[str, float]:
    """Measure how long gaps take, their memory, and what a loop takes for the rates alone.

    Args:
        say: prints a line.
        examples: of the simulated predictions.
        members: on each side.

    Returns:
        As `time_gaps`.
    """
    result = time_gaps(*simulated_groups(examples, members, seed=0))
    seconds, size, times = TARGETS
    say(
        f"gaps: {examples:,} examples, {members} + {members} models, {ATTRIBUTES} attributes of "
        f"{len(VALUES)} values, 4 rates: {result['seconds']:.2f} s ({result['processor']:.2f} s of "
        f"processor), {result['bytes'] / 1e6:.0f} MB; wanted: {seconds:g} s, {size / 1e6:.0f} MB"
    )
    if "loop" in result:
        faster = result["loop"] / result["processor"]
        say(
            f"  a loop over fairlearn's MetricFrame, 3 rates without tests or intervals: "
            f"{result['loop']:.1f} s of processor, {faster:.0f} times as long (wanted: {times:g}); "
            f"rates differ by at most {result['difference']:.0e}"
        )
    return result


if __name__ == "__main__":
    benchmark_gaps(say=print)
