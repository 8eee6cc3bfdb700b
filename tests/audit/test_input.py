"""Input is read whole or refused in one line that names the place, whatever its bytes."""

import io
import json
import pickle
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forgetting import predictions_file
from forgetting.audit import audit_predictions, name_codes
from forgetting.audit.groups_input import read_groups
from forgetting.audit.name_codes import NameSet
from forgetting.audit.predictions_input import read_predictions
from forgetting.errors import UserError


def table(models=(("dense", 0), ("int8", 0)), examples=12, **columns):
    """Small predictions; `columns` overwrite whole columns."""
    label = np.array(["cat", "dog", "eel"])[np.arange(examples) % 3]
    parts = [
        pd.DataFrame(
            {
                "setting": s,
                "member": m,
                "example": np.arange(examples),
                "label": label,
                "predicted": np.roll(label, k),
            }
        )
        for k, (s, m) in enumerate(models)
    ]
    return pd.concat(parts, ignore_index=True).assign(**columns)


def same(one, other):
    assert (
        one.classes == other.classes
        and one.examples.cast(pa.string()).equals(other.examples.cast(pa.string()))
        and (one.label == other.label).all()
    )
    assert list(one.populations) == list(other.populations)
    for a, b in zip(one.populations.values(), other.populations.values(), strict=True):
        assert (
            a.members == b.members and a.parents == b.parents and (a.predicted == b.predicted).all()
        )


def test_what_was_written_is_what_is_read():
    result = read_predictions(table())
    assert (
        result.classes == ("cat", "dog", "eel")
        and result.label.tolist() == [0, 1, 2] * 4
        and result.label.dtype == np.int32
    )
    assert result.populations["dense"].predicted.tolist() == [[0, 1, 2] * 4] and result.populations[
        "int8"
    ].predicted.tolist() == [[2, 0, 1] * 4]
    assert result.populations["dense"].predicted.dtype == np.int32 and result.notes == ()


def test_parquet_csv_tsv_frames_arrow_shuffled_rows_and_split_files_are_read_alike(tmp_path):
    whole = table([("dense", 10), ("dense", 9), ("int8", 9), ("int8", 10)])
    wanted = read_predictions(whole)
    assert wanted.populations["dense"].members == (
        "9",
        "10",
    )  # Numbers are sorted as numbers, from CSV too.
    shuffled = whole.sample(frac=1, random_state=0)
    shuffled.to_parquet(tmp_path / "one.parquet", row_group_size=7)
    shuffled.to_csv(tmp_path / "one.csv", index=False)
    shuffled.to_csv(tmp_path / "one.tsv", index=False, sep="\t")
    parts = [
        part.to_csv(tmp_path / f"{k}.csv", index=False) or tmp_path / f"{k}.csv"
        for k, (_, part) in enumerate(whole.groupby(["setting", "member"]))
    ]
    others = whole[(whole.setting != "dense") | (whole.member != 9)]  # All but the first part.
    texts = whole.assign(
        example=whole.example.astype(str),
        member=whole.member.astype("category"),
        label=whole.label.astype("category"),
    )
    for other in (
        tmp_path / "one.parquet",
        str(tmp_path / "one.csv"),
        tmp_path / "one.tsv",
        parts,
        shuffled,
        texts,
        pa.Table.from_pandas(shuffled),
        [parts[0], others.assign(example=others.example.astype(float))],
    ):
        same(read_predictions(other), wanted)


def test_compressed_csv_other_separators_and_folders_of_parts_are_read_alike(tmp_path):
    whole = table([("dense", 0), ("int8", 0)]).assign(confidence=0.25)
    wanted = read_predictions(whole)
    whole.to_csv(tmp_path / "gzip.csv.gz", index=False)
    with pa.output_stream(tmp_path / "zstd.csv.zst", compression="zstd") as file:
        file.write(whole.to_csv(index=False).encode())
    whole.to_csv(tmp_path / "bz2.tsv.bz2", index=False, sep="\t")
    for name, separator in {"semicolon": ";", "tab": "\t", "bar": "|"}.items():
        whole.to_csv(tmp_path / f"{name}.csv", index=False, sep=separator)
    whole.to_csv(tmp_path / "continental.csv", index=False, sep=";", decimal=",")
    for place, part in enumerate((whole[:7], whole[7:])):
        (tmp_path / "parts" / "deeper").mkdir(parents=True, exist_ok=True)
        part.to_parquet(tmp_path / "parts" / "deeper" / f"{place}.parquet")
    for setting, part in whole.groupby("setting"):
        (tmp_path / "hive" / f"setting={setting}").mkdir(parents=True)
        part.drop(columns="setting").to_parquet(tmp_path / "hive" / f"setting={setting}/0.parquet")
    for path in tmp_path.iterdir():
        same(read_predictions(path), wanted)
        assert (read_predictions(path).populations["int8"].confidence == 0.25).all()


def test_the_names_of_columns_and_settings_can_be_given(tmp_path):
    whole = table([("dense", 0), ("int8", 0)])
    wanted = read_predictions(whole)
    theirs = {"label": "target", "predicted": "label", "example": "id"}
    files = {}
    for setting, rows in whole.groupby("setting"):
        files[setting] = tmp_path / f"{setting}.csv"
        rows.drop(columns=["setting", "member"]).rename(columns=theirs).to_csv(
            files[setting], index=False
        )
    same(read_predictions(files, columns=theirs), wanted)
    renamed = {"small": whole[whole.setting == "int8"], "large": whole[whole.setting == "dense"]}
    assert list(read_predictions(renamed).populations) == ["large", "small"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"truth": "target"}, "columns names 'truth': columns are setting, member"),
        ({"label": "target"}, "has no column 'target'"),
    ],
)
def test_names_of_columns_that_cannot_be_are_refused(columns, message):
    with pytest.raises(UserError, match=message):
        read_predictions(table(), columns=columns)


def test_two_files_of_one_setting_are_told_apart_or_named(tmp_path):
    files = []
    for name in ("a", "b"):
        files.append(tmp_path / f"{name}.csv")
        table([("model", 0)]).to_csv(files[-1], index=False)
    with pytest.raises(UserError, match=r"a\.csv' and '.*b\.csv' hold the same examples.*--model"):
        read_predictions(files)
    assert list(read_predictions(dict(zip("ab", files, strict=True))).populations) == ["a", "b"]


@pytest.mark.parametrize("write", ["to_csv", "to_parquet"])
def test_values_are_spelt_alike_whatever_holds_them(write, tmp_path):
    whole = table([(0.0, 1.0), (0.9, 1.0)])
    whole["label"] = whole["example"] % 2 == 0
    whole["predicted"] = True
    getattr(whole, write)(tmp_path / "table.parquet" if "parquet" in write else tmp_path / "t.csv")
    result = read_predictions(next(tmp_path.iterdir()))
    assert result.classes == ("False", "True")
    assert list(result.populations) == ["0", "0.9"]
    assert result.populations["0.9"].members == ("1",)


def test_the_baseline_may_be_written_as_the_file_has_it():
    whole = table([(0.0, 0), (0.9, 0)])
    for name in ("0", "0.0", 0.0, 0):
        assert audit_predictions(whole, baseline=name).summary["baseline"] == "0"


def test_half_floats_are_numbers():
    codes = table()[["label", "predicted"]].apply(
        lambda names: names.map({"cat": 0, "dog": 1, "eel": 2})
    )
    rows = table().assign(**codes.astype(np.float16))
    assert read_predictions(rows).classes == ("0", "1", "2")


def test_a_probability_that_was_rounded_above_1_is_1():
    rows = table().assign(confidence=1.0000001)
    assert (read_predictions(rows).populations["int8"].confidence == 1).all()


def test_renaming_classes_renames_them_and_nothing_else():
    names = {"cat": "<script>alert(1)</script>", "dog": "=1+1", "eel": "../../etc/passwd\n"}
    result = read_predictions(table().replace({"label": names, "predicted": names}))
    plain = read_predictions(table())
    code = [result.classes.index(names[name]) for name in plain.classes]
    assert (np.array(code)[plain.label] == result.label).all()
    assert (
        np.array(code)[plain.populations["int8"].predicted] == result.populations["int8"].predicted
    ).all()


def test_a_class_that_is_only_predicted_is_a_wrong_answer_and_is_noted():
    odd = table()
    odd.loc[odd.index[-3:], "predicted"] = "fox"
    result = read_predictions(odd)
    assert (
        result.classes == ("cat", "dog", "eel", "fox")
        and (result.populations["int8"].predicted == 3).sum() == 3
    )
    assert "3 predictions name a class that no example has ('fox')" in result.notes[0]


def test_confidence_is_read_where_all_tables_have_it():
    sure = table().assign(confidence=0.5)
    assert (read_predictions(sure).populations["int8"].confidence == 0.5).all()
    mixed = read_predictions([sure[:12], table()[12:]])
    assert mixed.populations["dense"].confidence is None and "no confidence" in mixed.notes[0]


def test_files_of_this_projects_own_runs_say_their_setting_themselves(tmp_path):
    files = []
    for member in range(2):
        for setting, parent in (("dense", None), ("int8", "dense")):
            described = {"setting": setting, "member": member, "parent": parent}
            meta = {"forgetting": json.dumps(described)}
            data = pa.table(
                {
                    "example": pa.array(range(6), pa.int32()),
                    "label": pa.array([0, 1] * 3, pa.int32()),
                    "predicted": pa.array([0, 1] * 3, pa.int32()),
                }
            )
            files.append(tmp_path / f"{setting}{member}.parquet")
            pq.write_table(data.replace_schema_metadata(meta), files[-1])
    result = read_predictions(files)
    assert result.populations["int8"].parents == ("dense", "dense") and result.populations[
        "dense"
    ].parents == (None, None)
    assert predictions_file.schema_identity(pa.schema([])) == {}


def gap(column):
    broken = table().astype({column: object})
    broken.loc[[3, 5], column] = None
    return broken


def without(*rows):
    return table([("dense", 0), ("int8", 0), ("int8", 1)]).drop(index=list(rows))


BAD = {
    "no column": (lambda: table().drop(columns="label"), "no column 'label'"),
    "a gap": (lambda: gap("label"), "column 'label': 2 of 24 values missing"),
    "NaN": (
        lambda: table(predicted=[np.nan] * 2 + [1.0] * 22, label=1),
        "column 'predicted': 2 of 24 values missing",
    ),
    "an empty column": (lambda: table(label=None), "column 'label': 24 of 24 values missing"),
    "a half label": (lambda: table(label=[0.5] * 24), "column 'label': it holds 0.5"),
    "a list": (lambda: table(label=[["cat"]] * 24), "column 'label': it holds list"),
    "a doubled row": (
        lambda: pd.concat([table(), table()[:3]]),
        r"'0' is there more than once for member '0' of setting 'dense' \(3 rows",
    ),
    "a missing example": (
        lambda: without(14, 15),
        "member '0' of setting 'int8' lacks 2 of 12 examples, '2' first",
    ),
    "other examples": (lambda: table().assign(example=np.arange(24)), "lacks 12 of 24 examples"),
    "other labels": (
        lambda: table(label=["cat"] * 12 + ["dog"] + ["cat"] * 11),
        "column 'label': '0' is 'dog' here and 'cat' elsewhere",
    ),
    "nothing in common": (lambda: table(predicted="0"), "column 'predicted': none of its 1 value"),
    "a confidence of 2": (
        lambda: table().assign(confidence=[2.0] + [0.5] * 23),
        r"'confidence': 1 value outside 0 to 1 \(2.0 first\)",
    ),
    "a confidence of NaN": (
        lambda: table().assign(confidence=[np.nan] + [0.5] * 23),
        "column 'confidence': 1 value outside",
    ),
    "a confidence of text": (lambda: table().assign(confidence="high"), "column 'confidence'"),
    "two parents": (
        lambda: table().assign(parent=["0"] * 6 + ["1"] * 18),
        "column 'parent': member '0' of setting 'dense'",
    ),
    "mixed types": (
        lambda: table().astype({"label": object}).assign(label=[1, "a"] * 12),
        "the table of predictions",
    ),
    "no rows": (lambda: table()[:0], "no rows"),
    "no table": (lambda: [], "no table"),
    "a column twice": (
        lambda: pd.concat([table(), table()[["label"]]], axis=1),
        "column 'label' twice",
    ),
    "a model of other names": (
        lambda: table([("dense", 0), ("int8", 0), ("int8", 1)]).assign(
            predicted=["cat"] * 24 + ["0"] * 12
        ),
        "none of the 12 predictions of member '1' of setting 'int8' is a label",
    ),
    "a model for each row": (
        lambda: table(examples=2500, member=np.arange(5000), example=np.arange(5000)),
        "'0' of setting 'dense' has 1 row, and the 5,000 models saw 5,000 examples",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_predictions_are_refused_in_one_line_that_names_column_value_and_count(what):
    make, message = BAD[what]
    with pytest.raises(UserError, match=message) as refusal:
        read_predictions(make())
    assert "\n" not in str(refusal.value)


def latin_1(values):
    """Text as Arrow's, in bytes that are not UTF-8."""
    encoded = pa.array([value.encode("latin-1") for value in values], pa.binary())
    return pa.Array.from_buffers(pa.string(), len(encoded), encoded.buffers())


@pytest.mark.parametrize(
    "column", ["setting", "member", "example", "label", "predicted", "parent", "sex"]
)
def test_text_in_parquet_that_is_not_utf_8_is_refused_in_one_line_that_names_the_column(
    column, tmp_path
):
    of_groups = column == "sex"
    good = (GROUPS if of_groups else table(parent="0")).astype(str)
    columns = {name: pa.array(good[name]) for name in good} | {
        column: latin_1(["f\xe4", *good[column][1:]])
    }
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    with pytest.raises(UserError, match=f"column '{column}', .*UTF-8") as refusal:
        if of_groups:
            read_groups(tmp_path / "p.parquet", read_predictions(table()).examples)
        else:
            read_predictions(tmp_path / "p.parquet")
    assert "\n" not in str(refusal.value)


def test_whole_numbers_in_csv_are_the_same_names_with_and_without_a_point(tmp_path):
    plain = table().replace(
        {name: {"cat": "3", "dog": "-4", "eel": "10"} for name in ("label", "predicted")}
    )
    for name, column in (("label", plain.label), ("predicted", plain.predicted)):
        mixed = plain.assign(**{name: column + np.where(np.arange(24) % 5 < 2, ".0", "")})
        mixed.to_csv(tmp_path / "p.csv", index=False)
        result = read_predictions(tmp_path / "p.csv")
        assert result.classes == ("-4", "3", "10")
        same(result, read_predictions(plain))


def npz():
    stream = io.BytesIO()
    np.savez(stream, predicted=np.arange(3))
    return stream.getvalue()


def zipped():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", "b")
    return stream.getvalue()


def parquet():
    stream = io.BytesIO()
    table().to_parquet(stream)
    return stream.getvalue()


CSV = table().to_csv(index=False).encode()
FILES = {
    "an npz called Parquet": ("x.parquet", npz, "a zip archive"),
    "a zip called CSV": ("x.csv", zipped, "a zip archive"),
    "a pickle called Parquet": ("x.parquet", lambda: pickle.dumps(table()), "a pickle"),
    "a pickle called CSV": ("x.csv", lambda: pickle.dumps({"a": 1}), "a pickle"),
    "text called Parquet": ("x.parquet", lambda: CSV, "is not a Parquet file"),
    "a cut Parquet": ("x.parquet", lambda: parquet()[:-200], "damaged"),
    "an empty file": ("x.csv", lambda: b"", "damaged|no column"),
    "Latin 1": ("x.csv", lambda: CSV.replace(b"cat", b"c\xe4t"), "UTF-8"),
    "UTF-16": ("x.csv", lambda: CSV.decode().encode("utf-16"), "text in UTF-16"),
    "a short row": ("x.csv", lambda: CSV + b"dense,0,99\n", "damaged"),
    "a header alone": ("x.csv", lambda: CSV.splitlines()[0] + b"\n", "no rows"),
}


@pytest.mark.parametrize("what", FILES)
def test_files_of_another_kind_are_refused_in_one_line(what, tmp_path):
    name, make, message = FILES[what]
    (tmp_path / name).write_bytes(make())
    with pytest.raises(UserError, match=message) as refusal:
        read_predictions(tmp_path / name)
    assert "\n" not in str(refusal.value)


def test_a_path_that_is_not_a_file_is_refused(tmp_path):
    for path, message in ((tmp_path / "no.csv", "does not exist"), (tmp_path, "folder without")):
        with pytest.raises(UserError, match=message):
            read_predictions(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_bytes_are_read_or_refused_and_nothing_else(tmp_path, data):
    name, whole = data.draw(st.sampled_from([("f.parquet", parquet()), ("f.csv", CSV)]))
    damaged = bytearray(whole)
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=8)
    ):
        damaged[place] = value
    damaged = (
        damaged[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else damaged
    )
    (tmp_path / name).write_bytes(bytes(damaged))
    try:
        read_predictions(tmp_path / name)
    except UserError as refusal:
        assert "\n" not in str(refusal)


GROUPS = pd.DataFrame({"example": np.arange(12), "sex": list("FM") * 6, "age": [30, 40, None] * 4})


def test_groups_are_aligned_with_the_examples_and_gaps_are_noted():
    examples = read_predictions(table()).examples
    result, _, _, notes = read_groups(GROUPS.sample(frac=1, random_state=1), examples)
    assert result.sex.tolist() == list("FM") * 6 and result.age.cat.categories.tolist() == [
        "30",
        "40",
    ]
    assert result.age.isna().sum() == 4 and notes == [
        "Groups: 4 examples without a value of 'age': in none of its groups."
    ]
    result, _, _, notes = read_groups(
        GROUPS.assign(example=GROUPS.example.astype(str))[["example", "sex"]][2:].assign(
            example=list(map(str, range(2, 11))) + ["x"]
        ),
        examples,
    )
    assert (
        result.sex.isna().sum() == 3
        and len(notes) == 2
        and "1 row of examples without predictions" in notes[0]
    )


def test_numbers_without_end_are_text_and_others_alike_whatever_the_batch():
    values, wanted = (
        [1, 2.5, np.inf, 4, 1e10, -np.inf] * 2,
        ["1", "2.5", "inf", "4", "10000000000", "-inf"] * 2,
    )
    for cut in (0, 3, 5, 10):
        age = pa.chunked_array([values[:cut], values[cut:]], pa.float64())
        result, _, _, _ = read_groups(
            pa.table({"example": np.arange(12), "age": age}), read_predictions(table()).examples
        )
        assert result.age.tolist() == wanted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g[["example"]], "no column but 'example'"),
        (lambda g: g.drop(columns="example"), "no column 'example'"),
        (lambda g: pd.concat([g, g[:2]]), "'0' has 2 rows"),
        (lambda g: g.assign(example="z"), "none of its 12 rows"),
        (lambda g: g.assign(example=[None] * 12), "12 of 12 values missing"),
    ],
)
def test_bad_groups_are_refused_in_one_line(change, message):
    with pytest.raises(UserError, match=message) as refusal:
        read_groups(change(GROUPS), read_predictions(table()).examples)
    assert "\n" not in str(refusal.value)


def test_an_attribute_of_more_values_than_groups_can_have_is_refused():
    many = read_predictions(table(examples=1500))
    with pytest.raises(UserError, match="column 'age': it has 1,500 values"):
        read_groups(
            pd.DataFrame(
                {"example": np.arange(1500), "age": np.random.default_rng(0).random(1500)}
            ),
            many.examples,
        )


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=40),
    st.lists(st.integers(-5, 5) | st.none(), max_size=40),
)
def test_names_are_found_by_sorting_as_by_a_table_of_them(present, asked):
    names = NameSet()
    for part in (present[:20], present[20:], list(range(-3, 4)), [None]):
        names.add(pa.array(part, pa.int64()))
    names = names.sorted()
    assert names.to_pylist() == sorted({*present, *range(-3, 4)})
    values = pa.array([*asked, *present[:3], None], pa.int64())
    wanted = [
        names.to_pylist().index(value) if value is not None and value in names.to_pylist() else -1
        for value in values.to_pylist()
    ]
    usual, most = name_codes.NameCodes(names)(values).tolist(), name_codes.SEARCHED
    try:
        name_codes.SEARCHED = 0
        assert name_codes.NameCodes(names)(values).tolist() == usual == wanted
    finally:
        name_codes.SEARCHED = most


def test_columns_that_look_like_no_attribute_are_left_out_and_said_unless_they_are_named():
    many = read_predictions(table(examples=1500)).examples
    generator = np.random.default_rng(0)
    metadata = pd.DataFrame(
        {
            "example": np.arange(1500),
            "file": [f"{k}.png" for k in range(1500)],
            "width": generator.integers(0, 400, 1500),
            "sex": ["F", "M"] * 750,
        }
    )
    given = read_groups(metadata, many)
    assert list(given.attributes) == ["sex"]
    for name in ("file", "width"):
        assert any(f"'{name}'" in note and "--attributes" in note for note in given.notes)
    given = read_groups(metadata, many, chosen=["width"])
    assert list(given.attributes) == ["width"] and given.notes == []
    with pytest.raises(UserError, match="no column 'age'"):
        read_groups(metadata, many, chosen=["age"])
    with pytest.raises(UserError, match="'file': it has 1,500 values, at most 1,000"):
        read_groups(metadata, many, chosen=["file"])


def test_no_answer_is_a_miss_and_a_false_alarm_where_one_label_is_positive():
    label = np.array([0, 1] * 20)
    frames = {
        name: pd.DataFrame({"example": range(40), "label": label, "predicted": predicted})
        for name, predicted in {
            "dense": label,
            "int8": np.where(np.arange(40) < 38, np.nan, label),
        }.items()
    }
    groups = pd.DataFrame({"example": range(40), "sex": list("FFMM") * 10})
    options = {"baseline": "dense", "groups": groups, "positive": "1", "no_answer": True}
    rates = audit_predictions(frames, **options).groups.set_index(["group", "metric"])
    for metric in ("error", "fpr", "fnr"):
        assert rates.loc[("sex=F", metric), "compressed_rate"] == 1


@pytest.mark.parametrize("members", [1, 3])
def test_models_that_predict_one_class_for_every_example_are_named(members):
    models = [(setting, m) for setting in ("dense", "int8") for m in range(members)]
    given = table(models=models)
    given["predicted"] = given["label"]
    of_one = (given["setting"] == "int8") & (given["member"] == members - 1)
    given.loc[of_one, "predicted"] = "eel"
    who = "its model predicts" if members == 1 else "1 of its 3 models predicts"
    assert read_predictions(given).notes == (
        f"int8: {who} the same class for every example ('eel').",
    )
    assert not read_predictions(given[given["example"] < 9]).notes  # too few to tell
    alone = given[given["label"] == "eel"].assign(example=lambda t: t["example"] // 3)
    many = pd.concat([alone.assign(example=alone["example"] + 4 * k) for k in range(4)])
    assert not read_predictions(many).notes  # the only label
    assert any("every example ('eel')" in one for one in run_notes(given))


def run_notes(given):
    return audit_predictions(given, baseline="dense").summary["notes"]
