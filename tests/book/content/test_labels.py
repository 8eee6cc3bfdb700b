"""Images with a flaw, and labels that are lost, of the smoke study."""

import numpy as np

from forgetting import book
from forgetting.book.content import labels
from forgetting.predictions import load_predictions


def test_flawed_images_are_shown_with_what_was_planted(smoke, displayed):
    labels.show_flaws(book.open_page("smoke"), seed=0, name="planted-flaws")
    [(data, metadata)] = displayed
    assert metadata["forgetting"]["name"] == "fig-planted-flaws"
    for words in ("two digits<br>", "wrong label<br>given label", "atypical<br>", "corrupted<br>"):
        assert words in data["text/html"]


def test_pruned_networks_lose_labels_against_all_dense_ones(smoke):
    page = book.open_page("smoke", sparsity=0.98)
    memory = labels.memory_of_labels(page, draws=100, seed=0)
    assert memory["setting"].drop_duplicates().tolist() == labels.settings_of(page)
    row = memory[(memory["setting"] == "pruned-0.98") & (memory["kind"] == "wrong label")]
    row = row[(row["label"] == "given") & (row["resamples"] == "members")].iloc[0]
    wrong = (page.images.train.attributes["kind"] == "wrong label").to_numpy()
    given = page.images.train.labels[wrong]
    dense, again, pruned = (
        (load_predictions(smoke, name, part="train").predicted[:, wrong] == given).mean()
        for name in ("dense", "dense-again", "pruned-0.98")
    )
    assert np.isclose(row["change"], pruned - (dense + again) / 2)


def test_both_parts_have_a_row_for_each_population_and_the_difference_is_that_of_their_changes(
    smoke,
):
    page = book.open_page("smoke")
    table = labels.on_both_parts(page, ["dense-again", "pruned-0.9"])
    assert table[["setting", "part"]].to_numpy().tolist() == [
        [setting, part] for setting in ("dense-again", "pruned-0.9") for part in ("test", "train")
    ]
    change = table.set_index(["setting", "part"])["change"]
    beyond = labels.beyond_test(page, "pruned-0.9")
    assert np.isclose(
        beyond["change"], change["pruned-0.9", "train"] - change["pruned-0.9", "test"]
    )
    assert beyond["change_low"] <= beyond["change"] <= beyond["change_high"]
