"""Compiles requirements.lock, every package at one version, from the pip list in environment.yml. Run by `make lock`."""

import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

LIB = Path(__file__).parent


def asked(environment: Path) -> list[str]:
    """The pip requirements of an environment.yml."""
    (pip,) = (
        entry["pip"]
        for entry in yaml.safe_load(environment.read_text())["dependencies"]
        if isinstance(entry, dict)
    )
    return pip


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        wanted, compiled = Path(folder) / "wanted.in", Path(folder) / "compiled.txt"
        wanted.write_text("\n".join(asked(LIB.parent / "environment.yml")) + "\n")
        options = [
            "--strip-extras",
            "--allow-unsafe",
            "--no-header",
            "--no-annotate",
            "--no-emit-index-url",
            "--no-emit-find-links",
            "--no-emit-trusted-host",
            "--quiet",
        ]
        subprocess.run(
            [
                sys.executable,
                "-m",
                "piptools",
                "compile",
                *options,
                "--output-file",
                compiled,
                wanted,
            ],
            check=True,
        )
        # A local build of torch calls itself 2.13.0+cpu; the package index has 2.13.0, and pip takes either for it.
        lines = [
            line.replace("+cpu", "")
            for line in compiled.read_text().splitlines()
            if line.strip() and not line.startswith("#")
        ]
    (LIB / "requirements.lock").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
