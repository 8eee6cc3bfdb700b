"""Compiles requirements.lock, every package at one version: `make lock`.

What the lock already names keeps its version as long as it fits; `make lock UPGRADE=1` takes the
newest of everything that environment.yml does not pin.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from install import LIB, LOCK, find_pip, find_uv, uv_settings

ENVIRONMENT = LIB.parent / "environment.yml"

# torch's build for a machine brings the parts of CUDA that it was built for, at its own versions;
# the build for another machine (a processor alone, macOS) has none of them.
COMES_WITH_TORCH = re.compile(r"(nvidia|cuda)-|triton==")


def python_version(environment: Path) -> str:
    """The version of Python in an environment.yml, such as "3.11"."""
    (version,) = (
        entry.removeprefix("python=")
        for entry in yaml.safe_load(environment.read_text())["dependencies"]
        if isinstance(entry, str) and entry.startswith("python=")
    )
    return version


def pip_requirements(environment: Path) -> list[str]:
    """The pip requirements of an environment.yml."""
    (requirements,) = (
        entry["pip"]
        for entry in yaml.safe_load(environment.read_text())["dependencies"]
        if isinstance(entry, dict)
    )
    return requirements


def locked_lines(compiled: str) -> list[str]:
    """The lines of the lock: what uv compiled, without what holds for one machine only.

    A local build of torch calls itself 2.13.0+cpu; the package index has 2.13.0, and pip and uv
    take either for it.
    """
    lines = (line.strip() for line in compiled.splitlines())
    return [
        re.sub(r"\+\w+$", "", line) for line in lines if line and not COMES_WITH_TORCH.match(line)
    ]


def main() -> None:
    """Compiles the lock from environment.yml."""
    pip = find_pip(sys.executable)
    uv = find_uv(pip, sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        wanted, compiled = Path(folder) / "wanted.in", Path(folder) / "compiled.txt"
        wanted.write_text("\n".join(pip_requirements(ENVIRONMENT)) + "\n")
        compiled.write_text(LOCK.read_text())  # uv prefers the versions that it finds there
        options = ["--quiet", "--strip-extras", "--no-annotate", "--no-header"]
        options += ["--python-version", python_version(ENVIRONMENT), *sys.argv[1:]]
        subprocess.run(
            [uv, "pip", "compile", *options, "--output-file", compiled, wanted],
            check=True,
            env=uv_settings(pip),
        )
        lines = locked_lines(compiled.read_text())
    LOCK.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
