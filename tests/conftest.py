"""What several tests share: the smoke study, trained once into a folder of its own."""

import os

import pytest

from forgetting import study as studies


@pytest.fixture(scope="session")
def smoke_home(tmp_path_factory):
    """A folder with the smoke study trained by the real command; FORGETTING_HOME of the whole test run."""
    home = tmp_path_factory.mktemp("home")
    before = os.environ.get("FORGETTING_HOME")
    os.environ["FORGETTING_HOME"] = str(home)
    from forgetting.cli import ensure

    ensure(studies.load("smoke"))
    yield home
    if before is None:
        del os.environ["FORGETTING_HOME"]
    else:
        os.environ["FORGETTING_HOME"] = before


@pytest.fixture
def smoke(smoke_home, monkeypatch):
    """The trained smoke study; use `smoke_home` to look at its files."""
    monkeypatch.setenv("FORGETTING_HOME", str(smoke_home))
    return studies.load("smoke")
