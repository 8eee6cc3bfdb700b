"""The images on which dense and pruned networks part, by level, kind and distance."""

import base64
import io

import altair as alt
import numpy as np
import pandas as pd

from forgetting.book.explorers.chart import Changeable, choice, data_of, slider
from forgetting.book.study_page import StudyPage
from forgetting.measure import exemplars

EVERY = "every kind"
COLUMNS = 8


def image_table(page: StudyPage, *, most: int) -> pd.DataFrame:
    """Find the PIEs at every level, those first on which the populations differ most.

    Args:
        page: The study, all its test images.
        most: So many of each level are kept, those of the largest taxicab distance.

    Returns:
        A row a level and PIE: sparsity, example, kind; dense and pruned, the plurality labels as
        names; dense_votes and pruned_votes, their shares in percent; taxicab, 0 to 2; of, how many
        PIEs the level has; and picture, a PNG as a data URI, where pictures may be published.
    """
    rows = []
    for level, population in page.pruned.items():
        found = exemplars.find(baseline=page.dense.predicted, compressed=population.predicted)
        pies = found[found["pie"]].sort_values(["taxicab", "example"], ascending=[False, True])
        kept = pies.head(most)
        example = kept["example"].to_numpy()
        rows.append(
            pd.DataFrame(
                {
                    "sparsity": level,
                    "example": example,
                    "kind": page.kinds[example],
                    "dense": [page.classes[label] for label in kept["baseline_plurality"]],
                    "pruned": [page.classes[label] for label in kept["compressed_plurality"]],
                    "dense_votes": (100 * kept["baseline_agreement"]).round().to_numpy(),
                    "pruned_votes": (100 * kept["compressed_agreement"]).round().to_numpy(),
                    "taxicab": kept["taxicab"].to_numpy(),
                    "of": len(pies),
                }
            )
        )
    table = pd.concat(rows, ignore_index=True)
    if page.images.shippable:
        pixels = page.test.require_images()
        table["picture"] = [_data_uri(pixels[example]) for example in table["example"]]
    return table


def _data_uri(image: np.ndarray) -> str:
    """Return an image, (C, H, W) uint8, as a PNG in a data URI."""
    from PIL import Image

    pixels = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
    with io.BytesIO() as file:
        # Sixteen greys are all that a thumbnail needs, and halve its bytes.
        Image.fromarray(pixels).quantize(16).save(file, format="PNG", optimize=True)
        return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def image_chart(table: pd.DataFrame, *, sparsity: float, shown: int = 24) -> Changeable:
    """Draw a table as `image_table` returns it: pictures in a grid, or dots where there are none.

    Args:
        table: The table.
        sparsity: The level at the start.
        shown: How many pictures are drawn at once.
    """
    kinds = [EVERY, *sorted(table["kind"].unique())]
    controls = [
        choice("sparsity", sorted(table["sparsity"].unique()), words="Sparsity", value=sparsity),
        choice("kind", kinds, words="Kind", value=EVERY),
        slider("least", 0, 100, words="Share of the dense votes, at least (%)", value=0),
    ]
    rows = (
        alt.Chart(data_of(table))
        .transform_filter("datum.sparsity == sparsity && datum.dense_votes >= least")
        .transform_filter(f"kind == '{EVERY}' || datum.kind == kind")
        .transform_calculate(
            words="datum.dense + ' (' + datum.dense_votes + ' %) → ' + datum.pruned + ' (' + "
            "datum.pruned_votes + ' %)'",
            short="datum.dense + ' → ' + datum.pruned",
        )
    )
    seen = [
        alt.Tooltip("words:N", title="votes"),
        alt.Tooltip("kind:N"),
        alt.Tooltip("taxicab:Q", title="taxicab distance", format=".2f"),
    ]
    if "picture" not in table:
        dots = rows.mark_circle(size=60).encode(
            alt.X("dense_votes:Q", title="dense votes for their label, percent"),
            alt.Y("taxicab:Q", title="taxicab distance", scale=alt.Scale(zero=False)),
            tooltip=seen,
            description="words:N",
        )
        return alt.layer(dots).add_params(*controls).properties(height=280)
    lines = -(-shown // COLUMNS)
    ranked = rows.transform_window(
        rank="row_number()", sort=[alt.SortField("taxicab", order="descending")]
    ).transform_filter(f"datum.rank <= {shown}")
    grid = ranked.transform_calculate(
        column=f"(datum.rank - 1) % {COLUMNS}", row=f"floor((datum.rank - 1) / {COLUMNS})"
    ).encode(
        alt.X("column:O", axis=None, scale=alt.Scale(domain=list(range(COLUMNS)))),
        alt.Y("row:O", axis=None, scale=alt.Scale(domain=list(range(lines)))),
    )
    pictures = grid.mark_image(width=34, height=34, dy=-6).encode(
        url="picture:N", tooltip=seen, description="words:N"
    )
    labels = grid.mark_text(dy=22, fontSize=11).encode(text="short:N", tooltip=seen)
    return alt.layer(pictures, labels).add_params(*controls).properties(height=64 * lines)
