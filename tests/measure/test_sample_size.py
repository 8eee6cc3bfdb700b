"""What K alone decides, and what subsets find: against enumeration, the measures that they repeat, simulation and planted effects."""

from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import (
    class_impact,
    exemplars,
    pie_detection,
    power,
    sample_size,
    simulation,
)

LABEL = np.repeat(np.arange(4), [30, 25, 20, 25])


def alike(members, seed, *, recall=(0.8, 0.7, 0.9, 0.6), **how):
    return simulation.population(label=LABEL, recall=recall, members=members, seed=seed, **how)


def naive_pies(first, second):
    return int(exemplars.find(baseline=first, compressed=second)["pie"].sum())


@pytest.mark.parametrize(("members", "others"), [(2, 2), (3, 3), (2, 4), (1, 5)])
def test_the_smallest_p_is_that_of_two_populations_whose_majorities_never_agree(members, others):
    # One image for each way in which a minority of each population sides with the other: a PIE of
    # the true deal, and of few others.
    away = [
        [set(some) for k in range((size + 1) // 2) for some in combinations(range(size), k)]
        for size in (members, others)
    ]
    images = [
        [i in one for i in range(members)] + [i not in other for i in range(others)]
        for one in away[0]
        for other in away[1]
    ]
    pool = np.array(images, dtype=int).T
    deals = [list(second) for second in combinations(range(members + others), others)]
    counts = np.array(
        [naive_pies(np.delete(pool, second, axis=0), pool[second]) for second in deals]
    )
    observed = naive_pies(pool[:members], pool[members:])
    assert observed == pool.shape[1] and np.mean(counts >= observed) == pytest.approx(
        sample_size.smallest_p(members, others)
    )
    assert sample_size.smallest_p(members) == sample_size.smallest_p(members, members)


def test_the_spread_of_a_mean_over_all_subsets_is_less_than_that_over_independent_sets_by_what_is_said():
    values = np.random.default_rng(0).normal(size=8)
    for size in (1, 3, 4, 8):
        means = [np.mean(some) for some in combinations(values, size)]
        assert np.std(means) == pytest.approx(
            sample_size.independence(size, 8) * values.std(ddof=1) / np.sqrt(size)
        )


def test_what_the_number_of_networks_decides_agrees_with_scipy_and_a_simulation_of_its_own():
    table = sample_size.rules(
        [2, 3, 5, 30], classes=10, alpha=0.05, draws=20_000, seed=0
    ).set_index("size")
    limits = table.loc[5, ["limit", "limit_worst", "limit_first"]].to_list()
    assert limits == pytest.approx(
        [stats.t.ppf(0.975, 8), stats.t.ppf(0.975, 4), stats.t.ppf(0.9975, 8)]
    )
    assert table["clear_votes"].to_list() == [2, 2, 4, 20] and table.loc[
        3, "smallest_p"
    ] == pytest.approx(0.1)
    one, other = np.random.default_rng(1).normal(size=(2, 3, 20_000))
    p = stats.ttest_ind(other + table.loc[3, "detectable"], one, equal_var=False).pvalue
    assert table.loc[3, "kept_power"] == pytest.approx((p <= 0.05).mean(), abs=0.015)
    assert table.loc[2, "level"] < 0.04 and table.loc[30, "level"] == pytest.approx(0.05, abs=0.006)
    assert table["kept_power"].is_monotonic_increasing and table.loc[
        30, "kept_power"
    ] == pytest.approx(0.8, abs=0.015)
    assert (
        table["detectable"].is_monotonic_decreasing
        and (table["detectable_first"] > table["detectable"]).all()
    )


def test_the_pies_of_subsets_are_those_of_every_pair_of_subsets_and_the_excess_is_their_difference():
    baseline, again, compressed = (alike(4, seed) for seed in range(3))
    table = sample_size.pies(
        baseline=baseline,
        second_baseline=again,
        compressed=compressed,
        sizes=[2, 4],
        draws=3000,
        seed=0,
    )
    at = table.set_index(["size", "measure", "quantity"])
    for quantity, other in (("observed", compressed), ("floor", again)):
        counts = [
            naive_pies(baseline[list(i)], other[list(j)])
            for i in combinations(range(4), 2)
            for j in combinations(range(4), 2)
        ]
        assert at.loc[(2, "pie", quantity), "mean"] == pytest.approx(
            np.mean(counts), abs=4 * np.std(counts) / np.sqrt(3000)
        )
        assert (
            min(counts)
            <= at.loc[(2, "pie", quantity), "low"]
            <= at.loc[(2, "pie", quantity), "high"]
            <= max(counts)
        )
        assert (
            at.loc[(4, "pie", quantity), ["mean", "low", "high"]] == naive_pies(baseline, other)
        ).all()
    means = table.pivot(index=["size", "measure"], columns="quantity", values="mean")
    assert np.allclose(means["excess"], means["observed"] - means["floor"])


def test_subsets_of_all_members_say_of_classes_what_the_whole_populations_say():
    baseline, again, compressed = alike(6, 0), alike(6, 1), alike(6, 2, recall=(0.8, 0.5, 0.9, 0.7))
    verdicts = sample_size.classes(
        label=LABEL,
        baseline=baseline,
        second_baseline=again,
        compressed=compressed,
        sizes=[6],
        draws=3,
        seed=0,
    )
    whole = class_impact.compare(label=LABEL, baseline=baseline, compressed=compressed)
    for _, some in verdicts[verdicts["against"] == "compressed"].groupby("draw"):
        for column in (
            "class",
            "relative_change",
            "relative_significant",
            "relative_significant_holm",
            "relative_significant_bh",
        ):
            assert np.allclose(some[column], whole[column])
    assert whole["relative_significant_holm"].any()


def test_subsets_find_classes_as_often_as_all_pairs_of_subsets_do():
    baseline, again, compressed = (
        alike(5, 3),
        alike(5, 4),
        alike(5, 5, recall=(0.8, 0.55, 0.9, 0.65)),
    )
    how = {"label": LABEL, "baseline": baseline, "second_baseline": again, "compressed": compressed}
    shares = sample_size.by_class(
        sample_size.classes(**how, sizes=[3], draws=4000, seed=0)
    ).set_index(["against", "class"])
    for against, pairs in {
        "compressed": [
            (baseline[list(i)], compressed[list(j)])
            for i in combinations(range(5), 3)
            for j in combinations(range(5), 3)
        ],
        "second_baseline": [
            (pool[list(i)], pool[[m for m in set(range(10)) - set(i)][:3]])
            for pool in [np.concatenate([baseline, again])]
            for i in combinations(range(10), 3)
        ],
    }.items():
        tables = [
            class_impact.compare(label=LABEL, baseline=one, compressed=other)
            for one, other in pairs
        ]
        for rule, column in sample_size.RULES.items():
            # The noise floor has more pairs than are tried here, so that its tolerance is wider.
            wanted = np.mean([table[column] for table in tables], axis=0)
            assert np.allclose(
                shares.loc[against, rule], wanted, atol=0.03 if against == "compressed" else 0.08
            )


def test_the_two_halves_of_a_draw_share_no_member_and_together_are_all():
    baseline, compressed = alike(8, 6), alike(8, 7)
    verdicts = sample_size.classes(
        label=LABEL,
        baseline=baseline,
        second_baseline=alike(8, 8),
        compressed=compressed,
        sizes=[4, 5],
        draws=20,
        seed=0,
    )
    four = verdicts[(verdicts["size"] == 4) & (verdicts["against"] == "compressed")]
    whole = class_impact.compare(label=LABEL, baseline=baseline, compressed=compressed)[
        "relative_change"
    ]
    assert np.allclose(four.groupby(["draw", "class"])["relative_change"].mean().unstack(), whole)
    assert set(verdicts.loc[verdicts["size"] == 5, "half"]) == {0}


def test_counts_powers_and_overlaps_of_classes_are_those_of_a_loop():
    generator = np.random.default_rng(9)
    grid = pd.MultiIndex.from_product(
        [[0, 1], range(30), range(5)], names=["half", "draw", "class"]
    ).to_frame(index=False)
    verdicts = grid.assign(
        against="compressed", size=4, relative_change=generator.normal(size=len(grid))
    )
    for column in sample_size.RULES.values():
        verdicts[column] = generator.random(len(grid)) < 0.3
    reference = pd.DataFrame(
        {
            "relative_significant_holm": [True, False, True, True, False],
            "relative_change": [0.5, 0.1, -0.2, 1.0, 0.3],
        }
    )
    table = sample_size.summary(verdicts, reference=reference).set_index(["rule", "quantity"])[
        "mean"
    ]
    for rule, column in sample_size.RULES.items():
        counts, powers, ratios, sets = [], [], [], {}
        for (half, draw), some in verdicts.groupby(["half", "draw"]):
            hit = set(some.loc[some[column], "class"])
            sets[half, draw] = hit
            counts.append(len(hit))
            powers.append(len(hit & {0, 2, 3}) / 3)
            if hit & {0, 2, 3}:
                ratios.append(
                    np.mean(
                        [
                            some.set_index("class")["relative_change"][c]
                            / reference["relative_change"][c]
                            for c in hit & {0, 2, 3}
                        ]
                    )
                )
        overlaps = [
            len(sets[0, d] & sets[1, d]) / len(sets[0, d] | sets[1, d])
            for d in range(30)
            if sets[0, d] | sets[1, d]
        ]
        wanted = {
            "classes": np.mean(counts),
            "any": np.mean(np.array(counts) > 0),
            "power": np.mean(powers),
            "exaggeration": np.mean(ratios),
            "overlap of disjoint": np.mean(overlaps),
        }
        assert table[rule].to_dict() == pytest.approx(wanted)


def test_with_no_class_to_be_found_there_is_no_power_and_false_calls_keep_the_level():
    baseline, again, compressed = (alike(20, seed) for seed in (10, 11, 12))
    verdicts = sample_size.classes(
        label=LABEL,
        baseline=baseline,
        second_baseline=again,
        compressed=compressed,
        sizes=[2, 5],
        draws=500,
        seed=0,
    )
    reference = class_impact.compare(label=LABEL, baseline=baseline, compressed=compressed).assign(
        relative_significant_holm=False
    )
    table = sample_size.summary(verdicts, reference=reference).set_index(
        ["against", "size", "rule", "quantity"]
    )["mean"]
    assert "power" not in table.index.get_level_values("quantity")
    for size in (2, 5):
        assert table["second_baseline", size, "Holm", "any"] < 0.08
        assert table["second_baseline", size, "uncorrected", "classes"] == pytest.approx(
            4 * 0.05, abs=0.12
        )


def test_a_class_found_by_few_networks_looks_more_harmed_than_it_is():
    baseline, again, compressed = (
        alike(100, 13),
        alike(100, 14),
        alike(100, 15, recall=(0.8, 0.6, 0.9, 0.6)),
    )
    verdicts = sample_size.classes(
        label=LABEL,
        baseline=baseline,
        second_baseline=again,
        compressed=compressed,
        sizes=[4, 40],
        draws=200,
        seed=0,
    )
    # What is to be found is class 1, which loses; the others gain a little against the whole.
    reference = class_impact.compare(label=LABEL, baseline=baseline, compressed=compressed).assign(
        relative_significant_holm=np.arange(4) == 1
    )
    table = sample_size.summary(verdicts, reference=reference).set_index(
        ["against", "size", "rule", "quantity"]
    )["mean"]["compressed"]
    assert table[4, "Holm", "power"] < 0.5 < 0.9 < table[40, "Holm", "power"]
    assert table[4, "Holm", "exaggeration"] > 1.2 and table[
        40, "Holm", "exaggeration"
    ] == pytest.approx(1, abs=0.1)


def test_the_power_told_from_large_populations_is_that_of_fresh_small_studies():
    n, lower = np.bincount(LABEL), {"recall": (0.8, 0.55, 0.9, 0.6)}
    told = sample_size.detectable(
        label=LABEL, baseline=alike(1000, 16), compressed=alike(1000, 17, **lower), sizes=[8]
    ).set_index("class")
    hits = [
        class_impact.correct_counts(LABEL, alike(8 * 1000, seed, **how), 4).reshape(8, 1000, 4)
        for seed, how in ((18, {}), (19, lower))
    ]
    found = class_impact.relative_test(*hits, n)[0].p <= 0.05
    assert np.allclose(found.mean(axis=0), told["chance"], atol=0.05) and told["chance"].max() > 0.6
    assert (told["detectable_first"] > told["detectable"]).all() and (
        n * told["relative_change"]
    ).sum() == pytest.approx(0, abs=1e-9)


def test_at_the_size_of_the_populations_the_standard_error_is_that_of_the_test():
    baseline, compressed = alike(12, 20), alike(12, 21, shared=0.05)
    whole = class_impact.compare(label=LABEL, baseline=baseline, compressed=compressed)
    table = sample_size.detectable(
        label=LABEL, baseline=baseline, compressed=compressed, sizes=[12, 48]
    )
    for column, theirs in (("se", "relative_se"), ("df", "relative_df"), ("relative_change",) * 2):
        assert np.allclose(table[column][:4], whole[theirs])
    assert np.allclose(table["se"][4:], whole["relative_se"] / 2)
    assert np.allclose(
        table["detectable"][:4],
        power.smallest_detectable(se=whole["relative_se"], df=whole["relative_df"]),
    )
    assert np.allclose(
        power.t_test_power(shift=table["detectable"] / table["se"], df=table["df"]), 0.8
    )


def test_a_class_that_never_varies_has_no_smallest_change():
    baseline = alike(5, 22)
    baseline[:, LABEL == 2] = 2
    table = sample_size.detectable(
        label=LABEL, baseline=baseline, compressed=baseline[::-1], sizes=[2, 5]
    ).set_index(["size", "class"])
    assert table.loc[(slice(None), 2), ["se", "detectable", "chance_first"]].isna().all(axis=None)
    assert table["detectable"].notna().sum() == 6


def test_the_readers_p_is_that_of_all_deals_where_they_are_few():
    baseline, compressed = alike(3, 23), alike(3, 24, recall=(0.6, 0.4, 0.9, 0.6))
    row = pie_detection.detection(
        baseline=baseline, compressed=compressed, sizes=[3], draws=2, seed=0
    ).iloc[0]
    pool = np.concatenate([baseline, compressed])
    counts = [
        naive_pies(pool[list(i)], np.delete(pool, list(i), axis=0))
        for i in combinations(range(6), 3)
    ]
    assert (
        row["all_deals"]
        and row["deals"] == 10
        and row["p"] == pytest.approx(np.mean(np.array(counts) >= naive_pies(baseline, compressed)))
    )


def test_a_reader_cannot_tell_populations_apart_below_the_smallest_p_and_rarely_tells_alike_ones():
    baseline, again, compressed = (
        alike(12, 25),
        alike(12, 26),
        alike(12, 27, recall=(0.2, 0.1, 0.2, 0.3)),
    )
    how = {"baseline": baseline, "sizes": [2, 3, 4, 6], "draws": 60, "deals": 199, "seed": 0}
    apart = pie_detection.detection(compressed=compressed, **how).set_index(["measure", "size"])
    assert (apart.loc["pie", "detected"] == [0, 0, 1, 1]).all()
    assert np.allclose(
        apart.loc["pie"]["p_low"][[2, 3, 4]], apart.loc["pie"]["smallest_p"][[2, 3, 4]]
    )
    same = pie_detection.detection(compressed=again, **how)
    assert (same["detected"] <= 0.15).all() and (same["p"] > 0.3).all()
    assert list(apart.loc["pie", "deals"]) == [3, 10, 35, 199] and list(
        apart.loc["pie", "all_deals"]
    ) == [True, True, True, False]


def test_the_same_seed_gives_the_same_tables():
    how = {
        "baseline": alike(4, 28),
        "second_baseline": alike(4, 29),
        "compressed": alike(4, 30),
        "sizes": [2, 3],
        "draws": 5,
        "seed": 7,
    }
    for measure in (sample_size.pies, partial(sample_size.classes, label=LABEL)):
        pd.testing.assert_frame_equal(measure(**how), measure(**how))


def test_a_mistake_is_named_in_one_line():
    baseline = alike(3, 31)
    three = {
        "baseline": baseline,
        "second_baseline": baseline,
        "compressed": baseline,
        "draws": 2,
        "seed": 0,
    }
    for call, told in (
        (lambda: sample_size.rules([1]), "the size 1 is not possible"),
        (
            lambda: sample_size.pies(**three, sizes=[4]),
            "from 1 to 3, the members of the smallest population",
        ),
        (
            lambda: sample_size.classes(label=LABEL, **three, sizes=[1]),
            "the size 1 is not possible",
        ),
        (
            lambda: pie_detection.detection(
                baseline=baseline, compressed=baseline, sizes=[2.5], seed=0
            ),
            "the size 2.5 is not possible",
        ),
        (lambda: sample_size.independence(4, 3), "the size 4 is not possible"),
        (lambda: sample_size.smallest_p(0), "members are 0 and 0"),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            call()
        assert "\n" not in str(refusal.value)
