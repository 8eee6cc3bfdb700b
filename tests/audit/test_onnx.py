"""Predicting a folder of pictures with an ONNX model: against numpy, and what is refused."""

import os
import subprocess
import sys

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper
from PIL import Image

from forgetting import cli, paths
from forgetting.audit.onnx import predict_onnx
from forgetting.audit.picture_labels import read_labels
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


def predicted(folder, onnx_file, classes=CLASSES, member="0", **how):
    read = read_labels(folder / "labels.csv", folder / "images")
    out = folder / "p.parquet"
    right = predict_onnx(
        onnx_file,
        read,
        preprocessing=read_preprocessing(**how),
        class_names=classes,
        setting="dense",
        member=member,
        out=out,
    )
    return right, pd.read_parquet(out)


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
    right, result = predicted(pictures, model(pictures / "m.onnx", **made), **how)
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
        right == (result.predicted == result.label).sum() >= 5
        and (result.label == [CLASSES[k % 3] for k in range(7)]).all()
    )
    assert list(result) == ["setting", "member", "example", "label", "predicted", "confidence"]


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
    monkeypatch.setattr(cli.console, "file", None)
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
            {"mean": [200]},
            "the model takes bytes",
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
    with pytest.raises(UserError, match="2.png' cannot be read"):
        predicted(pictures, made)
    Image.fromarray(np.full((8, 8), 40_000, dtype=np.uint16)).save(pictures / "images" / "2.png")
    for channels in ("RGB", "L"):
        with pytest.raises(
            UserError, match=r"2.png' cannot be read \(it has more than 8 bits a channel"
        ):
            predicted(pictures, made, channels=channels)


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
