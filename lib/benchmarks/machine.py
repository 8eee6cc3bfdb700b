"""The machine: what its processor is called, and how fast it multiplies matrices."""

import platform
import time
from pathlib import Path

import torch

MATRIX = {"cpu": 1024, "cuda": 8192}  # side of the matrices whose product is the peak


def matrix_speed(seconds: float, device: str = "cpu") -> float:
    """Floating-point operations a second of products of square matrices.

    Args:
        seconds: how long it is timed.
        device: "cpu", float32 on one thread, or "cuda", bfloat16.
    """
    side, kind = MATRIX[device], torch.float32 if device == "cpu" else torch.bfloat16
    if device == "cpu":
        torch.set_num_threads(1)
    a, b = (torch.rand(side, side, device=device).to(kind) for _ in range(2))
    torch.mm(a, b)  # The first sets up the library.
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        for _ in range(10):
            torch.mm(a, b)
        if device == "cuda":
            torch.cuda.synchronize()
        done += 10
    return done * 2 * side**3 / (time.perf_counter() - start)


def processor_name() -> str:
    """The processor's name, as Linux has it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
