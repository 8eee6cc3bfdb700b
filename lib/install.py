"""Makes a virtual environment with every pinned dependency: `python install.py .venv`.

Needs nothing but the standard library. uv installs the lock several times faster than pip does,
so uv does it: the one on PATH, else the version that the lock names. Where uv cannot be had or
fails, pip reads the same lock.
"""

import argparse
import ast
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

LIB = Path(__file__).resolve().parent
LOCK = LIB / "requirements.lock"
QUIETLY = ("--quiet", "--disable-pip-version-check")

# What uv calls the settings of pip that say where packages come from, and what separates several.
UV_NAMES = {
    "index-url": ("UV_DEFAULT_INDEX", ""),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "no-index": ("UV_NO_INDEX", ""),
    "constraint": ("UV_CONSTRAINT", " "),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", ""),
    "proxy": ("ALL_PROXY", ""),
    "timeout": ("UV_HTTP_TIMEOUT", ""),
    "default-timeout": ("UV_HTTP_TIMEOUT", ""),
}


def pip_settings(listing: str) -> dict[str, str]:
    """The settings that hold for `pip install`, read from what `pip config list` prints.

    Args:
        listing: Lines like `global.index-url='https://...'`.

    Returns:
        Each setting's value by its name without section. As in pip, the section `install` comes
        before `global`, and an environment variable before both.
    """
    settings = {}
    for section in ("global", "install", ":env:"):
        for line in listing.splitlines():
            name, equals, value = line.partition("=")
            if equals and name.startswith(f"{section}."):
                settings[name.removeprefix(f"{section}.")] = ast.literal_eval(value)
    return settings


def uv_environment(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which uv takes packages from the places where pip would.

    uv does not read pip's settings. A mirror, a folder of wheels or a certificate that a machine
    is set up with would be ignored, and packages would come from elsewhere or not at all.

    Args:
        settings: pip's settings by name.
        environment: The environment variables of this process; what they set for uv is kept.
    """
    passed_on = {}
    for name, value in settings.items():
        if name in UV_NAMES and value:
            variable, separator = UV_NAMES[name]
            passed_on[variable] = separator.join(value.split()) if separator else value
    if "UV_INDEX" in passed_on:
        # pip takes the best version of all indexes, uv by itself the first index with the package.
        passed_on["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {**passed_on, **environment}


def find_pip(python: str) -> list[str]:
    """The command pip for an environment made without it.

    Args:
        python: The environment's interpreter.

    Returns:
        The pip of the interpreter that runs this script, if it has one: installing another takes
        as long as all the rest. Else the pip that Python carries, put into the environment.
    """
    own = [sys.executable, "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True).returncode == 0:
        return [*own, "--python", python]
    subprocess.run([python, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
    return [python, "-m", "pip"]


def find_uv(pip: list[str], python: str) -> str:
    """The command uv: one that is there, else the pinned one, which pip installs beside `python`.

    Args:
        pip: The command pip, as `find_pip` gives it.
        python: The environment's interpreter.
    """
    folder = Path(python).parent
    for there in (shutil.which("uv"), shutil.which("uv", path=folder)):
        if there and subprocess.run([there, "--version"], capture_output=True).returncode == 0:
            return there
    (pin,) = (line for line in LOCK.read_text().splitlines() if line.startswith("uv=="))
    subprocess.run([*pip, "install", *QUIETLY, "--no-deps", pin], check=True)
    return str(folder / "uv")


def install(install_command: list[str], environment: Mapping[str, str] = os.environ) -> None:
    """Installs the lock, then the package itself from this checkout."""
    package = ["--no-deps", "--no-build-isolation", "--editable", str(LIB)]
    for what in (["-r", str(LOCK)], package):
        subprocess.run([*install_command, *what], check=True, env=environment)


def uv_settings(pip: list[str]) -> dict[str, str]:
    """The environment in which uv takes packages from the places where this machine's pip would."""
    listing = subprocess.run([*pip, "config", "list"], check=True, capture_output=True, text=True)
    return uv_environment(pip_settings(listing.stdout), os.environ)


def main() -> None:
    """Makes or completes the environment in the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the virtual environment lies")
    parser.add_argument("--pip", action="store_true", help="install with pip, not with uv")
    arguments = parser.parse_args()
    venv.create(arguments.folder, symlinks=True)
    python = str(arguments.folder.absolute() / "bin" / "python")
    pip = find_pip(python)
    if not arguments.pip:
        try:
            uv = [find_uv(pip, python), "pip"]
            # As pip does. Where Python may not write bytecode (PYTHONDONTWRITEBYTECODE, as in many
            # containers), every process would else compile all that it imports, for seconds.
            how = ("--quiet", "--compile-bytecode")
            install([*uv, "install", *how, "--python", python], uv_settings(pip))
            subprocess.run([*uv, "check", "--python", python], check=True)
            return
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"uv could not do it ({error}); pip does it now, more slowly.", file=sys.stderr)
    install([*pip, "install", *QUIETLY])
    subprocess.run([*pip, "check"], check=True)


if __name__ == "__main__":
    main()
