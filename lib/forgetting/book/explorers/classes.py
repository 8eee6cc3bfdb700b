"""Classes, sorted by what they lost, for the level, the test and the number of networks chosen."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from forgetting.book.explorers.chart import Changeable, choice, data_of
from forgetting.book.study_page import StudyPage
from forgetting.book.style import AGAIN, DENSE, PRUNED
from forgetting.measure import class_impact

ALPHAS = (0.01, 0.05, 0.1)
CORRECTIONS = ("none", "Holm", "Benjamini-Hochberg")
VERDICTS = ("loses more", "gains", "not told apart")


def class_table(
    page: StudyPage, *, sizes: Sequence[int], alphas: Sequence[float] = ALPHAS
) -> pd.DataFrame:
    """Test every class at every level, by the first so many networks of each population.

    Args:
        page: The study.
        sizes: Numbers of networks, each from 2 to `page.members`.
        alphas: Levels of the tests, in (0, 1).

    Returns:
        A row for each size, alpha, sparsity and class: networks, alpha, sparsity, class; change,
        low and high, the relative change and its interval in points; p, holm, bh; floor_low and
        floor_high, the interval of the same class between the two dense populations, in points.
    """
    rows = []
    for size in sizes:
        every_dense = np.concatenate([page.dense.predicted[:size], page.again.predicted[:size]])
        for alpha in alphas:
            floor = _tested(page, page.dense.predicted[:size], page.again.predicted[:size], alpha)
            for level, population in page.pruned.items():
                found = _tested(page, every_dense, population.predicted[:size], alpha)
                found["floor_low"], found["floor_high"] = floor["low"], floor["high"]
                rows.append(found.assign(networks=size, alpha=alpha, sparsity=level))
    return pd.concat(rows, ignore_index=True)


def _tested(
    page: StudyPage, baseline: np.ndarray, compressed: np.ndarray, alpha: float
) -> pd.DataFrame:
    found = class_impact.compare(
        label=page.dense.label, baseline=baseline, compressed=compressed, alpha=alpha
    )
    points = {"change": "relative_change", "low": "relative_low", "high": "relative_high"}
    tests = {"p": "relative_p", "holm": "relative_p_holm", "bh": "relative_p_bh"}
    columns = {name: 100 * found[column] for name, column in points.items()}
    columns |= {name: found[column] for name, column in tests.items()}
    return pd.DataFrame({"class": page.classes} | columns)


def class_chart(table: pd.DataFrame, *, sparsity: float) -> Changeable:
    """Draw a table as `class_table` returns it.

    Args:
        table: The table.
        sparsity: The level at the start.
    """
    controls = [
        choice("sparsity", sorted(table["sparsity"].unique()), words="Sparsity", value=sparsity),
        choice("networks", sorted(table["networks"].unique()), words="Networks"),
        choice("alpha", sorted(table["alpha"].unique()), words="Level of the test", value=0.05),
        choice("correction", CORRECTIONS, words="Correction over classes", value="Holm"),
    ]
    rows = (
        alt.Chart(data_of(table.rename(columns={"class": "name"})))
        .transform_filter(
            "datum.sparsity == sparsity && datum.networks == networks && datum.alpha == alpha"
        )
        .transform_calculate(
            chosen="correction == 'none' ? datum.p : correction == 'Holm' ? datum.holm : datum.bh"
        )
        .transform_calculate(
            verdict="!isValid(datum.chosen) || datum.chosen > alpha ? 'not told apart' : "
            "datum.change < 0 ? 'loses more' : 'gains'"
        )
    )
    order = alt.EncodingSortField(field="change", op="mean", order="ascending")
    place = alt.Y("name:N", sort=order, title="class")
    colours = alt.Scale(domain=list(VERDICTS), range=[PRUNED[1], DENSE, AGAIN])
    verdict = alt.Color("verdict:N", scale=colours, legend=alt.Legend(title=None))
    shape = alt.Shape("verdict:N", scale=alt.Scale(domain=list(VERDICTS)), title=None)
    words = [alt.Tooltip("name:N", title="class"), alt.Tooltip("chosen:Q", title="p", format=".3f")]
    across = alt.X("floor_low:Q", title="change against overall accuracy, points")
    floor = rows.mark_bar(color=AGAIN, opacity=0.3).encode(across, alt.X2("floor_high:Q"), y=place)
    intervals = rows.mark_rule(strokeWidth=2).encode(
        alt.X("low:Q"), alt.X2("high:Q"), y=place, color=verdict
    )
    dots = rows.mark_point(filled=True, size=70, opacity=1).encode(
        alt.X("change:Q"), y=place, color=verdict, shape=shape, tooltip=words
    )
    zero = rows.mark_rule(aria=False).encode(x=alt.datum(0))  # the axis says it too
    layers = alt.layer(floor, zero, intervals, dots).add_params(*controls)
    return layers.properties(height=24 * table["class"].nunique())
