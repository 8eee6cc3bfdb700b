"""How fast interdependence is found at CelebA's size, beside one regression a task."""

import importlib.util
import time
from collections.abc import Callable

import numpy as np

from forgetting.measure.interdependence import interdependence

EXAMPLES, TASKS = 162_770, 40  # CelebA's training pictures and attributes
TARGETS = 1.5, 20.0  # seconds, times as fast as the loop


def simulated_answers(examples: int, tasks: int, *, seed: int) -> np.ndarray:
    """Simulate one member's answers, which go with each other by a few common causes.

    Returns:
        (1, N, T) uint8.
    """
    generator = np.random.default_rng(seed)
    causes = generator.normal(size=(examples, 6)) @ generator.normal(size=(6, tasks))
    score = causes + generator.normal(0, 2, size=(examples, tasks))
    return (score > generator.normal(0, 2, tasks)).astype(np.uint8)[None]


def time_interdependence(predicted: np.ndarray) -> dict[str, float]:
    """Time the closed form and, where scikit-learn is installed, the released code's loop.

    Args:
        predicted: (1, N, T) answers.

    Returns:
        seconds and processor of the closed form, the faster of two runs; loop (seconds of the
        processor) and difference (the largest in an R2).
    """
    taken = []
    for _ in range(2):
        wall, processor = time.perf_counter(), time.process_time()
        found = interdependence(predicted)[0]
        taken.append((time.perf_counter() - wall, time.process_time() - processor))
    seconds, used = min(taken)
    result = {"seconds": seconds, "processor": used}
    if importlib.util.find_spec("sklearn") is None:
        return result
    from sklearn.linear_model import LinearRegression

    answers = predicted[0].astype(float)
    start, scores = time.process_time(), []
    for task in range(answers.shape[1]):
        others = answers[:, [k for k in range(answers.shape[1]) if k != task]]
        regression = LinearRegression().fit(others, answers[:, task])
        scores.append(regression.score(others, answers[:, task]))
    return result | {
        "loop": time.process_time() - start,
        "difference": float(np.abs(found - scores).max()),
    }


def benchmark_interdependence(
    *, say: Callable[[str], None], examples: int = EXAMPLES, tasks: int = TASKS
) -> dict[str, float]:
    """Measure how long interdependence takes, and the loop that gives the same.

    Args:
        say: prints a line.
        examples: of the simulated answers.
        tasks: answers of each.

    Returns:
        As `time_interdependence`.
    """
    result = time_interdependence(simulated_answers(examples, tasks, seed=0))
    seconds, times = TARGETS
    say(
        f"interdependence: {tasks} tasks, {examples:,} examples: {result['seconds']:.3f} s "
        f"({result['processor']:.3f} s of processor); wanted: {seconds:g} s"
    )
    if "loop" in result:
        say(
            f"  a loop over scikit-learn's regressions: {result['loop']:.1f} s of processor, "
            f"{result['loop'] / result['processor']:.0f} times as long (wanted: {times:g}); R2 "
            f"differ by at most {result['difference']:.0e}"
        )
    return result


if __name__ == "__main__":
    benchmark_interdependence(say=print)
