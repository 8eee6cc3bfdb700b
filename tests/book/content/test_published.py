"""Pairs of published networks: which kind each is of, and their tables against plain loops."""

import numpy as np
import pytest

from forgetting.book.content import published
from forgetting.book.study_page import open_page
from forgetting.measure import model_pairs


@pytest.fixture(scope="module")
def validation():
    return published.compare_published("validation", near=0.01)


def test_each_pair_is_of_one_kind_and_networks_published_twice_are_never_merely_near(validation):
    networks = validation.found.networks
    known = networks.set_index("network")
    for row in validation.pairs.itertuples():
        one, two = (known.iloc[number] for number in (row.first, row.second))
        if one["architecture"] == two["architecture"]:
            once = {one["trained_by"], two["trained_by"]} & {"torchvision"}
            both = one["trained_by"] == two["trained_by"]
            assert row.kind == (published.APART if once and not both else published.COPIES)
        else:
            assert row.kind == (published.NEAR if abs(row.accuracy) <= 0.01 else "")
        pair = [one["weights"], two["weights"]]
        expected = max(pair) / min(pair) if not np.isnan(pair).any() else np.nan
        assert row.ratio == pytest.approx(expected, nan_ok=True)


def test_the_median_and_the_ends_are_those_of_the_kinds_pairs(validation):
    table = published.by_kind({"validation": validation})
    assert table["kind"].tolist() == list(published.KINDS)
    for row in table.to_dict("records"):
        pairs = validation.pairs[validation.pairs["kind"] == row["kind"]]
        assert row["pairs"] == len(pairs) > 0
        values = sorted(pairs["parted"])
        ends = row["parted_low"], row["parted"], row["parted_high"]
        assert ends == (values[0], pytest.approx(np.median(values)), values[-1])


def test_images_are_grouped_by_what_people_found_right_in_them(validation):
    found, table = validation.found, published.parting_by_answer(validation)
    assert tuple(table["answer"]) == published.ANSWERS and table["images"].sum() == 50_000
    none = found.real == 0
    parted = model_pairs.disagreement_by_example(found.predicted[:, none])
    row = table.set_index("answer").loc["none"]
    assert row["parted"] == pytest.approx(parted.mean()) and row["images"] == none.sum()
    assert row["high"] - row["low"] == pytest.approx(
        2 * 1.96 * parted.std(ddof=1) / np.sqrt(none.sum())
    )
    assert row["accuracy"] == pytest.approx((found.predicted[:, none] == found.labels[none]).mean())


def test_size_and_parting_are_correlated_over_near_pairs_of_known_weights(validation):
    table = published.size_and_parting(validation, draws=50, seed=0).set_index("measure")
    pairs = validation.of_kind(published.NEAR).dropna(subset=["ratio"])
    assert (table["pairs"] == len(pairs)).all() and table["p"].between(1 / 51, 1).all()
    for name in ("parted", "spread"):
        expected = pairs[[name, "ratio"]].corr(method="spearman").iloc[0, 1]
        assert table.loc[name, "spearman"] == pytest.approx(expected)


def test_single_networks_of_a_study_are_compared_one_by_one(smoke):
    page = open_page("smoke", members=smoke.members)
    settings = ["dense-again", f"pruned-{smoke.settings.pruned[0]:g}"]
    table = published.beside_pruning(page, settings).set_index("setting")
    dense = page.load("dense").predicted
    for setting, row in table.iterrows():
        other = page.load(setting).predicted
        shares = [(a != b).mean() for a, b in zip(dense, other, strict=True)]
        assert row["pairs"] == len(shares)
        ends = [row["parted_low"], row["parted"], row["parted_high"]]
        np.testing.assert_allclose(ends, [min(shares), np.mean(shares), max(shares)])
