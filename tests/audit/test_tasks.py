"""Several tasks: each is audited as if it had been given alone, and what is no task is refused."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from forgetting import cli
from forgetting.audit import Audit, audit_by_task, audit_predictions
from forgetting.errors import UserError

TASKS = ("smiles", "old")


def predictions(seed=0, examples=300, members=3, harm=0.0):
    """Predictions of two populations on two tasks; `harm` of the yeses of the second are missed."""
    generator = np.random.default_rng(seed)
    label = generator.integers(2, size=(2, examples))
    tables = []
    for setting in ("dense", "pruned"):
        for member in range(members):
            for place, task in enumerate(TASKS):
                wrong = generator.random(examples) < 0.1
                if setting == "pruned" and place == 1:
                    wrong |= (label[1] == 1) & (generator.random(examples) < harm)
                tables.append(
                    pd.DataFrame(
                        {
                            "setting": setting,
                            "member": member,
                            "example": np.arange(examples),
                            "task": task,
                            "label": label[place],
                            "predicted": np.where(wrong, 1 - label[place], label[place]),
                        }
                    )
                )
    return pd.concat(tables, ignore_index=True)


def groups(examples=300):
    return pd.DataFrame(
        {"example": np.arange(examples), "site": np.where(np.arange(examples) % 3, "a", "b")}
    )


def test_each_task_has_the_tables_of_an_audit_of_it_alone_below_each_other():
    table = predictions(harm=0.4)
    both = audit_by_task(table, baseline="dense", groups=groups())
    assert list(both.audits) == list(TASKS)
    for task in TASKS:
        rows = table[table["task"] == task].drop(columns="task")
        alone = audit_predictions(rows, baseline="dense", groups=groups(), positive="1")
        for name, whole in both.tables().items():
            of_task = whole[whole["task"] == task].drop(columns="task") if len(whole) else whole
            pd.testing.assert_frame_equal(
                of_task.reset_index(drop=True), alone.tables()[name], check_dtype=False
            )
        assert both.audits[task].summary == alone.summary
    assert both.tables()["overall"].columns[0] == "task"


def test_a_rule_is_met_where_it_is_met_for_one_task_which_is_named():
    both = audit_by_task(predictions(harm=0.5), baseline="dense", groups=groups())
    verdict = both.judge("any overall: change_high < -0.05")
    assert verdict.code == 3 and verdict.line.startswith("task old:")
    assert both.judge("any overall: change_high < -0.9").code == 0


def test_order_of_rows_and_tables_changes_nothing():
    table = predictions(seed=1)
    shuffled = table.sample(frac=1, random_state=0)
    parts = [shuffled.iloc[:1000], shuffled.iloc[1000:]]
    tables = [audit_by_task(each, baseline="dense").tables() for each in (table, parts)]
    for name in tables[0]:
        one, other = (each[name] for each in tables)
        if len(one):
            one, other = (each.sort_values("task", kind="stable") for each in (one, other))
            pd.testing.assert_frame_equal(
                one.reset_index(drop=True), other.reset_index(drop=True), check_dtype=False
            )


def test_without_tasks_it_is_the_audit_as_it_was():
    table = predictions()
    table = table[table["task"] == "old"].drop(columns="task")
    one = audit_by_task(table, baseline="dense")
    assert isinstance(one, Audit)
    pd.testing.assert_frame_equal(one.overall, audit_predictions(table, baseline="dense").overall)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: t.assign(label=2), ["task 'smiles' has the label '2'", "0 (no) and 1 (yes)"]),
        (lambda t: t.assign(task=t["task"].where(t.index > 4)), ["'task': 5 of", "missing"]),
        (lambda t: [t, t.drop(columns="task")], ["no column 'task'", "audit the tables apart"]),
    ],
)
def test_what_is_no_task_is_refused_in_one_line(spoil, words):
    with pytest.raises(UserError) as error:
        audit_by_task(spoil(predictions()), baseline="dense")
    message = str(error.value)
    assert all(word in message for word in words) and "\n" not in message


def test_the_command_writes_a_report_for_each_task_and_one_page_that_leads_to_them(
    tmp_path, monkeypatch, capsys
):
    table = predictions(harm=0.5).replace({"task": {"old": "../<b>old</b>"}})
    table.to_parquet(tmp_path / "both.parquet")
    out = tmp_path / "report"
    words = ["audit", str(tmp_path / "both.parquet"), "--baseline", "dense", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["forgetting", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0 and "2 tasks, each audited" in capsys.readouterr().out
    page = (out / "index.html").read_text()
    assert "task-2/index.html" in page and "<b>old" not in page and "&lt;b&gt;old" in page
    for place in ("task-1", "task-2"):
        assert (out / place / "index.html").is_file()
    written = pd.read_csv(out / "overall.csv")
    assert set(written["task"]) == {"smiles", "../<b>old</b>"}
    summary = json.loads((out / "summary.json").read_text())
    assert set(summary["tasks"]) == set(written["task"]) and "rules" in summary
