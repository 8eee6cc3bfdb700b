"""Rates of PIEs of the smoke study."""

import numpy as np
import pytest

from forgetting import book
from forgetting.book.content.pie_rates import PieRates
from forgetting.measure import exemplars


@pytest.fixture
def rates(smoke):
    return PieRates(book.open_page("smoke", sparsity=0.98), draws=100, seed=0)


def test_rates_by_kind_are_those_of_a_loop_over_images(rates):
    page, table = rates.page, rates.by_kind(0.98, "pie").set_index("kind")
    found = exemplars.find(baseline=page.dense.predicted, compressed=page.compressed.predicted)
    for kind in set(page.kinds):
        share = np.mean(
            [pie for pie, of in zip(found["pie"], page.kinds, strict=True) if of == kind]
        )
        assert np.isclose(table.loc[kind, "rate"], share)
        assert table.loc[kind, "low"] <= table.loc[kind, "difference"] <= table.loc[kind, "high"]


def test_every_level_has_pies_and_clear_pies_and_every_class_its_images(rates):
    table = rates.of_all_levels()
    assert set(zip(table["sparsity"], table["measure"], strict=True)) == {
        (level, m) for level in (0.9, 0.98) for m in ("pie", "clear")
    }
    classes = rates.by_class(0.98, "pie")
    assert classes["n"].sum() == len(rates.page.test) and len(classes) == 10
    assert (classes["all_low"] <= classes["low"] + 1e-12).all()
    assert (classes["all_high"] >= classes["high"] - 1e-12).all()


def test_details_divide_corrupted_and_atypical_images_and_no_others(rates):
    alone, at_once = rates.details(0.98)
    assert alone["kind"].tolist() == at_once["kind"].tolist()
    assert {"plain", "two digits"} <= set(alone["kind"])
    assert not {"atypical", "corrupted"} & set(alone["kind"])
    assert alone["n"].sum() == len(rates.page.test)
