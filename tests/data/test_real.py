"""The data as published, in the folder that FORGETTING_DATA names; skipped without them."""

import numpy as np
import pandas as pd
import pytest

from forgetting import data, predictions, study
from forgetting.data import human
from forgetting.errors import DataNotFound
from forgetting.measure import image_quality
from forgetting.predictions import archive


@pytest.fixture(scope="module")
def cifar10():
    """CIFAR-10, its pictures included."""
    try:
        return data.load_dataset(study.load_study("cifar10-narrow").data, fetch=False)
    except DataNotFound as absent:
        pytest.skip(str(absent))


def test_the_pictures_are_those_that_the_archive_speaks_of(cifar10):
    chosen = study.load_study("cifar10-narrow")
    archived = archive.read_dataset(chosen)
    assert len(cifar10.train) == 50_000 and set(np.bincount(cifar10.test.labels)) == {1000}
    for part in ("train", "test"):
        assert (archived.part(part).labels == cifar10.part(part).labels).all()
    if archived.state == cifar10.state:
        made = image_quality.image_qualities(cifar10.test.require_images())
        pd.testing.assert_frame_equal(
            made, predictions.archived_table(chosen, "image-qualities", {"part": "test"})
        )


def test_what_people_said_belongs_to_these_pictures(cifar10):
    if missing := [
        name for name, available in human.available_annotations().items() if not available
    ]:
        pytest.skip(f"not here: {', '.join(missing)}; book/data.md says where they come from")
    counts, suspects = (
        human.load_cifar10h(cifar10.test.labels),
        human.load_label_errors(cifar10.test.labels),
    )
    wrong = human.load_cifar10n(cifar10.train.labels)["wrong"]
    parameters = {"sparsity": 0.9, "members": 20, "draws": 1000, "splits": 250, "seed": 0}
    number = predictions.archived_table(
        study.load_study("cifar10-narrow"), "human-sets", parameters
    ).set_index("what")["number"]
    assert number["labels that people gave to these"] == counts.sum()
    assert number["of these, not confirmed by most judges"] == suspects["error"].sum()
    assert [
        number[f"of these, {many} of 3 people give another label"] for many in range(4)
    ] == np.bincount(wrong, minlength=4).tolist()
