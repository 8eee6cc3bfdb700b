"""People's labels of CIFAR-10, read without unpickling; wrong and damaged files are refused."""

import json
import os
import pickle
import zipfile

import numpy as np
import pytest

from forgetting.data import human
from forgetting.errors import DataNotFound, UserError


@pytest.fixture
def labels():
    """Labels of the test and of the training part."""
    return {size: np.random.default_rng(size).integers(10, size=size) for size in (10_000, 50_000)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The reader's folder, and no other place where data may lie."""
    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path / "given"))
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "home"))
    (tmp_path / "given").mkdir()
    return tmp_path / "given"


def counts(label):
    """About 50 answers a picture, most of them the label."""
    rng = np.random.default_rng(0)
    made = rng.multinomial(7, np.full(10, 0.1), size=len(label))
    made[np.arange(len(label)), label] += rng.integers(40, 57, size=len(label))
    return made


def suspects(label):
    """Judgements of three pictures, of which two labels are wrong by the rule."""
    judgements = {5: (3, 2, 0, 0), 4: (2, 0, 3, 0), 9_000: (0, 1, 0, 4)}
    return [
        {
            "id": i,
            "given_original_label": int(label[i]),
            "our_guessed_label": int(label[i] + 1) % 10,
            "mturk": dict(zip(("given", "guessed", "both", "neither"), answers, strict=True)),
        }
        for i, answers in judgements.items()
    ]


def noisy(label):
    """Three people's labels and what is made of them."""
    rng = np.random.default_rng(1)
    three = np.where(
        rng.random((3, len(label))) < 0.2,
        (label + rng.integers(1, 10, size=(3, len(label)))) % 10,
        label,
    )
    first_wrong = three[(three != label).argmax(axis=0), np.arange(len(label))]
    majority = np.where(three[1] == three[2], three[1], three[0])
    arrays = {"clean_label": label, "aggre_label": majority, "worse_label": first_wrong}
    return arrays | {f"random_label{k + 1}": three[k] for k in range(3)}


def torch_file(path, arrays, *, old=False):
    """As torch.save writes arrays: a pickle in a zip file; once, several pickles in a row."""
    content = pickle.dumps(
        {name: values.astype(np.int64) for name, values in arrays.items()}, protocol=2
    )
    if old:
        path.write_bytes(
            pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
            + pickle.dumps(1001, protocol=2)
            + content
            + b"\0no pickle"
        )
        return
    with zipfile.ZipFile(path, "w") as held:
        held.writestr("archive/data.pkl", content)
        held.writestr("archive/version", "3")


def test_nothing_is_here_until_it_is_put_there(folder, labels):
    assert human.available_annotations() == dict.fromkeys(human.NAMES, False)
    for read, file in (
        (human.load_cifar10h, human.COUNTS),
        (human.load_label_errors, human.ERRORS),
        (human.load_cifar10n, human.NOISY[0]),
    ):
        with pytest.raises(
            DataNotFound, match=f"put {file}.* into a folder and name it in FORGETTING_DATA"
        ):
            read(labels[50_000 if read is human.load_cifar10n else 10_000])
    (folder / "cifar10h").mkdir()
    np.save(folder / "cifar10h" / human.COUNTS, counts(labels[10_000]))
    assert human.available_annotations() == {
        "CIFAR-10H": True,
        "label errors": False,
        "CIFAR-10N": False,
    }


def test_counts_come_in_order_and_only_for_the_pictures_asked_for(folder, labels):
    made = counts(labels[10_000])
    np.save(folder / human.COUNTS, made)
    assert (human.load_cifar10h(labels[10_000]) == made).all()
    assert (human.load_cifar10h(labels[10_000][:300]) == made[:300]).all()


def test_counts_of_other_pictures_or_that_are_none_are_refused(folder, labels):
    label, file = labels[10_000], folder / human.COUNTS
    made = counts(label)
    for wrong, message in (
        (made[::-1], "agree with the label of only .* another order"),
        (made[:-1], "of shape"),
        (made / made.sum(axis=1, keepdims=True), "float64"),
        (made * 2, "answers, not 47 to 63"),
        (made.astype(object), "damaged; fetch it again"),
    ):
        np.save(file, wrong)
        with pytest.raises(UserError, match=message) as refusal:
            human.load_cifar10h(label)
        assert "\n" not in str(refusal.value)
    np.save(file, made)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(UserError, match="damaged"):
        human.load_cifar10h(label)


def test_a_label_is_an_error_where_fewer_than_three_of_five_people_confirm_it(folder, labels):
    label = labels[10_000]
    (folder / human.ERRORS).write_text(json.dumps(suspects(label)))
    table = human.load_label_errors(label)
    assert table["example"].tolist() == [4, 5, 9_000] and table["error"].tolist() == [
        True,
        False,
        True,
    ]
    assert (table["given"] == label[table["example"]]).all() and (
        table.filter(like="judged_").sum(axis=1) == 5
    ).all()
    assert human.load_label_errors(label[:100])["example"].tolist() == [4, 5]


def test_judgements_of_other_pictures_or_that_are_none_are_refused(folder, labels):
    label, file = labels[10_000], folder / human.ERRORS
    other = suspects(label)
    other[0]["given_original_label"] = (other[0]["given_original_label"] + 1) % 10
    short = suspects(label)
    short[1]["mturk"]["given"] += 1
    for text, message in (
        (json.dumps(other), "given labels"),
        (json.dumps(short), "five judgements"),
        (json.dumps(suspects(label))[:-9], "damaged"),
        ("[]", "five judgements"),
        ('{"id": 1}', "damaged"),
    ):
        file.write_text(text)
        with pytest.raises(UserError, match=message):
            human.load_label_errors(label)


@pytest.mark.parametrize("form", ["npz", "torch", "old torch"])
def test_people_s_labels_are_counted_whatever_the_form_of_the_file(folder, labels, form):
    label = labels[50_000]
    arrays = noisy(label)
    if form == "npz":
        np.savez(
            folder / human.NOISY[1],
            **{name: values.astype(np.uint8) for name, values in arrays.items()},
        )
    else:
        torch_file(folder / human.NOISY[0], arrays, old=form == "old torch")
    table = human.load_cifar10n(label)
    three = [arrays[name].tolist() for name in human.THREE]
    loop = [
        sum(other != given for other in three_labels)
        for given, *three_labels in zip(label.tolist(), *three, strict=True)
    ]
    assert table["wrong"].tolist() == loop
    assert (table["worse"] == arrays["worse_label"]).all() and (
        table["plurality"] == arrays["aggre_label"]
    ).all()
    assert table.iloc[:200].equals(human.load_cifar10n(label[:200]))


def test_people_s_labels_of_other_pictures_or_that_are_none_are_refused(folder, labels):
    label, file = labels[50_000], folder / human.NOISY[0]
    arrays = noisy(label)
    for wrong, message in (
        (arrays | {"clean_label": label[::-1]}, "clean labels are not those"),
        (arrays | {"worse_label": label}, "contradict each other"),
        (arrays | {"random_label2": label[:-1]}, "damaged"),
        (arrays | {"random_label2": label - 1}, "damaged"),
        ({name: values for name, values in arrays.items() if name != "aggre_label"}, "damaged"),
    ):
        torch_file(file, wrong)
        with pytest.raises(UserError, match=message):
            human.load_cifar10n(label)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match="damaged"):
        human.load_cifar10n(label)


def test_nothing_in_a_file_is_run(folder, labels):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(folder / "run"),)

    (folder / human.NOISY[0]).write_bytes(pickle.dumps({"clean_label": Trap()}, protocol=2))
    with pytest.raises(UserError, match="damaged"):
        human.load_cifar10n(labels[50_000])
    np.save(folder / human.COUNTS, np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="damaged"):
        human.load_cifar10h(labels[10_000])
    assert not (folder / "run").exists()
