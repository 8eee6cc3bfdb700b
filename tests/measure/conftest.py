"""What several tests of measures share."""

import numpy as np
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
