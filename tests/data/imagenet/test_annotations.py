"""ReaL labels and the factors of ImageNet-X: joined by picture, recomputed plainly, checked."""

import json
import lzma

import numpy as np
import pytest

from forgetting.data.imagenet.annotations import (
    FACTORS,
    read_factors,
    read_real,
    right_by_real,
    with_factors,
    with_real,
)
from forgetting.data.imagenet.classes import validation_labels
from forgetting.data.imagenet.ilsvrc import read_train, read_validation
from forgetting.data.imagenet.label_files import stem_of
from forgetting.errors import CorruptFile, DataNotFound, UserError


@pytest.fixture(scope="module")
def answers():
    """Labels for each picture: its own, none for every fifth, and another for every third."""
    return [
        [] if number % 5 == 0 else sorted({int(label), 7}) if number % 3 == 0 else [int(label)]
        for number, label in enumerate(validation_labels(), 1)
    ]


def test_pictures_without_a_right_label_are_left_out_and_any_right_label_counts(tree, answers):
    (tree.root / "real.json").write_text(json.dumps(answers))
    pictures = read_validation(tree.validation("val", flat=True), complete=False)
    asked = with_real(pictures, read_real(tree.root / "real.json"))
    kept = [number for number in pictures.table["number"] if number % 5]
    assert asked.table["number"].tolist() == kept and 0 < len(kept) < len(pictures)
    predicted = np.stack([asked.labels, np.full(len(asked), 7), np.full(len(asked), 8)])
    right = right_by_real(predicted, asked)
    plain = [
        [label in answers[n - 1] for label, n in zip(row, kept, strict=True)] for row in predicted
    ]
    assert right.tolist() == plain and right[0].all() and not right[2].any()
    assert (right_by_real(predicted[1], asked) == right[1]).all()
    with pytest.raises(UserError, match=r"predicted has shape \(3,\), and there are"):
        right_by_real(np.zeros(3, int), asked)
    with pytest.raises(UserError, match="labels are of the validation pictures, and train has 20"):
        with_real(read_train(tree.train(), complete=False), read_real(tree.root / "real.json"))


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "holds no lists of labels"),
        ("[3, 4]", "holds no lists of labels"),
        ("[[3], [4]]", "has 2 lists; allowed: 50,000"),
        (json.dumps([[1000]] + [[]] * 49_999), "labels from 1000 to 1000; allowed: 0 to 999"),
    ],
)
def test_a_file_that_holds_no_real_labels_is_named(tree, content, message):
    file = tree.root / "real.json"
    with pytest.raises(DataNotFound, match="real.json is not here; fetch real.json of google"):
        read_real(file)
    file.write_text(content)
    with pytest.raises(CorruptFile, match=message):
        read_real(file)


def factor_line(name, label, **factors):
    return json.dumps(
        {"file_name": name, "class": label}
        | {factor: int(factors.get(factor, False)) for factor in FACTORS}
        | {"justification": "seen from above", "one_word": "above"}
    )


@pytest.mark.parametrize("packed", [False, True])
def test_factors_are_joined_to_the_pictures_that_they_are_of(tree, packed):
    pictures = read_validation(tree.validation("val", flat=True), complete=False)
    names, labels = pictures.table["example"], pictures.labels.tolist()
    lines = [factor_line(names[k], labels[k], pose=k == 4, style=True) for k in (4, 9, 1)]
    file = tree.root / ("x.jsonl.xz" if packed else "x.jsonl")
    text = ("\n".join(lines) + "\n").encode()
    file.write_bytes(lzma.compress(text) if packed else text)
    factors = read_factors(file)
    assert list(factors) == ["example", "label", *FACTORS] and len(FACTORS) == 16
    joined = with_factors(pictures, factors).table
    assert joined["example"].tolist() == [names[k] for k in (1, 4, 9)]
    assert joined["pose"].tolist() == [False, True, False] and joined["style"].all()
    with pytest.raises(UserError, match="none of the 20 pictures of train has factors"):
        with_factors(read_train(tree.train(), complete=False), factors)


@pytest.mark.parametrize(
    "line, error, message",
    [
        (factor_line(f"{stem_of(1)}.JPEG", 66), UserError, "1 of 1 labels .* off by one, too la"),
        (factor_line("n01440764_5.JPEG", 1), CorruptFile, "has the class 1, and its name that of"),
        ('{"file_name": "a.JPEG", "class": 0, "pose": 1}', CorruptFile, "no 'background'"),
        ("not json", CorruptFile, "holds no factors of ImageNet-X"),
        ('{"file_name": "a.JPEG"}', CorruptFile, "no 'class'"),
    ],
)
def test_a_file_that_holds_no_factors_or_other_labels_is_named(tree, line, error, message):
    file = tree.root / "x.jsonl"
    with pytest.raises(DataNotFound, match="x.jsonl is not here; fetch it again from facebook"):
        read_factors(file)
    file.write_text(line)
    with pytest.raises(error, match=message):
        read_factors(file)
