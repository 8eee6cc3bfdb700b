"""The division of the digits and the flaws planted into them, held against what was recorded."""

import numpy as np
import pytest

from forgetting import data
from forgetting.data import digits, planted
from forgetting.data.spec import PlantedData
from forgetting.errors import UserError
from forgetting.study import load_study

SPEC = load_study("digits").data


@pytest.fixture(scope="module")
def parts():
    return data.load_dataset(SPEC)


def kind(part, name):
    return (part.attributes["kind"] == name).to_numpy()


def test_the_plain_test_images_are_balanced_and_the_training_images_have_a_long_tail(parts):
    plain = parts.test.labels[kind(parts.test, "plain")]
    assert (np.bincount(plain) == SPEC.test_per_class).all()
    counts = np.bincount(parts.train.attributes["true_label"])
    assert (counts == planted.long_tailed_counts(SPEC.train_largest, SPEC.train_smallest, 10)).all()
    assert (
        counts[0] == SPEC.train_largest
        and counts[-1] == SPEC.train_smallest
        and (np.diff(counts) < 0).all()
    )


def test_the_first_training_images_which_calibrate_quantization_are_of_many_classes(parts):
    assert len(set(parts.train.labels[:100])) >= 8


def test_no_source_image_is_in_two_parts(parts):
    sources = [set(part.attributes["source"]) for part in (parts.train, parts.test, parts.holdout)]
    assert not (sources[0] & sources[1] or sources[0] & sources[2] or sources[1] & sources[2])


def test_plain_images_are_the_images_of_their_source(parts):
    images, labels, _ = digits.load_pool()
    for part in (parts.train, parts.test, parts.holdout):
        plain = kind(part, "plain")
        source = part.attributes["source"].to_numpy()
        assert (part.images[plain] == images[source[plain]]).all()
        assert (part.attributes["true_label"] == labels[source]).all()


def test_each_kind_is_planted_as_often_as_asked_for(parts):
    assert {k: kind(parts.test, k).sum() for k in planted.TEST_KINDS} == dict.fromkeys(
        planted.TEST_KINDS, SPEC.test_flawed
    )
    n = len(parts.train)
    assert kind(parts.train, "wrong label").sum() == round(SPEC.wrong_labels * n)
    assert kind(parts.train, "atypical").sum() == round(SPEC.train_atypical * n)


def test_exactly_the_wrong_labels_differ_from_the_true_ones(parts):
    differs = parts.train.labels != parts.train.attributes["true_label"].to_numpy()
    assert (differs == kind(parts.train, "wrong label")).all()
    assert (parts.test.labels == parts.test.attributes["true_label"]).all()


def test_flawed_copies_keep_the_id_of_a_plain_test_image_and_differ_from_it(parts):
    plain = kind(parts.test, "plain")
    by_source = dict(
        zip(parts.test.attributes["source"][plain], parts.test.images[plain], strict=True)
    )
    flawed = np.flatnonzero(~plain)
    unchanged = [
        i
        for i in flawed
        if (parts.test.images[i] == by_source[parts.test.attributes["source"][i]]).all()
    ]
    assert len(unchanged) == 0


def test_two_digits_show_ink_on_both_sides_and_name_another_class(parts):
    two = kind(parts.test, "two digits")
    other = parts.test.attributes["other_label"].to_numpy()
    assert (other[two] >= 0).all() and (other[~two] == -1).all()
    assert (other[two] != parts.test.labels[two]).all()
    halves = parts.test.images[two][:, 0].reshape(-1, 28, 2, 14).max(axis=(1, 3))
    assert (halves > 50).all()


def test_a_thin_stroke_has_less_ink_a_thick_one_more_and_an_inverted_image_is_the_negative(parts):
    plain = kind(parts.test, "plain")
    by_source = dict(
        zip(
            parts.test.attributes["source"][plain],
            parts.test.images[plain].astype(int),
            strict=True,
        )
    )
    for how, sign in (("thin", -1), ("thick", 1)):
        rows = np.flatnonzero(parts.test.attributes["detail"] == how)
        assert all(
            sign
            * (parts.test.images[i].sum() - by_source[parts.test.attributes["source"][i]].sum())
            > 0
            for i in rows
        )
    for i in np.flatnonzero(parts.test.attributes["detail"] == "inverted"):
        assert (parts.test.images[i] == 255 - by_source[parts.test.attributes["source"][i]]).all()


def test_the_same_spec_gives_the_same_bytes_and_another_seed_other_images(parts):
    again = planted.divide_pool(SPEC, *digits.load_pool(), classes=digits.CLASSES)
    assert (again.test.images == parts.test.images).all() and again.train.attributes.equals(
        parts.train.attributes
    )
    other = planted.divide_pool(
        SPEC.model_copy(update={"seed": 1}), *digits.load_pool(), classes=digits.CLASSES
    )
    assert (other.test.images != parts.test.images).any()


def test_too_few_images_of_a_class_are_refused_with_its_name_and_the_keys_to_lower():
    with pytest.raises(UserError, match="class 0 has 500 images.*test_per_class 400.*lower"):
        data.load_dataset(PlantedData(name="digits", test_per_class=400))


def test_more_flawed_copies_than_test_images_are_refused():
    with pytest.raises(UserError, match="test_flawed is 900.*0 to 100"):
        data.load_dataset(PlantedData(name="digits", test_per_class=10, test_flawed=900))


def test_a_folder_that_lacks_fashion_mnist_files_is_refused_with_the_missing_name(
    tmp_path, monkeypatch
):
    from forgetting.data import fashion

    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path))
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(fashion, "INSTALLED", tmp_path / "nowhere")
    with pytest.raises(UserError, match="lacks t10k-images-idx3-ubyte.gz"):
        data.load_dataset(PlantedData(name="fashion"))


def fake_fashion(folder, *, test=40, train=80):
    """The four files of Fashion-MNIST in their format, with few made-up images."""
    import gzip

    rng = np.random.default_rng(0)
    for prefix, n in (("t10k", test), ("train", train)):
        images = rng.integers(0, 256, n * 784, dtype=np.uint8).tobytes()
        labels = (np.arange(n) % 10).astype(np.uint8).tobytes()
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + images))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + labels))


def test_fashion_mnist_tests_on_its_official_test_part_only(tmp_path, monkeypatch):
    from forgetting.data import fashion

    fake_fashion(tmp_path)
    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path))
    monkeypatch.setattr(
        fashion,
        "FILES",
        {k: (*v[:2], n) for (k, v), n in zip(fashion.FILES.items(), (40, 80), strict=True)},
    )
    spec = PlantedData(
        name="fashion",
        test_per_class=3,
        train_largest=5,
        train_smallest=2,
        holdout=10,
        test_flawed=4,
    )
    made = planted.divide_pool(spec, *fashion.load_pool(), classes=fashion.CLASSES)
    assert (
        made.test.attributes["source"].max()
        < 40
        <= min(made.train.attributes["source"].min(), made.holdout.attributes["source"].min())
    )
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(b"not gzip")
    with pytest.raises(UserError, match="damaged"):
        fashion.load_pool()
