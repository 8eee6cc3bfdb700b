"""What subsets of the members find: against the measures that they repeat, all pairs of subsets, and planted effects."""

from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import class_impact, exemplars, member_subsets, simulation

LABEL = np.repeat(np.arange(4), [30, 25, 20, 25])


def alike(members, seed, *, recall=(0.8, 0.7, 0.9, 0.6), **how):
    return simulation.population(label=LABEL, recall=recall, members=members, seed=seed, **how)


def naive_pies(first, second):
    return int(exemplars.find(baseline=first, compressed=second)["pie"].sum())


def test_the_pies_of_subsets_are_those_of_every_pair_of_subsets_and_the_excess_is_their_difference():
    baseline, again, compressed = (alike(4, seed) for seed in range(3))
    table = member_subsets.pies(
        baseline=baseline,
        second_baseline=again,
        compressed=compressed,
        sizes=[2, 4],
        draws=3000,
        seed=0,
    )
    at = table.set_index(["size", "measure", "quantity"])
    pool = np.concatenate([baseline, again])
    observed = [
        naive_pies(baseline[list(i)], compressed[list(j)])
        for i in combinations(range(4), 2)
        for j in combinations(range(4), 2)
    ]
    floor = [
        naive_pies(pool[list(i)], pool[list(j)])
        for i in combinations(range(8), 2)
        for j in combinations(range(8), 2)
        if not {*i} & {*j}
    ]
    for quantity, counts in (("observed", observed), ("floor", floor)):
        assert at.loc[(2, "pie", quantity), "mean"] == pytest.approx(
            np.mean(counts), abs=4 * np.std(counts) / np.sqrt(3000)
        )
        assert (
            min(counts)
            <= at.loc[(2, "pie", quantity), "low"]
            <= at.loc[(2, "pie", quantity), "high"]
            <= max(counts)
        )
    whole = naive_pies(baseline, compressed)
    assert (at.loc[(4, "pie", "observed"), ["mean", "low", "high"]] == whole).all()
    means = table.pivot(index=["size", "measure"], columns="quantity", values="mean")
    assert np.allclose(means["excess"], means["observed"] - means["floor"])


def test_subsets_of_all_members_say_of_classes_what_the_whole_populations_say():
    baseline, again, compressed = alike(6, 0), alike(6, 1), alike(6, 2, recall=(0.8, 0.5, 0.9, 0.7))
    verdicts = member_subsets.classes(
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
    shares = member_subsets.by_class(
        member_subsets.classes(**how, sizes=[3], draws=4000, seed=0)
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
        for rule, column in member_subsets.RULES.items():
            # The noise floor has more pairs than are tried here, so that its tolerance is wider.
            wanted = np.mean([table[column] for table in tables], axis=0)
            assert np.allclose(
                shares.loc[against, rule], wanted, atol=0.03 if against == "compressed" else 0.08
            )


def test_the_two_halves_of_a_draw_share_no_member_and_together_are_all():
    baseline, compressed = alike(8, 6), alike(8, 7)
    verdicts = member_subsets.classes(
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
    for column in member_subsets.RULES.values():
        verdicts[column] = generator.random(len(grid)) < 0.3
    reference = pd.DataFrame(
        {
            "relative_significant_holm": [True, False, True, True, False],
            "relative_change": [0.5, 0.1, -0.2, 1.0, 0.3],
        }
    )
    table = member_subsets.summary(verdicts, reference=reference).set_index(["rule", "quantity"])[
        "mean"
    ]
    for rule, column in member_subsets.RULES.items():
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
    verdicts = member_subsets.classes(
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
    table = member_subsets.summary(verdicts, reference=reference).set_index(
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
    verdicts = member_subsets.classes(
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
    table = member_subsets.summary(verdicts, reference=reference).set_index(
        ["against", "size", "rule", "quantity"]
    )["mean"]["compressed"]
    assert table[4, "Holm", "power"] < 0.5 < 0.9 < table[40, "Holm", "power"]
    assert table[4, "Holm", "exaggeration"] > 1.2 and table[
        40, "Holm", "exaggeration"
    ] == pytest.approx(1, abs=0.1)


def test_the_same_seed_gives_the_same_tables():
    how = {
        "baseline": alike(4, 28),
        "second_baseline": alike(4, 29),
        "compressed": alike(4, 30),
        "sizes": [2, 3],
        "draws": 5,
        "seed": 7,
    }
    for measure in (member_subsets.pies, partial(member_subsets.classes, label=LABEL)):
        pd.testing.assert_frame_equal(measure(**how), measure(**how))


def test_a_size_that_is_not_possible_is_named_in_one_line():
    three = {
        **dict.fromkeys(("baseline", "second_baseline", "compressed"), alike(3, 31)),
        "draws": 2,
        "seed": 0,
    }
    for call, told in (
        (
            lambda: member_subsets.pies(**three, sizes=[4]),
            "from 1 to 3, the members of the smallest population",
        ),
        (
            lambda: member_subsets.classes(label=LABEL, **three, sizes=[1]),
            "the size 1 is not possible",
        ),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            call()
        assert "\n" not in str(refusal.value)


def test_what_is_found_stands_beside_what_is_found_where_nothing_differs():
    three = {"baseline": alike(6, 40), "second_baseline": alike(6, 41)}
    compressed = np.where(LABEL == 2, 0, alike(6, 42))
    reference = class_impact.compare(label=LABEL, baseline=three["baseline"], compressed=compressed)
    how = {
        "label": LABEL,
        **three,
        "compressed": compressed,
        "sizes": [2, 6],
        "draws": 20,
        "seed": 0,
    }
    found = member_subsets.summary(member_subsets.classes(**how), reference=reference)
    found = found.set_index(["against", "quantity", "rule", "size"]).sort_index()
    table = member_subsets.side_by_side(found, rules=["Holm", "BH"]).set_index(["rule", "size"])
    assert table.index.tolist() == [("Holm", 2), ("Holm", 6), ("BH", 2), ("BH", 6)]
    assert table.loc[("Holm", 6), "found"] == reference["relative_significant_holm"].sum() >= 1
    for key, row in table.iterrows():
        for column, of, quantity in (
            ("found", "compressed", "classes"),
            ("any_false", "second_baseline", "any"),
        ):
            assert row[column] == found.loc[(of, quantity, *key), "mean"]
    assert np.isnan(table.loc[("Holm", 6), "overlap"])  # no two subsets of all share no member
