"""What the page on photographs computes, against plain loops; no picture without its author."""

import pytest

from forgetting.book.content import photographs as content
from forgetting.data import photograph_predictions as published
from forgetting.data.photographs import load_photographs


@pytest.fixture(scope="module")
def table():
    return published.load_predictions(published.PHOTOGRAPHS)


def answers(table, setting):
    rows = table[table["setting"] == setting]
    return dict(
        zip(rows["example"], zip(rows["label"], rows["predicted"], strict=True), strict=True)
    )


def counted(table, dense, compressed, wanted):
    """Flips, losses and wins on the wanted pictures, by a loop."""
    one, other, flips, lost, won = answers(table, dense), answers(table, compressed), 0, 0, 0
    for example in wanted:
        (label, before), (_, after) = one[example], other[example]
        flips += before != after
        lost += before == label != after
        won += before != label == after
    return flips, lost, won


def test_flips_losses_and_wins_are_those_of_a_plain_loop(table):
    pairs = {one: ("dense", one) for one in published.COMPRESSED}
    rows = content.compare_all(table, pairs, alpha=0.05).set_index("compression")
    for setting in published.COMPRESSED:
        found = rows.loc[setting, ["flips", "to_wrong", "to_right"]].tolist()
        assert found == list(counted(table, "dense", setting, answers(table, "dense")))
    assert (rows["change"] * 900).round(6).tolist() == (
        rows["to_right"] - rows["to_wrong"]
    ).tolist()


def test_kinds_divide_the_photographs(table):
    photographs = load_photographs()
    rows = content.by_kind(table, photographs, "int8-tensor", alpha=0.05)
    kinds = photographs.test.set_index("image")["kind"]
    assert rows["n"].sum() == 900 and rows["change"].is_monotonic_increasing
    for row in rows.itertuples():
        wanted = kinds.index[kinds == row.kind]
        found = (row.flips, row.to_wrong, row.to_right)
        assert found == counted(table, "dense", "int8-tensor", wanted)


def test_forgotten_photographs_are_the_lost_ones_each_shown_with_author_licence_and_page(table):
    gone = content.forgotten(table, load_photographs(), "int8")
    assert len(gone) == counted(table, "dense", "int8", answers(table, "dense"))[1]
    drawn = content.gallery_html(gone.head(3))
    assert drawn.count("<img") == 3 == drawn.count("CC BY 2.0</a>, cropped and scaled")
    for row in gone.head(3).itertuples():
        assert f'<a href="{row.landing_url}">' in drawn and f'<a href="{row.license}">' in drawn
    with pytest.raises(ValueError, match="is not shown"):
        content.gallery_html(gone.head(1).assign(author=""))
    named = content.gallery_html(gone.head(1).assign(author='<b>"'))
    assert "&lt;b&gt;&quot;</a>" in named
