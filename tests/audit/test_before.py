"""What the baseline says alone: doubt against its definition, planted instability, the command."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from forgetting import cli
from forgetting.audit.before import look_before
from forgetting.errors import UserError


def predictions(seed=0, examples=400, members=6, confident=True):
    """Two populations of one kind that err near a margin of zero."""
    generator = np.random.default_rng(seed)
    label, margin = generator.integers(2, size=examples), generator.normal(1.5, 1.5, examples)
    tables = []
    for setting in ("dense", "dense-again"):
        for member in range(members):
            score = margin + generator.normal(0, 0.5, examples)
            sure = 1 / (1 + np.exp(-2 * np.abs(score)))
            answer = np.where(score > 0, label, 1 - label)
            columns = {"example": np.arange(examples), "label": label, "predicted": answer}
            table = pd.DataFrame({"setting": setting, "member": member, **columns})
            tables.append(table.assign(confidence=sure) if confident else table)
    return pd.concat(tables, ignore_index=True), margin


@pytest.mark.parametrize("confident", [True, False])
def test_the_examples_near_the_margin_come_first_and_another_training_flips_them(confident):
    table, margin = predictions(confident=confident)
    before = look_before(table, baseline="dense", seed=1)
    top = before.susceptible["example"].astype(int).to_numpy()[:40]
    assert np.abs(margin[top]).mean() < 0.6 < np.abs(margin).mean()
    assert before.susceptible["doubt"].is_monotonic_decreasing
    assert before.summary["told"] > (0.85 if confident else 0.65)  # votes of 3 judges tie
    assert "another training flips" in before.summary["first"][1]
    alone = look_before(table[table["setting"] == "dense"], baseline="dense")
    assert alone.summary["told"] is None and len(alone.summary["first"]) == 2
    pd.testing.assert_frame_equal(alone.susceptible, before.susceptible)


def test_groups_have_error_unsure_share_and_calibration_of_a_loop():
    table, _ = predictions(seed=2)
    site = np.where(np.arange(400) % 3, "a", "b")
    groups = pd.DataFrame({"example": np.arange(400), "site": site})
    found = look_before(table, baseline="dense", groups=groups).groups.set_index("group")
    dense = table[table["setting"] == "dense"]
    for name in ("a", "b"):
        rows = dense[site[dense["example"]] == name]
        row = found.loc[f"site={name}"]
        assert row["n"] == (site == name).sum()
        assert np.isclose(row["error"], (rows["predicted"] != rows["label"]).mean())
        assert np.isclose(row["unsure"], (rows["confidence"].astype(np.float32) < 0.9).mean())
        errors = []
        for _, member in rows.groupby("member"):
            bins = np.minimum((member["confidence"].astype(np.float32) * 10).astype(int), 9)
            right = (member["predicted"] == member["label"]).astype(float)
            gaps = (member["confidence"] - right).groupby(bins).sum().abs()
            errors.append(gaps.sum() / len(member))
        assert np.isclose(row["calibration_error"], np.mean(errors), atol=1e-6)


def test_one_model_without_confidences_and_an_unknown_baseline_are_refused():
    table, _ = predictions(members=1, confident=False)
    with pytest.raises(UserError, match="one model without confidences"):
        look_before(table[table["setting"] == "dense"], baseline="dense")
    with pytest.raises(UserError, match="'sparse' is not among the settings dense, dense-again"):
        look_before(table, baseline="sparse")
    with pytest.raises(UserError, match="column 'task'.*give the rows of one"):
        look_before(table.assign(task="smiles"), baseline="dense")


def test_rules_about_compression_are_refused_before_there_is_any(tmp_path, monkeypatch, capsys):
    words = ["audit", "p.parquet", "--baseline", "dense", "--before", "--out", str(tmp_path)]
    rule = ["--fail-if", "any class: change_low < -0.05"]
    monkeypatch.setattr(sys, "argv", ["forgetting", *words, *rule])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2 and "leave one of them out" in " ".join(
        capsys.readouterr().err.split()
    )


def test_the_command_writes_a_report_and_says_what_it_cannot_tell(tmp_path, monkeypatch, capsys):
    table, _ = predictions()
    table.to_parquet(tmp_path / "dense.parquet")
    out = tmp_path / "report"
    words = ["audit", str(tmp_path / "dense.parquet"), "--baseline", "dense", "--before"]
    monkeypatch.setattr(sys, "argv", ["forgetting", *words, "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0 and "does not tell what compression adds" in " ".join(
        capsys.readouterr().out.split()
    )
    assert "least sure" in (out / "index.html").read_text()
    assert len(pd.read_csv(out / "susceptible.csv")) == 400
    assert json.loads((out / "summary.json").read_text())["members"] == 6
