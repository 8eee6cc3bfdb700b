"""Derived tables: computed where the data are, else read from the archive; equal to plain loops."""

import json
import re
import shutil
from dataclasses import asdict, fields

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forgetting import cli, data, derived, paths, predictions
from forgetting.book import execute
from forgetting.book.page import resolve_parameters
from forgetting.data import corruption, human
from forgetting.errors import DataNotFound, UserError
from forgetting.study import load_study

HUMAN = {"sparsity": 0.9, "members": 4, "draws": 100, "splits": 20, "seed": 0}
HUMAN_TABLES = [name for name in derived.TABLES if name.startswith("human-")]


def absent(*_, **__):
    raise DataNotFound("not here")


@pytest.fixture
def copied(smoke_home, tmp_path, monkeypatch):
    """The smoke study, trained, in a home of its own; nothing is archived yet."""
    shutil.copytree(smoke_home, tmp_path / "home")
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FORGETTING_ARCHIVE", str(tmp_path / "archive"))
    return load_study("smoke")


def test_each_table_is_read_by_its_page_alone_which_has_its_parameters_and_computes_none():
    text = {file.stem: file.read_text() for file in paths.notebooks.glob("*.md")}
    read = {
        page: set(re.findall(r'(?:derived\.table\(page\.study, |read\()\s*"([\w-]+)"', content))
        for page, content in text.items()
    }
    for name, table in derived.TABLES.items():
        assert [page for page, tables in read.items() if name in tables] == [table.page]
        kind = table.parameters
        required = {field.name for field in fields(kind) if not hasattr(kind, field.name)}
        assert required <= set(re.findall(r"^(\w+): \w+ = ", text[table.page], re.MULTILINE))
    assert set().union(*read.values()) == set(derived.TABLES)
    assert not any("keep_table" in content for content in text.values())


@pytest.mark.parametrize("name", ["tinted", "numbers", "fairface", "celeba"])
def test_what_a_study_has_no_data_for_is_left_out_of_its_archive_with_a_reason(name):
    study = load_study(name)
    for table in ("corruption-strength", *HUMAN_TABLES):
        page = resolve_parameters(derived.TABLES[table].page, study=name)
        kind = derived.TABLES[table].parameters
        parameters = kind(
            **{field.name: page[field.name] for field in fields(kind) if field.name in page}
        )
        with pytest.raises(DataNotFound, match=f"study {name}"):
            derived.TABLES[table].compute(study, parameters)


def test_a_table_is_computed_where_the_data_are_and_read_from_the_archive_where_they_are_not(
    copied, tmp_path, monkeypatch
):
    made = pd.DataFrame({"group": ["PIEs", "others"], "rate": [0.25, 0.125]})
    quality = derived.TABLES["image-qualities"]

    def tables(compute):
        table = derived.Table(quality.page, derived.StrengthParameters, compute)
        monkeypatch.setattr(derived, "TABLES", {"rates": table})

    tables(absent)
    assert derived.table(copied, "rates", severity=1, seed=0) is None
    tables(lambda study, parameters: made)
    pd.testing.assert_frame_equal(derived.table(copied, "rates", severity=1, seed=0), made)
    assert not (tmp_path / "home" / "tables").exists()
    derived.keep_all(copied, {quality.page: {"severity": 1, "seed": 0, "another": 3}})
    predictions.publish_study(copied)
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "nothing"))
    tables(absent)
    pd.testing.assert_frame_equal(derived.table(copied, "rates", severity=1, seed=0), made)
    pd.testing.assert_frame_equal(
        derived.table(copied, "rates", severity=1, seed=0, images=50), made
    )
    assert derived.table(copied, "rates", severity=2, seed=0) is None
    assert derived.table(copied, "rates", severity=1, seed=0, images=51) is None


@pytest.mark.parametrize(
    "name, given, words",
    [
        ("human-pie", {}, r"table 'human-pie' is unknown: .*did you mean 'human-pies'\?"),
        (
            "corruption-strength",
            {"severity": 3},
            "made with severity, seed, images, but .*severity",
        ),
        ("image-qualities", {"parts": "test"}, "made with part, but was asked for with parts"),
    ],
)
def test_an_unknown_table_or_parameter_is_refused_in_one_line(smoke, name, given, words):
    with pytest.raises(UserError, match=words):
        derived.table(smoke, name, **given)


def test_archiving_a_study_computes_its_tables_and_runs_no_notebook(
    copied, tmp_path, capsys, monkeypatch
):
    def refused(*_, **__):
        raise AssertionError("a notebook was run")

    monkeypatch.setattr(execute, "_run_cells", refused)
    cli.archive("smoke")
    lines = capsys.readouterr().err
    for name in HUMAN_TABLES:
        assert f"left out: table {name}: nobody was asked about the images of study smoke" in lines
    tables = json.loads((tmp_path / "archive" / "smoke" / "manifest.json").read_text())["tables"]
    strength = {"severity": 3, "seed": 3, "images": 50}
    assert {name: about["parameters"] for name, about in tables.items()} == {
        "corruption-strength": strength,
        "image-qualities": {"part": "test"},
    }
    made = derived.table(copied, "corruption-strength", severity=3, seed=3)
    pd.testing.assert_frame_equal(
        predictions.archived_table(copied, "corruption-strength", strength), made
    )


def test_a_level_that_the_study_lacks_is_left_out_and_said(copied):
    given = {
        "human-difficulty": HUMAN | {"sparsity": 0.7},
        "robustness": {"severity": 3, "seed": 3},
        "pie-characteristics": {},
    }
    left_out = derived.keep_all(copied, given)
    assert set(left_out) == set(HUMAN_TABLES)
    assert "set pages.human-difficulty.sparsity" in left_out["human-sets"]


def test_the_strength_of_corruptions_agrees_with_a_loop_over_images(smoke):
    test = predictions.load_study_dataset(smoke).test
    plain = [i for i in range(len(test)) if test.attributes["kind"].iloc[i] == "plain"]
    sample = test.images[plain[:: len(plain) // 50][:50]]
    strength = derived.table(smoke, "corruption-strength", severity=4, seed=7)
    strength = strength.set_index("corruption")["pixel_change"]
    counted = predictions.load_corruption_counts(smoke, "dense")["corruption"]
    assert set(strength.index) == set(counted) - {"none"}
    for name in ("fog", "shot_noise", "jpeg_compression"):
        after = corruption.corrupt(sample, name=name, severity=4, seed=7)
        differences = [
            abs(int(a) - int(b)) for a, b in zip(after.ravel(), sample.ravel(), strict=True)
        ]
        assert strength[name] == pytest.approx(sum(differences) / len(differences) / 255)


# Tables of people's answers, on predictions and answers that are made up.


def plurality(predicted):
    """The most frequent label of each example, -1 for a tie, by counting in a loop."""
    modes = []
    for column in predicted.T:
        values, counts = np.unique(column, return_counts=True)
        modes.append(values[counts.argmax()] if (counts == counts.max()).sum() == 1 else -1)
    return np.array(modes)


def pies(baseline, compressed):
    first, second = plurality(baseline), plurality(compressed)
    return (first != second) & (first >= 0) & (second >= 0)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A study of CIFAR-10 with its labels and predictions; they and the answers are random."""
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path / "given"))
    monkeypatch.setenv("FORGETTING_ARCHIVE", str(tmp_path / "archive"))
    chosen = load_study("smoke-cifar10").with_changes(members=4)
    rng = np.random.default_rng(0)
    labels = {"test": rng.integers(10, size=10_000), "train": rng.integers(10, size=50_000)}
    answers(tmp_path / "given", labels, rng)
    predicted = {}
    for setting in ("dense", "dense-again", "pruned-0.9"):
        for part, size in (("test", 300), ("train", 1000)):
            label = labels[part][:size].astype(np.int32)
            # As many examples are easy as are hard, alike for all members and settings.
            wrong = rng.random((4, size)) < np.linspace(0.05, 0.9, size)
            other = (label + rng.integers(1, 4, size=(4, size))) % 10
            predicted[setting, part] = np.where(wrong, other, label).astype(np.int32)
            for member, row in enumerate(predicted[setting, part]):
                sure = rng.random(size).astype(np.float32)
                columns = {"example": np.arange(size, dtype=np.int32), "label": label}
                columns |= {"predicted": row, "confidence": sure, "label_confidence": sure}
                about = {"seed": 0, "sparsity": 0.0, "bits": 32, "bytes": 1, "layers": []}
                about |= {"device": "cpu", "torch": "none"}
                predictions.write_predictions(
                    chosen, chosen.setting(setting), member, part, columns, about
                )
    return chosen, labels, predicted


def answers(folder, labels, rng):
    """Write CIFAR-10H, the label errors and CIFAR-10N as published, with random answers."""
    folder.mkdir()
    test, train = labels["test"], labels["train"]
    counts = rng.multinomial(7, np.full(10, 0.1), size=len(test))
    counts[np.arange(len(test)), test] += 42
    np.save(folder / human.COUNTS, counts)
    judged = {5: (3, 2, 0, 0), 40: (2, 0, 3, 0), 260: (0, 1, 0, 4), 9_000: (0, 1, 0, 4)}
    suspects = [
        {
            "id": i,
            "given_original_label": int(test[i]),
            "our_guessed_label": int(test[i] + 1) % 10,
            "mturk": dict(zip(human.JUDGEMENTS, votes, strict=True)),
        }
        for i, votes in judged.items()
    ]
    (folder / human.ERRORS).write_text(json.dumps(suspects))
    differs = rng.random((3, len(train))) < 0.3
    three = np.where(differs, (train + rng.integers(1, 10, size=differs.shape)) % 10, train)
    worse = three[(three != train).argmax(axis=0), np.arange(len(train))]
    arrays = {"clean_label": train, "aggre_label": three[0], "worse_label": worse}
    np.savez(folder / human.NOISY[1], **arrays, **dict(zip(human.THREE, three, strict=True)))


def test_counts_of_what_people_were_asked_agree_with_loops(asked):
    chosen, labels, _ = asked
    number = derived.table(chosen, "human-sets", **HUMAN).set_index("what")["number"]
    counts = np.load(paths.data() / human.COUNTS)[:300]
    held = np.load(paths.data() / human.NOISY[1])
    assert number["test pictures"] == 300 and number["training pictures"] == 1000
    assert number["labels that people gave to these"] == sum(int(row.sum()) for row in counts)
    assert number["test pictures that all people call the same"] == sum(
        int(row.max() == row.sum()) for row in counts
    )
    assert number["test labels that looked wrong and were judged"] == 3
    assert number["of these, not confirmed by most judges"] == 2
    differ = [sum(held[name][i] != labels["train"][i] for name in human.THREE) for i in range(1000)]
    for many in range(4):
        assert number[f"of these, {many} of 3 people give another label"] == differ.count(many)


def test_pies_compared_with_other_images_agree_with_loops(asked):
    chosen, labels, predicted = asked
    dense, pruned = predicted["dense", "test"], predicted["pruned-0.9", "test"]
    counts = np.load(paths.data() / human.COUNTS)[:300]
    entropy = np.array([stats.entropy(row, base=2) for row in counts])
    accuracy = counts[np.arange(300), labels["test"][:300]] / counts.sum(axis=1)
    error = np.isin(np.arange(300), [40, 260])
    outcomes = {"entropy": entropy, "accuracy": accuracy, "error": error}
    picked = {0.9: pies(dense, pruned), None: pies(dense[:2], dense[2:])}
    assert all(mask.sum() > 3 for mask in picked.values())

    compared = derived.table(chosen, "human-pies", **HUMAN)
    rest = compared[compared["control"] == "the rest"]
    for level, group in ((0.9, "PIEs"), (None, "null PIEs")):
        rows = rest[rest["group"] == group].set_index("outcome")
        assert rows["sparsity"].isna().all() if level is None else (rows["sparsity"] == level).all()
        for outcome, values in outcomes.items():
            assert rows.loc[outcome, "mean_picked"] == pytest.approx(values[picked[level]].mean())
            assert rows.loc[outcome, "mean_others"] == pytest.approx(values[~picked[level]].mean())
    assert set(compared["group"]) >= {"PIEs", "null PIEs"}
    p = compared["p"].to_numpy()
    order, holm, highest = np.argsort(p, kind="stable"), np.empty(len(p)), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1, (len(p) - rank) * p[i]))
        holm[i] = highest
    assert compared["p_holm"].to_numpy() == pytest.approx(holm)

    again = predicted["dense-again", "test"]
    votes = np.sort([[(again[:, i] == c).sum() for c in range(10)] for i in range(300)], axis=1)
    margin = (votes[:, -1] - votes[:, -2]) / 4
    table = derived.table(chosen, "human-margin", **HUMAN)
    assert (table.groupby("outcome")["n"].sum() == 300).all() and set(table["sparsity"]) == {0.9}
    for side in (True, False):
        some = (margin >= 0.4) & (margin < 0.6) & (picked[0.9] == side)
        row = table[
            (table["margin_low"] == 0.4)
            & (table["picked"] == side)
            & (table["outcome"] == "accuracy")
        ].iloc[0]
        assert row["n"] == some.sum() and row["mean"] == pytest.approx(accuracy[some].mean())

    balance = derived.table(chosen, "human-balance", **HUMAN).set_index(["group", "covariate"])
    right = (again == labels["test"][:300]).mean(axis=0)
    for level, group in ((0.9, "PIEs"), (None, "null PIEs")):
        row, mask = balance.loc[(group, "right")], picked[level]
        assert row["mean_picked"] == pytest.approx(right[mask].mean())
        assert row["mean_rest"] == pytest.approx(right[~mask].mean())
        assert balance.loc[(group, "margin"), "after"] == pytest.approx(0, abs=1e-12)


def test_what_pies_have_beyond_the_noise_floor_has_a_row_for_each_comparison(asked):
    chosen, _, _ = asked
    beyond = derived.table(chosen, "human-beyond", **HUMAN)
    assert list(beyond["setting"].unique()) == ["pruned-0.9"] and len(beyond) == 2 * 2 * 3
    assert (beyond["members"] == 2).all() and (beyond["draws"] <= HUMAN["splits"]).all()
    compared = beyond[beyond["draws"] > 0]
    difference = compared["difference"] - compared["null_difference"]
    assert compared["beyond"].to_numpy() == pytest.approx(difference.to_numpy())


def test_labels_lost_agree_with_loops(asked):
    chosen, labels, predicted = asked
    held, label = np.load(paths.data() / human.NOISY[1]), labels["train"][:1000]
    wrong = np.sum([held[name][:1000] != label for name in human.THREE], axis=0)
    lost = derived.table(chosen, "human-mislabelled", **HUMAN)
    assert list(lost["setting"].unique()) == ["pruned-0.9", "dense-again"]
    for setting in ("pruned-0.9", "dense-again"):
        for many in range(4):
            some = wrong == many
            for which, wanted in (("given", label), ("true", held["worse_label"][:1000])):
                if which == "true" and not many:
                    continue
                rows = lost[
                    (lost["setting"] == setting)
                    & (lost["kind"] == f"{many} of 3")
                    & (lost["label"] == which)
                ]
                for column, of in (("dense", "dense"), ("compressed", setting)):
                    share = (predicted[of, "train"][:, some] == wanted[some]).mean()
                    assert rows[column].to_numpy() == pytest.approx(share)
    alike = derived.table(chosen, "human-mislabelled-alike", **HUMAN)
    right = {
        setting: (predicted[setting, "train"] == label).mean(axis=0)
        for setting in ("dense", "pruned-0.9")
    }
    right["dense-again"] = (predicted["dense-again", "train"][2:] == label).mean(axis=0)
    for setting in ("pruned-0.9", "dense-again"):
        change = right[setting] - right["dense"]
        rows = alike[(alike["setting"] == setting) & (alike["control"] == "the rest")]
        for many in (1, 2, 3):
            row = rows[rows["wrong"] == many].iloc[0]
            assert row["change"] == pytest.approx(change[wrong == many].mean())
            assert row["change_others"] == pytest.approx(change[wrong == 0].mean())


def test_more_members_than_the_study_has_are_its_members(asked):
    chosen, _, _ = asked
    many, four = (derived.table(chosen, "human-balance", **HUMAN | {"members": n}) for n in (20, 4))
    pd.testing.assert_frame_equal(many, four)


def test_without_answers_or_a_trained_part_there_is_no_table(asked, monkeypatch):
    chosen, _, _ = asked
    assert derived.table(load_study("smoke"), "human-sets", **HUMAN) is None
    assert derived.table(chosen, "human-mislabelled-alike", **HUMAN | {"members": 2}) is None
    settings = chosen.settings.model_copy(update={"predict_training": ()})
    untrained = chosen.model_copy(update={"settings": settings})
    assert derived.table(untrained, "human-mislabelled", **HUMAN) is None
    monkeypatch.delenv("FORGETTING_DATA")
    assert derived.table(chosen, "human-sets", **HUMAN) is None


# The published archive.

PUBLISHED = {
    "image-qualities": {},
    "corruption-strength": {"severity": 3, "seed": 3},
    **dict.fromkeys(HUMAN_TABLES, HUMAN | {"members": 20, "draws": 1000, "splits": 250}),
}


@pytest.mark.parametrize("name", derived.TABLES)
def test_the_published_tables_are_read_where_the_data_are_not(name, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    monkeypatch.setattr(data, "load_dataset", absent)
    for reader in ("load_cifar10h", "load_label_errors", "load_cifar10n"):
        monkeypatch.setattr(human, reader, absent)
    chosen, table = load_study("cifar10-narrow"), derived.TABLES[name]
    given = resolve_parameters(table.page, study="cifar10-narrow")
    wanted = {field.name for field in fields(table.parameters)}
    given = {key: value for key, value in given.items() if key in wanted}
    assert given == PUBLISHED[name], "the page asks for other parameters than were published"
    parameters = asdict(table.parameters(**given))
    published = predictions.archived_table(chosen, name, parameters)
    assert published is not None
    read = derived.table(chosen, name, **given)
    if name == "human-balance":  # made of predictions alone, whose confidences are rounded there
        pd.testing.assert_frame_equal(read, published, atol=2e-4)
    else:
        pd.testing.assert_frame_equal(read, published)


# Confidences are rounded in the archive, so what rests on them is equal up to that. With fewer
# draws the intervals are not compared.
FEW = {"human-pies": {"draws": 100}, "human-mislabelled-alike": {"draws": 100}}


@pytest.mark.parametrize("name", [name for name in derived.TABLES if name != "human-beyond"])
def test_the_published_tables_are_what_the_data_give(name, monkeypatch, tmp_path):
    chosen, given = load_study("cifar10-narrow"), PUBLISHED[name]
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    try:
        made = derived.TABLES[name].compute(
            chosen, derived.TABLES[name].parameters(**given | FEW.get(name, {}))
        )
    except DataNotFound as missing:
        pytest.skip(str(missing))
    published = predictions.archived_table(
        chosen, name, asdict(derived.TABLES[name].parameters(**given))
    )
    resampled = ["low", "high", "p", "p_holm"] if name in FEW else []
    pd.testing.assert_frame_equal(
        made.drop(columns=resampled, errors="ignore"),
        published.drop(columns=resampled, errors="ignore"),
        check_exact=False,
        atol=2e-4,
    )
