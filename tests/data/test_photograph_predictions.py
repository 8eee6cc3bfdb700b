"""Predictions of published networks: the archive, and what it is made from."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from forgetting import paths
from forgetting.data import photograph_predictions as published
from forgetting.data.photographs import load_photographs
from forgetting.errors import CorruptFile, DataNotFound, UserError


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Another archive, to be filled by the test."""
    monkeypatch.setenv("FORGETTING_ARCHIVE", str(tmp_path))
    published.load_predictions.cache_clear()
    yield tmp_path / published.FOLDER
    published.load_predictions.cache_clear()


def test_each_copy_saw_each_test_photograph_once_under_its_own_label():
    test = load_photographs().test
    settings = {
        published.PHOTOGRAPHS: [
            published.DENSE,
            *published.COMPRESSED,
            published.DENSE_ELSEWHERE,
        ],
        published.LARGER: list(published.LARGER_SETTINGS),
    }
    for name, expected in settings.items():
        table = published.load_predictions(name)
        assert table["setting"].unique().tolist() == expected
        for _, rows in table.groupby("setting"):
            assert rows["example"].tolist() == test["image"].tolist()
            assert rows["label"].tolist() == test["name"].tolist()
        assert table["confidence"].between(0, 1).all() and table["confidence"].dtype == np.float32
        assert set(table["predicted"]) <= set(load_photographs().classes["name"])


def test_the_dense_network_has_nearly_everywhere_one_label_in_both_runtimes():
    table = published.load_predictions(published.PHOTOGRAPHS)
    answers = table.pivot(index="example", columns="setting", values="predicted")
    assert (answers[published.DENSE] == answers[published.DENSE_ELSEWHERE]).mean() > 0.995


def test_mlperf_tinys_networks_are_as_accurate_as_they_were_published():
    table = published.load_predictions(published.TINY)
    right = (table["label"] == table["predicted"]).groupby(table["setting"]).mean()
    assert right.round(4).to_dict() == {
        "resnet8_fp32": 0.8721,
        "resnet8_int8": 0.8699,
        "resnet8_large_fp32": 0.9130,
        "resnet8_large_int8": 0.9134,
    }
    assert (table.groupby("setting")["label"].value_counts() == 1000).all()


def test_the_archive_is_small():
    files = list((paths.archive() / published.FOLDER).iterdir())
    assert sum(file.stat().st_size for file in files) < 5e6


def test_an_archive_that_is_missing_damaged_or_not_whole_is_refused(elsewhere):
    with pytest.raises(DataNotFound, match="tiny.parquet is not here"):
        published.load_predictions(published.TINY)
    elsewhere.mkdir()
    file = elsewhere / f"{published.TINY}.parquet"
    file.write_bytes(b"no table")
    with pytest.raises(CorruptFile, match="is damaged"):
        published.load_predictions(published.TINY)
    rows = [{"setting": one, "example": n} for one, n in (("a", "0"), ("a", "1"), ("b", "0"))]
    pd.DataFrame(rows).to_parquet(file)
    with pytest.raises(CorruptFile, match="lacks pictures of some"):
        published.load_predictions(published.TINY)


def test_predictions_of_other_pictures_or_networks_are_not_collected(tmp_path):
    with pytest.raises(DataNotFound, match="dense.parquet is missing"):
        published.collect_predictions(tmp_path)
    row = {"setting": "dense", "example": "a.jpg", "label": "x", "predicted": "x"}
    pd.DataFrame([row | {"confidence": 1.0}]).to_parquet(tmp_path / "dense.parquet")
    with pytest.raises(UserError, match="is not of dense on the test photographs"):
        published.collect_predictions(tmp_path)
    np.savez(tmp_path / "tiny.npz", model=np.array(["one"]), test_top1=np.zeros((1, 3), np.uint8))
    with pytest.raises(UserError, match="has one; allowed: resnet8_fp32"):
        published.collect_tiny(tmp_path / "tiny.npz", np.zeros(3, int))


def test_corrupted_photographs_are_every_so_many_each_once_for_each_network_and_corruption():
    table = published.load_predictions(published.CORRUPTED)
    test = load_photographs().test.iloc[:: published.EVERY]
    levels = [published.CLEAN, *product(published.CORRUPTIONS, published.SEVERITIES)]
    settings = [published.DENSE, *published.CORRUPTED_SETTINGS]
    keys = ["corruption", "severity", "setting"]
    found = table[keys].drop_duplicates().itertuples(index=False, name=None)
    assert list(found) == [(*level, setting) for level in levels for setting in settings]
    for _, rows in table.groupby(keys, observed=True):
        assert rows["example"].tolist() == test["image"].tolist()
        assert rows["label"].tolist() == test["name"].tolist()
    assert table["confidence"].between(0, 1).all()
    assert set(table["predicted"]) <= set(load_photographs().classes["name"])


def test_clean_photographs_have_the_labels_that_were_published_of_all_of_them():
    table = published.load_predictions(published.CORRUPTED)
    whole = published.load_predictions(published.PHOTOGRAPHS)
    clean = table[table["corruption"] == "none"].merge(
        whole, on=["setting", "example"], suffixes=("", "_whole")
    )
    both = set(published.CORRUPTED_SETTINGS) & set(published.COMPRESSED) | {published.DENSE}
    assert set(clean["setting"]) == both
    assert (clean["predicted"] == clean["predicted_whole"]).mean() > 0.999


def test_networks_get_fewer_right_the_more_severe_a_corruption_is():
    table = published.load_predictions(published.CORRUPTED)
    right = (table["label"] == table["predicted"]).groupby(
        [table["setting"], table["corruption"], table["severity"]], observed=True
    )
    rate = right.mean().unstack("severity").drop("none", level="corruption")
    assert (rate[max(published.SEVERITIES)] < rate[min(published.SEVERITIES)]).all()


def test_corrupted_predictions_that_are_missing_or_of_other_pictures_are_not_collected(tmp_path):
    with pytest.raises(DataNotFound, match="none-0.parquet is missing: make it by `forgetting pre"):
        published.collect_corrupted(tmp_path)
    row = {"setting": "dense", "example": "a.jpg", "label": "x", "predicted": "x"}
    pd.DataFrame([row]).to_parquet(tmp_path / "none-0.parquet")
    with pytest.raises(
        UserError, match="none-0.parquet is not of dense, int8, int8-tensor, int8-d"
    ):
        published.collect_corrupted(tmp_path)
