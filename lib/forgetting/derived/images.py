"""Derived tables of a study's pictures: their qualities, and how much corruptions change them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forgetting import predictions
from forgetting.data import corruption
from forgetting.errors import DataNotFound
from forgetting.measure import fragility, image_quality
from forgetting.study import Study


@dataclass(frozen=True)
class QualityParameters:
    """Parameters of `image-qualities`: the part of the data set whose images are measured."""

    part: str = "test"


@dataclass(frozen=True)
class StrengthParameters:
    """Parameters of `corruption-strength`.

    Attributes:
        severity: of the corruptions, 1 to 5.
        seed: of the corruptions.
        images: how many plain test images are corrupted, at most.
    """

    severity: int
    seed: int
    images: int = 50


def image_qualities(study: Study, parameters: QualityParameters) -> pd.DataFrame:
    """Measure simple qualities of each image, as `image_quality.image_qualities` returns them."""
    images = predictions.load_study_dataset(study).part(parameters.part)
    return image_quality.image_qualities(images.require_images())


def corruption_strength(study: Study, parameters: StrengthParameters) -> pd.DataFrame:
    """Measure how much each corruption of the study changes the pixels of plain test images.

    Returns:
        corruption.
        pixel_change: mean absolute change over images and pixels, as a share of the full range.

    Raises:
        DataNotFound: the study has no corrupted images.
    """
    if "corrupted" not in study.parts(study.setting("dense")):
        raise DataNotFound(f"study {study.name} has no corrupted images")
    test = predictions.load_study_dataset(study).test
    plain = np.flatnonzero(test.attributes["kind"] == "plain")
    every = max(1, len(plain) // parameters.images)
    sample = test.require_images()[plain[::every][: parameters.images]]
    used = predictions.load_corruption_counts(study, "dense", members=2)["corruption"].unique()
    names = [name for name in corruption.corruption_names(channels=sample.shape[1]) if name in used]
    change = []
    for name in names:
        after = corruption.corrupt(
            sample, name=name, severity=parameters.severity, seed=parameters.seed
        )
        change.append(fragility.pixel_change(sample, after))
    return pd.DataFrame({"corruption": names, "pixel_change": change})
