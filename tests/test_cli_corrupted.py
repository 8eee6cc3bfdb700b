"""Predicting corrupted pictures with several models: against numpy, resumed, and what is refused."""

import sys

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper
from PIL import Image
from scipy import stats

from forgetting import cli
from forgetting.audit import audit_predictions
from forgetting.cli_corrupted import predict_corrupted
from forgetting.data.corruption import corrupt
from forgetting.data.spec import derive_seed
from forgetting.errors import UserError

SIDE, CLASSES = 36, 7
WEIGHTS = {name: np.random.default_rng(k).normal(size=(3, CLASSES)) for k, name in enumerate("ab")}


def save_model(path, weights, *, kind=TensorProto.FLOAT, channels=3):
    """An ONNX file whose scores are the standard deviations of the channels, times weights."""
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f", "axes"], ["m"], keepdims=1),
        helper.make_node("Sub", ["f", "m"], ["d"]),
        helper.make_node("ReduceL2", ["d", "axes"], ["s"], keepdims=0),
        helper.make_node("MatMul", ["s", "w"], ["y"]),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
        helper.make_tensor("w", TensorProto.FLOAT, weights.shape, np.float32(weights).ravel()),
    ]
    ends = (
        [helper.make_tensor_value_info("x", kind, ["n", channels, SIDE, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    graph = helper.make_graph(nodes, "spread", *ends, initializer=constants)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """18 pictures with labels, more than are kept at once, and two models."""
    generator, rows = np.random.default_rng(5), []
    (tmp_path / "images").mkdir()
    for k in range(18):
        colour = generator.integers(40, 215, 3)
        pixels = colour + generator.normal(0, 25, (SIDE, SIDE, 3)) * generator.random(3)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / f"images/{k}.png")
        rows.append({"image": f"{k}.png", "label": k % CLASSES})
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    for name, weights in WEIGHTS.items():
        save_model(tmp_path / f"{name}.onnx", weights)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def predicted(folder, out="out", **how):
    given = {"model": ["a=a.onnx", "b=b.onnx"], "labels": folder / "labels.csv"}
    given |= {"corruption": ["impulse_noise", "contrast"], "severity": [4]}
    predict_corrupted("images", out=folder / out, **given | how)
    return {file.stem: pd.read_parquet(file) for file in sorted((folder / out).iterdir())}


def test_each_prediction_is_that_of_a_direct_computation_on_the_one_picture(folder):
    tables = predicted(folder, seed=3)
    assert list(tables) == ["contrast-4", "impulse_noise-4", "none-0"]
    for stem, table in tables.items():
        name, severity = stem.split("-")
        assert set(table["corruption"]) == {name} and set(table["severity"]) == {int(severity)}
        assert table["setting"].tolist() == ["a"] * 18 + ["b"] * 18
        for row in table.itertuples():
            with Image.open(folder / "images" / row.example) as picture:
                pixels = np.asarray(picture).transpose(2, 0, 1)[None]
            if severity != "0":
                seed = derive_seed(3, "corrupted", row.example)
                how = {"severity": int(severity), "published_for": 224}
                pixels = corrupt(pixels, name=name, seed=seed, **how)
            values = pixels[0].reshape(3, -1) / 255
            scores = values.std(axis=1) * SIDE @ WEIGHTS[row.setting]
            assert row.predicted == str(scores.argmax()) and not row.tied
            share = 1 / np.exp(scores - scores.max()).sum()
            assert row.confidence == pytest.approx(share, abs=1e-5)


def test_models_that_are_right_no_more_often_than_by_chance_are_pointed_at(folder, capsys):
    """Also where the tables are there already, and with the model's own number of classes."""
    for _ in range(2):
        table = predicted(folder, corruption=["fog"])["none-0"]
        said = " ".join(capsys.readouterr().err.split())
        for name in "ab":
            one = table[table["setting"] == name]
            right = int((one["label"] == one["predicted"]).sum())
            assert f"{name}: {100 * right / 18:.1f} % of 18 pictures right as they are" in said
            chance = stats.binom.sf(right - 1, 18, 1 / CLASSES)
            assert chance > 0.05, "the pictures are noise"
        assert said.count("than chance gives with 7 classes") == 2
    answers = pd.read_parquet(folder / "out/none-0.parquet").query("setting == 'a'")
    rows = {"image": answers["example"], "label": answers["predicted"]}
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    predicted(folder, "again", model=["a=a.onnx"], corruption=["fog"])
    said = " ".join(capsys.readouterr().err.split())
    assert "a: 100.0 % of 18 pictures right as they are" in said and "chance" not in said


def test_a_picture_is_corrupted_alike_whichever_others_are_predicted(folder):
    every, some = predicted(folder), predicted(folder, out="some", every=5, model=["b=b.onnx"])
    wanted = ["0.png", "5.png", "10.png", "15.png"]
    for stem, table in some.items():
        assert table["example"].tolist() == wanted
        whole = every[stem].query("setting == 'b'").set_index("example").loc[wanted].reset_index()
        pd.testing.assert_frame_equal(whole[table.columns], table)


def test_a_file_that_is_here_is_kept_and_one_that_is_missing_is_made_with_the_same_bytes(folder):
    predicted(folder)
    files = sorted((folder / "out").iterdir())
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}
    files[0].unlink()
    predicted(folder)
    assert {file: file.read_bytes() for file in files} == {f: b for f, (b, _) in before.items()}
    assert all(file.stat().st_mtime_ns == before[file][1] for file in files[1:])
    assert sorted((folder / "out").iterdir()) == files  # nothing half-written


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"seed": 1}, "was made from other seed; remove it"),
        ({"every": 2}, "other examples"),
        ({"published_for": 32}, "other published for"),
        ({"model": ["a=b.onnx", "b=b.onnx"]}, "other models"),
    ],
)
def test_a_file_that_was_made_from_something_else_is_not_taken_for_ones_own(folder, how, message):
    predicted(folder)
    with pytest.raises(UserError, match=message):
        predicted(folder, **how)


def test_a_file_that_is_damaged_is_named(folder):
    (folder / "out").mkdir()
    (folder / "out/none-0.parquet").write_bytes(b"half")
    with pytest.raises(UserError, match="none-0.parquet was made from other models"):
        predicted(folder)


def test_the_audit_reads_a_table_as_it_is(folder):
    table = predicted(folder)["impulse_noise-4"]
    audit = audit_predictions([table], baseline="a")
    assert audit.summary["examples"] == 18


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--corruption frog", "corruption 'frog' is unknown: the nearest name is 'fog'"),
        ("--severity 6", "severity is 6: an integer from 1 to 5"),
        ("--seed -1", "seed is -1: an integer of at least 0"),
        ("--published-for 64", "published_for is 64"),
        ("--every 0", "every is 0: give 1 for all"),
        ("--model c", "--model is 'c': give NAME=FILE"),
        ("--model a=b.onnx", "--model 'a' is there twice"),
        ("--model c=none.onnx", "'none.onnx' is not a file"),
        ("--model c=grey.onnx", "a and c take pictures of different sizes or kinds"),
        ("--model c=one.onnx", "c scores one class"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_written(
    folder, monkeypatch, capsys, words, message
):
    save_model(folder / "grey.onnx", WEIGHTS["a"][:1], channels=1)
    save_model(folder / "one.onnx", WEIGHTS["a"][:, :1])
    given = "predict-corrupted images --labels labels.csv --out out --model a=a.onnx"
    monkeypatch.setattr(sys, "argv", ["forgetting", *given.split(), *words.split()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 2 and message in said and said.count("\n") == 1
    assert not (folder / "out").exists()


def test_a_picture_that_cannot_be_read_is_named(folder):
    (folder / "images/17.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"picture '17.png' cannot be read \(it is none of PNG"):
        predicted(folder)
