"""Populations on corrupted and on hard images, of the smoke study."""

import numpy as np
import pytest

from forgetting import book
from forgetting.book.content import corrupted
from forgetting.measure import robustness
from forgetting.predictions import load_predictions


@pytest.fixture
def page(smoke):
    return book.open_page("smoke", sparsity=0.98)


def test_pruned_networks_are_compared_with_all_dense_ones_and_dense_again_with_dense(page):
    images = corrupted.Corrupted(page)
    pooled, counts = images.compare().set_index("setting"), images.counts
    bad = counts[counts["severity"] > 0].groupby("setting")[["correct", "n"]].sum()
    accuracy = bad["correct"] / bad["n"]
    both = accuracy[["dense", "dense-again"]].mean()
    assert np.isclose(pooled.loc["pruned-0.98", "change"], accuracy["pruned-0.98"] - both)
    assert np.isclose(
        pooled.loc["dense-again", "change"], accuracy["dense-again"] - accuracy["dense"]
    )
    single = images.compare_simultaneously("corruption")
    assert set(single["corruption"]) == {"none", *images.kinds}


def test_the_pages_own_setting_comes_first(page):
    table = corrupted.Corrupted(page).compare()
    key = corrupted.Corrupted(page).page_first
    assert table.sort_values("setting", key=key)["setting"].iloc[0] == "pruned-0.98"


def test_a_test_image_is_shown_under_each_corruption(page, displayed):
    kinds = corrupted.Corrupted(page).kinds
    label = corrupted.show_corruptions(page, kinds, severity=3, seed=0, name="corruptions")
    html = displayed[0][0]["text/html"]
    assert label in page.classes and html.count("<img") == len(kinds) + 1
    assert (
        f"A test image of class {label}, under {kinds[0].replace('_', ' ')} at severity 3." in html
    )


def test_natural_adversaries_and_the_rest_are_the_holdout(page):
    selectors = load_predictions(page.study, "selectors", part="holdout")
    adversary = robustness.natural_adversaries(
        label=selectors.label, predicted=selectors.predicted, share=0.3
    )
    table = corrupted.composition(page, selectors, adversary)
    assert (
        table["holdout"].sum() == len(adversary) and table["adversaries"].sum() == adversary.sum()
    )
    natural = corrupted.Natural(page, selectors.label, adversary)
    accuracy = natural.accuracy().set_index(["setting", "images"])
    assert accuracy.index.is_unique
    pruned = load_predictions(page.study, "pruned-0.98", part="holdout").predicted
    for name, mask in natural.groups.items():
        share = (pruned == selectors.label)[:, mask].mean()
        assert np.isclose(accuracy.loc[("pruned-0.98", name), "accuracy"], share)
    if len(natural.groups) == 2:
        assert natural.beyond_rest().index.tolist() == ["pruned-0.9", "pruned-0.98"]
        assert natural.share_beyond().index.tolist() == page.levels
