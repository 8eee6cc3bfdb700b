"""Predictions from NumPy arrays and from one wide table give what a long table gives."""

import numpy as np
import pandas as pd
import pytest

from forgetting.audit import audit_predictions
from forgetting.errors import UserError

RNG = np.random.default_rng(0)
LABEL = RNG.integers(0, 4, 300)
SCORES = {name: RNG.normal(size=(300, 4)) + 2 * np.eye(4)[LABEL] for name in ("dense", "int8")}
PREDICTED = {name: scores.argmax(axis=1) for name, scores in SCORES.items()}


def long(names=None, **columns):
    spelled = (lambda codes: codes) if names is None else np.array(names)[:].__getitem__
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "setting": name,
                    "member": 0,
                    "example": np.arange(300),
                    "label": spelled(LABEL),
                    "predicted": spelled(PREDICTED[name]),
                }
            ).assign(**{key: value[name] for key, value in columns.items()})
            for name in PREDICTED
        ]
    )


def run(predictions, **options):
    return audit_predictions(predictions, baseline="dense", draws=20, **options)


def same(result, wanted, *tables):
    for name in tables or ("overall", "classes", "exemplars"):
        pd.testing.assert_frame_equal(result.tables()[name], wanted.tables()[name])


def softmax(scores):
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("kind", ["logits", "probabilities", "float16"])
def test_scores_give_labels_and_confidences(kind, tmp_path):
    confidence = {}
    for name, scores in SCORES.items():
        saved = {
            "logits": scores,
            "probabilities": softmax(scores),
            "float16": scores.astype(np.float16),
        }[kind]
        confidence[name] = softmax(scores).max(axis=1)
        np.savez(tmp_path / f"{name}.npz", label=LABEL, scores=saved)
    result = run({name: tmp_path / f"{name}.npz" for name in SCORES})
    wanted = run(long(confidence=confidence))
    same(result, wanted, "overall", "classes")
    columns = ["baseline_confidence", "compressed_confidence"]
    ours, theirs = (each.exemplars.set_index("example")[columns] for each in (result, wanted))
    np.testing.assert_allclose(ours.loc[theirs.index], theirs, atol=2e-3)


def test_labels_alone_come_with_a_file_of_labels_and_names(tmp_path):
    np.save(tmp_path / "labels.npy", LABEL)
    for name, values in PREDICTED.items():
        np.save(tmp_path / f"{name}.npy", values.astype(float))
    files = {name: tmp_path / f"{name}.npy" for name in PREDICTED}
    names = ["ant", "bee", "cat", "dog"]
    same(run(files, labels=tmp_path / "labels.npy"), run(long()))
    same(run(files, labels=tmp_path / "labels.npy", class_names=names), run(long(names)))
    with pytest.raises(UserError, match=r"3 classes are named: labels are whole numbers .* 0 to 2"):
        run(files, labels=tmp_path / "labels.npy", class_names=names[:3])


def test_several_models_are_members(tmp_path):
    many = {name: np.stack([values, LABEL, values]) for name, values in PREDICTED.items()}
    for name, values in many.items():
        np.savez(tmp_path / f"{name}.npz", label=LABEL, predicted=values)
    result = run({name: tmp_path / f"{name}.npz" for name in many})
    assert result.overall.baseline_members.tolist() == [3]
    right = (PREDICTED["int8"] == LABEL).mean()
    assert result.overall.compressed_accuracy[0] == pytest.approx((2 * right + 1) / 3)


def test_scores_that_are_no_numbers_are_no_answer(tmp_path):
    for name, scores in SCORES.items():
        scores = scores.copy()
        scores[:5] = np.nan
        np.savez(tmp_path / f"{name}.npz", label=LABEL, scores=scores)
    files = {name: tmp_path / f"{name}.npz" for name in SCORES}
    with pytest.raises(UserError, match=r"'predicted': 5 of 300 values missing.*--no-answer"):
        run(files)
    result = run(files, no_answer=True)
    assert "10 predictions missing" in result.summary["notes"][0]


def test_a_wide_table_has_a_column_a_model(tmp_path):
    wide = pd.DataFrame({"id": np.arange(300), "label": LABEL, **PREDICTED})
    wide.to_csv(tmp_path / "wide.csv", index=False)
    wanted = run(long())
    for given in (tmp_path / "wide.csv", wide):
        names = {"columns": {"example": "id"}, "model_columns": {"dense": "dense", "int8": "int8"}}
        same(run(given, **names), wanted)
    with pytest.raises(UserError, match="no column 'int4'"):
        run(wide, columns={"example": "id"}, model_columns={"dense": "dense", "int4": "int4"})


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"label": LABEL}, "holds 'label': needed are label, and predicted or scores"),
        ({"label": LABEL, "logits": SCORES["int8"]}, "scores; call 'logits' scores$"),
        ({"label": LABEL, "probs": SCORES["int8"]}, "scores; call 'probs' scores$"),
        ({"labels": LABEL, "scores": SCORES["int8"]}, "scores; call 'labels' label$"),
        ({"label": LABEL, "predicted": LABEL[:9]}, r"shape \(9,\), and there are 300 labels"),
        ({"label": LABEL, "scores": SCORES["int8"].T}, r"\(N, C\) or \(models, N, C\) is needed"),
        ({"predicted": LABEL}, "no labels: give them as --labels"),
        ({"label": LABEL[:, None], "predicted": LABEL}, r"shape \(300, 1\): one for each example"),
        ({"label": LABEL.astype(object), "predicted": LABEL}, "Python objects, which are never"),
        (
            {"label": LABEL, "predicted": LABEL, "example": LABEL[:3]},
            "example has shape",
        ),
    ],
)
def test_what_is_no_such_array_is_refused_in_one_line(arrays, message, tmp_path):
    np.savez(tmp_path / "a.npz", allow_pickle=True, **arrays)
    with pytest.raises(UserError, match=message):
        run({"dense": tmp_path / "a.npz", "int8": tmp_path / "a.npz"})


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_damaged_file_is_refused(name, tmp_path):
    (tmp_path / name).write_bytes(b"\x93NUMPY\x01\x00" if name == "a.npy" else b"PK\x03\x04rest")
    with pytest.raises(UserError, match="is damaged"):
        run({"dense": tmp_path / name, "int8": tmp_path / name})


def test_a_table_of_scores_is_pointed_to_npz_files(tmp_path):
    scored = pd.DataFrame(SCORES["int8"]).add_prefix("score_")
    scored.assign(example=np.arange(300), label=LABEL).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(UserError, match=r"no column 'predicted'.*an \.npz file.*scores \(N, C\)$"):
        run({"dense": tmp_path / "a.csv", "int8": tmp_path / "a.csv"})
    with pytest.raises(UserError, match="no column 'predicted'") as refused:
        run({"dense": pd.DataFrame({"example": [0], "label": [1]})})
    assert "npz" not in str(refused.value)


def test_files_that_are_not_there_are_named_with_the_kinds_that_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"does not exist: give predictions as .*\.npy, \.npz\) files$"
    ):
        run("a.csv")
    with pytest.raises(UserError, match=r"given by --model dense=a\.csv$"):
        run("dense=a.csv")
    with pytest.raises(UserError, match="give groups as Parquet, CSV, JSON-lines or Arrow files$"):
        run(long(), groups="dense=a.csv")
