"""What the page on photographs says of corrupted ones, against plain loops and statsmodels."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from forgetting.book import plots
from forgetting.book.content import corrupted_photographs as content
from forgetting.data import photograph_predictions as published


@pytest.fixture(scope="module")
def table():
    """Four corruptions at two severities; the copy parts further under each than the one before."""
    generator, parts = np.random.default_rng(3), []
    label = generator.integers(0, 5, 70)
    dense, levels = np.where(generator.random(70) < 0.8, label, 0), [("none", 0)]
    levels += [
        (name, severity) for name in ("fog", "snow", "contrast", "blur") for severity in (1, 3)
    ]
    for place, (name, severity) in enumerate(levels):
        for setting in ("dense", *published.CORRUPTED_SETTINGS):
            moved = generator.random(70) < (0.04 + 0.06 * place if setting != "dense" else 0)
            part = {"setting": setting, "example": [f"{k}.jpg" for k in range(70)]}
            part |= {"corruption": name, "severity": severity, "label": label.astype(str)}
            predicted = np.where(moved, generator.integers(0, 5, 70), dense).astype(str)
            parts.append(pd.DataFrame(part | {"predicted": predicted}))
    return pd.concat(parts).sample(frac=1, random_state=0)


def answers(table, corruption, severity, setting):
    """By example, the label and the prediction."""
    wanted = (corruption, severity, setting)
    return {
        row.example: (row.label, row.predicted)
        for row in table.itertuples()
        if (row.corruption, row.severity, row.setting) == wanted
    }


def flips(table, corruption, severity, setting):
    one, other = (answers(table, corruption, severity, s) for s in ("dense", setting))
    return {example: one[example][1] != other[example][1] for example in one}


def test_flips_and_changes_are_those_of_a_plain_loop(table):
    rows = content.by_corruption(table, "int8", severity=3, alpha=0.05)
    assert rows["corruption"].iloc[0] == "none" and len(rows) == 5
    assert rows["flipped"].iloc[1:].is_monotonic_decreasing
    for row in rows.itertuples():
        severity = 0 if row.corruption == "none" else 3
        flipped = flips(table, row.corruption, severity, "int8")
        one, other = (answers(table, row.corruption, severity, s) for s in ("dense", "int8"))
        right = [sum(label == said for label, said in side.values()) for side in (one, other)]
        assert row.flips == sum(flipped.values()) and row.n == 70
        assert row.baseline_rate == pytest.approx(right[0] / 70)
        assert row.change == pytest.approx((right[1] - right[0]) / 70)
        assert row.change_low <= row.change <= row.change_high


def test_more_flips_are_tested_by_mcnemar_on_the_same_photographs_and_corrected(table):
    rows = content.by_corruption(table, "pruned-0.5", severity=3, alpha=0.05)
    before, p = flips(table, "none", 0, "pruned-0.5"), []
    for row in rows.iloc[1:].itertuples():
        after, counts = flips(table, row.corruption, 3, "pruned-0.5"), np.zeros((2, 2), int)
        for example, flipped in before.items():
            counts[int(flipped), int(after[example])] += 1
        p.append(mcnemar(counts, exact=True).pvalue)
        assert row.more == pytest.approx((counts[0, 1] - counts[1, 0]) / 70)
        assert row.more_low <= row.more <= row.more_high
    np.testing.assert_allclose(rows["more_p"].iloc[1:], p)
    for name in ("p", "more_p"):
        raw, corrected = rows[name].iloc[1:], rows[f"{name}_holm"]
        tested = raw.notna()
        expected = multipletests(raw[tested], method="holm")[1]
        np.testing.assert_allclose(corrected.iloc[1:][tested], expected)
        assert np.isnan(corrected.iloc[0])
    assert rows["more"].iloc[0] == 0


def test_shares_of_flips_are_those_of_a_loop_and_copies_are_averaged_over_corruptions(table):
    rows = content.flips_by_severity(table, "int8-dynamic")
    assert len(rows) == 9
    for row in rows.itertuples():
        flipped = flips(table, row.corruption, row.severity, "int8-dynamic")
        assert row.flipped == pytest.approx(sum(flipped.values()) / 70)
    copies = content.flips_by_copy(table, severity=1).set_index("copy").loc["int8, dynamic"]
    assert copies["corrupted"] == pytest.approx(rows.query("severity == 1")["flipped"].mean())
    assert copies["clean"] == rows.query("severity == 0")["flipped"].item()


def test_a_copy_that_was_not_tried_is_replaced(table):
    assert content.available("int8-tensor") == "int8-tensor"
    assert content.available("float16") == content.available("pruned-0.2") == "int8"


def test_dots_stand_at_their_shares_under_their_corruption(table):
    rows = content.flips_by_severity(table, "int8")
    order = ["snow", "fog", "blur", "contrast"]
    figure = plots.photographs.flips_by_severity(rows, order)
    [axis] = figure.axes
    clean, *severities = axis.lines
    assert clean.get_xdata()[0] == pytest.approx(
        100 * rows.query("severity == 0")["flipped"].item()
    )
    for line, severity in zip(severities, (1, 3), strict=True):
        share = rows[rows["severity"] == severity].set_index("corruption")["flipped"]
        np.testing.assert_allclose(line.get_xdata(), 100 * share[order])
        assert line.get_ydata().tolist() == [3, 2, 1, 0]
        assert line.get_label() == f"severity {severity}"
    assert [text.get_text() for text in axis.get_yticklabels()] == order
    pyplot.close(figure)
