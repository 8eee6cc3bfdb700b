"""Versions stand in environment.yml alone: the lock and what is installed agree with it."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import install
import lock
from forgetting import paths


def pins(lines):
    """Package to version, every line being `name==version`."""
    versions = {}
    for line in lines:
        requirement = Requirement(line)
        (only,) = requirement.specifier
        assert only.operator == "==", f"{line} is not pinned"
        versions[canonicalize_name(requirement.name)] = only.version
    return versions


REQUIRED = pins(lock.pip_requirements(paths.ROOT / "environment.yml"))
LOCKED = pins((paths.ROOT / "lib" / "requirements.lock").read_text().splitlines())


def test_every_required_version_is_the_locked_one():
    assert {name: LOCKED.get(name) for name in REQUIRED} == REQUIRED


@pytest.mark.parametrize("name", sorted(LOCKED))
def test_every_locked_version_is_the_installed_one(name):
    assert Version(importlib.metadata.version(name)).public == LOCKED[name]


def test_the_lock_is_the_same_whichever_build_of_torch_a_machine_has():
    built_for_a_gpu = "torch==2.13.0\nnvidia-nccl-cu13==2.29.7\ntriton==3.7.1\nuv==0.13.9\n"
    built_for_the_processor = "torch==2.13.0+cpu\nuv==0.13.9\n"
    wanted = ["torch==2.13.0", "uv==0.13.9"]
    assert lock.locked_lines(built_for_a_gpu) == wanted
    assert lock.locked_lines(built_for_the_processor) == wanted


def test_the_settings_of_pip_are_read_in_the_order_in_which_pip_reads_them():
    listing = (
        ":env:.find-links='/from-environment'\nglobal.find-links='/from-file'\n"
        "global.index-url='https://mirror.example/simple'\ninstall.index-url='https://b.example'\n"
        "global.extra-index-url='\\nhttps://c.example\\nhttps://d.example'\n"
    )
    assert install.pip_settings(listing) == {
        "find-links": "/from-environment",
        "index-url": "https://b.example",
        "extra-index-url": "\nhttps://c.example\nhttps://d.example",
    }


def test_uv_takes_packages_from_the_places_where_pip_does():
    settings = {
        "index-url": "https://b.example",
        "extra-index-url": "\nhttps://c.example\nhttps://d.example",
        "find-links": "/wheels https://e.example/wheels",
        "cert": "/certificates.pem",
        "trusted-host": "",
        "disable-pip-version-check": "1",
    }
    environment = install.uv_environment(settings, {"PATH": "/bin"})
    assert environment == {
        "PATH": "/bin",
        "UV_DEFAULT_INDEX": "https://b.example",
        "UV_INDEX": "https://c.example https://d.example",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/wheels,https://e.example/wheels",
        "SSL_CERT_FILE": "/certificates.pem",
    }


def test_what_a_user_set_for_uv_comes_before_the_settings_of_pip():
    environment = install.uv_environment({"index-url": "a"}, {"UV_DEFAULT_INDEX": "b"})
    assert environment == {"UV_DEFAULT_INDEX": "b"}


def test_pip_prints_its_settings_in_the_form_that_setup_reads(monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", "/a /b")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://c.example")
    command = [sys.executable, "-m", "pip", "config", "list"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    settings = install.pip_settings(listing)
    assert settings["find-links"] == "/a /b"
    assert settings["extra-index-url"] == "https://c.example"


def test_pip_installs_the_lock_where_uv_cannot(tmp_path, monkeypatch, capsys):
    commands = []

    def run(command, **_):
        if any(part.startswith("uv==") for part in command):
            raise subprocess.CalledProcessError(1, command)
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, stdout="")

    monkeypatch.setattr(install.shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(install.subprocess, "run", run)
    monkeypatch.setattr(install.venv, "create", lambda *_, **__: None)
    monkeypatch.setattr(sys, "argv", ["install.py", str(tmp_path / "venv")])
    install.main()
    assert "pip does it now" in capsys.readouterr().err
    lock_command, package_command, check_command = commands[-3:]
    assert "pip" in lock_command and str(install.LOCK) in lock_command
    assert "pip" in package_command and str(install.LIB) in package_command
    assert "pip" in check_command and check_command[-1] == "check"


def test_what_is_installed_is_compiled_so_that_no_process_has_to_do_it():
    import pandas

    assert list((Path(pandas.__file__).parent / "__pycache__").glob("*.pyc"))
