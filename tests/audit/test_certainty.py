"""How sure models are in an audit: equal to plain loops, said beside chance, ranked by the baseline."""

import re

import numpy as np
import pandas as pd
import pytest

from forgetting.audit import audit_by_task, audit_predictions
from forgetting.audit.certainty_sentences import told_sentences
from forgetting.audit.gap_sentences import Baselines
from forgetting.audit.report import report_page
from forgetting.audit.task_certainty import across_tasks, task_sentences, task_tables
from forgetting.measure import inference, susceptible

EXAMPLES = 400
GROUPS = pd.DataFrame(
    {"example": np.arange(EXAMPLES), "site": np.where(np.arange(EXAMPLES) % 3, "a", "b")}
)
SETTINGS = {"dense": (2.0, 0.0), "dense-again": (2.0, 0.0), "small": (1.0, -1.0)}


def predictions(*, members=4, seed=0, task=None, share=0.3, again=True):
    """Two labels; the compressed models are less sure, and say the rarer label too rarely."""
    generator = np.random.default_rng(seed)
    label = (np.arange(EXAMPLES) < share * EXAMPLES).astype(int)
    margin = generator.normal(2, 1.2, EXAMPLES)
    tables = []
    for setting, (sharpness, shift) in SETTINGS.items():
        for member in range(members if again or setting != "dense-again" else 0):
            score = (2 * label - 1) * (margin + generator.normal(0, 0.5, EXAMPLES)) + shift
            positive = 1 / (1 + np.exp(-sharpness * score))
            columns = {"setting": setting, "member": member, "example": np.arange(EXAMPLES)}
            columns |= {"label": label, "predicted": (positive >= 0.5).astype(int)}
            columns |= {"confidence": np.maximum(positive, 1 - positive).astype(np.float32)}
            tables.append(pd.DataFrame(columns if task is None else columns | {"task": task}))
    return pd.concat(tables, ignore_index=True)


def matrix(table, setting, column):
    """(members, examples) of one setting."""
    return (
        table[table["setting"] == setting]
        .pivot(index="member", columns="example", values=column)
        .to_numpy()
    )


@pytest.mark.parametrize("members", [1, 4])
def test_unsure_predictions_and_rare_labels_are_those_of_a_loop(members):
    table = predictions(members=members)
    audit = audit_predictions(table, baseline="dense", groups=GROUPS, positive="1")
    site = GROUPS["site"].to_numpy()
    assert list(audit.uncertainty["group"]) == ["all examples", "site=a", "site=b"]
    sides = {name: matrix(table, name, "confidence") < np.float32(0.9) for name in SETTINGS}
    for row in audit.uncertainty.itertuples():
        inside = np.ones(EXAMPLES, bool) if not row.attribute else site == row.group[-1]
        share = {name: side[:, inside].mean() for name, side in sides.items()}
        assert row.n == inside.sum() and row.setting == "small"
        assert row.baseline_share == pytest.approx(share["dense"])
        assert row.change == pytest.approx(share["small"] - share["dense"])
        assert row.floor_change == pytest.approx(share["dense-again"] - share["dense"])
        assert row.change_low < row.change < row.change_high
    (row,) = audit.rare_values.itertuples()
    said = {name: (matrix(table, name, "predicted") == 1).mean() for name in SETTINGS}
    assert row.label == "1" and row.true_share == pytest.approx(0.3)
    assert row.compressed_share == pytest.approx(said["small"])
    assert row.baseline_ratio == pytest.approx(said["dense"] / 0.3)
    assert row.floor_change == pytest.approx(said["dense-again"] - said["dense"])
    assert row.change_high < 0


def test_of_two_labels_that_are_equally_frequent_none_is_the_rarer_one():
    assert audit_predictions(predictions(share=0.5), baseline="dense").rare_values.empty
    often = audit_predictions(predictions(share=0.7), baseline="dense").rare_values
    assert often["label"].tolist() == ["0"] and often["true_share"][0] == pytest.approx(0.3)


@pytest.mark.parametrize("members", [1, 4])
def test_the_susceptible_are_ranked_by_the_baseline_alone_and_told_beside_chance(members):
    table = predictions(members=members)
    audit = audit_predictions(table, baseline="dense")
    sure, said = (matrix(table, "dense", name) for name in ("confidence", "predicted"))
    doubt = susceptible.doubt(said, sure)
    listed = audit.susceptible
    assert len(listed) == EXAMPLES and listed["doubt"].is_monotonic_decreasing
    np.testing.assert_allclose(listed["doubt"], doubt[listed["example"].astype(int)])
    others = table[table["setting"] != "small"]
    shuffled = pd.concat([others, predictions(members=members, seed=9).query("setting == 'small'")])
    pd.testing.assert_frame_equal(audit_predictions(shuffled, baseline="dense").susceptible, listed)
    (row,) = audit.told.to_dict("records")
    wanted = susceptible.compare(
        baseline=said,
        confidence=sure,
        compressed=matrix(table, "small", "predicted"),
        second_baseline=matrix(table, "dense-again", "predicted"),
        seed=0,
    )
    assert row == {"setting": "small"} | wanted
    text = " ".join(audit.summary["susceptible"])
    assert f"{row['area']:.2f}" in text and f"{row['floor_area']:.2f}" in text
    assert ("judges its own" in text) == (members == 1)


def test_the_report_shows_a_dozen_of_them_and_says_how_sure_models_are(tmp_path):
    audit = audit_predictions(predictions(), baseline="dense", groups=GROUPS)
    page = report_page(audit)
    part = page.partition('<section id="susceptible">')[2].partition("</section>")[0]
    assert (
        part.count("<tr>") == 13 and "12 of 400 examples; all are in the table susceptible" in part
    )
    assert "How sure the models are" in page and "How sure models are in each group" in page
    assert "unsure predictions (confidence below 0.9) rose from" in page
    assert "where chance alone, between dense and dense-again" in page
    audit.write(tmp_path / "report")
    for name in ("uncertainty", "rare_values", "susceptible", "told"):
        assert (tmp_path / "report" / f"{name}.csv").is_file()


def test_without_confidences_nothing_is_said_of_them():
    audit = audit_predictions(predictions().drop(columns="confidence"), baseline="dense")
    for name in ("uncertainty", "calibration", "susceptible", "told"):
        assert audit.tables()[name].empty
    assert audit.summary["susceptible"] == [] and "susceptible" not in report_page(audit)
    assert [line for line in audit.summary["sentences"] if "rarer" in line]


def test_without_a_second_baseline_it_is_said_that_only_that_could_show_it():
    audit = audit_predictions(predictions(again=False), baseline="dense")
    assert audit.told["floor_area"].isna().all()
    assert "only a second baseline can show" in audit.summary["susceptible"][-1]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(-0.2, -0.1, "less than of what chance"), (0.1, 0.2, "more of what"), (-1, 1, "not shown")],
)
def test_what_doubt_tells_beyond_chance_is_said_by_its_interval(low, high, words):
    ends = {"area_low": 0.8, "area_high": 0.9, "floor_area_low": 0.9, "floor_area_high": 1.0}
    row = {"judged_apart": True, "area": 0.85, "floor_area": 0.95, "flips": 20.0} | ends
    named = Baselines("dense", "dense-again")
    how = {"setting": "small", "baselines": named, "members": 4, "alpha": 0.05}
    lines = told_sentences(row | {"beyond_low": low, "beyond_high": high}, **how)
    assert words in lines[-1] and "0.85 (0.80 to 0.90)" in lines[0]
    none = row | {"area": np.nan, "floor_area": np.nan, "flips": 0.0}
    assert told_sentences(none, **how) == ["With small no prediction flips."]
    few = row | {"beyond_low": np.nan, "beyond_high": np.nan, "area_low": np.nan}
    lines = told_sentences(few, **how)
    assert "too few flips for an interval" in lines[0] and "Too few predictions" in lines[-1]


def test_tasks_stand_side_by_side_with_intervals_for_all_at_once(tmp_path):
    parts = [
        predictions(task=task, share=share, seed=place)
        for place, (task, share) in enumerate({"old": 0.3, "<b>blond": 0.1, "smiles": 0.4}.items())
    ]
    audit = audit_by_task(pd.concat(parts), baseline="dense", groups=GROUPS)
    across = audit.across
    assert len(across) == 9 and set(across["task"]) == set(audit.audits)
    for task, one in audit.audits.items():
        rows = across[across["task"] == task].set_index("measure")
        whole = one.uncertainty.iloc[0]
        assert rows.loc["uncertainty", "change"] == whole["change"]
        assert rows.loc["calibration", "change"] == one.calibration["change"][0]
        assert rows.loc["rare_values", "true_share"] == one.rare_values["true_share"][0]
        # Bonferroni's rule: as if each task had been asked at a third of the level.
        at_third = audit_predictions(
            pd.concat(parts).query("task == @task").drop(columns="task"),
            baseline="dense",
            alpha=0.05 / 3,
        )
        wide = at_third.uncertainty.iloc[0]
        assert rows.loc["uncertainty", "simultaneous_low"] == pytest.approx(wide["change_low"])
        wide = at_third.calibration.iloc[0]
        assert rows.loc["calibration", "simultaneous_high"] == pytest.approx(wide["high"])
    first = audit.summary["first"]
    assert audit.summary["across"] == first[1:4] and "3 tasks" in first[1]
    rare = across[across["measure"] == "rare_values"]
    few = [
        (rare[f"{side}_value"] < rare["true_share"]).sum() for side in ("compressed", "baseline")
    ]
    assert f"less often than it is true in {few[0]}, and in {few[1]} with dense" in first[3]
    audit.write(tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text()
    assert page.count("<table>") == 3 and "&lt;b&gt;blond" in page and "<b>blond" not in page
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "report" / "tasks.parquet"), across, check_dtype=False
    )


def test_of_forty_tasks_a_dozen_are_shown_and_the_sentence_counts_all():
    generator = np.random.default_rng(0)
    change = generator.normal(0.02, 0.01, 40)
    rows = pd.DataFrame({"setting": "small", "task": [f"t{k}" for k in range(40)], "n": 100})
    rows = rows.assign(attribute="", baseline_error=0.1, compressed_error=0.1 + change)
    rows = rows.assign(change=change, se=0.004, df=30.0, low=change - 0.008, high=change + 0.008)
    for name in ("floor_change", "floor_low", "floor_high"):
        rows[name] = np.nan
    tables = {"calibration": rows, "uncertainty": pd.DataFrame(), "rare_values": pd.DataFrame()}
    across = across_tasks(tables, alpha=0.05)
    (table,) = task_tables(across)
    assert len(table.cells) == 12 and "12 of 40 rows; all are in the table tasks" in table.caption
    assert table.cells[0][0].text == f"t{change.argmax()}"
    (line,) = task_sentences(across, baselines=Baselines("dense", None), alpha=0.05)
    shown = int((across["simultaneous_low"] > 0).sum())
    alone = int((across["change_low"] > 0).sum())
    assert 0 < shown < alone
    assert re.search(rf"risen in {shown} and to have fallen in none of 40 tasks", line)


def test_intervals_for_all_tasks_at_once_rarely_find_a_change_where_there_is_none():
    generator, found = np.random.default_rng(1), 0
    for _ in range(200):
        sides = generator.normal(0.1, 0.01, (2, 5, 20))  # 20 tasks, 5 members a side
        test = inference.welch(*sides)
        rows = pd.DataFrame({"setting": "s", "task": range(20), "n": 9, "attribute": ""})
        rows = rows.assign(change=test.change, se=test.se, df=test.df, low=test.low)
        rows = rows.assign(high=test.high, baseline_error=0.1, compressed_error=0.1)
        rows = rows.assign(floor_change=np.nan, floor_low=np.nan, floor_high=np.nan)
        tables = {"calibration": rows, "uncertainty": rows.iloc[:0], "rare_values": rows.iloc[:0]}
        across = across_tasks(tables, alpha=0.05)
        found += ((across["simultaneous_low"] > 0) | (across["simultaneous_high"] < 0)).any()
    assert found / 200 <= 0.08
