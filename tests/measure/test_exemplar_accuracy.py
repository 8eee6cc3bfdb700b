"""How hard PIEs are, against plain recomputation and in worlds whose truth is known."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure import exemplar_accuracy, exemplar_halves, exemplars


def populations(world, members, *, compressed=True):
    return {
        "label": world.label,
        "source": np.arange(world.examples),
        "baseline": world.population(members),
        "second_baseline": world.population(members),
        "compressed": world.population(members, compressed=compressed),
    }


def test_each_quantity_is_what_a_loop_over_images_and_splits_gives(image_world):
    given = populations(image_world(np.random.default_rng(1), examples=300), 6)
    table = exemplar_accuracy.gaps(**given, draws=20, seed=3).set_index("quantity")
    label, baseline = given["label"], given["baseline"]
    pool = np.concatenate([baseline, given["second_baseline"]])
    right = (baseline == label).mean(axis=0)
    right_both = (pool == label).mean(axis=0)
    pie = exemplars.find(baseline=baseline, compressed=given["compressed"])["pie"].to_numpy()
    null = exemplar_halves.null_shares(baseline, given["second_baseline"], draws=20, seed=3)
    gap = right[pie].mean() - right.mean()
    null_gap = sum(null * right_both) / sum(null) - right_both.mean()
    assert table.loc["gap", "difference"] == pytest.approx(gap) and table.loc["gap", "floor"] == 0
    assert table.loc["beyond", "difference"] == pytest.approx(gap - null_gap)
    added = gap * pie.mean() - null_gap * null.mean()
    assert table.loc["added", "difference"] == pytest.approx(added)
    assert (table["low"] < table["difference"]).all() and (
        table["difference"] < table["high"]
    ).all()
    assert np.allclose(table["se"], np.hypot(table["se_members"], table["se_sources"]))


def test_nothing_is_beyond_the_floor_where_nothing_is_compressed(image_world):
    generator = np.random.default_rng(5)
    missed = []
    for _ in range(40):
        world = image_world(generator, examples=500)
        given = populations(world, 8, compressed=False)
        table = exemplar_accuracy.gaps(**given, draws=40, seed=int(generator.integers(1000)))
        rows = table.set_index("quantity").loc[["beyond", "added"]]
        missed.append((rows["low"] > 0) | (rows["high"] < 0))
    assert np.mean(missed) <= 0.1


def test_copies_of_one_source_widen_the_interval(image_world):
    given = populations(image_world(np.random.default_rng(6), examples=400), 6)
    of_ten = given | {"source": np.arange(400) // 10}
    # Neighbours are alike only by chance here; ordered by difficulty they are.
    order = np.argsort((given["baseline"] == given["label"]).mean(axis=0), kind="stable")
    for name in ("label", "baseline", "second_baseline", "compressed"):
        of_ten[name] = given[name][..., order]
    single = exemplar_accuracy.gaps(**(of_ten | {"source": np.arange(400)}), draws=200, seed=0)
    clustered = exemplar_accuracy.gaps(**of_ten, draws=200, seed=0)
    assert (clustered["se_sources"] > 1.2 * single["se_sources"]).all()


def test_where_there_is_no_pie_there_is_no_gap_and_wrong_input_is_refused():
    label = np.tile([0, 1], 10)
    same = np.tile(label, (4, 1))
    given = {"label": label, "source": np.arange(20), "baseline": same, "second_baseline": same}
    table = exemplar_accuracy.gaps(**given, compressed=same, draws=5, seed=0).set_index("quantity")
    assert np.isnan(table.loc["gap", "difference"]) and table.loc["added", "difference"] == 0
    assert table["se"].isna().all() and table["low"].isna().all()
    with pytest.raises(UserError, match="differ in number"):
        exemplar_accuracy.gaps(**given, compressed=same[:3], draws=5, seed=0)
