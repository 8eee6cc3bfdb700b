"""The examples in the docstrings of the measures give what they say."""

import doctest
import importlib
import pkgutil

import numpy as np
import pandas as pd
import pytest

from forgetting import measure

MODULES = sorted(module.name for module in pkgutil.iter_modules(measure.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_say(name):
    module = importlib.import_module(f"forgetting.measure.{name}")
    failed, _ = doctest.testmod(module, extraglobs={"np": np, "pd": pd})
    assert not failed


def test_most_modules_show_an_example():
    finder = doctest.DocTestFinder()
    shown = [
        name
        for name in MODULES
        if any(
            test.examples
            for test in finder.find(importlib.import_module(f"forgetting.measure.{name}"))
        )
    ]
    assert len(shown) >= len(MODULES) // 3, shown
