"""Several studies side by side."""

import numpy as np
import pandas as pd

from forgetting.book.content import studies
from forgetting.study import Network


def test_studies_that_cannot_be_read_are_skipped_with_a_reason(smoke):
    compared = studies.compare_studies("smoke", ["smoke", "nothing", "cifar10"], members=3)
    assert compared.names == ["smoke"] and compared.members == 3 and compared.levels == [0.9, 0.98]
    assert compared.skipped["nothing"] == "is not a study of this version"
    assert set(compared.skipped) == {"nothing", "cifar10"}
    assert compared.differences == [] and compared.same_data == []


def test_levels_are_compared_with_dense_and_the_noise_floor_stands_at_0(smoke):
    compared = studies.compare_studies("smoke", [], members=4)
    table = studies.compare_levels(compared, draws=50, seed=0)
    assert table.index.tolist() == [("smoke", 0.0), ("smoke", 0.9), ("smoke", 0.98)]
    page = compared.pages["smoke"]
    dense, facts = page.dense.accuracy.mean(), studies.facts(compared).iloc[0]
    for (_, level), row in table.iterrows():
        other = page.load(f"pruned-{level:g}") if level else page.again
        assert np.isclose(row["loss"], 1 - other.accuracy.mean() / dense)
    assert facts["accuracy"] == dense and facts["test"] == page.plain.sum()
    assert table["weights_left"].iloc[0] == facts["weights"] > table["weights_left"].iloc[1]
    assert studies.for_each(table, "loss", 0.9).endswith(" % for smoke")


def test_networks_are_described_by_their_kind_and_size():
    small = Network(name="small-cnn", channels=(8, 16), strides=(1, 2))
    assert studies.network_in_words(small) == "small CNN, 8 and 16 channels"
    assert studies.network_in_words(Network(name="resnet-18")) == "ResNet-18"


def test_only_quantities_that_differ_clearly_are_named():
    rows = {"x": [0.1, 0.5], "x_low": [0.09, 0.49], "x_high": [0.11, 0.51]}
    index = pd.MultiIndex.from_product([["one", "two"], [0.9]], names=["study", "sparsity"])
    table = pd.DataFrame(rows, index=index)
    assert studies.distinguished(table, "x", 0.9) == "two than for one"
    assert studies.distinguished(table.assign(x_low=0.0, x_high=1.0), "x", 0.9) == ""
    assert studies.distinguished(table.iloc[:1], "x", 0.9) == ""


def test_of_two_studies_on_the_same_data_the_one_with_fewer_weights_comes_first():
    facts = pd.DataFrame({"study": ["a", "b", "c"], "weights": [30, 10, 20]})
    loss = pd.Series({"a": 0.1, "b": 0.3, "c": 0.2})
    table = studies.small_and_large([("a", "b"), ("b", "c")], facts, loss=loss)
    assert table.to_numpy().tolist() == [["b", 10, 0.3, "a", 30, 0.1], ["b", 10, 0.3, "c", 20, 0.2]]


def test_the_studies_of_some_data_are_named_first_those_that_can_be_read_here():
    found = studies.reading("cifar10")
    assert set(found) == {"cifar10", "cifar10-narrow", "cifar10-paper"}
    assert found[: len(studies.available(found, but=""))] == studies.available(found, but="")
    assert studies.reading("nothing") == []
