"""Top-line accuracy of the smoke study."""

import numpy as np
import pandas as pd

from forgetting import book
from forgetting.book.content import top_line


def test_each_population_is_compared_with_what_it_should_be(smoke):
    page = book.open_page("smoke", plain_only=True)
    change, means = top_line.changes(page), top_line.means(page)
    names = list(top_line.populations(page))
    assert change.index.tolist() == names[1:] and means.index.tolist() == names
    dense, again = page.dense.accuracy, page.again.accuracy
    both = np.concatenate([dense, again])
    assert np.isclose(change.loc["dense-again", "change"], again.mean() - dense.mean())
    for level, population in page.pruned.items():
        row = change.loc[f"pruned-{level:g}"]
        assert np.isclose(row["change"], population.accuracy.mean() - both.mean())
        wins = [float(a > b) + 0.5 * (a == b) for a in population.accuracy for b in both]
        assert np.isclose(row["beats_dense"], np.mean(wins))
    copies = [page.load(f"fixed-int8-of-{of}").accuracy for of in ("dense", "dense-again")]
    gain = np.concatenate(copies) - both
    assert np.isclose(change.loc["fixed-int8-of-dense-again", "change"], gain.mean())
    assert (means["low"] <= means["mean"]).all() and (means["mean"] <= means["high"]).all()


def test_the_cost_of_training_is_told_in_words():
    numbers = {"plain": 1000.0, "engine": 2500.0, "ratio": 2.5, "networks": 3, "trained": 20}
    numbers |= {f"{of}_{what}": 0.8 for of in ("plain", "engine") for what in ("accuracy", "sd")}
    numbers |= {"device": "cpu", "torch": "2", "setting": "pruned-0.9", "batch": 64}
    numbers |= {"operations": 1.5e6, "peak": 2e9, "share": 0.25, "train": 12.0}
    table = top_line.cost_in_words(pd.Series(numbers), phases=["train"], processor=True)
    told = table.set_index("what")["measured"]
    assert told["this engine"] == "2,500 images/s" and told["share of it used"] == "25 %"
    assert told["seconds a network, by phase"] == "train 12 (median of 20 networks, on one core)"
