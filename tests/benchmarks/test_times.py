"""Times of the page on cost: those of the logs, and other studies' rows stay."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import times
from forgetting import paths, predictions
from forgetting.errors import UserError
from forgetting.study import load_study


def log(study, setting, *entries):
    predictions.population_folder(study, study.setting(setting)).mkdir(parents=True, exist_ok=True)
    for member, entry in enumerate(entries):
        known = {"member": member, "device": "cpu", "finished": "2026-01-02T03:04:05+00:00"}
        predictions.append_log(study, study.setting(setting), known | entry)


def test_logs_are_summed_up_by_setting_and_replace_a_studys_rows(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(paths, "archive", lambda: tmp_path)
    study = load_study("smoke")
    log(
        study,
        "dense",
        {"train": 1.0, "predict": 0.5},
        {"train": 4.0, "quantize": 1.0},
        {"train": 2.0, "predict": 0.5},
        {"train": 0.1, "device": "a GPU"},
    )
    log(study, "pruned-0.9", {"train": 3.0})
    earlier = pd.DataFrame(
        [["smoke", *range(9)], ["digits", *range(9)]], columns=list(predictions.TIMES)
    )
    earlier.to_csv(predictions.times_file(), index=False)
    times.main(["smoke"])
    written = pd.read_csv(predictions.times_file())
    assert list(written.columns) == list(predictions.TIMES)
    assert list(written["study"]) == ["digits", "smoke", "smoke"]
    dense = written[written["setting"] == "dense"].iloc[0]
    assert dense["networks"] == 3 and dense["finished"] == "2026-01-02"
    assert np.allclose([dense[name] for name in ("train_low", "train", "train_high")], [1, 2, 4])
    assert dense["seconds"] == 2.5 and dense["total"] == 9.0
    with pytest.raises(UserError, match="smoke-joint has no log"):
        times.main(["smoke-joint"])
