"""Shapes without images: those of the data sets themselves, as far as these are here."""

import pytest

from forgetting import data
from forgetting.data.celeba import ATTRIBUTES as CELEBA_TABLE
from forgetting.data.corrupted_part import _chosen_images, corruption_levels
from forgetting.data.shapes import MOST_OF_A_CLASS, expected_shape
from forgetting.data.spec import CelebAData, ImageNetData, PlantedData
from forgetting.study import load_study

CARRIED = ("smoke", "digits", "smoke-tinted", "smoke-joint", "numbers")  # by a package


@pytest.mark.parametrize("name", CARRIED)
def test_a_data_set_has_the_shape_that_its_description_tells(name):
    spec = load_study(name).data
    dataset, shape = data.load_dataset(spec), expected_shape(spec)
    assert dataset.train.images.shape[1:] == shape.image and not shape.unsure
    assert shape.outputs == len(dataset.tasks or dataset.classes)
    assert shape.tasks == bool(dataset.tasks)
    for part in ("train", "test", "holdout"):
        assert len(dataset.part(part)) == shape.images(part)
    if spec.corrupted_images:
        assert len(_chosen_images(spec, dataset)) == shape.corrupted
        assert len(corruption_levels(channels=shape.image[0])) == shape.levels


@pytest.mark.parametrize(
    "changes", [{"corrupted_images": 3000}, {"holdout": 10}, {"test_flawed": 0}]
)
def test_sizes_that_the_pool_limits_are_told_too(changes):
    spec = PlantedData(name="digits", **changes)
    dataset, shape = data.load_dataset(spec), expected_shape(spec)
    assert [shape.test, shape.holdout] == [len(dataset.test), len(dataset.holdout)]
    assert len(_chosen_images(spec, dataset)) == shape.corrupted


@pytest.mark.parametrize("images", [100, 101])
def test_both_folds_test_every_picture_once(images):
    folds = [expected_shape(fold) for fold in CelebAData(name="celeba", images=images).folds]
    assert [fold.test for fold in folds] == [images // 2, images - images // 2]  # from 1 on
    assert all(fold.train + fold.test == images for fold in folds)
    assert CELEBA_TABLE and all(fold.rows("test") == 40 * fold.test for fold in folds)


def test_what_only_the_files_of_imagenet_tell_is_said():
    few = ImageNetData(name="imagenet", classes=("n01440764", "n01443537"))
    assert "files alone" in expected_shape(few).unsure
    assert expected_shape(few).train == 2 * MOST_OF_A_CLASS
    known = few.model_copy(update={"train_per_class": 7, "pixels": 64})
    shape = expected_shape(known)
    assert (shape.train, shape.test, shape.image, shape.unsure) == (14, 100, (3, 64, 64), "")
    whole = expected_shape(ImageNetData(name="imagenet"))
    assert (whole.train, whole.test, whole.outputs) == (1_281_167, 50_000, 1000)
