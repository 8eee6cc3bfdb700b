"""Tries the package as others get it: a wheel, outside the checkout, on several Pythons.

    make wheel                                        # python3.11 python3.12 python3.13
    .venv/bin/python lib/try_wheel.py python3.12      # one of them

Each Python gets two fresh environments, one with the newest dependencies and one with the oldest
that the package declares, and predicts and audits there.
"""

import argparse
import csv
import importlib.metadata
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from PIL import Image

from install import LIB, find_pip, find_uv, uv_settings

PYTHONS = ["python3.11", "python3.12", "python3.13"]
CLASSES = ("circle", "square", "star")
SHOWN = ("numpy", "pandas", "pyarrow", "scipy", "onnxruntime")  # packages named in the table


@dataclass(frozen=True)
class Samples:
    """What a first user has: a model, pictures with labels, predictions of two models, groups."""

    folder: Path

    @property
    def predict(self) -> list[str]:
        """The words of a `forgetting predict` that writes `predicted.parquet`."""
        names = ["model.onnx", "images", "labels.csv", "predicted.parquet"]
        model, images, labels, out = (str(self.folder / name) for name in names)
        return ["predict", model, images, "--labels", labels, "--out", out]

    @property
    def audit(self) -> list[str]:
        """The words of a `forgetting audit` that writes `report/`; its rule is met: exit code 3."""
        files = [str(self.folder / f"{name}.csv") for name in ("dense", "int8")]
        places = ["--groups", str(self.folder / "groups.csv"), "--out", str(self.folder / "report")]
        return [
            "audit",
            *files,
            "--baseline",
            "dense",
            *places,
            "--fail-if",
            "any class: change < 0",
        ]


def build_wheel(folder: Path) -> Path:
    """The wheel of this checkout's package, built into `folder` without a download."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, LIB]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("forgetting-*.whl")
    return wheel


def write_samples(folder: Path, *, seed: int = 0) -> Samples:
    """Writes a first user's files: 12 pictures, and predictions of 240 examples by two models."""
    generator = random.Random(seed)
    (folder / "images").mkdir()
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / "images" / f"{number}.png")
    _write_rows(
        folder / "labels.csv",
        ("image", "label"),
        [(f"{number}.png", number % 3) for number in range(12)],
    )
    onnx.save(_model(), folder / "model.onnx")
    labels = [CLASSES[number % 3] for number in range(240)]
    for setting, wrong in (("dense", 0.05), ("int8", 0.3)):
        rows = [
            (setting, 0, number, label, generator.choice(CLASSES))
            if generator.random() < wrong
            else (setting, 0, number, label, label)
            for number, label in enumerate(labels)
        ]
        header = ("setting", "member", "example", "label", "predicted")
        _write_rows(folder / f"{setting}.csv", header, rows)
    groups = [(number, generator.choice(("young", "old"))) for number in range(240)]
    _write_rows(folder / "groups.csv", ("example", "age"), groups)
    return Samples(folder)


def _write_rows(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def _model() -> onnx.ModelProto:
    """Means of the three colours as scores of the three classes."""
    node = onnx.helper.make_node("GlobalAveragePool", ["pixels"], ["mean"])
    flat = onnx.helper.make_node("Flatten", ["mean"], ["scores"])
    float32 = onnx.TensorProto.FLOAT
    inputs = [onnx.helper.make_tensor_value_info("pixels", float32, ["n", 3, 8, 8])]
    outputs = [onnx.helper.make_tensor_value_info("scores", float32, ["n", 3])]
    graph = onnx.helper.make_graph([node, flat], "colours", inputs, outputs)
    opset = [onnx.helper.make_opsetid("", 18)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=9)


def check_command(command: list[str], samples: Samples) -> None:
    """Predicts and audits with an installed `forgetting`, and asks for what only a checkout can do.

    Args:
        command: What starts `forgetting`.
        samples: A first user's files.

    Raises:
        AssertionError: It answers otherwise than it should; the message is what it printed.
    """

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *words], cwd=samples.folder, capture_output=True, text=True
        )

    predicted = run(*samples.predict)
    assert predicted.returncode == 0, predicted.stderr
    assert "12 predictions" in predicted.stderr, predicted.stderr
    audited = run(*samples.audit)
    assert audited.returncode == 3, audited.stderr
    report = (samples.folder / "report" / "index.html").read_text(encoding="utf-8")
    assert all(name in report for name in (*CLASSES, "young")), "the report lacks a class or group"
    refused = run("train")
    assert refused.returncode == 2, refused.stderr
    assert refused.stderr.count("\n") == 1 and "checkout" in refused.stderr, refused.stderr


def try_python(python: str, wheel: Path, folder: Path, *, resolution: str) -> list[str]:
    """Installs the wheel for `python` into an environment in `folder`, and uses it there.

    Args:
        python: A command or path of Python.
        wheel: The wheel.
        folder: An empty folder outside the checkout.
        resolution: "highest" for the newest dependencies, "lowest-direct" for the oldest declared.

    Returns:
        Versions of Python and of some packages, and the seconds that it took.
    """
    start = time.monotonic()
    pip = find_pip(sys.executable)
    uv, environment = find_uv(pip, sys.executable), uv_settings(pip)
    # Named beside the wheel, its requirements are direct ones, whose oldest versions uv can take.
    project = tomllib.loads((LIB / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = project["dependencies"]
    venv = folder / "venv"
    inside = str(venv / "bin" / "python")
    for words in (
        ["venv", "--quiet", "--python", shutil.which(python) or python, venv],
        [
            "pip",
            "install",
            "--quiet",
            "--python",
            inside,
            "--resolution",
            resolution,
            wheel,
            *needed,
        ],
        ["pip", "check", "--quiet", "--python", inside],
    ):
        subprocess.run([uv, *words], check=True, env=environment)
    check_command([str(venv / "bin" / "forgetting")], write_samples(folder))
    (site_packages,) = venv.glob("lib/python*/site-packages")
    versions = {
        found.name.lower(): found.version
        for found in importlib.metadata.distributions(path=[str(site_packages)])
    }
    seconds = f"{time.monotonic() - start:.0f} s"
    return [site_packages.parent.name, resolution, *(versions[name] for name in SHOWN), seconds]


def main() -> None:
    """Tries each Python that the command line names and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pythons", nargs="*", default=PYTHONS)
    arguments = parser.parse_args()
    for python in arguments.pythons:
        command = [shutil.which(python) or python, "--version"]
        # A version manager has names for Pythons that it does not run here.
        if not shutil.which(python) or subprocess.run(command, capture_output=True).returncode:
            sys.exit(
                f"{python} does not run here: name Pythons that do, as PYTHONS=/path/to/python"
            )
    with tempfile.TemporaryDirectory() as temporary:
        wheel = build_wheel(Path(temporary))
        rows = [["python", "dependencies", *SHOWN, "took"]]
        for python in arguments.pythons:
            for resolution in ("highest", "lowest-direct"):
                folder = Path(temporary) / f"{Path(python).name}-{resolution}"
                folder.mkdir()
                rows.append(try_python(python, wheel, folder, resolution=resolution))
                print("  ".join(f"{cell:<13}" for cell in rows[-1]), flush=True)


if __name__ == "__main__":
    main()
