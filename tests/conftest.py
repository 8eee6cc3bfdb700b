"""What several tests share: the smoke study, trained once into a folder of its own."""

import contextlib
import fcntl
import hashlib
import io
import lzma
import os
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from forgetting import data
from forgetting.data import celeba
from forgetting.study import load_study

# How long an example takes says what else the machine does; a test that hangs is seen all the same.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# The files that take longest are begun first, so that no worker waits for another at the end. The
# first does without the smoke study, which the second meanwhile has trained.
FIRST = (
    "train/test_gpu_engine.py",
    "train/test_population.py",
    "test_cli.py",
    "audit/test_audit.py",
    "benchmarks/test_training.py",
)


def place(item):
    """Where a test stands in the order: after all others come the book's pages, each a short group."""
    file = item.path.relative_to(Path(__file__).parent).as_posix()
    if file in FIRST:
        return FIRST.index(file)
    return len(FIRST) + file.startswith("browser/")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items):
    """Keep what belongs together in one worker: a file's tests, or those of one page of the book."""
    items.sort(key=place)
    for item in items:
        page = getattr(item, "callspec", None) and item.callspec.params.get("page")
        group = page if page and "browser" in item.path.parts else item.path.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def _the_console_follows_stderr():
    """No test leaves the command's console with the captured stream of its own, which is closed after it."""
    yield
    if cli := sys.modules.get("forgetting.cli"):
        assert cli.console.file is sys.stderr


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Return a folder that is made once for all workers that run tests side by side.

    Whoever comes first makes it, and the others wait; if that fails, the next one tries.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # a worker's own folder lies in that of the whole run
        base = base.parent

    def make(name, fill):
        folder, done = base / name, base / f"{name}.done"
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                folder.mkdir(exist_ok=True)
                fill(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def smoke_home(made_once):
    """A folder with the smoke study trained by the real command; FORGETTING_HOME of the tests."""
    from forgetting.cli import train_missing

    def train(home):
        os.environ["FORGETTING_HOME"] = str(home)
        train_missing(load_study("smoke"))

    before = os.environ.get("FORGETTING_HOME")
    home = made_once("smoke-home", train)
    os.environ["FORGETTING_HOME"] = str(home)
    yield home
    if before is None:
        del os.environ["FORGETTING_HOME"]
    else:
        os.environ["FORGETTING_HOME"] = before


@pytest.fixture
def smoke(smoke_home, monkeypatch):
    """The trained smoke study; use `smoke_home` to look at its files."""
    monkeypatch.setenv("FORGETTING_HOME", str(smoke_home))
    return load_study("smoke")


@pytest.fixture
def in_sorts():
    """Call a function; how long it takes, in stable sorts of 1.5 million numbers (about 0.2 s each): a busy machine slows both."""

    def seconds(call):
        start = time.process_time()
        call()
        return time.process_time() - start

    numbers = np.random.default_rng(0).random(1_500_000)

    def sort():
        numbers.argsort(kind="stable")

    def measured(call):
        before, took, after = map(seconds, (sort, call, sort))
        return took / max(before, after)

    return measured


CELEBA_NAMES = (
    *("Blond_Hair", "Male", "Young", "Smiling", "Eyeglasses"),
    *(f"Attribute_{k}" for k in range(6, 41)),
)


def celeba_picture(row, size, seed):
    """A picture on which some of the answers can be seen: the colours of its quarters."""
    rng = np.random.default_rng(seed)
    width, height = size
    pixels = np.full((height, width, 3), 90) + rng.integers(-30, 30, (height, width, 3))
    middle, half = height // 2, width // 2
    pixels[:middle, :half] += row[0] * np.array([110, 90, 0])
    pixels[:middle, half:] += row[1] * np.array([0, 0, 110])
    pixels[middle:, :half] += row[2] * np.array([0, 110, 0])
    pixels[middle:, half:] += row[3] * np.array([110, 0, 110])
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture
def write_celeba(monkeypatch):
    """Write a folder like CelebA's, with drawn pictures, whose tables count as the published ones.

    It is in torchvision's layout or, at half size, has a tar file and packed tables. What is
    returned are the answers, (count, 40) of 0 and 1, by number; blond men are rare.
    """

    def write(folder, *, count=240, half=False):
        rng = np.random.default_rng(0)
        share = np.linspace(0.3, 0.7, len(CELEBA_NAMES))
        rows = (rng.random((count, len(CELEBA_NAMES))) < share).astype(int)
        rows[:, 1] = rng.random(count) < np.where(rows[:, 0] == 1, 0.2, 0.4)
        files = [f"{k:06d}.jpg" for k in range(1, count + 1)]
        lines = [
            f"{file} " + " ".join(map(str, row))
            for file, row in zip(files, 2 * rows - 1, strict=True)
        ]
        parts = [f"{file} {k * 3 // count}" for k, file in enumerate(files)]
        tables = {
            celeba.ATTRIBUTES: [str(count), " ".join(CELEBA_NAMES) + " ", *lines],
            celeba.PARTITION: parts,
        }
        layout = celeba.LAYOUTS[int(half)]
        folder.mkdir(parents=True)
        sums = {}
        for name, table in tables.items():
            content = ("\n".join(table) + "\n").encode()
            sums[name] = hashlib.md5(content).hexdigest()
            file = folder / (f"{name}.xz" if half else name)
            file.write_bytes(lzma.compress(content) if half else content)
        monkeypatch.setattr(celeba, "MD5", sums)
        with contextlib.ExitStack() as stack:
            if half:
                packed = stack.enter_context(tarfile.open(folder / layout.name, "w:xz"))
            else:
                (folder / layout.name).mkdir()
            for k, file in enumerate(files):
                buffer = io.BytesIO()
                celeba_picture(rows[k], layout.size, k).save(buffer, "jpeg", quality=95)
                if half:
                    about = tarfile.TarInfo(f"celeba_half/{file}")
                    about.size = buffer.tell()
                    buffer.seek(0)
                    packed.addfile(about, buffer)
                else:
                    (folder / layout.name / file).write_bytes(buffer.getvalue())
        data.load_dataset.cache_clear()
        return rows

    yield write
    data.load_dataset.cache_clear()
