"""Charts that readers change: their tables are what the measures say, and nothing in them is a script."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from forgetting import book
from forgetting.book import explorers
from forgetting.errors import UserError
from forgetting.measure import class_impact, exemplars


@pytest.fixture
def page(smoke):
    return book.open_page("smoke", sparsity=0.9)


@pytest.fixture
def plain_page(smoke):
    return book.open_page("smoke", sparsity=0.9, plain_only=True)


def specification(outputs):
    """The chart that a page displays."""
    [(data, metadata)] = outputs
    assert metadata["forgetting"]["explorer"]
    [text] = re.findall(r'<script type="application/json">(.*)</script>', data["text/html"])
    return json.loads(text), text


def test_a_class_has_the_numbers_of_the_measure_by_so_many_networks(plain_page):
    table = explorers.class_table(plain_page, sizes=[3, 4], alphas=[0.1])
    assert len(table) == 2 * len(plain_page.levels) * len(plain_page.classes)
    for (size, level), rows in table.groupby(["networks", "sparsity"]):
        dense, again = (of.predicted[:size] for of in (plain_page.dense, plain_page.again))
        compressed = plain_page.pruned[level].predicted[:size]
        label = plain_page.dense.label
        found = class_impact.compare(
            label=label, baseline=np.concatenate([dense, again]), compressed=compressed, alpha=0.1
        )
        floor = class_impact.compare(label=label, baseline=dense, compressed=again, alpha=0.1)
        np.testing.assert_array_equal(rows["change"], 100 * found["relative_change"])
        np.testing.assert_array_equal(rows["high"], 100 * found["relative_high"])
        np.testing.assert_array_equal(rows["holm"], found["relative_p_holm"])
        np.testing.assert_array_equal(rows["floor_low"], 100 * floor["relative_low"])


def test_images_are_the_pies_that_differ_most(page):
    table = explorers.image_table(page, most=5)
    for level, rows in table.groupby("sparsity"):
        found = exemplars.find(
            baseline=page.dense.predicted, compressed=page.pruned[level].predicted
        )
        pies = found[found["pie"]]
        assert len(rows) == min(5, len(pies)) and (rows["of"] == len(pies)).all()
        others = pies[~pies["example"].isin(rows["example"])]
        assert others.empty or rows["taxicab"].min() >= others["taxicab"].max()
    assert table["picture"].str.startswith("data:image/png;base64,").all()


def test_pictures_that_may_not_be_published_are_not_in_the_chart(page, monkeypatch):
    hidden = SimpleNamespace(**vars(page.images), shippable=False)
    monkeypatch.setitem(vars(page), "images", hidden)
    table = explorers.image_table(page, most=5)
    assert "picture" not in table
    assert "image" not in explorers.image_chart(table, sparsity=0.9).to_json()


def test_draws_of_all_networks_are_the_whole_study(page):
    table = explorers.network_table(page, sizes=[2, page.members], draws=3, seed=0, alpha=0.05)
    assert len(table) == 2 * 3 * 2 * 2
    whole = table[table["networks"] == page.members].groupby(["compared", "count"])["n"]
    assert (whole.nunique() == 1).all()
    for compared, other in (("pruned", page.compressed), ("dense again", page.again)):
        found = exemplars.find(baseline=page.dense.predicted, compressed=other.predicted)["pie"]
        assert whole.first()[compared, "PIEs"] == found.sum()
    again = explorers.network_table(page, sizes=[2, page.members], draws=3, seed=0, alpha=0.05)
    pd.testing.assert_frame_equal(table, again)


def test_a_chart_carries_its_table_and_its_words_and_no_text_of_it_ends_the_script(
    page, plain_page, monkeypatch
):
    outputs = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, metadata, raw: outputs.append((data, metadata))
    )
    table = explorers.class_table(plain_page, sizes=[4])
    table["class"] = table["class"].replace(table["class"][0], "</script><b>")
    chart = explorers.class_chart(table, sparsity=0.9)
    explorers.explore(chart, name="explore-classes", description="What the classes lose.")
    drawn, text = specification(outputs)
    assert "</" not in text and drawn["description"] == "What the classes lose."
    [rows] = drawn["datasets"].values()
    assert len(rows) == len(table) and {row["name"] for row in rows} >= {"</script><b>"}
    assert {control["name"] for control in drawn["params"]} == {
        *("sparsity", "networks", "alpha", "correction")
    }


def test_what_was_not_tested_is_null_in_a_chart_not_a_number(plain_page):
    table = explorers.class_table(plain_page, sizes=[4]).assign(p=np.nan)
    rows = explorers.class_chart(table, sparsity=0.9).to_dict()["datasets"]
    assert {row["p"] for values in rows.values() for row in values} == {None}


def test_a_chart_that_is_too_large_for_a_page_is_refused(plain_page):
    table = pd.concat([explorers.class_table(plain_page, sizes=[4])] * 20)
    with pytest.raises(UserError, match="fewer rows"):
        explorers.explore(
            explorers.class_chart(table, sparsity=0.9), name="explore", description="Too much."
        )
