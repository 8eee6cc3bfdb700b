"""Many audits: each report is that of one audit alone, the summary corrects over all, nothing is done twice."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from forgetting import cli, paths
from forgetting.audit import many, pair_pool
from forgetting.audit.pair_audit import Answer, Pair, audit_pair, audit_parcel, digest, packed
from forgetting.audit.pairs import COLUMNS, read_pairs
from forgetting.audit.report_cells import interval
from forgetting.audit.request import AuditRequest
from forgetting.errors import UserError
from forgetting.text import signed

EXAMPLES = 200
HARM = {"mild": 0.05, "harsh": 0.5, "none": 0.0}


def run(*words):
    """The exit code of a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["forgetting", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return ended.value.code


def predictions(setting, wrong, label, member=0):
    return pd.DataFrame(
        {
            "setting": setting,
            "member": member,
            "example": np.arange(len(label)),
            "label": label,
            "predicted": np.where(wrong, (label + 1) % 4, label),
        }
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A dense model, three copies of it, in files and in one; groups; and a table of pairs."""
    folder = tmp_path_factory.mktemp("models")
    generator = np.random.default_rng(3)
    label = generator.integers(4, size=EXAMPLES)
    wrong = generator.random(EXAMPLES) < 0.1
    tables = {"dense": predictions("dense", wrong, label)}
    for name, share in HARM.items():
        lost = (label == 2) & (generator.random(EXAMPLES) < share)
        tables[name] = predictions(name, wrong ^ lost, label)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    pd.concat(tables.values()).to_parquet(folder / "all.parquet")
    site = np.where(label < 2, "a", "b")
    pd.DataFrame({"example": np.arange(EXAMPLES), "site": site}).to_csv(
        folder / "groups.csv", index=False
    )
    return folder


@pytest.fixture
def folder(data, tmp_path, monkeypatch):
    shutil.copytree(data, tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    rows = [
        {"name": "mild", "baseline": "dense.csv", "compressed": "mild.csv"},
        {"name": "harsh one", "predictions": "all.parquet", "baseline": "dense"}
        | {"compressed": "harsh", "groups": "groups.csv", "alpha": 0.1},
        {"name": "all", "predictions": "all.parquet", "baseline": "dense"},
    ]
    pd.DataFrame(rows).to_csv("in/pairs.csv", index=False)
    return tmp_path


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def times(folder):
    return {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*") if path.is_file()}


def test_each_report_is_that_of_one_audit_alone(folder):
    assert run("audit-many", "in/pairs.csv", "--out", "out", "--jobs", 1, "--seed", 2) == 0
    pd.read_parquet("in/all.parquet").query("setting in ['dense', 'harsh']").to_csv("two.csv")
    of_files = ("--model", "baseline=in/dense.csv", "--model", "compressed=in/mild.csv")
    of_groups = ("--groups", "in/groups.csv", "--alpha", 0.1, "--baseline", "dense")
    alone = {
        "mild": (*of_files, "--baseline", "baseline"),
        "harsh one": ("two.csv", *of_groups),
        "all": ("in/all.parquet", "--baseline", "dense"),
    }
    for name, words in alone.items():
        assert run("audit", *words, "--out", "alone", "--seed", 2) == 0
        assert contents("alone") == contents(f"out/reports/{name}")
        shutil.rmtree("alone")


def test_the_summary_holds_what_the_reports_say_corrected_over_all_of_them(folder):
    assert run("audit-many", "in/pairs.csv", "--out", "out", "--jobs", 1) == 0
    table = pd.read_parquet("out/audits.parquet")
    assert table["pair"].tolist() == ["mild", "harsh one", "all", "all", "all"]
    read = {
        of: pd.concat(
            [
                pd.read_parquet(f"out/reports/{name}/{of}.parquet").assign(pair=name)
                for name in ("mild", "harsh one", "all")
                if Path(f"out/reports/{name}/{of}.parquet").is_file()
            ],
            ignore_index=True,
        )
        for of in ("overall", "classes", "groups")
    }
    for column in ("change", "change_low", "change_high", "flips", "p"):
        np.testing.assert_array_equal(table[column], read["overall"][column])
    own = {"mild": 0.05, "harsh one": 0.1, "all": 0.05}
    assert table["alpha"].tolist() == table["pair"].map(own).tolist()
    expected = multipletests(table["p"], method="holm")[1]
    np.testing.assert_allclose(table["p_holm_pairs"], expected)
    tests = {"overall": 5}
    assert ((table["classes_behind"] > 0) == (table["setting"] == "harsh")).all()
    for kind, of in (("class", "classes"), ("group", "groups")):
        tested = read[of][read[of]["reason"] == ""].copy()
        tests[kind] = len(tested)
        tested["corrected"] = multipletests(tested["p"], method="holm")[1]
        against = read[of][read[of]["relative_reason"] == ""].copy()
        tests[f"{of}_behind"] = len(against)
        against["certain"] = multipletests(against["relative_p"], method="holm")[0]
        for row in table[table[f"{of}_behind"].notna()].itertuples():
            of_row = against[(against["pair"] == row.pair) & (against["setting"] == row.setting)]
            behind = of_row["certain"] & (of_row["relative_change"] < 0)
            assert getattr(row, f"{of}_behind") == behind.sum()
        for row in table[table[f"worst_{kind}"] != ""].itertuples():
            of_row = tested[(tested["pair"] == row.pair) & (tested["setting"] == row.setting)]
            name = getattr(row, f"worst_{kind}").partition(" ")[2]
            name = name if kind == "group" else int(name)
            found = of_row[of_row[kind].astype(str) == str(name)].iloc[0]
            assert getattr(row, f"worst_{kind}_p_holm_pairs") == pytest.approx(found["corrected"])
            assert found["change"] == of_row["change"].min()
            assert found["p_holm"] <= found["corrected"] + 1e-12
    summary = json.loads(Path("out/summary.json").read_text())
    assert summary["tests"] == tests
    page = Path("out/index.html").read_text()
    assert all(f'href="reports/{name}/index.html"' in page for name in ("mild", "harsh one", "all"))
    assert "Level of its intervals" in page and ">0.1<" in page
    assert "corrects over its own rows alone" in page and "class 2" in page
    assert table.astype(str).equals(
        pd.read_csv("out/audits.csv", dtype=table.dtypes.to_dict(), keep_default_na=True)
        .fillna({"worst_group": "", "worst_class": "", "problem": ""})
        .astype(str)
    )


def test_a_report_that_is_there_is_kept_and_another_start_gives_the_same_bytes(folder, capsys):
    words = ("audit-many", "in/pairs.csv", "--out", "out", "--jobs", 1)
    assert run(*words) == 0
    before, files = times("out/reports"), contents("out")
    assert run(*words) == 0 and "3 of 3 reports are here already" in capsys.readouterr().err
    assert times("out/reports") == before and contents("out") == files
    mild = pd.read_csv("in/mild.csv")
    mild["predicted"] = mild["label"]
    mild.to_csv("in/mild.csv", index=False)
    Path("out/reports/all/overall.csv").write_text("damaged")
    assert run(*words) == 0 and "1 of 3 reports are here already" in capsys.readouterr().err
    changed = {path.parts[2] for path, time in times("out/reports").items() if time != before[path]}
    assert changed == {"mild", "all"}
    # In several processes, too.
    assert run(*words[:3], "anew", "--jobs", 2) == 0
    assert contents("anew") == contents("out")


def test_a_digest_is_that_of_contents_and_options_and_not_of_places(folder):
    request = AuditRequest({"a": Path("in/dense.csv"), "b": Path("in/mild.csv")}, "a")
    first = digest(request, {})
    shutil.copytree("in", "moved")
    places = {path: Path("moved") / path.name for path in request.inputs()}
    assert digest(request.moved(places), {}) == first
    others = [
        replace(request, options={"seed": 1}),
        replace(request, rules=("any class: n < 5",)),
        replace(request, baseline="b"),
        request.moved({path: Path("in/dense.csv") for path in request.inputs()}),
    ]
    assert len({first, *(digest(other, {}) for other in others)}) == 5


def test_a_report_made_from_a_parcel_is_the_same_and_so_is_what_is_wrong(folder):
    long = Path("in") / ("x" * 70)
    long.mkdir()
    (long / "odd.csv").write_text("example,predicted\n1,2\n")
    requests = [
        AuditRequest((Path("in/all.parquet"),), "dense", ("dense", "mild"), Path("in/groups.csv")),
        AuditRequest({"a": Path("in/dense.csv"), "b": long / "odd.csv"}, "a"),
        AuditRequest({"a": Path("in/dense.csv"), "b": Path("in/nowhere.csv")}, "a"),
        AuditRequest((Path("in/all.parquet"),), "dense", ("dense", "nothing")),
        AuditRequest((Path("in/all.parquet"),), "dense", options={"positive": "7"}),
    ]
    for request in requests:
        here, there = audit_pair(request), audit_parcel(packed(request))
        assert here == there and bool(here.files) == (request is requests[0])
        assert "\n" not in here.problem and "/tmp" not in here.problem
    pictures = AuditRequest((Path("in/all.parquet"),), "dense", images=Path("in"))
    assert "pictures do not travel" in packed(pictures).problem


def test_a_bad_pair_is_named_and_the_others_are_audited(folder, capsys):
    table = pd.read_csv("in/pairs.csv", dtype=str)
    table.loc[0, "compressed"] = "nowhere.csv"
    table.to_csv("in/pairs.csv", index=False)
    rule = ("--fail-if", "any class: simultaneous_high < -0.02")
    assert run("audit-many", "in/pairs.csv", "--out", "out", "--jobs", 1, *rule) == 2
    line = "row 1 ('mild'): 'in/nowhere.csv' does not exist"
    assert line in capsys.readouterr().err.replace("\n", " ")
    table = pd.read_csv("out/audits.csv", keep_default_na=False)
    assert table["problem"].str.startswith(line).tolist() == [True, False, False, False, False]
    assert "in/nowhere.csv" in Path("out/index.html").read_text()
    assert not Path("out/reports/mild").exists() and Path("out/reports/all/index.html").is_file()


def test_pictures_may_be_called_as_another_input_is(folder, capsys):
    rows = [{"name": "a", "baseline": "dense.csv", "compressed": "mild.csv", "images": "dense.csv"}]
    pd.DataFrame(rows).to_csv("in/pairs.csv", index=False)
    assert run("audit-many", "in/pairs.csv", "--out", "out", "--jobs", 1) == 2
    assert "row 1 ('a'): 'in/dense.csv' is not a folder of images" in capsys.readouterr().err


def test_a_loss_of_the_whole_model_is_no_loss_of_one_class_more_than_it(folder):
    label = np.arange(4 * EXAMPLES) % 4
    generator = np.random.default_rng(1)
    wrong = generator.random(len(label)) < 0.05
    fallen = wrong | (generator.random(len(label)) < 0.4)
    for name, errors in (("dense", wrong), ("all-fell", fallen)):
        predictions(name, errors, label).to_csv(f"in/{name}.csv", index=False)
    rows = [{"name": "a", "baseline": "dense.csv", "compressed": "all-fell.csv"}]
    pd.DataFrame(rows).to_csv("in/pairs.csv", index=False)
    assert run("audit-many", "in/pairs.csv", "--out", "out", "--jobs", 1) == 0
    first = json.loads(Path("out/summary.json").read_text())["first"]
    assert "No class is shown to have lost more than its model as a whole." in first
    assert any("to have lost in 1 (a), which may be no more than its model" in x for x in first)
    row = pd.read_parquet("out/audits.parquet").iloc[0]
    ends = interval(row["worst_class_low"], row["worst_class_high"])
    quoted = f"{signed(row['worst_class_change'])} points (interval for all classes of that pair "
    assert any(f"{quoted}at once {ends})" in x for x in first)
    assert "certain to have lost most" not in Path("out/index.html").read_text()


def test_a_rule_that_one_pair_meets_ends_in_3(folder, capsys):
    words = ("audit-many", "in/pairs.csv", "--out", "out", "--jobs", 1)
    assert run(*words, "--fail-if", "any class: simultaneous_high < -0.02") == 3
    said = capsys.readouterr().err
    assert "harsh one: rule met" in said and "mild: rule met" not in said
    assert run(*words, "--fail-if", "any overall: change < -0.9") == 0


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], ["has no row"]),
        ([{"name": "a", "baseline": "b", "compresed": "c"}], ["'compresed'", "did you mean"]),
        ([{"name": "a", "compressed": "c"}], ["no column 'baseline'"]),
        ([{"name": "a", "baseline": "", "compressed": "c"}], ["row 1", "'baseline' is empty"]),
        ([{"name": "../a", "baseline": "b", "compressed": "c"}], ["row 1", "'../a'", "folder"]),
        ([{"name": "Nul.txt", "baseline": "b", "compressed": "c"}], ["'Nul.txt'", "device"]),
        ([{"name": "\u65e5" * 67, "baseline": "b", "compressed": "c"}], ["row 1", "66"]),
        (
            [{"name": name, "baseline": "b", "compressed": "c"} for name in ("\u00e9", "e\u0301")],
            ["rows 1 and 2", "name them apart"],
        ),
        (
            [{"name": "a", "baseline": "b", "no-answer": "yes", "no_answer": "no"}],
            ["'no_answer' twice"],
        ),
        ([{"name": "a", "baseline": "b\0", "compressed": "c"}], ["row 1", "null character"]),
        ([{"name": "a", "baseline": "b", "groups": "c"}], ["row 1 ('a')", "neither compressed"]),
        (
            [{"name": name, "baseline": "b", "compressed": "c"} for name in ("Ab", "aB")],
            ["rows 1 and 2", "'aB'", "name them apart"],
        ),
        ([{"name": "a", "baseline": "b", "compressed": "c", "paired": "maybe"}], ["'maybe'"]),
        ([{"name": "a", "baseline": "b", "compressed": "c", "minimum": "1.5"}], ["whole number"]),
        ([{"name": "a", "baseline": "b", "compressed": "c", "columns": "x"}], ["row 1 ('a')", "NAME=COLUMN"]),
        (
            [{"name": "a", "baseline": "b", "compressed": "c", "compressed_setting": "baseline"}],
            ["another compressed_setting"],
        ),
        (
            [{"name": "a", "baseline": "b", "predictions": "c", "baseline_setting": "d"}],
            ["leave baseline_setting out"],
        ),
    ],
)  # fmt: skip
def test_a_table_that_is_wrong_is_refused_in_one_line_before_anything_runs(
    rows, words, tmp_path, capsys
):
    table = pd.DataFrame(rows, columns=None if rows else ["name", "baseline", "compressed"])
    table.to_csv(tmp_path / "pairs.csv", index=False)
    assert run("audit-many", tmp_path / "pairs.csv", "--out", tmp_path / "out") == 2
    message = capsys.readouterr().err
    assert all(word in message for word in words) and message.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_table_is_read_alike_from_every_kind_of_file(tmp_path):
    rows = [
        {"name": "1", "baseline": "a", "compressed": "b", "paired": True, "minimum": 20},
        {"name": "2", "baseline": "a", "compressed": "c", "paired": None, "minimum": None},
    ]
    table = pd.DataFrame(rows)
    table.to_csv(tmp_path / "pairs.csv", index=False)
    table.to_csv(tmp_path / "pairs.tsv", index=False, sep="\t")
    table.to_parquet(tmp_path / "pairs.parquet")
    (tmp_path / "pairs.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    read = [read_pairs(file) for file in sorted(tmp_path.iterdir())]
    assert all(each == read[0] for each in read)
    assert read[0][0].options == {"paired": True, "minimum": 20, "baseline": "baseline"}
    assert read[0][1].options == {"baseline": "baseline"}
    assert read[0][1].predictions == {"baseline": tmp_path / "a", "compressed": tmp_path / "c"}


def test_a_second_baseline_is_the_noise_floor_in_both_ways_to_name_it(folder):
    rows = [
        {"name": "files", "baseline": "dense.csv", "compressed": "mild.csv"}
        | {
            "second_baseline": "none.csv",
            "baseline_setting": "dense",
            "compressed_setting": "mild",
        },
        {"name": "one", "predictions": "all.parquet", "baseline": "dense", "compressed": "mild"}
        | {"second_baseline": "none"},
    ]
    pd.DataFrame(rows).to_csv("in/pairs.csv", index=False)
    assert run("audit-many", "in/pairs.csv", "--out", "out", "--jobs", 1) == 0
    files, one = (
        pd.read_parquet(f"out/reports/{name}/overall.parquet") for name in ("files", "one")
    )
    assert one["role"].tolist() == files["role"].tolist() == ["compressed", "noise floor"]
    numbers = ["n", "change", "p", "flips"]
    pd.testing.assert_frame_equal(one[numbers], files[numbers])
    assert len(pd.read_csv("out/audits.csv")) == 2


def test_stopped_in_the_middle_it_keeps_what_is_finished(folder, monkeypatch, capsys):
    def stopping(pairs, *, jobs):
        yield pairs[0], audit_pair(pairs[0].request)
        raise KeyboardInterrupt

    words = ("audit-many", "in/pairs.csv", "--out", "out", "--jobs", 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_pool, "audit_here", stopping)
        assert run(*words) == 130
    assert "stopped: 1 of 3 reports are finished and kept" in capsys.readouterr().err
    begun = []
    monkeypatch.setattr(
        pair_pool, "audit_pair", lambda request: begun.append(1) or audit_pair(request)
    )
    assert run(*words) == 0 and len(begun) == 2


def test_processes_that_are_stopped_leave_nothing_behind(folder, monkeypatch):
    (folder / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "temporary"))
    monkeypatch.setenv("TMPDIR", str(folder / "temporary"))
    request = AuditRequest((folder / "in/all.parquet",), "dense")
    pairs = [Pair(str(number), number, request) for number in range(6)]
    running = pair_pool.audit_here(pairs, jobs=2)
    assert next(running)[1].files
    running.close()
    assert not list((folder / "temporary").iterdir())


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_ctrl_c_while_processes_start_is_one_line(folder):
    words = "forgetting.cli audit-many in/pairs.csv --out out --jobs 2".split()
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background has Ctrl-C ignored, which is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until = time.monotonic() + 60
    while len(children.read_text().split()) < 3 and time.monotonic() < until:
        time.sleep(0.01)  # the third is that of multiprocessing, which counts what is shared
    time.sleep(0.15)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "Traceback" not in said
    assert said.splitlines()[-1].startswith("stopped: ")


def test_what_is_not_of_many_audits_is_not_overwritten(folder, capsys):
    Path("out/reports/mild").mkdir(parents=True)
    Path("out/reports/mild/index.html").write_text("mine")
    words = ("audit-many", "in/pairs.csv", "--out")
    assert run(*words, "out", "--jobs", 1) == 2
    assert "would overwrite 'index.html'" in capsys.readouterr().err
    assert Path("out/reports/mild/index.html").read_text() == "mine"
    assert run("audit", "in/all.parquet", "--baseline", "dense", "--out", "alone") == 0
    assert run(*words, "alone") == 2
    assert "would overwrite 'summary.json'" in capsys.readouterr().err
    assert run(*words, "in/pairs.csv") == 2
    shutil.copy("in/pairs.csv", "in/audits.csv")
    assert run("audit-many", "in/audits.csv", "--out", "in") == 2
    assert "would overwrite 'audits.csv'" in capsys.readouterr().err


def test_a_report_that_was_left_unfinished_is_made_again_without_what_is_no_longer_of_it(folder):
    words = ("audit-many", "in/pairs.csv", "--out", "out", "--jobs", 1)
    assert run(*words) == 0 and Path("out/reports/harsh one/groups.csv").is_file()
    files = many.ManyFolder(Path("out"))
    pair = many.Pair("harsh one", 2, AuditRequest((), "dense"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("forgetting.audit.many_folder.write_files", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            files.write(pair, "digest", Answer({"index.html": b"new"}))
    assert not files.is_done(pair, "digest")
    files.write(pair, "digest", Answer({"index.html": b"new"}))
    assert contents("out/reports/harsh one") == {"index.html": b"new"}
    assert files.is_done(pair, "digest") and not files.is_done(pair, "other")


def test_a_record_of_what_was_written_deletes_nothing_outside_of_its_report(folder):
    words = ("audit-many", "in/pairs.csv", "--out", "out", "--jobs", 1)
    assert run(*words) == 0
    record = Path("out/done/mild.json")
    before, mine = contents("out"), contents("in")
    for name in ("../../../in/dense.csv", str(folder / "in" / "dense.csv")):
        record.write_text(json.dumps({"digest": "x", "files": {name: "y"}}))
        assert run(*words) == 0
        assert contents("in") == mine and contents("out") == before
    for text in ("[]", "nonsense", '{"digest": 1}', '{"digest": "x", "files": 3}'):
        record.write_text(text)
        assert run(*words) == 0 and contents("out") == before


def test_options_of_the_command_and_columns_of_the_table_are_those_of_an_audit():
    import inspect

    from forgetting.cli_audit import audit
    from forgetting.cli_many import audit_many

    of_one, of_many = (set(inspect.signature(each).parameters) for each in (audit, audit_many))
    assert of_one - of_many == {"baseline", "files", "model", "second_baseline", "again", "before"}
    assert of_many - of_one == {"pairs", "jobs", "scheduler"}
    kept = {"baseline", "second_baseline", "again", *of_many} - {
        "pairs",
        "out",
        "fail_if",
        "jobs",
        "scheduler",
    }
    assert kept <= set(COLUMNS)
    with pytest.raises(UserError, match="does not exist"):
        read_pairs(Path("nowhere.csv"))


def test_the_example_of_the_book_says_what_the_book_says_of_it(tmp_path, monkeypatch, capsys):
    page = (paths.ROOT / "book" / "audit.md").read_text(encoding="utf-8")
    after = page.partition("cat > book/pairs.csv <<'END'\n")[2]
    text, _, command = after.partition("END\n")
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "pairs.csv").write_text(text)
    for name in ("archive", "photographs"):
        (tmp_path / "book" / name).symlink_to(paths.ROOT / "book" / name)
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command.partition("```")[0].replace("\\\n", ""))
    assert run(*words[1:], "--jobs", 1) == 3
    assert capsys.readouterr().err.count("rule met") == 1
    first = "\n".join(json.loads(Path("audits/summary.json").read_text())["first"])
    assert "is shown to have fallen in 2 (lite0-int8-tensor and lite0-pruned)" in first
    assert "No group is shown to have lost more than its model as a whole." in first
    assert "kind=mammals in lite0-pruned" in first
