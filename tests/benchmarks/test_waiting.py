"""Stages run after those they need, in clones that nothing of this checkout leads elsewhere."""

import subprocess
import sys

import pytest

from benchmarks import waiting


def test_a_stage_brings_those_that_it_needs_in_order():
    assert waiting.selected([]) == list(waiting.STAGES)
    assert waiting.selected(["setup"]) == ["setup"]
    assert waiting.selected(["pages"]) == ["setup", "training", "pages"]
    for name, stage in waiting.STAGES.items():
        order = waiting.selected([name])
        assert order[-1] == name and set(stage.needs) == set(order[:-1])


def test_both_sides_run_the_same_commands_in_their_own_clones(monkeypatch, tmp_path, capsys):
    ran = []

    def seconds(commands, folder, variables):
        ran.append((commands, folder.name, variables["UV_CACHE_DIR"]))
        return 3.0 if folder.name == "before" else 1.5

    monkeypatch.setattr(waiting, "clone", lambda commit, folder: folder)
    monkeypatch.setattr(waiting, "seconds", seconds)
    commits = {"before": "aaaaaaa", "after": "bbbbbbb"}
    waiting.compare(commits, ["setup", "training"], study="smoke", runs=None)
    assert [(commands, side) for commands, side, _ in ran] == [
        (("make setup",), "before"),
        (("make setup",), "after"),
        (("make train STUDY=smoke",), "before"),
        (("make train STUDY=smoke",), "after"),
    ]
    assert len({cache for *_, cache in ran}) == 2
    assert "| setup | 3.0 s | 1.5 s | 2.00x | 2x |" in capsys.readouterr().out


def test_a_command_that_fails_stops_the_comparison_and_shows_what_it_printed(tmp_path):
    script = tmp_path / "fails.py"
    script.write_text("print('no room'); raise SystemExit(1)")
    with pytest.raises(SystemExit, match="no room"):
        waiting.seconds((f"{sys.executable} {script}",), tmp_path, {})


def test_a_clone_is_of_the_commit_that_was_asked_for(tmp_path):
    folder = waiting.clone("HEAD", tmp_path / "clone")
    words = ["git", "rev-parse", "HEAD"]
    ours, cloned = (
        subprocess.run(words, cwd=place, capture_output=True, text=True, check=True).stdout
        for place in (waiting.ROOT, folder)
    )
    assert ours == cloned


def test_nothing_of_this_process_leads_a_clone_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("FORGETTING_HOME", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    variables = waiting.environment(tmp_path)
    assert "/elsewhere" not in variables.values()
    assert variables["PIP_INDEX_URL"] == "https://mirror.example/simple"


def test_tests_are_the_same_by_name_and_parameters_in_whatever_file():
    collected = {
        "before": ["a.py::one", "a.py::two[1]", "a.py::two[2]", "a.py::gone"],
        "after": ["b.py::two[1]", "b.py::one", "c.py::one", "c.py::new", "c.py::two[3]"],
    }
    assert waiting.same_tests(collected) == {
        "before": ["a.py::one", "a.py::two[1]"],
        "after": ["b.py::two[1]", "b.py::one", "c.py::one"],
    }
