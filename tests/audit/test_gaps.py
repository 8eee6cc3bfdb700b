"""Gaps in an audit: what widened is said first and noise is not; floors, clusters, calibration."""

import re

import numpy as np
import pandas as pd
import pytest

from forgetting.audit import audit_predictions
from forgetting.audit.first_sentences import END, MOST
from forgetting.audit.report import report_page
from forgetting.audit.report_gaps import from_behind, gaps_table
from forgetting.errors import UserError
from forgetting.measure import calibration, gaps, sets

NAMES = np.array(["not", "sick"])
EXAMPLES = 1600


class World:
    """Half of the examples of site a, a quarter sick; the compressed models miss more of them."""

    def __init__(self, seed, members=6):
        self.generator, self.members = np.random.default_rng(seed), members
        self.label = (self.generator.random(EXAMPLES) < 0.25).astype(int)
        self.groups = pd.DataFrame(
            {
                "example": np.arange(EXAMPLES),
                "site": self.generator.choice(["a", "b"], EXAMPLES),
                "sex": self.generator.choice(["F", "M"], EXAMPLES),
            }
        )

    def population(self, *, missed=0.0):
        """Predictions that are wrong in 10 %, and miss more of the sick at site a."""
        harmed = (self.label == 1) & (self.groups["site"] == "a").to_numpy()
        chance = self.generator.random((self.members, EXAMPLES))
        return np.where(chance < 0.1 + missed * harmed, 1 - self.label, self.label)

    def frame(self, setting, predicted, **columns):
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "setting": setting,
                        "member": f"{setting}{k}",
                        "example": np.arange(EXAMPLES),
                        "label": NAMES[self.label],
                        "predicted": NAMES[row],
                    }
                ).assign(**{name: values[k] for name, values in columns.items()})
                for k, row in enumerate(predicted)
            ]
        )


def run(tables, world, **options):
    options = {"positive": "sick", "draws": 20, "groups": world.groups} | options
    return audit_predictions(tables, baseline="dense", **options)


def audited(seed, *, members=6, missed=0.0, again=False, **options):
    world = World(seed, members)
    tables = [world.frame("dense", world.population())]
    tables += [world.frame("dense-again", world.population())] if again else []
    tables.append(world.frame("small", world.population(missed=missed)))
    return run(tables, world, **options)


CLAIM = re.compile(r"^The gap of .* (widened|narrowed|turned round)")


@pytest.mark.parametrize(("members", "audits"), [(1, 20), (6, 20)])
def test_noise_is_claimed_in_few_audits(members, audits):
    claims = sum(
        any(CLAIM.match(line) for line in audited(seed, members=members).summary["sentences"])
        for seed in range(audits)
    )
    assert claims <= 0.05 * audits + 3 * np.sqrt(0.05 * 0.95 * audits)


@pytest.mark.parametrize("members", [1, 6])
def test_a_gap_that_widened_is_in_the_first_sentence_and_its_certainty_with_it(members):
    found = 0
    for seed in range(5):
        first = audited(seed, members=members, missed=0.3).summary["sentences"][0]
        found += first.startswith(
            "The gap of misses (false-negative rate) between site=a and site=b widened with small"
        ) or first.startswith(
            "The gap of misses (false-negative rate) between site=a and site=b turned round"
        )
    assert found >= 4


def test_the_first_sentence_states_the_floor_and_other_settings():
    world = World(1)
    tables = [
        world.frame(name, world.population(missed=missed))
        for name, missed in (("dense", 0), ("dense-again", 0), ("mild", 0.02), ("harsh", 0.4))
    ]
    result = run(tables, world)
    first = result.summary["sentences"][0]
    assert "between site=a and site=b" in first and "with harsh" in first
    assert "where chance alone, between dense and dense-again, gave" in first
    assert re.search(r"It changed with mild by .*, which is not certain\.$", first)
    harsh = next(s for s in result.summary["settings"] if s["setting"] == "harsh")
    (headline,) = [row for row in harsh["gaps"] if row["metric"] == "fnr"]
    assert headline["certain"] and headline["group"].startswith("site=")
    metrics = [row["metric"] for row in harsh["gaps"]]
    assert metrics == ["fnr", "fpr", "error"]  # One headline a rate.
    mild = next(s for s in result.summary["settings"] if s["setting"] == "mild")
    assert any("is shown to have changed" in line for line in mild["sentences"]["gaps"])


def test_gaps_are_those_of_the_measure_each_kind_corrected_for_itself():
    world = World(2)
    sides = {name: world.population() for name in ("dense", "dense-again", "small")}
    result = run([world.frame(name, side) for name, side in sides.items()], world)
    attributes = world.groups.drop(columns="example").astype("category")
    for intersection, size in ((False, 1), (True, 2)):
        wanted = gaps.compare(
            sets.groups(attributes, label=world.label, positive=1, together=[size]),
            label=world.label,
            baseline=sides["dense"],
            compressed=sides["small"],
            second_baseline=sides["dense-again"],
            positive=1,
        )
        rows = result.gaps[result.gaps.intersection == intersection].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows[wanted.columns], wanted)


def test_classes_and_groups_carry_the_change_between_two_baselines():
    world = World(3)
    sides = {name: world.population() for name in ("dense", "dense-again", "small")}
    tables = [world.frame(name, side) for name, side in sides.items()]
    result = run(tables, world)
    # Under another name the second baseline is a setting like any other.
    other = run([tables[0], world.frame("other", sides["dense-again"]), tables[2]], world)
    for name in ("classes", "groups"):
        table, floor = result.tables()[name], other.tables()[name]
        floor = floor[floor.setting == "other"].reset_index(drop=True)
        for mine, theirs in (("change", "change"), ("low", "change_low"), ("high", "change_high")):
            np.testing.assert_allclose(table[f"floor_{mine}"], floor[theirs])
        assert other.tables()[name].floor_change.isna().all()
    assert result.judge("any class: floor_low > -1").code == 3


def test_groups_are_corrected_by_rate_and_intersections_apart():
    result = audited(4)
    for _, rows in result.groups.groupby(["metric", "intersection"]):
        tested = rows[rows.reason == ""]
        assert tested.p_holm.min() == pytest.approx(min(1, len(tested) * tested.p.min()))
    kinds = result.groups.intersection.to_numpy()
    assert not kinds[: (~kinds).sum()].any() and kinds[(~kinds).sum() :].all()
    assert result.groups["group"].str.contains(" & ").tolist() == kinds.tolist()


def test_three_rates_are_never_ranked_against_each_other():
    result = audited(5, missed=0.4)
    text = " ".join(result.summary["sentences"])
    assert "Of the rates of groups that lost significantly" not in text
    for line in result.summary["sentences"]:
        rates = set(re.findall(r"its (error|false-negative|false-positive) rate", line))
        assert len(rates) <= 1, line
        assert not re.search(r"\((\S+ rate)\) \(its \1", line), line


@pytest.mark.parametrize("settings", [1, 2, 9])
@pytest.mark.parametrize("members", [1, 3])
def test_at_most_a_dozen_sentences_come_first(settings, members):
    world = World(6, members)
    tables = [world.frame("dense", world.population()), world.frame("again", world.population())]
    tables += [world.frame(f"s{k}", world.population(missed=0.4)) for k in range(settings)]
    result = run(tables, world, second_baseline="again")
    first = result.summary["first"]
    assert 3 < sum(len(END.findall(line)) for line in first) <= MOST
    assert result.summary["sentences"][: len(first)] == first
    page = report_page(result)
    shown = page[: page.index("</table>")]
    assert all(line.split("(")[0][:60] in shown.replace("\u00a0", " ") for line in first[:2])


def test_whether_models_are_copies_is_asked_at_the_top_and_answered_by_an_option():
    world = World(7)
    dense = world.population()
    copies = np.where(world.generator.random(dense.shape) < 0.02, 1 - dense, dense)
    tables = [
        world.frame(name, side).assign(member=lambda t: t.member.str[-1])
        for name, side in (("dense", dense), ("int8", copies))
    ]
    result, answered = run(tables, world), run(tables, world, paired=True)
    (question,) = result.summary["questions"]
    assert question.startswith("Are these copies made from one another?")
    assert "int8" in question and "--paired" in question and answered.summary["questions"] == []
    page = report_page(result)
    assert page.index("Are these copies") < page.index("<h2")
    assert answered.overall.design.tolist() == ["paired populations"]


def test_members_of_other_names_ask_nothing():
    assert audited(8).summary["questions"] == []


def test_intervals_of_gaps_go_by_the_sources_of_examples():
    world = World(9, members=1)
    world.groups["patient"] = np.arange(EXAMPLES) // 4
    sides = {name: world.population() for name in ("dense", "small")}
    tables = [world.frame(name, side) for name, side in sides.items()]
    result = run(tables, world, cluster="patient")
    assert set(result.gaps.attribute) == {"site", "sex", "site & sex"}
    assert set(result.gaps.resamples) == {"clusters"}
    wanted = gaps.compare(
        sets.groups(
            world.groups[["site", "sex"]].astype("category"),
            label=world.label,
            positive=1,
            together=[1],
        ),
        label=world.label,
        baseline=sides["dense"],
        compressed=sides["small"],
        positive=1,
        cluster=np.arange(EXAMPLES) // 4,
    )
    rows = result.gaps[~result.gaps.intersection].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows[wanted.columns], wanted)
    for name in ("overall", "classes", "groups"):
        assert set(result.tables()[name].resamples) == {"clusters"}
    assert "clusters" not in report_page(result)  # A word of the tables.
    world.groups.loc[3, "patient"] = np.nan
    with pytest.raises(UserError, match=r"column 'patient': 1 of 1,600 examples without a value"):
        run(tables, world, cluster="patient")
    with pytest.raises(UserError, match="no column 'doctor'"):
        run(tables, world, cluster="doctor")


@pytest.mark.parametrize("members", [1, 4])
def test_calibration_of_groups_agrees_with_a_plain_loop(members):
    world, columns = World(10, members), {}
    sides = {name: world.population() for name in ("dense", "dense-again", "small")}
    for name in sides:
        columns[name] = world.generator.uniform(0.5, 1, (members, EXAMPLES)).astype(np.float32)
    tables = [world.frame(name, side, confidence=columns[name]) for name, side in sides.items()]
    result = run(tables, world)
    assert list(result.calibration.attribute) == ["", "site", "site", "sex", "sex"]
    for row in result.calibration.itertuples():
        inside = np.ones(EXAMPLES, bool)
        if row.attribute:
            inside = (world.groups[row.attribute] == row.group.split("=")[1]).to_numpy()
        for name, shown in (("dense", row.baseline_error), ("small", row.compressed_error)):
            errors = []
            for sure, side in zip(columns[name], sides[name], strict=True):
                sure, right = sure[inside].astype(float), (side == world.label)[inside]
                bins = np.minimum(sure * 10, 9).astype(int)
                errors.append(
                    sum(
                        abs(sure[bins == k].mean() - right[bins == k].mean()) * (bins == k).mean()
                        for k in np.unique(bins)
                    )
                )
            assert shown == pytest.approx(np.mean(errors), abs=1e-6)
        assert row.low < row.change < row.high and row.floor_low < row.floor_change
    assert "How far confidence can be trusted in each group" in report_page(result)
    assert audited(10).calibration.empty


def test_a_confidence_that_is_the_rate_is_calibrated_and_one_that_is_not_is_off_by_the_distance():
    label = np.zeros(4000, dtype=int)
    some = sets.groups(
        pd.DataFrame({"half": pd.Categorical(np.arange(4000) % 2)}), label=label, together=[1]
    )
    right = np.random.default_rng(0).random((3, 4000)) < 0.8
    for sure, error in ((0.8, 0.0), (0.95, 0.15)):
        found = calibration.calibration_error(
            some, right=right, confidence=np.full((3, 4000), sure)
        )
        assert found == pytest.approx(error, abs=0.02) and found.shape == (3, 2)


def test_tasks_without_a_positive_label_keep_their_gaps_in_a_table():
    result = audited(11, positive=None)
    assert set(result.gaps.metric) == {"error"} and result.summary["settings"][0]["gaps"] == []
    assert "Gaps between groups" in report_page(result)
    assert result.judge("any gap: gap_change_high > 0.5").code == 0


def test_tables_tell_the_gap_of_two_groups_from_the_side_that_fell_behind():
    rows = audited(12, again=True).gaps
    told = from_behind(rows)
    two = rows.reference != gaps.REST
    assert (told.gap_change[two] >= 0).all() and (rows.gap_change[two] < 0).any()
    pd.testing.assert_frame_equal(told[~two], rows[~two])
    width = {stem: rows[f"{stem}_high"] - rows[f"{stem}_low"] for stem in ("floor", "simultaneous")}
    for stem, wanted in width.items():
        np.testing.assert_allclose(told[f"{stem}_high"] - told[f"{stem}_low"], wanted)
    np.testing.assert_allclose(told.gap_compressed - told.gap_baseline, told.gap_change)
    np.testing.assert_array_equal(told.n + told.n_reference, rows.n + rows.n_reference)


def test_the_sentence_on_two_attributes_says_which_rows_of_its_table_it_does_not_count():
    result = audited(3, missed=0.2)
    both = result.gaps[result.gaps["intersection"]]
    counted = both[(both["reason"] == "") & (both["metric"] != "called")]
    called, untested = (both["metric"] == "called").sum(), (both["reason"] != "").sum()
    assert called and not untested
    sentences = " ".join(result.summary["settings"][0]["sentences"]["gaps"])
    assert f"Of {len(counted)} gaps of groups by two attributes" in sentences
    assert f"(not counted: {called} of the share predicted positive)." in sentences
    table = gaps_table(both, most=100)
    assert len(table.cells) == len(counted) + called


@pytest.mark.parametrize("members", [1, 6])
def test_an_interval_over_other_examples_too_has_a_column_where_there_is_one(members):
    gaps_of = audited(4, members=members, missed=0.2).gaps
    headings = [column.heading for column in gaps_table(gaps_of, most=100).columns]
    assert ("Interval over other examples too" in headings) == (members > 1)
