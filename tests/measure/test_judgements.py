"""Answers of people: rates by arm, intervals over pictures and people, agreement, power."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import judgements


def simulate(seed, *, triples=20, people=5, rates=(0.3, 0.3, 0.3), alike=0.3, strict=0.0):
    """Answers of a class: pictures differ (Beta), and so do people (a shift of the rate)."""
    generator = np.random.default_rng(seed)
    rows = []
    for arm, rate in zip(("pie", "floor", "matched"), rates, strict=True):
        share = (1 - alike) / alike
        chance = generator.beta(rate * share, (1 - rate) * share, triples)
        shift = np.random.default_rng([seed, 1]).normal(0, strict, people)
        yes = generator.random((people, triples)) < np.clip(chance + shift[:, None], 0, 1)
        places, of = np.tile(np.arange(triples), people), np.repeat(np.arange(people), triples)
        rows.append(
            pd.DataFrame({"annotator": of, "arm": arm, "triple": places, "yes": yes.ravel()})
        )
    table = pd.concat(rows, ignore_index=True)
    return table.assign(
        annotator=table["annotator"].map("P{}".format),
        image=table["arm"] + table["triple"].map("-{}".format),
    )


def compare(answers, **how):
    return judgements.rate_arms(answers, pairs=[("pie", "matched")], **how).iloc[0]


def test_rates_and_their_difference_are_those_of_a_plain_loop():
    answers = simulate(0).sample(frac=0.7, random_state=1)  # some are missing
    row = compare(answers)
    for arm, rate in (("pie", row["first_rate"]), ("matched", row["second_rate"])):
        said = [yes for of, yes in zip(answers["arm"], answers["yes"], strict=True) if of == arm]
        assert rate == pytest.approx(sum(said) / len(said))
    assert row["difference"] == pytest.approx(row["first_rate"] - row["second_rate"])
    assert row["low"] < row["difference"] < row["high"]


def test_nothing_depends_on_the_order_or_the_names_of_answers():
    answers = simulate(3)
    named = answers.sample(frac=1, random_state=0).assign(image=lambda t: t["image"] + "x")
    pd.testing.assert_series_equal(compare(answers), compare(named))


def test_equal_arms_differ_by_nothing():
    answers = simulate(1)
    same = answers[answers["arm"] == "pie"]
    row = compare(pd.concat([same, same.assign(arm="matched")]))
    assert row["difference"] == 0 and row["p"] == 1


def test_the_interval_counts_other_pictures_and_other_people():
    """Where people differ alone, more pictures do not make it narrow; its sd is that of the crossed design."""
    triples, people = 40, 6
    answers = simulate(5, triples=triples, people=people, rates=(0.5, 0.5, 0.5), alike=0.3)
    row = compare(answers, draws=4000)
    wide = {
        arm: answers[answers["arm"] == arm].pivot(index="annotator", columns="triple", values="yes")
        for arm in ("pie", "matched")
    }
    difference = wide["pie"].to_numpy(float) - wide["matched"].to_numpy(float)
    mean = difference.mean()
    residual = difference - difference.mean(axis=0) - difference.mean(axis=1, keepdims=True) + mean
    error = (residual**2).sum() / ((people - 1) * (triples - 1))
    of_triples = difference.mean(axis=0).var(ddof=1) / triples
    of_people = difference.mean(axis=1).var(ddof=1) / people
    # A product bootstrap counts the error of single answers three times.
    expected = of_triples + of_people + error / (people * triples)
    sd = (row["high"] - row["low"]) / (2 * 1.96)
    assert sd == pytest.approx(np.sqrt(expected), rel=0.15)


def test_without_a_difference_arms_are_called_different_as_often_as_promised():
    called = [compare(simulate(seed, people=3), draws=400)["p"] <= 0.05 for seed in range(100)]
    assert np.mean(called) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)


def test_few_triples_are_dealt_in_all_ways():
    answers = simulate(2, triples=3, people=1)
    yes = answers.assign(yes=answers["arm"] == "pie")
    assert compare(yes)["p"] == pytest.approx(2 / 2**3)


def test_power_is_what_a_simulation_finds():
    triples, people, alike, rate = 20, 5, 0.5, 0.2
    difference = judgements.smallest_difference(
        triples=triples, annotators=people, agreement=alike, rate=rate
    )
    found = [
        compare(
            simulate(
                s,
                triples=triples,
                people=people,
                rates=(rate + difference, rate, rate),
                alike=alike,
            ),
            draws=400,
        )["p"]
        <= 0.05
        for s in range(100)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.13)


def test_more_pictures_and_more_people_find_smaller_differences():
    table = judgements.power_table()
    assert len(table) == 12
    for alike in ("0.2", "0.5", "0.8"):
        wide = table.pivot(index="images", columns="annotators", values=alike).to_numpy()
        known = np.where(np.isnan(wide), 1, wide)
        assert (np.diff(known, axis=0) <= 0).all() and (np.diff(known, axis=1) <= 0).all()
    assert np.isnan(judgements.smallest_difference(triples=2, annotators=1, agreement=1.0))


@pytest.mark.parametrize("difference", [0.1, 0.2, 0.4, 0.8])
@pytest.mark.parametrize("people", [1, 25])
def test_as_many_pictures_are_needed_as_just_find_the_difference(difference, people):
    how = {"annotators": people, "agreement": 0.5}
    needed = judgements.pictures_needed(difference, **how)
    assert needed % 3 == 0
    triples = int(needed) // 3
    assert judgements.smallest_difference(triples=triples, **how) <= difference
    fewer = judgements.smallest_difference(triples=triples - 1, **how) if triples > 2 else np.nan
    assert np.isnan(fewer) or fewer > difference


def test_a_difference_that_cannot_be_is_refused_and_one_that_is_too_small_takes_too_many():
    assert np.isnan(judgements.pictures_needed(0.005, annotators=1, agreement=0.5))
    for difference in (0, -0.1, 0.9, 20):
        with pytest.raises(UserError, match=f"difference is {difference}: a share above 0"):
            judgements.pictures_needed(difference, annotators=1, agreement=0.5)


def naive_alpha(answers):
    """Krippendorff's alpha by its definition: pairs of answers within and over pictures."""
    groups = [list(part) for _, part in answers.groupby("image")["answer"] if len(part) > 1]
    values = [value for group in groups for value in group]
    within = sum(
        sum(a != b for place, a in enumerate(g) for other, b in enumerate(g) if place != other)
        / (len(g) - 1)
        for g in groups
    ) / len(values)
    over = sum(
        a != b for place, a in enumerate(values) for other, b in enumerate(values) if place != other
    ) / (len(values) * (len(values) - 1))
    return 1 - within / over


def test_agreement_is_krippendorffs_alpha():
    answers = simulate(4).assign(answer=lambda t: t["yes"].map({True: "yes", False: "no"}))
    answers = answers.sample(frac=0.6, random_state=0)
    found = judgements.agreement(answers, draws=200)
    assert found["alpha"] == pytest.approx(naive_alpha(answers))
    assert found["low"] <= found["alpha"] <= found["high"]
    alike = answers.assign(answer=answers["image"])
    assert judgements.agreement(alike, draws=10)["alpha"] == 1
    assert np.isnan(judgements.agreement(answers.assign(answer="no"), draws=10)["alpha"])


def test_too_few_answers_are_refused_in_one_line():
    with pytest.raises(UserError, match="at least 1 and 2 are needed"):
        compare(simulate(0, triples=1))
