"""What several tests of measures share."""

import numpy as np
import pandas as pd
import pytest


class ImageWorld:
    """Images with a margin, members that see it with noise and a shared bias; compression lowers some margins."""

    def __init__(self, generator, examples=1500, harm=2.0, shared=0.3, classes=10):
        self.generator, self.examples = generator, examples
        self.margin = generator.normal(3, 2, examples)
        self.harm = harm * generator.exponential(1, examples) * (generator.random(examples) < 0.3)
        self.bias = generator.normal(0, shared, (3, examples))
        self.label = generator.integers(classes, size=examples)
        self.other = (self.label + generator.integers(1, classes, examples)) % classes

    def population(self, members, *, compressed=False):
        score = (
            self.margin
            - compressed * self.harm
            + self.generator.normal(size=(members, 3)) @ self.bias
        )
        return np.where(
            score + self.generator.normal(size=(members, self.examples)) > 0, self.label, self.other
        ).astype(np.int32)


@pytest.fixture(scope="session")
def image_world():
    """The class, of which a test makes a world of its own."""
    return ImageWorld


@pytest.fixture(scope="session")
def judged():
    """A table of uncertainty with few different margins."""

    def make(generator, examples=900):
        margin = generator.choice([0, 0.1, 0.5, 1], size=examples, p=[0.1, 0.2, 0.3, 0.4])
        confidence = np.clip(0.3 + 0.5 * margin + generator.normal(0, 0.08, examples), 0, 1)
        return pd.DataFrame(
            {"example": np.arange(examples), "margin": margin, "confidence": confidence}
        )

    return make


@pytest.fixture(scope="session")
def chosen():
    """Examples picked the likelier the less certain they are, and outcomes that depend on uncertainty, plus an effect of being picked."""

    def make(generator, table, effect=0.0):
        picked = generator.random(len(table)) < 0.5 - 0.45 * table["margin"].to_numpy()
        hard = (
            1
            - table["confidence"].to_numpy()
            + generator.normal(0, 0.1, len(table))
            + effect * picked
        )
        return picked, pd.DataFrame(
            {"hard": hard, "wrong": generator.random(len(table)) < 0.05 + effect * picked}
        )

    return make


@pytest.fixture(scope="session")
def images_with_ease():
    """Images of some ease, which each member sees with noise of its own; pruned members also share a shift for each image.

    Returns label, ease, shift, and (predicted, confidence) of dense, dense-again and pruned
    members.
    """

    def make(generator, images=1500, members=10, shift=1.0):
        label, ease = generator.integers(10, size=images), generator.normal(1.5, 1.5, images)
        moved = shift * generator.normal(size=images)
        populations = []
        for of in (0, 0, moved):
            seen = ease + of + generator.normal(0, 1, (members, images))
            confidence = 1 / (1 + np.exp(-np.abs(seen)))
            populations.append((np.where(seen > 0, label, (label + 1) % 10), confidence))
        return label, ease, moved, *populations

    return make
