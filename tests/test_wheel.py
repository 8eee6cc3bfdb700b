"""The package as others get it: a wheel that audits outside a checkout, with what it declares."""

import email
import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import forgetting
import try_wheel
from forgetting import paths

LIB = paths.ROOT / "lib"
LOCKED = dict(
    line.split("==") for line in (LIB / "requirements.lock").read_text().splitlines() if line
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return try_wheel.build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


@pytest.fixture
def outside(wheel, tmp_path, monkeypatch):
    """A first user's files in a folder where `forgetting` is what the wheel holds."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    (tmp_path / "work").mkdir()
    return try_wheel.write_samples(tmp_path / "work")


def requirements(metadata, *, extra=""):
    """The requirements that hold with `extra`, or without any."""
    listed = map(Requirement, metadata.get_all("Requires-Dist"))
    return [r for r in listed if r.marker is None or r.marker.evaluate({"extra": extra})]


def with_dependencies(names):
    """The distributions called `names` and all that they need, as installed here."""
    reached, waiting = set(), {canonicalize_name(name) for name in names}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        for line in importlib.metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                waiting |= {canonicalize_name(needed.name)} - reached
    return reached


def test_the_wheel_holds_the_package_whole_and_nothing_beside_it(wheel):
    package = [path for path in (LIB / "forgetting").rglob("*") if path.is_file()]
    wanted = {
        path.relative_to(LIB).as_posix() for path in package if path.parent.name != "__pycache__"
    }
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == wanted
    assert "forgetting/py.typed" in names


def test_the_wheel_says_what_it_is(metadata):
    assert metadata["Version"] == forgetting.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra")) == {"train", "book", "cluster", "dev", "lab"}
    assert "forgetting audit" in metadata.get_payload()


def test_one_version_and_one_licence_everywhere():
    citation = yaml.safe_load((paths.ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (paths.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert citation["version"] == forgetting.__version__
    assert re.search(r"^## (\S+)", changes, re.MULTILINE)[1] == forgetting.__version__
    assert (LIB / "LICENSE").read_bytes() == (paths.ROOT / "LICENSE").read_bytes()


def test_what_the_package_declares_holds_for_the_locked_versions(metadata):
    for line in metadata.get_all("Requires-Dist"):
        requirement = Requirement(line)
        # JupyterLab is installed on request, under the lock's constraints, and is not in it.
        if requirement.name != "forgetting" and not requirement.name.startswith("jupyterlab"):
            locked = LOCKED[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(locked), f"{line}, and locked is {locked}"


def test_the_extra_dev_names_all_that_the_environment_does(metadata):
    environment = yaml.safe_load((paths.ROOT / "environment.yml").read_text())
    (listed,) = (e["pip"] for e in environment["dependencies"] if isinstance(e, dict))
    declared = {
        canonicalize_name(requirement.name)
        for extra in ("train", "book", "cluster", "dev")
        for requirement in requirements(metadata, extra=extra)
    }
    assert {canonicalize_name(Requirement(line).name) for line in listed} <= declared


def test_the_wheel_predicts_and_audits_outside_a_checkout(outside):
    try_wheel.check_command([sys.executable, "-m", "forgetting.cli"], outside)


@pytest.mark.parametrize("command", ["audit", "predict"])
def test_what_the_package_declares_is_all_that_the_audit_imports(command, outside, metadata):
    declared = with_dependencies(requirement.name for requirement in requirements(metadata))
    of_module = importlib.metadata.packages_distributions()
    hidden = {
        module
        for module, names in of_module.items()
        if not declared & {canonicalize_name(name) for name in names}
    }
    assert {"torch", "joblib", "matplotlib", "IPython", "onnx"} <= hidden
    script = f"""
import sys
class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {hidden - {"forgetting"}!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden)
from forgetting import cli
cli.main()
"""
    words = [sys.executable, "-c", script, *getattr(outside, command)]
    done = subprocess.run(words, cwd=outside.folder, capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stderr


def test_python_versions_are_the_same_wherever_they_are_named():
    project = tomllib.loads((LIB / "pyproject.toml").read_text())["project"]
    versions = [c.rpartition(" ")[2] for c in project["classifiers"] if re.search(r"3\.\d", c)]
    workflow = yaml.safe_load((paths.ROOT / ".github/workflows/book.yml").read_text())
    assert workflow["jobs"]["wheel"]["strategy"]["matrix"]["python"] == versions
    assert project["requires-python"] == f">={versions[0]}"
    assert [f"python{version}" for version in versions] == try_wheel.PYTHONS
