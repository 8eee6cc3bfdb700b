"""Predicting a folder of pictures with an ONNX model: against numpy, and what is refused."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from scipy import stats

from forgetting import cli, paths
from forgetting.audit import onnx_session
from forgetting.audit.onnx import predict_onnx
from forgetting.audit.onnx_session import open_model
from forgetting.audit.picture_labels import read_class_folders, read_class_names, read_labels
from forgetting.audit.prediction_counts import PredictionCounts
from forgetting.audit.preprocessing import _resized, read_preprocessing
from forgetting.errors import UserError

CLASSES = ("red", "green", "blue")


def model(
    path,
    *,
    layout="NCHW",
    batch="n",
    size=8,
    outputs=3,
    softmax=None,
    weights=None,
    kind=TensorProto.FLOAT,
    first=False,
):
    """An ONNX file whose scores are the means of the channels, times `weights`.

    Its input has the type `kind`. `softmax`: they are probabilities, times that number. `first`: it
    gives the scores of the first picture only.
    """
    sides = list(size) if isinstance(size, tuple) else [size, size]
    shape = [batch, 3, *sides] if layout == "NCHW" else [batch, *sides, 3]
    weights = np.eye(3, outputs, dtype=np.float32) if weights is None else np.float32(weights)
    values = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3] if layout == "NCHW" else [1, 2]),
        helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.ravel()),
        helper.make_tensor("sum", TensorProto.FLOAT, [], [softmax or 1]),
        helper.make_tensor("one", TensorProto.INT64, [1], [0]),
    ]
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f", "axes"], ["m"], keepdims=0),
        helper.make_node("MatMul", ["m", "w"], ["s"]),
        helper.make_node("Softmax", ["s"], ["p"], axis=1)
        if softmax
        else helper.make_node("Identity", ["s"], ["p"]),
        helper.make_node("Mul", ["p", "sum"], ["all"]),
        helper.make_node("Gather", ["all", "one"], ["y"])
        if first
        else helper.make_node("Identity", ["all"], ["y"]),
    ]
    ends = (
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    graph = helper.make_graph(nodes, "means", *ends, initializer=values)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path
    )
    return path


@pytest.fixture
def pictures(tmp_path):
    """A folder of 7 pictures, each mostly of one colour, and their labels."""
    generator, rows = np.random.default_rng(0), []
    (tmp_path / "images" / "deep").mkdir(parents=True)
    for k in range(7):
        values = generator.integers(0, 100, (8, 8, 3), dtype=np.uint8)
        values[..., k % 3] += 100
        name = f"deep/{k}.png" if k % 2 else f"{k}.png"
        Image.fromarray(values).save(tmp_path / "images" / name)
        rows.append({"image": name, "label": CLASSES[k % 3]})
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path


def predicted(folder, onnx_file, classes=CLASSES, member="0", output=None, **how):
    read = read_labels(folder / "labels.csv", folder / "images")
    out = folder / "p.parquet"
    counts = predict_onnx(
        onnx_file,
        read,
        preprocessing=read_preprocessing(**how),
        class_names=classes,
        output=output,
        setting="dense",
        member=member,
        out=out,
    )
    return counts, pd.read_parquet(out)


@pytest.mark.parametrize(
    ("made", "how"),
    [
        ({}, {}),
        ({"layout": "NHWC"}, {"layout": "NHWC"}),
        ({"batch": 1}, {}),
        ({"batch": 4}, {}),
        ({"softmax": 1}, {}),
        ({"softmax": 0.996}, {}),
        ({"softmax": 0.996, "batch": 1}, {}),
        ({"weights": np.eye(3)[::-1]}, {"channels": "BGR"}),
        ({"size": "s"}, {}),
        (
            {"weights": np.eye(3)[::-1]},
            {"channels": "BGR", "mean": [0.3, 0.4, 0.6], "std": [0.2, 0.3, 0.4]},
        ),
        ({"size": (4, 6)}, {}),
        ({"size": "s"}, {"size": (5, 3)}),
        ({"size": (4, 4)}, {"resize": "crop"}),
        ({}, {"mean": [0.4, 0.5, 0.6], "std": [0.2]}),
        ({}, {"scale": 100}),
        (
            {"kind": TensorProto.UINT8, "weights": np.eye(3) / 255},
            {},
        ),  # Bytes reach the model as they are.
        ({"kind": TensorProto.FLOAT16}, {"mean": [0.4, 0.5, 0.6], "std": [0.2]}),
    ],
)
def test_predictions_agree_with_numpy_in_every_layout(made, how, pictures):
    counts, result = predicted(pictures, model(pictures / "m.onnx", **made), **how)
    mean, std = (
        np.array(how.get(name, [default]))[:: -1 if "channels" in how else 1]
        for name, default in (("mean", 0.0), ("std", 1.0))
    )
    size = next(
        (size for size in (how.get("size"), made.get("size")) if isinstance(size, tuple)), None
    )
    for row in result.itertuples():
        picture = Image.open(pictures / "images" / row.example)
        values = np.asarray(
            picture.resize(size[::-1], Image.Resampling.BILINEAR) if size else picture, dtype=float
        )
        scores = (values.mean(axis=(0, 1)) / how.get("scale", 255) - mean) / std
        sure = made.get("softmax", 1) * np.exp(scores).max() / np.exp(scores).sum()
        assert row.predicted == CLASSES[scores.argmax()] and row.confidence == pytest.approx(
            sure, rel=3e-4
        )
    assert (
        counts.right == (result.predicted == result.label).sum() >= 5
        and (result.label == [CLASSES[k % 3] for k in range(7)]).all()
    )
    columns = ["setting", "member", "example", "label", "predicted", "confidence", "tied"]
    assert list(result) == columns and not result.tied.any() and counts.pictures == 7
    assert counts.softmax == ("softmax" not in made) and not counts.one_at_a_time


def test_the_same_command_gives_the_same_bytes_and_a_yaml_file_the_same_as_options(pictures):
    made = model(pictures / "m.onnx")
    predicted(pictures, made, mean=[0.1], std=[0.5])
    before = (pictures / "p.parquet").read_bytes()
    (pictures / "how.yml").write_text("mean: [0.1]\nstd: [0.9]\n")
    predicted(pictures, made, file=pictures / "how.yml", std=[0.5])
    assert (pictures / "p.parquet").read_bytes() == before


@pytest.mark.parametrize("tall", [False, True])
def test_a_picture_is_scaled_and_its_centre_cut_out(tall):
    values = np.repeat(np.arange(40, dtype=np.uint8)[None], 20, axis=0)
    picture = Image.fromarray(values.T.copy() if tall else values)
    assert _resized(picture, (10, 10), "crop").size == (10, 10)
    cut = np.asarray(_resized(picture, (20, 20), "crop"))
    assert ((cut.T if tall else cut) == np.arange(10, 30)).all()  # 10 to 29 of 40.


def test_scores_that_look_like_probabilities_on_some_pictures_are_scores_whatever_the_batch(
    pictures,
):
    for name in ("0.png", "6.png"):  # The first and the last.
        Image.new("RGB", (8, 8), (255, 0, 0)).save(
            pictures / "images" / name
        )  # Its scores are 1, 0, 0.
    for batch in (1, "n"):
        _, result = predicted(pictures, model(pictures / "m.onnx", batch=batch))
        assert result.confidence[[0, 6]].tolist() == pytest.approx([np.e / (np.e + 2)] * 2)


def test_the_command_takes_the_size_as_height_and_width_and_names_in_a_file_that_windows_wrote(
    pictures, monkeypatch
):
    monkeypatch.chdir(pictures)
    (pictures / "names.txt").write_text("\n".join(CLASSES), encoding="utf-8-sig")
    for size, code in (("s", 0), ((4, 6), 0), ((6, 4), 2)):
        model(pictures / "m.onnx", size=size)
        words = "m.onnx images --labels labels.csv --classes names.txt --size 4 6 --out p.parquet"
        monkeypatch.setattr(sys, "argv", ["forgetting", "predict", *words.split()])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == code and set(pd.read_parquet("p.parquet").predicted) == set(
            CLASSES
        )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (b"image,label\n../labels.csv,red\n", "'../labels.csv' lies outside"),
        (b"image,label\n/etc/passwd,red\n", "lies outside"),
        (b"image,label\n0.png,red\n9.png,red\n", "1 of 2 are not in"),
        (b"image,label\n0.png,red\n0.png,red\n", "'0.png' is there more than once"),
        (b"image,label\n0.png,\n", "column 'label': 1 of 1 values are missing"),
        (b"image;label\n0.png;red\n", "no column 'image'"),
        (b"image,label\n", "no rows"),
        (b"image,label\n\xe4.png,red\n", "is not CSV in UTF-8"),
        (b"image,label\n0.png,mauve\n", "1 of 1 labels are not classes"),
        (b"image,label,label\n0.png,red,red\n", "the column 'label' more than once"),
        (b"image,label\n0\0.png,red\n", "is not the name of a file"),
    ],
)
def test_bad_labels_are_refused_in_one_line_and_nothing_is_written(labels, message, pictures):
    (pictures / "labels.csv").write_bytes(labels)
    with pytest.raises(UserError, match=message) as refusal:
        predicted(pictures, model(pictures / "m.onnx"))
    assert "\n" not in str(refusal.value) and not (pictures / "p.parquet").exists()


@pytest.mark.parametrize(
    ("make", "how", "message"),
    [
        (lambda folder: folder / "no.onnx", {}, "is not a file"),
        (lambda folder: folder / "labels.csv", {}, "is not an ONNX model"),
        (
            lambda folder: model(folder / "m.onnx", outputs=2),
            {},
            "3 classes and the model has 2 outputs",
        ),
        (lambda folder: model(folder / "m.onnx"), {"size": (4, 4)}, "cannot run on input"),
        (lambda folder: model(folder / "m.onnx"), {"channels": "L"}, "cannot run on input"),
        (
            lambda folder: model(folder / "m.onnx"),
            {"std": [0]},
            "std.0 is 0, but should be greater than 0",
        ),
        (lambda folder: model(folder / "m.onnx"), {"mean": [0.1, 0.2]}, "mean has 2 values"),
        (lambda folder: model(folder / "m.onnx"), {"layout": "CHW"}, "layout"),
        (
            lambda folder: model(folder / "m.onnx"),
            {"sise": 3},
            "sise is an unknown key; allowed are size, resize",
        ),
        (lambda folder: model(folder / "m.onnx"), {"file": "no.yml"}, "does not exist"),
        (lambda folder: model(folder / "m.onnx"), {"file": "deep.yml"}, "'deep.yml' is not YAML"),
        (
            lambda folder: model(folder / "m.onnx", size="s"),
            {"size": (100_000, 8)},
            r"size is \(100000, 8\): give height and width of 1",
        ),
        (lambda folder: model(folder / "m.onnx", batch=0), {}, "batches of 0 pictures"),
        (lambda folder: model(folder / "m.onnx", first=True), {}, r"shape \(1, 3\) for 7 pictures"),
        (
            lambda folder: model(folder / "m.onnx", kind=TensorProto.UINT8),
            {"mean": [0.5]},
            "the model takes bytes",
        ),
        (
            lambda folder: model(folder / "m.onnx"),
            {"mean": [123.7, 116.3, 103.5]},
            "mean is 123.7, 116.3, 103.5, in bytes, and bytes are divided by 255 first",
        ),
        (
            lambda folder: model(
                folder / "m.onnx", weights=np.full((3, 3), np.inf, dtype=np.float32)
            ),
            {},
            "not finite numbers",
        ),
    ],
)
def test_what_is_not_a_model_or_does_not_fit_is_refused_in_one_line(
    make, how, message, pictures, monkeypatch
):
    monkeypatch.chdir(pictures)
    (pictures / "deep.yml").write_text("[" * 5000)
    with pytest.raises(UserError, match=message) as refusal:
        predicted(pictures, make(pictures), **how)
    assert "\n" not in str(refusal.value)


def test_a_picture_that_cannot_be_read_or_has_another_size_is_named(pictures):
    made = model(pictures / "m.onnx", size="s")
    Image.new("RGB", (9, 9)).save(pictures / "images" / "2.png")
    with pytest.raises(UserError, match=r"2.png' has height and width \(9, 9\)"):
        predicted(pictures, made)
    (pictures / "images" / "2.png").write_bytes(b"no picture")
    unread = "1 of 7 pictures cannot be read: '2.png' "
    with pytest.raises(UserError, match=rf"{unread}\(it is none of PNG, JPEG"):
        predicted(pictures, made)
    Image.fromarray(np.full((8, 8), 40_000, dtype=np.uint16)).save(pictures / "images" / "2.png")
    for channels in ("RGB", "L"):
        with pytest.raises(UserError, match=rf"{unread}\(it has more than 8 bits a channel"):
            predicted(pictures, made, channels=channels)


def lookup_model(path, scores, *, outputs=None, axes=(), batch="n", ir=9, opset=18):
    """An ONNX file whose scores for a picture are the row of `scores` that its first byte names.

    `outputs`: further outputs by name, each with rows of its own. `axes`: trailing axes of the
    scores, each of length 1.
    """
    rows = {"y": np.float32(scores)} | (outputs or {})
    rows = {name: values.reshape(*values.shape, *axes) for name, values in rows.items()}
    tables = [numpy_helper.from_array(values, f"{name}.rows") for name, values in rows.items()]
    place = np.zeros(4, dtype=np.int64)
    ends = [("from", place), ("to", place + 1), ("axes", np.arange(1, 4)), ("flat", place[:1] - 1)]
    tables += [
        numpy_helper.from_array(values[1:] if name in ("from", "to") else values, name)
        for name, values in ends
    ]
    nodes = [
        helper.make_node("Slice", ["x", "from", "to", "axes"], ["corner"]),
        helper.make_node("Reshape", ["corner", "flat"], ["bytes"]),
        helper.make_node("Cast", ["bytes"], ["row"], to=TensorProto.INT64),
        *(helper.make_node("Gather", [f"{name}.rows", "row"], [name]) for name in rows),
    ]
    graph = helper.make_graph(
        nodes,
        "rows",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [batch, 3, 8, 8])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in reversed(rows)],
        initializer=tables,
    )
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=ir), path)
    return path


@pytest.fixture
def numbered(tmp_path):
    """A folder of 6 pictures whose first byte is their number, and their labels."""
    (tmp_path / "images").mkdir()
    for k in range(6):
        Image.new("RGB", (8, 8), (k, 0, 0)).save(tmp_path / "images" / f"{k}.png")
    rows = [{"image": f"{k}.png", "label": CLASSES[k % 3]} for k in range(6)]
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path


ALL_RIGHT = np.tile(np.eye(3) * 4, (2, 1))


def test_of_several_outputs_one_has_to_be_named_and_is_then_used(numbered):
    made = lookup_model(
        numbered / "m.onnx", ALL_RIGHT, outputs={"features": np.float32(-ALL_RIGHT)}
    )
    with pytest.raises(UserError, match="has 2 outputs: 'features', 'y'; say by --output which"):
        predicted(numbered, made)
    assert predicted(numbered, made, output="y")[0].right == 6
    assert predicted(numbered, made, output="features")[0].right == 0
    with pytest.raises(UserError, match="has no output 'feature': .* did you mean 'features'"):
        predicted(numbered, made, output="feature")


def test_the_command_chooses_an_output_resizes_as_it_is_told_and_prints_one_line(
    numbered, monkeypatch, capsys
):
    monkeypatch.chdir(numbered)
    lookup_model("m.onnx", ALL_RIGHT, outputs={"features": np.float32(-ALL_RIGHT)})
    (numbered / "names.txt").write_text("\n".join(CLASSES))
    words = "m.onnx images --labels labels.csv --classes names.txt --out p.parquet --output y"
    for resize, code in (("9 --interpolation nearest", 0), ("shorter", 2)):
        given = ["forgetting", "predict", *words.split(), "--resize", *resize.split()]
        monkeypatch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr().err
        assert (ended.value.code or 0) == code and printed.count("\n") == 1, printed
        assert ("wrote p.parquet: 6 predictions, 100.0 % right. A soft" in printed) == (code == 0)


def test_an_output_that_holds_no_numbers_is_refused(numbered):
    graph = onnx.parser.parse_graph(
        "g (uint8[n, 3, 8, 8] x) => (bool[n, 3, 8, 8] y) { z = Cast<to=9>(x)  y = Not(z) }"
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(made, numbered / "m.onnx")
    with pytest.raises(
        UserError, match=r"its output 'y' holds tensor\(bool\), which are no scores"
    ):
        predicted(numbered, numbered / "m.onnx")


@pytest.mark.parametrize("axes", [(1,), (1, 1), (1, 1, 1)])
@pytest.mark.parametrize("batch", ["n", 4])
def test_axes_of_length_1_after_the_classes_change_nothing(axes, batch, numbered):
    scores = np.random.default_rng(0).normal(size=(6, 3))
    _, expected = predicted(numbered, lookup_model(numbered / "m.onnx", scores))
    made = lookup_model(numbered / "m.onnx", scores, axes=axes, batch=batch)
    pd.testing.assert_frame_equal(predicted(numbered, made)[1], expected)


def test_other_axes_after_the_classes_are_refused_with_the_shape(numbered):
    made = lookup_model(numbered / "m.onnx", np.zeros((6, 12)), axes=())
    graph = onnx.load(made)
    shape = numpy_helper.from_array(np.array([-1, 3, 2, 2]), "shape")
    graph.graph.initializer.append(shape)
    graph.graph.node[-1].output[0] = "flat.y"
    graph.graph.node.append(helper.make_node("Reshape", ["flat.y", "shape"], ["y"]))
    onnx.save(graph, made)
    with pytest.raises(UserError, match=r"output 'y' has shape \(6, 3, 2, 2\) for 6 pictures"):
        predicted(numbered, made)


def test_ties_at_the_top_are_in_the_table_and_in_the_line(numbered):
    scores = ALL_RIGHT.copy()
    scores[[1, 5]] = [[1, 7, 7], [7, 7, 7]]
    counts, result = predicted(numbered, lookup_model(numbered / "m.onnx", scores))
    assert result.tied.tolist() == [False, True, False, False, False, True]
    assert result.predicted[[1, 5]].tolist() == ["green", "red"] and counts.tied == 2
    assert (
        "6 predictions, 83.3 % right. A softmax was applied to the model's outputs. 2 of 6 are "
        "tied at the top; the first of the tied classes was taken"
    ) == counts.line


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pictures_whose_scores_are_not_finite_are_no_answer_and_the_others_are_predicted(
    value, numbered
):
    scores = ALL_RIGHT.copy()
    _, whole = predicted(numbered, lookup_model(numbered / "m.onnx", scores))
    scores[[0, 2, 3, 4], 1] = value
    counts, result = predicted(numbered, lookup_model(numbered / "m.onnx", scores))
    assert result.predicted.isna().tolist() == [True, False, True, True, True, False]
    assert (result.confidence.isna() == result.predicted.isna()).all()
    pd.testing.assert_frame_equal(result.loc[[1, 5]], whole.loc[[1, 5]], check_dtype=False)
    assert (counts.right, counts.unanswered) == (2, 4)
    assert (
        "4 of 6 are no answer, since their scores are not finite numbers; `forgetting audit "
        "--no-answer` counts them as wrong"
    ) in counts.line


def test_a_softmax_in_8_bits_over_many_classes_is_no_longer_softmaxed(numbered):
    scores = np.random.default_rng(1).normal(0, 2, (6, 1000))
    real = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    names = [f"c{k}" for k in range(997)] + list(CLASSES)
    for levels in (255, 256):
        made = lookup_model(numbered / "m.onnx", np.rint(real * levels) / levels)
        counts, result = predicted(numbered, made, classes=names)
        assert np.abs(result.confidence - real.max(axis=1)).max() < 0.51 / levels
        assert not counts.softmax and "The model's outputs are probabilities" in counts.line


def dynamic_model(path, batch="n"):
    """The means of the channels, through 8-bit levels whose scale is the whole batch's."""
    weights = np.int8([[127, 20, 3], [11, 120, 9], [5, 30, 125]])
    values = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
        numpy_helper.from_array(weights, "w"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["m"], keepdims=0),
        helper.make_node("DynamicQuantizeLinear", ["m"], ["levels", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["levels", "w", "zero"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "scale"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "dynamic",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        initializer=values,
    )
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


@pytest.mark.parametrize("batch", ["n", 1, 4])
def test_predictions_of_a_dynamically_quantized_model_depend_on_no_other_picture(batch, pictures):
    for k in range(7):  # Some pictures are dark, so that a shared scale costs them most levels.
        file = next((pictures / "images").rglob(f"{k}.png"))
        values = np.asarray(Image.open(file)) // (1 if k in (0, 1) else 37 * k % 11 + 4)
        Image.fromarray(values.astype(np.uint8)).save(file)
    made = dynamic_model(pictures / "m.onnx", batch)
    rows, tables = pd.read_csv(pictures / "labels.csv"), []
    for order in (range(7), range(6, -1, -1), [3, 1, 6, 0], [5]):
        rows.iloc[list(order)].to_csv(pictures / "labels.csv", index=False)
        counts, result = predicted(pictures, made)
        assert counts.one_at_a_time and "it was given one picture at a time" in counts.line
        tables.append(result.set_index("example")[["predicted", "confidence"]])
    for table in tables[1:]:
        pd.testing.assert_frame_equal(tables[0].loc[table.index], table)


def test_all_of_a_batch_share_the_scale_of_a_dynamically_quantized_model(tmp_path):
    made = dynamic_model(tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(made), providers=["CPUExecutionProvider"])
    values = np.random.default_rng(0).uniform(size=(2, 3, 8, 8)).astype(np.float32)
    values[1] /= 50
    alone, beside = (session.run(None, {"x": part})[0][-1] for part in (values[1:], values))
    assert np.abs(alone - beside).max() > 0.05 * np.abs(alone).max()


@pytest.mark.parametrize("names", [None, ("0", "1", "2", "10")])
def test_labels_that_are_whole_numbers_may_have_decimals_of_zero(names, numbered):
    width = 3 if names is None else 4
    made = lookup_model(numbered / "m.onnx", np.pad(ALL_RIGHT, [(0, 0), (0, width - 3)]))
    labels = numbered / "labels.csv"
    labels.write_text("image,label\n0.png,0.0\n1.png,1.00\n2.png,2\n3.png,0\n")
    counts, result = predicted(numbered, made, classes=names)
    assert counts.right == 4 and result.label.tolist() == ["0", "1", "2", "0"]
    for label in ("0.5", "3.0", "-0.0", "0.0x"):
        labels.write_text(f"image,label\n0.png,{label}\n1.png,1.0\n")
        if label == "3.0" and names:
            continue
        with pytest.raises(UserError, match=f"1 of 2 labels are not classes .* '{label}' first"):
            predicted(numbered, made, classes=names)


def test_a_class_that_is_itself_called_with_decimals_keeps_its_name(numbered):
    made = lookup_model(numbered / "m.onnx", ALL_RIGHT)
    (numbered / "labels.csv").write_text("image,label\n0.png,1.0\n1.png,1\n2.png,2.0\n")
    counts, result = predicted(numbered, made, classes=("1.0", "1", "2"))
    assert counts.right == 3 and result.label.tolist() == ["1.0", "1", "2"]


@pytest.mark.parametrize("batch", ["n", 1])
@pytest.mark.parametrize("broken", [(1, 4), (0,), (5,), (0, 1, 2, 3, 4, 5)])
def test_all_pictures_that_cannot_be_read_are_counted_and_the_first_five_named(
    broken, batch, numbered
):
    for k in broken:
        (numbered / "images" / f"{k}.png").write_bytes(b"" if k % 2 else b"no picture")
    made = lookup_model(numbered / "m.onnx", ALL_RIGHT, batch=batch)
    with pytest.raises(UserError, match=f"^{len(broken)} of 6 pictures cannot be read: ") as said:
        predicted(numbered, made)
    named = [k for k in range(6) if f"'{k}.png' (it is none of PNG" in str(said.value)]
    assert named == list(broken[:5]) and "\n" not in str(said.value)
    assert (", ...;" in str(said.value)) == (len(broken) > 5)
    assert not (numbered / "p.parquet").exists()


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"ir": 99}, ["IR version: 99", "max supported IR version"]),
        ({"opset": 99}, ["Opset 99 is under development", "is till opset"]),
    ],
)
def test_why_a_model_cannot_run_is_said_whole_and_in_one_line(made, words, numbered):
    folder = numbered / "a-folder-with-a-long-name" / "and-another-in-it-with-a-name-as-long"
    folder.mkdir(parents=True)
    with pytest.raises(UserError, match="not an ONNX model that ONNX") as refusal:
        predicted(numbered, lookup_model(folder / "m.onnx", ALL_RIGHT, **made))
    said = str(refusal.value)
    assert all(word in said for word in words) and "onnxruntime::" not in said, said
    assert said.count(str(folder)) == 1
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("red\n\nblue\n", "line 2 of 3 is blank"),
        (" \nred\n", "line 1 of 2 is blank"),
        ("red\ncrane\nblue\ncrane\n", "names two outputs 'crane', in lines 2 and 4"),
        ("", "holds no class names"),
        ("\n \n", "holds no class names"),
    ],
)
def test_class_names_that_are_missing_or_there_twice_are_named(text, message, tmp_path):
    (tmp_path / "names.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        read_class_names(tmp_path / "names.txt")


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n \n\t\n\n", "\r\n\r\n"])
def test_blank_lines_after_the_class_names_are_no_names(end, tmp_path):
    (tmp_path / "names.txt").write_bytes(f"red\ngreen\nblue{end}".encode())
    assert read_class_names(tmp_path / "names.txt") == CLASSES


def test_two_predictions_and_one_audit_are_a_whole_workflow_without_torch(pictures):
    model(pictures / "dense.onnx")
    model(pictures / "int8.onnx", weights=np.float32([[0.1, 0, 0.2], [0, 1, 0], [0, 0, 1]]))
    (pictures / "names.txt").write_text("\n".join(CLASSES) + "\n")
    program = (
        "import sys\nfrom forgetting import cli\ntry: cli.main()\n"
        "except SystemExit as ended: print('code', ended.code, 'torch' in sys.modules)"
    )

    def command(*words):
        environment = os.environ | {"PYTHONPATH": str(paths.ROOT / "lib")}
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=pictures,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert "code 0 False" in done.stdout, done.stderr
        return done.stdout

    for name in ("dense", "int8"):
        words = (
            f"{name}.onnx",
            "images",
            "--labels",
            "labels.csv",
            "--classes",
            "names.txt",
            "--mean",
            "0,0,0",
        )
        command("predict", *words, "--out", f"{name}.parquet")
    output = command(
        "audit", "dense.parquet", "int8.parquet", "--baseline", "dense", "--out", "report"
    )
    assert (
        "one model against one, on 7 examples" in output
        and (pictures / "report" / "summary.json").exists()
    )
    assert pd.read_csv(pictures / "report" / "exemplars.csv")["baseline_predicted"].eq("red").all()


@pytest.mark.parametrize("probable", [True, False])
def test_one_score_is_that_of_the_second_of_two_classes(probable, numbered):
    scores = np.array([[-3.0], [2.0], [-1.0], [4.0], [0.5], [-0.2]])
    sigmoid = 1 / (1 + np.exp(-scores[:, 0]))
    rows = [{"image": f"{k}.png", "label": ["no", "yes"][int(scores[k, 0] > 0)]} for k in range(6)]
    pd.DataFrame(rows).to_csv(numbered / "labels.csv", index=False)
    made = lookup_model(numbered / "m.onnx", sigmoid[:, None] if probable else scores)
    counts, result = predicted(numbered, made, classes=["no", "yes"])
    assert counts.right == 6 and counts.softmax is not probable
    np.testing.assert_allclose(result.confidence, np.maximum(sigmoid, 1 - sigmoid), rtol=1e-6)


def test_fewer_right_answers_than_chance_gives_are_pointed_at(numbered):
    shifted = np.roll(ALL_RIGHT, 1, axis=1)
    counts, _ = predicted(numbered, lookup_model(numbered / "m.onnx", shifted))
    assert counts.right == 0
    many = replace(counts, pictures=300)
    assert "fewer than chance gives with 3 classes: are labels shifted" in many.line
    assert "not clearly more than chance gives" in replace(many, right=90).line
    assert "chance" not in replace(many, right=130).line


@given(st.integers(1, 400), st.integers(2, 50), st.floats(0, 1))
def test_right_answers_are_called_clearly_more_than_chance_by_an_exact_test(pictures, classes, at):
    right = round(at * pictures)
    counts = PredictionCounts(
        pictures=pictures,
        right=right,
        tied=0,
        unanswered=0,
        softmax=True,
        whole_scores=False,
        one_at_a_time=False,
        turned=0,
        upright=False,
        classes=classes,
        folders=False,
        scored=classes,
    )
    more, fewer = (
        bool(stats.binomtest(right, pictures, 1 / classes, alternative=side).pvalue <= 0.05)
        for side in ("greater", "less")
    )
    assert ("chance gives" in counts.line) is (not more and right < pictures)
    assert ("fewer than chance" in counts.line) is (fewer and right < pictures)


def test_classes_in_another_order_are_pointed_at(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for k in range(24):
        values = np.full((8, 8, 3), 10, dtype=np.uint8)
        values[..., k % 3] = 200
        (tmp_path / "images" / CLASSES[k % 3]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(tmp_path / "images" / CLASSES[k % 3] / f"{k}.png")
    (tmp_path / "names.txt").write_text("\n".join(CLASSES))
    model("m.onnx")
    for named in ([], ["--classes", "names.txt"]):
        given = ["forgetting", "predict", "m.onnx", "images", "--out", "p.parquet", *named]
        monkeypatch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr().err
        assert not ended.value.code and said.count("\n") == 1
        assert ("100.0 % right" if named else "33.3 % right") in said
        assert ("another order (--classes)" in said) == (not named)


@pytest.mark.parametrize(("pictures", "labels", "hint"), [(12, 3, 1), (12, 1, 0), (9, 3, 0)])
def test_one_class_for_all_pictures_is_pointed_at(pictures, labels, hint, tmp_path):
    (tmp_path / "images").mkdir()
    rows = []
    for k in range(pictures):
        Image.new("RGB", (8, 8)).save(tmp_path / "images" / f"{k}.png")
        rows.append({"image": f"{k}.png", "label": CLASSES[k % labels]})
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    made = lookup_model(tmp_path / "m.onnx", np.tile([4.0, 0, 0], (pictures, 1)))
    counts, _ = predicted(tmp_path, made)
    assert ("All predictions are 'red'" in counts.line) is bool(hint)


@pytest.mark.parametrize(
    ("made", "layout", "channels"),
    [
        ({"layout": "NHWC"}, "NHWC", "RGB"),
        ({"layout": "NCHW"}, "NCHW", "RGB"),
        ({"layout": "NHWC", "size": (3, 3)}, "NCHW", "RGB"),
    ],
)
def test_layout_and_channels_are_the_models_where_its_input_tells_them(made, layout, channels):
    shape = ["n", 3, 8, 8] if made["layout"] == "NCHW" else ["n", *made.get("size", (8, 8)), 3]
    of_model = read_preprocessing().of_model(shape)
    assert (of_model.layout, of_model.channels) == (layout, channels)
    grey = read_preprocessing(mean=0.5).of_model([1 if side == 3 else side for side in shape])
    assert grey.channels == "L"
    assert read_preprocessing(channels="BGR", layout="NHWC").of_model(shape).channels == "BGR"


def test_an_nhwc_model_needs_no_option(pictures):
    for layout in ("NCHW", "NHWC"):
        counts, _ = predicted(pictures, model(pictures / "m.onnx", layout=layout))
        assert counts.right >= 5


def test_three_means_do_not_fit_one_channel():
    with pytest.raises(UserError, match="mean has 3 values, and channels L 1"):
        read_preprocessing(mean=[0.1, 0.2, 0.3]).of_model(["n", 1, 8, 8])


@pytest.mark.parametrize("name", ["CPU", "cpu", "CPUExecutionProvider"])
def test_a_provider_is_found_by_its_name_with_or_without_its_last_words(name, pictures):
    opened = open_model(model(pictures / "m.onnx"), providers=[name])
    assert opened.session.get_providers() == ["CPUExecutionProvider"]


def test_a_provider_that_is_not_here_or_does_not_start_is_named(pictures, monkeypatch):
    made = model(pictures / "m.onnx")
    with pytest.raises(UserError, match=r"'tpu' here: it has .*CPU"):
        open_model(made, providers=["tpu"])
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_, **__: session)
    with pytest.raises(UserError, match="cannot start CUDAExecutionProvider"):
        open_model(made, providers=["cuda"])


def test_a_batch_holds_as_many_pictures_as_fit(pictures):
    opened = open_model(model(pictures / "m.onnx", size="s"))
    small, large = np.zeros((3, 8, 8), np.float32), np.zeros((3, 2048, 2048), np.float32)
    assert opened.batch(small) == onnx_session.BATCH
    assert 1 <= opened.batch(large) == onnx_session.BATCH_BYTES // large.nbytes < onnx_session.BATCH
    fixed = open_model(model(pictures / "m.onnx", batch=4))
    assert fixed.batch(large) == fixed.batch(small) == 4


@pytest.fixture
def folders(pictures):
    """The same pictures, in a folder for each class."""
    labels = pd.read_csv(pictures / "labels.csv")
    for row in labels.itertuples():
        place = pictures / "classes" / row.label / row.image
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((pictures / "images" / row.image).read_bytes())
    (pictures / "classes" / "red" / "notes.txt").write_text("no picture")
    return pictures


def test_a_folder_for_each_class_says_the_labels_and_the_classes(folders):
    weights = np.eye(3)[:, [2, 1, 0]]  # the outputs in the order of the folders' names
    made, out = model(folders / "m.onnx", weights=weights), folders / "out.parquet"
    read, of_csv = read_class_folders(folders / "classes"), pd.read_csv(folders / "labels.csv")
    counted = []
    how = {"setting": "dense", "member": "0", "out": out, "advance": counted.append}
    counts = predict_onnx(made, read, preprocessing=read_preprocessing(), **how)
    table = pd.read_parquet(out)
    assert read.folders == ("blue", "green", "red") and counts.right >= 5 and sum(counted) == 7
    assert "classes are the folders, in the order of their names" in counts.line
    expected = {f"{row.label}/{row.image}": row.label for row in of_csv.itertuples()}
    assert dict(zip(table["example"], table["label"], strict=True)) == expected
    _, by_table = predicted(folders, made, classes=("blue", "green", "red"))
    assert sorted(by_table["predicted"]) == sorted(table["predicted"])
    named = predict_onnx(
        made, read, preprocessing=read_preprocessing(), class_names=("blue", "green", "red"), **how
    )
    assert "folders" not in named.line


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: (root / "stray.PNG").write_bytes(b""), "pictures of no class, 'stray.PNG'"),
        (
            lambda root: (root / "empty").mkdir(),
            "1 of 4 folders .* hold no pictures, 'empty' first",
        ),
        (lambda root: shutil.rmtree(root / "red"), "2 classes .the folders of pictures. and .* 3"),
    ],
)
def test_folders_that_do_not_fit_are_refused_in_one_line(spoil, message, folders):
    spoil(folders / "classes")
    made = model(folders / "m.onnx")
    with pytest.raises(UserError, match=message) as error:
        predict_onnx(
            made,
            read_class_folders(folders / "classes"),
            preprocessing=read_preprocessing(),
            setting="dense",
            member="0",
            out=folders / "out.parquet",
        )
    assert "\n" not in str(error.value) and not (folders / "out.parquet").exists()


def test_no_folders_at_all_is_refused_with_both_ways_out(tmp_path):
    with pytest.raises(UserError, match="holds no folders of classes; give --labels, or put"):
        read_class_folders(tmp_path)
    with pytest.raises(UserError, match="is not a folder"):
        read_class_folders(tmp_path / "none")


def whole_model(path, outputs=3):
    """As `model`, but its scores are rounded to bytes."""
    made = onnx.load(model(path, outputs=outputs))
    made.graph.node[-1].output[0] = "float"
    made.graph.node.append(helper.make_node("Cast", ["float"], ["y"], to=TensorProto.UINT8))
    made.graph.output[0].type.tensor_type.elem_type = TensorProto.UINT8
    onnx.save(made, path)
    return path


def test_scores_in_whole_numbers_say_the_class_and_no_confidence(pictures):
    counts, result = predicted(pictures, whole_model(pictures / "m.onnx"), scale=1)
    assert "confidence" not in result and counts.right >= 5
    assert "whole numbers, whose scale is not known" in counts.line
    _, exact = predicted(pictures, model(pictures / "m.onnx"), scale=1)
    untied = ~result["tied"]
    assert (result["predicted"] == exact["predicted"])[untied].all() and untied.any()
    with pytest.raises(UserError, match="one class in whole numbers"):
        predicted(pictures, whole_model(pictures / "m.onnx", outputs=1), classes=None)


def test_the_command_needs_neither_labels_nor_classes_where_folders_say_them(
    folders, monkeypatch, capsys
):
    monkeypatch.chdir(folders)
    model(folders / "m.onnx", weights=np.eye(3)[:, [2, 1, 0]])
    for provider, code in (("cpu", 0), ("tpu", 2)):
        words = f"m.onnx classes --out {provider}.parquet --provider {provider}"
        monkeypatch.setattr(sys, "argv", ["forgetting", "predict", *words.split()])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == code and (folders / f"{provider}.parquet").exists() == (
            code == 0
        )
    assert "the 3 classes are the folders" in capsys.readouterr().err.lower()
