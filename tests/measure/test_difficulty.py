"""Rates by kind and forgotten labels against loops, and their intervals by simulation."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import difficulty

KINDS = np.array(["plain", "corrupted", "two digits"])


def flawed_test(
    generator, sources=200, rates=(0.05, 0.3, 0.1), null_rates=(0.05, 0.2, 0.1), together=0.0
):
    """A plain image of each source, a flawed copy of every third; a source's examples are PIEs together with some probability."""
    source = np.concatenate(
        [np.arange(sources), np.arange(0, sources, 3), np.arange(1, sources, 3)]
    )
    kind = np.repeat([0, 1, 2], [sources, len(range(0, sources, 3)), len(range(1, sources, 3))])
    shared, own = generator.random((2, sources)), generator.random((2, len(source)))
    luck = np.where(generator.random(sources)[source] < together, shared[:, source], own)
    return {
        "kind": KINDS[kind],
        "source": source,
        "pie": luck[0] < np.array(rates)[kind],
        "null_pie": luck[1] < np.array(null_rates)[kind],
    }


def test_rates_by_kind_agree_with_a_loop():
    test = flawed_test(np.random.default_rng(0))
    table = difficulty.rates_by_kind(**test, draws=200, seed=0)
    assert list(table.kind) == ["plain", "corrupted", "two digits"]
    plain = test["pie"][test["kind"] == "plain"].mean()
    plain_null = test["null_pie"][test["kind"] == "plain"].mean()
    for row in table.itertuples():
        pies = [bool(p) for p, k in zip(test["pie"], test["kind"], strict=True) if k == row.kind]
        nulls = [
            bool(p) for p, k in zip(test["null_pie"], test["kind"], strict=True) if k == row.kind
        ]
        rate, null_rate = sum(pies) / len(pies), sum(nulls) / len(nulls)
        assert (row.n, row.sources) == (
            len(pies),
            len({s for s, k in zip(test["source"], test["kind"], strict=True) if k == row.kind}),
        )
        assert (row.rate, row.null_rate, row.difference) == pytest.approx(
            (rate, null_rate, rate - null_rate)
        )
        assert row.beyond == pytest.approx(rate - null_rate - (plain - plain_null))
        assert (row.ratio, row.null_ratio) == pytest.approx((rate / plain, null_rate / plain_null))
        assert row.low <= row.difference <= row.high
    assert table.iloc[0][
        ["beyond_low", "beyond_high", "ratio_low", "null_ratio_high"]
    ].isna().all() and set(table.resamples) == {"sources"}
    assert (table.beyond_low[1:] <= table.beyond[1:]).all() and (
        table.beyond[1:] <= table.beyond_high[1:]
    ).all()
    pd.testing.assert_frame_equal(table, difficulty.rates_by_kind(**test, draws=200, seed=0))


def test_the_order_of_examples_and_the_names_of_sources_do_not_matter():
    test = flawed_test(np.random.default_rng(1))
    order = np.random.default_rng(2).permutation(len(test["kind"]))
    other = {name: values[order] for name, values in test.items()}
    named = {**test, "source": np.array([f"image {source:04}" for source in test["source"]])}
    tables = [
        difficulty.rates_by_kind(**arrays, draws=50, seed=0) for arrays in (test, other, named)
    ]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])


def test_equal_pies_differ_in_no_kind():
    test = flawed_test(np.random.default_rng(3))
    table = difficulty.rates_by_kind(**{**test, "null_pie": test["pie"]}, draws=50, seed=0)
    assert (
        (table.difference == 0).all()
        and (table.beyond == 0).all()
        and np.allclose(table.ratio, table.null_ratio)
    )
    assert (table.low < 0).all() and (table.high > 0).all()


def test_the_intervals_over_sources_hold_the_true_difference():
    generator, held = np.random.default_rng(4), []
    for _ in range(150):
        table = difficulty.rates_by_kind(
            **flawed_test(generator, together=0.7), draws=200, seed=generator
        )
        held.append(
            [
                (table.low <= [0, 0.1, 0]) & (table.high >= [0, 0.1, 0]),
                (table.beyond_low <= [0, 0.1, 0]) & (table.beyond_high >= [0, 0.1, 0]),
            ]
        )
    held = np.mean(held, axis=0)
    assert (held[0] > 0.88).all() and (held[1][1:] > 0.88).all()


def test_where_no_example_of_a_kind_is_a_pie_the_interval_is_the_exact_binomial_one_and_not_a_point():
    test = flawed_test(np.random.default_rng(5), rates=(0.1, 0, 0.1), null_rates=(0.1, 0, 0.1))
    row = difficulty.rates_by_kind(**test, draws=100, seed=0).set_index("kind").loc["corrupted"]
    limit = 1 - 0.025 ** (1 / row.sources)
    assert (row.low, row.high) == pytest.approx(
        (-limit, limit)
    ) and row.beyond_low < -limit < limit < row.beyond_high


def test_a_ratio_to_a_reference_without_pies_is_infinite_and_warns_of_nothing():
    test = flawed_test(np.random.default_rng(6), rates=(0, 0.5, 0.1), null_rates=(0, 0, 0.1))
    table = difficulty.rates_by_kind(**test, draws=50, seed=0).set_index("kind")
    assert table.ratio["corrupted"] == np.inf and np.isnan(table.null_ratio["corrupted"])


def training(
    generator, examples=150, wrong=40, members=6, remembered=(0.9, 0.4), kept=(0.98, 0.97)
):
    """Training images of which the first `wrong` have a wrong label; dense and compressed members that remember some of them."""
    true = generator.integers(10, size=examples)
    given = np.where(np.arange(examples) < wrong, (true + 1) % 10, true)
    kind = np.where(np.arange(examples) < wrong, "wrong label", "plain")
    populations = []
    for memory, plain in zip(remembered, kept, strict=True):
        chance = np.where(np.arange(examples) < wrong, memory, plain)
        populations.append(
            np.where(
                generator.random((members, examples)) < chance, given, true if memory < 1 else given
            )
        )
        populations[-1] = np.where(
            (generator.random((members, examples)) > plain) & (given == true),
            (true + 5) % 10,
            populations[-1],
        )
    return {
        "kind": kind,
        "source": np.arange(examples),
        "given": given,
        "true": np.where(given == true, -1, true),
        "baseline": populations[0],
        "compressed": populations[1],
    }


def test_forgotten_labels_agree_with_a_loop():
    part = training(np.random.default_rng(7))
    table = difficulty.forgetting_of_labels(**part, draws=200, seed=0)
    assert len(table) == 2 * 2 * 2
    for row in table.itertuples():
        wanted = (
            part["given"]
            if row.label == "given"
            else np.where(part["true"] < 0, part["given"], part["true"])
        )
        of_kind = part["kind"] == row.kind
        shares = [
            np.mean(
                [
                    [p == w for p, w in zip(member[of_kind], wanted[of_kind], strict=True)]
                    for member in part[name]
                ]
            )
            for name in ("baseline", "compressed")
        ]
        assert (row.n, row.baseline_share, row.compressed_share) == pytest.approx(
            (of_kind.sum(), *shares)
        )
        assert (
            row.change == pytest.approx(shares[1] - shares[0]) and row.low <= row.change <= row.high
        )
    wrong = table[(table.kind == "wrong label")].set_index(["label", "resamples"])
    for resamples in ("members", "sources"):
        assert wrong.loc[("given", resamples), "high"] < 0 < wrong.loc[("true", resamples), "low"]
        assert wrong.loc[("given", resamples), "beyond_high"] < 0
    assert table[table.kind == "plain"].beyond_low.isna().all()


def test_members_that_forget_nothing_have_no_change():
    part = training(np.random.default_rng(8))
    table = difficulty.forgetting_of_labels(
        **{**part, "compressed": part["baseline"]}, draws=50, seed=0
    )
    assert (table.change == 0).all() and (table.beyond == 0).all()
    assert table[table.resamples == "sources"].low.isna().all()  # No image differs.


def test_wrong_input_is_refused_in_one_line_that_names_it():
    test = flawed_test(np.random.default_rng(13))
    for call, told in (
        (
            lambda: difficulty.rates_by_kind(**{**test, "reference": "clean"}, seed=0),
            "'clean'.*corrupted, plain, two digits",
        ),
        (
            lambda: difficulty.rates_by_kind(**{**test, "source": test["source"][1:]}, seed=0),
            "source has shape",
        ),
        (
            lambda: difficulty.rates_by_kind(**{**test, "pie": test["pie"].astype(int)}, seed=0),
            "pie holds int64",
        ),
        (lambda: difficulty.rates_by_kind(**test, alpha=2, seed=0), "alpha is 2"),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            call()
        assert "\n" not in str(refusal.value)


def test_with_halves_of_the_members_intervals_widen_by_their_spread_as_squares():
    generator = np.random.default_rng(21)
    kind = np.array(["plain", "odd"], dtype=object)[np.arange(400) % 2]
    given = {
        "kind": kind,
        "source": np.arange(400),
        "pie": generator.random(400) < 0.2,
        "null_pie": generator.random(400) / 5,
        "draws": 300,
        "seed": 0,
    }
    halves = generator.random((50, 400)) < 0.2, generator.random((50, 400)) / 5
    alone = difficulty.rates_by_kind(**given).set_index("kind")
    both = difficulty.rates_by_kind(**given, member_draws=halves).set_index("kind")
    drawn = [
        [(one - other)[kind == name].mean() for one, other in zip(*halves, strict=True)]
        for name in ("odd", "plain")
    ]
    se = np.std(np.subtract(*drawn), ddof=1)
    row, single = both.loc["odd"], alone.loc["odd"]
    assert row["se_members"] == pytest.approx(se) and single["se_members"] == 0
    margin = 1.959964 * se
    for end in ("beyond_low", "beyond_high"):
        width = np.hypot(single["beyond"] - single[end], margin)
        assert abs(row[end] - row["beyond"]) == pytest.approx(width, rel=1e-6)
    assert set(both["resamples"]) == {"both"} and set(alone["resamples"]) == {"sources"}


def test_a_share_of_splits_is_a_fraction():
    given = {"kind": ["plain"] * 3, "source": [0, 1, 2], "pie": [True, False, False]}
    with pytest.raises(UserError, match="null_pie goes from 0 to 2"):
        difficulty.rates_by_kind(**given, null_pie=[0, 1, 2], seed=0)
