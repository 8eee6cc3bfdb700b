"""Versions stand in environment.yml and nowhere else: the lock and what is installed agree with it."""

import importlib.metadata
import importlib.util

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from forgetting import paths

_spec = importlib.util.spec_from_file_location("lock", paths.ROOT / "lib" / "lock.py")
lock = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lock)


def pins(lines):
    """Package to version, every line being `name==version`."""
    found = {}
    for line in lines:
        requirement = Requirement(line)
        (only,) = requirement.specifier
        assert only.operator == "==", f"{line} is not pinned"
        found[canonicalize_name(requirement.name)] = only.version
    return found


ASKED = pins(lock.asked(paths.ROOT / "environment.yml"))
LOCKED = pins((paths.ROOT / "lib" / "requirements.lock").read_text().splitlines())


def test_every_asked_version_is_the_locked_one():
    assert {name: LOCKED.get(name) for name in ASKED} == ASKED


@pytest.mark.parametrize("name", sorted(LOCKED))
def test_every_locked_version_is_the_installed_one(name):
    assert Version(importlib.metadata.version(name)).public == LOCKED[name]
