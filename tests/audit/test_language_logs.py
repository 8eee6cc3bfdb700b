"""Logs of language models: read as the harness means them, refused in one line, told in its words."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forgetting import cli
from forgetting.audit import LogOptions, audit_predictions
from forgetting.audit.language_logs import read_logs
from forgetting.audit.log_folders import add_second_run
from forgetting.errors import UserError

sys.path.insert(0, str(Path(__file__).parent))
import harness_logs as logs

sys.path.pop(0)


@pytest.fixture
def folders(tmp_path):
    """Two models' logs: fp16 and a noisy copy."""
    return {
        "fp16": logs.write(tmp_path / "fp16", logs.model(0.0, 0)),
        "int4": logs.write(tmp_path / "int4", logs.model(0.7, 1)),
    }


def changed(folder, task, change):
    """Change each line of a task's log."""
    (file,) = folder.rglob(f"samples_{task}_*.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows = [change(row) for row in rows]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows if row is not None))
    return file


def audit(folders, **options):
    return audit_predictions(
        [str(folder) for folder in folders.values()], baseline="fp16", **options
    )


def test_rates_are_those_of_the_logs_own_metric_and_p_is_the_exact_test(folders):
    result = audit(folders)
    right = {
        one: np.array([row["acc_norm"] for rows in model.values() for row in rows])
        for one, model in {"fp16": logs.model(0.0, 0), "int4": logs.model(0.7, 1)}.items()
    }
    overall = result.overall.iloc[0]
    assert overall["baseline_accuracy"] == right["fp16"].mean()
    assert overall["compressed_accuracy"] == right["int4"].mean()
    lost = int((right["fp16"] > right["int4"]).sum())
    won = int((right["fp16"] < right["int4"]).sum())
    assert overall["p"] == pytest.approx(stats.binomtest(lost, lost + won).pvalue)
    tasks = result.groups.set_index("group")
    assert tasks.loc["task=arc", "baseline_rate"] == right["fp16"][:60].mean()
    answers = result.answers.iloc[0]
    means = [np.mean([side[:60].mean(), side[60:].mean()]) for side in right.values()]
    assert answers["baseline_task_mean"] == pytest.approx(means[0])
    assert answers["task_mean_change"] == pytest.approx(means[1] - means[0])
    assert answers["right_wrong_flips"] == pytest.approx((lost + won) / 100)


def test_each_metric_chooses_the_option_that_it_counts(folders):
    for metric in ("acc", "acc_norm"):
        result = audit(folders, logs=LogOptions(metric=metric))
        rows = [row for rows in logs.model(0.7, 1).values() for row in rows]
        assert result.overall["compressed_accuracy"].iloc[0] == np.mean(
            [row[metric] for row in rows]
        )
        assert result.answers["multiple_choice"].iloc[0] == 100


def test_classes_are_places_of_options_and_told_as_such_alone(folders):
    result = audit(folders)
    assert result.classes.empty and len(result.places) == 4
    assert result.places["right"].sum() == result.places["baseline_chosen"].sum() == 100
    text = " ".join(result.summary["sentences"])
    assert "class" not in text.lower()
    assert "questions" in text and "example" not in text
    assert any("mean over 2 tasks" in line for line in result.summary["first"])


def test_a_shift_to_one_place_shows(folders):
    def shifted(row):
        scores = [float(score) for score, _ in row["filtered_resps"]]
        scores[0] += 1.5
        target = int(row["target"])
        lengths = [len(text) for text in row["doc"]["options"]]
        row["filtered_resps"] = [[str(score), "False"] for score in scores]
        row["acc"] = float(int(np.argmax(scores)) == target)
        row["acc_norm"] = float(int(np.argmax(np.divide(scores, lengths))) == target)
        return row

    for task in ("arc", "boolq"):
        changed(folders["int4"], task, shifted)
    result = audit(folders, logs=LogOptions(metric="acc"))
    assert result.answers["bowker_p"].iloc[0] < 0.01 and result.places["change"].iloc[0] > 0.1
    assert any("option 1 was chosen" in line for line in result.summary["first"])


def test_the_narrowest_choices_flip_most_and_all_parts_are_shown(folders):
    result = audit(folders)
    assert result.margins["n"].sum() == 100 and len(result.margins) == 10
    first, last = result.margins["flips"].iloc[:5].sum(), result.margins["flips"].iloc[5:].sum()
    assert first > last
    assert result.margins["flips"].sum() == round(100 * result.answers["answer_flips"].iloc[0])


def test_a_rightness_that_cannot_be_had_again_counts_as_right_or_wrong_and_is_said(folders):
    def other(row):
        return row | {"acc": 1 - row["acc"], "acc_norm": 1 - row["acc_norm"]}

    changed(folders["int4"], "arc", other)
    result = audit(folders)
    assert result.answers["multiple_choice"].iloc[0] == 40
    assert any(
        "'arc'" in note and "right or wrong only" in note for note in result.summary["notes"]
    )
    both = logs.model(0.7, 1)
    wanted = np.mean([1 - row["acc_norm"] for row in both["arc"]])
    table = result.groups.set_index("group")
    assert table.loc["task=arc", "compressed_rate"] == pytest.approx(wanted)


def test_texts_are_right_or_wrong_and_one_filter_is_chosen(tmp_path):
    generator = np.random.default_rng(0)
    for one, share in (("fp16", 0.9), ("int4", 0.6)):
        rows = [
            logs.generated(number, generator.random() < share, name)
            for number in range(50)
            for name in ("strict-match", "flexible-extract")
        ]
        logs.write(tmp_path / one, {"gsm8k": rows})
    folders = {one: tmp_path / one for one in ("fp16", "int4")}
    with pytest.raises(UserError, match="'strict-match' and 'flexible-extract': choose one"):
        audit(folders)
    result = audit(folders, logs=LogOptions(filter="strict-match"))
    assert result.overall["n"].iloc[0] == 50 and result.places.empty and result.groups.empty


def test_two_texts_of_two_letters_are_no_options(tmp_path):
    for one in ("fp16", "int4"):
        rows = [logs.generated(k, k % 3 > 0, filtered_resps=["42", "17"]) for k in range(30)]
        logs.write(tmp_path / one, {"gsm8k": rows})
    result = audit({one: tmp_path / one for one in ("fp16", "int4")})
    assert result.answers["multiple_choice"].iloc[0] == 0 and result.places.empty


def test_no_right_answer_at_all_is_an_answer(tmp_path):
    for one in ("fp16", "int4"):
        logs.write(tmp_path / one, {"gsm8k": [logs.generated(k, False) for k in range(30)]})
    result = audit({one: tmp_path / one for one in ("fp16", "int4")})
    assert result.overall["compressed_accuracy"].iloc[0] == 0


def test_fields_of_the_questions_are_groups_beside_a_table_of_groups(folders, tmp_path):
    names = [f"{task}/{k}" for task, count in (("arc", 60), ("boolq", 40)) for k in range(count)]
    table = pd.DataFrame({"example": names, "length": ["short", "long"] * 50})
    table.to_csv(tmp_path / "groups.csv", index=False)
    options = LogOptions(fields=("doc.category",))
    result = audit(folders, groups=tmp_path / "groups.csv", logs=options)
    single = result.groups[~result.groups["intersection"]]
    assert set(single["attribute"]) == {"task", "doc.category"} or "length" in set(
        single["attribute"]
    )
    with pytest.raises(UserError, match=r"line 1: 'doc' is a list or an object"):
        audit(folders, logs=LogOptions(fields=("doc",)))


def test_a_second_run_of_the_baseline_is_the_noise_floor(folders, tmp_path):
    folders["fp16-again"] = logs.write(tmp_path / "fp16-again", logs.model(0.05, 9))
    text = " ".join(audit(folders).summary["sentences"])
    assert "noise floor" in text and "is not known" not in text


def test_a_second_run_is_given_to_the_command_whatever_its_folder_is_called(
    folders, tmp_path, capsys, monkeypatch
):
    rerun = logs.write(tmp_path / "rerun" / "fp16", logs.model(0.05, 9))
    named = add_second_run(list(folders.values()), rerun, baseline="fp16")
    assert named == {one: [where] for one, where in (folders | {"fp16-again": rerun}).items()}
    words = ["--baseline", "fp16", "--out", str(tmp_path / "report"), "--again", str(rerun)]
    monkeypatch.setattr(sys, "argv", ["forgetting", "audit", *map(str, folders.values()), *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().out
    assert ended.value.code == 0 and "The same model run twice" in said
    assert "retraining" not in said
    with pytest.raises(UserError, match="is called 'fp16-again', and --again gives another"):
        add_second_run(named, rerun, baseline="fp16")
    for predictions, again in (("x.csv", rerun), (list(folders.values()), "x.csv")):
        with pytest.raises(UserError, match="it is for logs of lm_eval"):
            add_second_run(predictions, again, baseline="fp16")


def test_the_newest_run_is_read_and_another_by_its_time(folders):
    logs.write(folders["int4"], logs.model(0.0, 0), time="2025-01-01T00-00-00")
    assert any("2 older files" in note for note in audit(folders).summary["notes"])
    with pytest.raises(UserError, match="has no run of '2025-01-01T00-00-00'"):
        audit(folders, logs=LogOptions(run="2025-01-01T00-00-00"))
    logs.write(folders["fp16"], logs.model(0.0, 0), time="2025-01-01T00-00-00")
    same = audit(folders, logs=LogOptions(run="2025-01-01T00-00-00"))
    assert same.overall["flips"].iloc[0] == 0
    logs.write(folders["int4"], {"arc": logs.model(0.0, 0)["arc"][:10]}, time="2027-01-01T00-00-00")
    with pytest.raises(UserError, match="'arc' with other numbers of lines, 60 at .* and 10 at"):
        audit(folders)


def test_old_logs_without_hashes_are_read(folders):
    def old(row):
        return {key: value for key, value in row.items() if not key.endswith("_hash")}

    changed(folders["fp16"], "arc", old)
    assert audit(folders).overall["n"].iloc[0] == 100


def test_answers_of_bbq_that_turn_to_a_stereotype_are_counted_by_what_they_were(tmp_path):
    generator = np.random.default_rng(4)
    roles = np.array(["stereotyped", "other", "unknown"])
    before = roles[generator.integers(0, 3, 200)]
    after = np.where(generator.random(200) < 0.4, "stereotyped", before)
    for one, side in (("fp16", before), ("int4", after)):
        rows = [logs.bbq(k, role) for k, role in enumerate(side)]
        logs.write(tmp_path / one, {"bbq": rows, **logs.model(0.0, 0)})
    result = audit({one: tmp_path / one for one in ("fp16", "int4")}, logs=LogOptions(roles="bbq"))
    whole = result.roles[result.roles["attribute"] == ""].set_index("role")
    for role in ("unknown", "other"):
        turned = int(((before == role) & (after == "stereotyped")).sum())
        assert whole.loc[role, "before"] == (before == role).sum()
        assert whole.loc[role, "to_stereotyped"] == turned > 10
        assert whole.loc[role, "p"] == pytest.approx(stats.binomtest(turned, turned).pvalue)
    assert (whole["from_stereotyped"] == 0).all() and (whole["n"] == 200).all()
    kinds = result.roles[result.roles["attribute"] == "category"]
    assert set(kinds["group"]) == {"Age", "Religion"}
    assert kinds["to_stereotyped"].sum() == whole["to_stereotyped"].sum()
    # All ways to say that it is not known are one option, so that each choice is right or wrong.
    assert result.answers["multiple_choice"].iloc[0] == 300
    assert result.places["place"].max() == 4 and not result.summary["notes"]
    assert any("turned from “not known”" in line for line in result.summary["first"])
    result.write(tmp_path / "report")
    assert "Turned to the stereotype" in (tmp_path / "report" / "index.html").read_text()


def test_roles_are_asked_of_bbq_alone_and_read_from_what_the_harness_noted(folders, tmp_path):
    with pytest.raises(UserError, match="no question of BBQ with options is in these logs"):
        audit(folders, logs=LogOptions(roles="bbq"))
    with pytest.raises(UserError, match="--roles is 'gender': it is bbq"):
        audit(folders, logs=LogOptions(roles="gender"))
    rows = [logs.bbq(k, "stereotyped") for k in range(20)]
    for row in rows:  # As newer versions write it, and as if another answer followed a stereotype.
        row["doc"]["biased_answers"] = [row["doc"]["ans2"]] if row["doc_id"] < 5 else []
    rows[7]["doc"]["biased_answers"] = [rows[7]["doc"]["ans0"]]
    for one in ("a", "b"):
        logs.write(tmp_path / one, {"bbq": rows})
    found = read_logs({one: tmp_path / one for one in "ab"}, LogOptions(roles="bbq"))
    assert len(found.roles.category) == 1 and "19 questions of BBQ without" in found.notes[0]
    for change, message in (
        ({"answer_info": {}}, "its doc is not as BBQ has it"),
        ({"ans0": "the neighbour"}, "option .* is none of BBQ's"),
    ):
        odd = [rows[k] | {"doc": rows[k]["doc"] | change} for k in range(20)]
        odd = [row | {"doc": {**row["doc"], "biased_answers": None}} for row in odd]
        logs.write(tmp_path / "b", {"bbq": odd})
        with pytest.raises(UserError, match=message):
            read_logs({"b": tmp_path / "b"}, LogOptions(roles="bbq"))


BAD = {
    "cut off": (lambda row: row, "line 60 is no JSON .the last one: is the file cut off"),
    "other questions": (
        lambda row: row | {"doc_hash": "x"},
        "60 of 60 questions have other questions",
    ),
    "other prompts": (lambda row: row | {"prompt_hash": "x"}, "other prompts .* --prompts-differ"),
    "a mean": (lambda row: row | {"acc_norm": 0.5}, "acc_norm of doc_id 0 is '0.5'"),
    "no metric": (
        lambda row: {key: v for key, v in row.items() if key not in ("acc", "acc_norm")},
        "has no metric exact_match or acc_norm or acc in each line",
    ),
    "no number": (
        lambda row: row | {"filtered_resps": [["nan", "False"], *row["filtered_resps"][1:]]},
        "line 1: option 1 has the log-likelihood nan",
    ),
    "fewer": (lambda row: row if row["doc_id"] < 50 else None, "50 questions were asked of all"),
    "twice": (lambda row: row | {"doc_id": 3}, "line 2: doc_id 3 is there twice"),
    "no such place": (
        lambda row: row | {"target": "-100"},
        "line 1: the target is -100, and the places of 4 options are 0 to 3",
    ),
    "other options": (
        lambda row: row | {"filtered_resps": row["filtered_resps"][:3], "target": "0"},
        "60 of 60 questions have other numbers of options",
    ),
    "no id": (lambda row: {"question": "?"}, "line 1 has no doc_id"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_logs_are_refused_in_one_line(folders, kind):
    change, message = BAD[kind]
    file = changed(folders["int4"], "arc", change)
    if kind == "cut off":
        file.write_text(file.read_text()[:-30])
    with pytest.raises(UserError, match=message) as error:
        audit(folders)
    assert "\n" not in str(error.value)


def test_what_only_some_models_were_asked_is_refused_or_left_out(folders):
    (file,) = folders["int4"].rglob("samples_boolq_*")
    file.unlink()
    changed(folders["int4"], "arc", lambda row: row if row["doc_id"] < 50 else None)
    with pytest.raises(UserError, match="'int4' was not asked the task 'boolq'"):
        audit(folders)
    result = audit(folders, logs=LogOptions(common=True))
    assert result.overall["n"].iloc[0] == 50
    assert sum("left out" in note or "only the 50" in note for note in result.summary["notes"]) == 2


def test_prompts_may_differ_where_that_is_allowed(folders):
    changed(folders["int4"], "arc", lambda row: row | {"prompt_hash": "x"})
    result = audit(folders, logs=LogOptions(prompts_differ=True))
    assert any(
        "60 questions asked of other models in other" in note for note in result.summary["notes"]
    )


def several(tmp_path, prompts):
    """Two settings of three logs each, member by member asked with the prompts of that number."""
    of = {"fp16": (0.0, 0.2, 0.4), "int4": (0.7, 0.8, 0.9)}
    folders = {}
    for setting, noises in of.items():
        for k, noise in enumerate(noises):
            tasks = logs.model(noise, 10 * k + len(folders))
            for rows in tasks.values():
                for row in rows:
                    row["prompt_hash"] = prompts[setting][k]
            where = logs.write(tmp_path / f"{setting}-{k}", tasks)
            folders.setdefault(setting, []).append(where)
    return folders


def test_several_logs_of_one_setting_are_its_members(tmp_path):
    folders = several(tmp_path, dict.fromkeys(["fp16", "int4"], "abc"))
    result = audit_predictions(folders, baseline="fp16")
    row, answers = result.overall.iloc[0], result.answers.iloc[0]
    assert row["baseline_members"] == row["compressed_members"] == 3
    alone = [
        read_logs({"fp16": a, "int4": b}, LogOptions()).right
        for a, b in zip(folders["fp16"], folders["int4"], strict=True)
    ]
    for setting, side in (("fp16", "baseline"), ("int4", "compressed")):
        rates = [float(one[setting].mean()) for one in alone]
        assert row[f"{side}_accuracy"] == pytest.approx(np.mean(rates))
        assert row[f"{side}_sd"] == pytest.approx(np.std(rates, ddof=1))
    flips = [(one["fp16"] != one["int4"]).mean() for one in alone]
    assert answers["right_wrong_flips"] == pytest.approx(np.mean(flips))
    # Places, margins and divergence are those of the first logs, and that is said.
    first = audit_predictions({one: some[0] for one, some in folders.items()}, baseline="fp16")
    assert answers["kl"] == first.answers["kl"].iloc[0]
    pd.testing.assert_frame_equal(result.places, first.places)
    assert any("is said of the first" in note for note in result.summary["notes"])
    assert not any("is said of the first" in note for note in first.summary["notes"])


def test_settings_have_as_many_logs_and_may_be_paired_by_them(tmp_path):
    folders = several(tmp_path, dict.fromkeys(["fp16", "int4"], "aaa"))
    with pytest.raises(UserError, match="'fp16' has 1 log and 'int4' has 3 logs: give as many"):
        read_logs(folders | {"fp16": folders["fp16"][0]}, LogOptions())
    apart = audit_predictions(folders, baseline="fp16").overall.iloc[0]
    paired = audit_predictions(folders, baseline="fp16", paired=True).overall.iloc[0]
    said = " ".join(audit_predictions(folders, baseline="fp16").summary["sentences"])
    assert "about other logs of the same models on these same questions" in said
    assert "training" not in said and "Were logs of one number asked in the same words?" in said
    assert apart["design"] == "populations" and paired["design"] == "paired populations"
    assert apart["change"] == pytest.approx(paired["change"])


def test_members_may_be_asked_with_other_examples_and_models_may_not(tmp_path):
    folders = several(tmp_path, {"fp16": "abc", "int4": "abd"})
    with pytest.raises(
        UserError, match=r"60 of 60 questions have other prompts .*--prompts-differ"
    ):
        read_logs(folders, LogOptions())
    folders["int4"].pop(), folders["fp16"].pop()
    assert read_logs(folders, LogOptions()).right["fp16"].shape == (2, 100)


def test_the_command_takes_a_name_several_times_for_folders_alone(tmp_path, capsys, monkeypatch):
    folders = several(tmp_path, dict.fromkeys(["fp16", "int4"], "abc"))
    models = [f"--model={one}={where}" for one, some in folders.items() for where in some]
    words = ["audit", *models, "--baseline", "fp16", "--out", str(tmp_path / "report")]
    monkeypatch.setattr(sys, "argv", ["forgetting", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    page = (tmp_path / "report" / "index.html").read_text()
    assert "3 models" in page or "three" in page or "members" in page
    for twice, said in (
        ([f"--model=a={tmp_path / 'x.csv'}"] * 2, "names 'a' twice"),
        ([models[0], models[0], *models[3:]], "is given twice for 'fp16'"),
    ):
        monkeypatch.setattr(sys, "argv", ["forgetting", "audit", *twice, *words[-4:]])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2 and said in capsys.readouterr().err


def test_logs_whose_names_say_nothing_are_read_by_the_format(folders, tmp_path):
    plain = {}
    for setting, folder in folders.items():
        for file in folder.rglob("*.jsonl"):
            task = file.name.split("_")[1]
            (tmp_path / "plain" / setting).mkdir(parents=True, exist_ok=True)
            plain[setting] = tmp_path / "plain" / setting
            shutil.copy(file, plain[setting] / f"{task}.jsonl")
    with pytest.raises(UserError):
        audit(plain)
    by_format = LogOptions(format="harness")
    named, found = audit(folders), audit(plain, logs=by_format)
    pd.testing.assert_frame_equal(named.overall, found.overall)
    pd.testing.assert_frame_equal(named.groups, found.groups)
    files = {setting: where / "arc.jsonl" for setting, where in plain.items()}
    one = read_logs(files, by_format)
    assert one.groups["task"].unique().tolist() == ["arc"] and len(one.target) == 60
    with pytest.raises(UserError, match="--format is 'inspect': it is harness, or left out"):
        audit(plain, logs=LogOptions(format="inspect"))
    shutil.copytree(plain["int4"], plain["int4"] / "copy")
    with pytest.raises(UserError, match="would both be the task 'arc'"):
        audit(plain, logs=by_format)


def test_folders_that_hold_no_logs_say_what_is_needed(folders, tmp_path):
    results = tmp_path / "only" / "results_2026-01-02T03-04-05.json"
    results.parent.mkdir()
    results.write_text("{}")
    for given in (results, results.parent):
        with pytest.raises(UserError, match="--log_samples"):
            audit_predictions([folders["fp16"], given], baseline="fp16")
    with pytest.raises(UserError, match="holds logs of lm_eval and .* does not"):
        audit_predictions([folders["fp16"], pd.DataFrame({"setting": []})], baseline="fp16")
    logs.write(
        folders["int4"], logs.model(0.7, 1), model="other__model", time="2020-01-02T03-04-05"
    )
    with pytest.raises(UserError, match="answers of two models"):
        audit(folders)
    with pytest.raises(UserError, match="for folders of lm_eval"):
        frame = pd.DataFrame({"setting": ["a"]})
        audit_predictions(frame, baseline="a", logs=LogOptions(metric="acc"))


def test_names_and_fields_of_docs_are_text_and_nothing_else(folders, tmp_path):
    def odd(row):
        return row | {"doc": {"__proto__": "<script>alert(1)</script>", "category": None}}

    for folder in folders.values():
        changed(folder, "arc", odd)
    result = audit(folders, logs=LogOptions(fields=("doc.__proto__",)))
    result.write(tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text()
    assert "<script" not in page and "Answer places" in page
    shown = page[: page.index("How to read")] if "How to read" in page else page
    assert "Questions on which the two sides disagree" in shown and "Examples" not in shown
    assert "between wrong classes" not in page


@pytest.mark.parametrize("seed", range(24))
def test_damaged_logs_never_end_in_a_traceback(folders, seed):
    generator = np.random.default_rng(seed)
    (file,) = folders["int4"].rglob("samples_arc_*")
    data = bytearray(file.read_bytes())
    for place in generator.integers(0, len(data), size=generator.integers(1, 20)):
        data[place] = generator.integers(0, 256)
    file.write_bytes(bytes(data[: generator.integers(1, len(data) + 1)]))
    try:
        read_logs(folders, LogOptions(common=True))
    except UserError as error:
        assert "\n" not in str(error)


HARNESS = Path(__file__).parent / "harness"


def golden(version):
    """By setting, the folder that the harness wrote and its questions; see `harness/make.py`."""
    folders = {one: HARNESS / version / one for one in ("fp32", "int4")}
    rows = {}
    for one, folder in folders.items():
        text = next(folder.glob("*.jsonl")).read_text(encoding="utf-8")
        whole = text.startswith("[")
        rows[one] = json.loads(text) if whole else [*map(json.loads, text.splitlines())]
    return folders, rows


@pytest.mark.parametrize("version", ["0.4.0", "0.4.5", "0.4.13"])
def test_it_reads_what_the_harness_itself_wrote(version):
    folders, rows = golden(version)
    result = audit_predictions(list(folders.values()), baseline="fp32")
    assert result.answers["multiple_choice"].iloc[0] == len(rows["fp32"]) == 60
    for side, one in (("baseline", "fp32"), ("compressed", "int4")):
        right = [row["acc_norm"] for row in rows[one]]
        assert result.overall[f"{side}_accuracy"].iloc[0] == np.mean(right)
    assert result.overall["flips"].iloc[0] > 0 and not result.summary["notes"]
    for metric in ("acc", "acc_norm"):
        found = read_logs(folders, LogOptions(metric=metric, fields=("doc.category",)))
        assert set(found.groups["doc.category"]) == {"even", "odd"}
        for one, some in rows.items():
            assert found.right[one].tolist() == [[row[metric] == 1 for row in some]]
            assert (found.chosen[one] >= 0).all()


SAME, OTHER = (str(HARNESS / "0.4.13" / one) for one in ("fp32", "int4"))


@pytest.mark.parametrize(
    "words",
    [
        ["--model", f"fp32={SAME}", "--model", f"int4={SAME}"],
        [SAME, OTHER, "--again", SAME],
    ],
)
def test_one_task_without_groups_has_a_report_where_nothing_changed_too(
    words, tmp_path, capsys, monkeypatch
):
    words = ["audit", *words, "--baseline", "fp32", "--out", str(tmp_path / "report")]
    monkeypatch.setattr(sys, "argv", ["forgetting", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0, capsys.readouterr().err
    assert "60 questions of 1 task" in (tmp_path / "report" / "index.html").read_text()


def test_what_looks_at_the_baseline_alone_reads_no_logs(tmp_path, capsys, monkeypatch):
    words = ["audit", str(HARNESS / "0.4.13" / "fp32"), "--before", "--baseline", "fp32"]
    monkeypatch.setattr(sys, "argv", ["forgetting", *words, "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "--before reads tables of predictions" in capsys.readouterr().err


def test_all_versions_of_the_harness_say_the_same_of_the_same_model():
    found = [
        read_logs(golden(version)[0], LogOptions()) for version in ("0.4.0", "0.4.5", "0.4.13")
    ]
    for one in ("fp32", "int4"):
        for other in found[1:]:
            np.testing.assert_array_equal(other.chosen[one], found[0].chosen[one])
            np.testing.assert_allclose(other.scores[one], found[0].scores[one], rtol=1e-5)


def test_early_logs_say_what_is_wrong_with_them(tmp_path):
    folders, _ = golden("0.4.0")
    folder = tmp_path / "fp32"
    shutil.copytree(folders["fp32"], folder)
    (file,) = folder.glob("*.jsonl")
    shutil.copy(file, folder / "pretrained__other_tiny_choice.jsonl")
    with pytest.raises(UserError, match="answers of two models to 'tiny_choice'"):
        read_logs({"fp32": folder}, LogOptions())
    (folder / "pretrained__other_tiny_choice.jsonl").unlink()
    text = file.read_text(encoding="utf-8")
    for damaged, message in (
        (text[:-30], "is no JSON .is the file cut off"),
        ("[1]", "question 1 is no JSON object"),
        ("[]", "is empty"),
    ):
        file.write_text(damaged, encoding="utf-8")
        with pytest.raises(UserError, match=message):
            read_logs({"fp32": folder}, LogOptions())
    (folder / "results.json").write_text("{}")
    with pytest.raises(UserError, match="does not say which tasks it is of"):
        read_logs({"fp32": folder}, LogOptions())


@pytest.mark.skipif(importlib.util.find_spec("lm_eval") is None, reason="lm_eval is not installed")
def test_the_installed_harness_writes_what_is_read(tmp_path):
    done = subprocess.run([sys.executable, HARNESS / "make.py", tmp_path], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    found = read_logs({one: tmp_path / one for one in ("fp32", "int4")}, LogOptions())
    before = read_logs(golden("0.4.13")[0], LogOptions())
    np.testing.assert_allclose(found.scores["fp32"], before.scores["fp32"], rtol=1e-4)
