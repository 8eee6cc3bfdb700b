"""`forgetting predict MODEL imagenet:SET`: the pictures, labels and classes of ImageNet's sets."""

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper

from forgetting import cli
from forgetting.audit.class_scores import scores_among, top_classes
from forgetting.data.imagenet import shifted
from forgetting.data.imagenet.classes import labels_of_a, load_classes
from forgetting.data.imagenet.picture_set import PictureSet

SIZE = ("--size", "8", "8", "--resize", "8")


def model(path, scores, *, softmax=False):
    """An ONNX file that gives every picture these scores."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], keepdims=0, axes=[1, 2, 3]),
        helper.make_node("Mul", ["m", "none"], ["z"]),
        helper.make_node("Unsqueeze", ["z", "one"], ["c"]),
        helper.make_node("Add", ["c", "s"], ["t"]),
        helper.make_node("Softmax" if softmax else "Identity", ["t"], ["y"]),
    ]
    values = [
        helper.make_tensor("none", TensorProto.FLOAT, [], [0]),
        helper.make_tensor("one", TensorProto.INT64, [1], [1]),
        helper.make_tensor("s", TensorProto.FLOAT, [1, len(scores)], scores),
    ]
    ends = (
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", len(scores)])],
    )
    graph = helper.make_graph(nodes, "same", *ends, initializer=values)
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


@pytest.fixture
def scores():
    """Of a thousand classes: goldfish, which ImageNet-A lacks, before axolotl, which it has."""
    drawn = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    drawn[[1, 29, 30]] = 9, 8, 7
    return drawn


def run(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["forgetting", *map(str, words)])
    code = 0
    try:
        cli.main()
    except SystemExit as error:
        code = error.code or 0
    said = capsys.readouterr()
    return code, said.out + said.err


@pytest.fixture
def whole(monkeypatch):
    """A miniature counts as the whole set."""
    monkeypatch.setattr(shifted, "require_complete", lambda *args, **options: None)
    monkeypatch.setattr("forgetting.data.imagenet.ilsvrc.require_complete", lambda *a, **o: None)


def test_the_validation_set_is_predicted_by_its_name_with_names_of_classes(
    tree, scores, whole, monkeypatch, capsys
):
    tree.validation("imagenet/val", flat=True)
    out = tree.root / "dense.parquet"
    made = model(tree.root / "m.onnx", scores)
    code, said = run(monkeypatch, capsys, "predict", made, "imagenet:val", *SIZE, "--out", out)
    assert code == 0 and "15 predictions, 0.0 % right" in said
    table, names = pd.read_parquet(out), load_classes()["name"]
    assert table["label"].tolist() == names[sorted(tree.labels * 3)].tolist()
    assert set(table["predicted"]) == {names[1]} and table["example"].str.match("ILSVRC2012_").all()
    assert "Predictions are among" not in said


@pytest.mark.parametrize("softmax", [False, True])
def test_predictions_for_imagenet_a_are_among_its_two_hundred_classes(
    tree, scores, whole, monkeypatch, capsys, softmax
):
    tree.classes("imagenet-a", [tree.wnid(6), tree.wnid(30)])
    out = tree.root / "dense.parquet"
    made = model(tree.root / "m.onnx", scores, softmax=softmax)
    code, said = run(monkeypatch, capsys, "predict", made, "imagenet:a", *SIZE, "--out", out)
    assert code == 0 and "among the 200 classes of this set, of the 1,000" in said
    table, names = pd.read_parquet(out), load_classes()["name"]
    kept = np.exp(scores[list(labels_of_a())].astype(float))
    best = labels_of_a()[int(kept.argmax())]
    assert (
        best == 30 and set(table["predicted"]) == {names[30]} and names[30] in set(table["label"])
    )
    assert np.allclose(table["confidence"], kept.max() / kept.sum(), rtol=1e-4)


def test_scores_of_some_classes_are_those_of_a_model_that_has_no_others(scores):
    logits = np.random.default_rng(1).normal(size=(20, 50))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    places = (3, 40, 7)
    plain, scaled = (top_classes(scores_among([x], places)) for x in (logits, probabilities))
    assert (plain.codes == logits[:, places].argmax(axis=1)).all()
    assert (plain.codes == scaled.codes).all() and np.allclose(plain.confidence, scaled.confidence)
    logits[0, 3], logits[1, 9] = np.nan, np.inf
    assert top_classes(scores_among([logits], places)).codes[:2].tolist() == [-1, plain.codes[1]]


def test_a_model_of_other_classes_labels_and_a_set_that_is_missing_are_named(
    tree, scores, whole, monkeypatch, capsys
):
    tree.classes("imagenet-a", [tree.wnid(6)])
    out = ("--out", tree.root / "dense.parquet")
    made = model(tree.root / "m.onnx", np.append(scores, 0).astype(np.float32))
    for words, message in (
        (["imagenet:a"], "there are 1000 classes and the model has 1001 outputs"),
        (["imagenet:val"], "ImageNet's val is not on this machine"),
        (["imagenet:b"], "ImageNet has no set 'b'; allowed: train, val, a"),
        (["imagenet:a", "--labels", "l.csv"], "comes with its labels; leave --labels out"),
    ):
        code, said = run(monkeypatch, capsys, "predict", made, *words, *SIZE, *out)
        assert code == 2 and message in said and len(said.splitlines()) == 1
    names = tree.root / "classes.txt"
    names.write_text("background\n" + "\n".join(load_classes()["name"]) + "\n")
    words = ["predict", made, "imagenet:a", *SIZE, *out, "--classes"]
    code, said = run(monkeypatch, capsys, *words, names)
    assert code == 0 and "of the 1,001 that the model scores" in said
    names.write_text("\n".join(map(str, range(1001))))
    code, said = run(monkeypatch, capsys, *words, names)
    assert code == 2 and "outputs lack 200 of the 200 classes of these pictures" in said


def test_a_picture_that_is_cut_short_stops_the_prediction_and_is_named(
    tree, scores, whole, monkeypatch, capsys
):
    folder = tree.classes("imagenet-a", [tree.wnid(6)])
    broken = folder / tree.wnid(6) / "b.jpeg"
    broken.write_bytes(broken.read_bytes()[:600])
    out = tree.root / "dense.parquet"
    made = model(tree.root / "m.onnx", scores)
    code, said = run(monkeypatch, capsys, "predict", made, "imagenet:a", *SIZE, "--out", out)
    assert code == 2 and "1 of 2 pictures cannot be read: 'n01498041/b.jpeg'" in said
    assert not out.exists()


def test_a_set_counts_its_pictures(tree):
    table = pd.DataFrame({"file": ["a"], "label": [3], "example": ["a"], "number": [0]})
    one = PictureSet("val", tree.root, table, (3,))
    assert len(one) == 1 and one.paths == [tree.root / "a"] and one.labels.tolist() == [3]
