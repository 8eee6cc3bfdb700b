"""What a study of fewer networks would have counted: draw some, and see the count move."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from forgetting.book.explorers.chart import Changeable, choice, data_of, slider
from forgetting.book.study_page import StudyPage
from forgetting.book.style import AGAIN, PRUNED
from forgetting.measure import class_impact, exemplars

COUNTS = ("PIEs", "classes that move")
WHO = ("pruned", "dense again")


def network_table(
    page: StudyPage, *, sizes: Sequence[int], draws: int, seed: int, alpha: float
) -> pd.DataFrame:
    """Count PIEs and classes by random networks of each population.

    Args:
        page: The study; its own level is compared.
        sizes: Numbers of networks, each from 2 to `page.members`.
        draws: How often networks are drawn for each size.
        seed: Of the draws.
        alpha: Level of the tests on classes, corrected by Holm.

    Returns:
        A row for each size, draw, comparison and count: networks; draw, from 1; compared, "pruned"
        (with dense) or "dense again" (with dense: the noise floor); count, one of `COUNTS`; and n.
    """
    generator, rows = np.random.default_rng(seed), []
    populations = {"dense": page.dense, "dense again": page.again, "pruned": page.compressed}
    plain = page.plain if not page.plain_only else np.ones(len(page.dense.label), dtype=bool)
    for size in sizes:
        for draw in range(1, draws + 1):
            taken = {
                name: of.predicted[generator.permutation(page.members)[:size]]
                for name, of in populations.items()
            }
            for name in WHO:
                dense, other = taken["dense"], taken[name]
                pies = exemplars.find(baseline=dense, compressed=other)["pie"]
                tested = class_impact.compare(
                    label=page.dense.label[plain],
                    baseline=dense[:, plain],
                    compressed=other[:, plain],
                    alpha=alpha,
                )
                counts = (pies, tested["relative_significant_holm"])
                rows += [
                    (size, draw, name, count, int(found.sum()))
                    for count, found in zip(COUNTS, counts, strict=True)
                ]
    return pd.DataFrame(rows, columns=["networks", "draw", "compared", "count", "n"])


def network_chart(table: pd.DataFrame) -> Changeable:
    """Draw a table as `network_table` returns it: all draws pale, the chosen one large."""
    draws = int(table["draw"].max())
    controls = [
        choice("count", COUNTS, words="Count", value=COUNTS[0]),
        slider("draw", 1, draws, words="Draw", value=1),
    ]
    rows = alt.Chart(data_of(table)).transform_filter("datum.count == count")
    colours = alt.Scale(domain=list(WHO), range=[PRUNED[1], AGAIN])
    colour = alt.Color(
        "compared:N", scale=colours, legend=alt.Legend(title="compared with dense", symbolOpacity=1)
    )
    shape = alt.Shape("compared:N", scale=alt.Scale(domain=list(WHO)), title="compared with dense")
    x, y = alt.X("networks:O", title="networks of each kind"), alt.Y("n:Q", title="number found")
    side = alt.XOffset("compared:N", sort=list(WHO))
    pale = rows.mark_tick(thickness=1, opacity=0.35, width=12).encode(
        x, y, xOffset=side, color=colour
    )
    chosen = (
        rows.transform_filter("datum.draw == draw")
        .mark_point(filled=True, size=110, opacity=1)
        .encode(x, y, xOffset=side, color=colour, shape=shape, tooltip=["networks:O", "n:Q"])
    )
    return alt.layer(pale, chosen).add_params(*controls).properties(height=280)
