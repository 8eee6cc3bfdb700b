"""The benchmark of scale runs as it is printed in the project, on a few rows."""

import pytest

from benchmarks import scale


def test_rows_are_audited_by_the_command_and_groups_agree_with_fairlearn(capsys, monkeypatch):
    pytest.importorskip("fairlearn")
    monkeypatch.setattr(scale, "DRAWS", 3)
    monkeypatch.setattr(scale.imagenet, "EXAMPLES", 400)
    scale.main(["--rows", "4000", "--answers", "800", "--only", "rows", "groups", "logs"])
    out = capsys.readouterr().out
    assert "(d) 800 answers of lm_eval" in out and "MB of logs" in out
    assert "(b) 4,000 rows, 40 groups" in out and "times the Arrow table's" in out
    assert float(out.rpartition("at most ")[2]) < 1e-12
