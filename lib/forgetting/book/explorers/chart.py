"""How a chart that readers change is made of controls and a table, and displayed in a page."""

import json
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from forgetting.book.display import display_html
from forgetting.errors import UserError

Changeable = alt.LayerChart | alt.FacetChart  # what Altair returns of layers with controls
LARGEST = 100_000  # bytes of one chart: a page may add 200 KB


def choice(name: str, options: Sequence[Any], *, words: str, value: Any = None) -> alt.Parameter:
    """Return a control with one button for each option; arrow keys move between them.

    Args:
        name: What the chart's expressions call it.
        options: Numbers or words.
        words: What stands before the buttons.
        value: The option at the start; the last if not given.
    """
    start = options[-1] if value is None else value
    return alt.param(
        name=name, value=start, bind=alt.binding_radio(options=list(options), name=f"{words} ")
    )


def slider(name: str, low: int, high: int, *, words: str, value: int) -> alt.Parameter:
    """Return a slider over whole numbers, which arrow keys move.

    Args:
        name: What the chart's expressions call it.
        low: The least.
        high: The largest.
        words: What stands before it.
        value: The number at the start.
    """
    bind = alt.binding_range(min=low, max=high, step=1, name=f"{words} ")
    return alt.param(name=name, value=value, bind=bind)


def data_of(table: pd.DataFrame) -> alt.InlineData:
    """Return a table as a chart carries it: floats with three digits, missing values as null."""
    short = table.copy()
    for column in short.select_dtypes("float"):
        short[column] = short[column].map(lambda value: float(f"{value:.3g}"))
    return alt.InlineData(values=json.loads(short.to_json(orient="records")))


def explore(chart: Changeable, *, name: str, description: str) -> None:
    """Display a chart that readers change. Its caption stands in a Markdown cell.

    Args:
        chart: It carries its data.
        name: As in `book.show`; prose refers to it as {numref}`fig-NAME`.
        description: A sentence on what is drawn, for who cannot see it.

    Raises:
        UserError: The chart is larger than a page may carry.
    """
    with alt.data_transformers.enable("default", max_rows=None):
        # The page gives the width, the rows the height.
        fitted = chart.properties(description=description, width="container", autosize="fit-x")
        specification = fitted.to_json(indent=None, separators=(",", ":"))
    if len(specification) > LARGEST:
        raise UserError(
            f"explorer {name} has {len(specification):,} bytes, more than {LARGEST:,}; "
            "give it fewer rows or shorter names"
        )
    inert = specification.replace("</", "<\\/")  # so that no text in it ends the script
    drawn = (
        '<figure class="explorer">\n<figcaption></figcaption>\n<div class="explorer-chart"></div>\n'
        f'<script type="application/json">{inert}</script>\n</figure>'
    )
    display_html(drawn, name=name, text=description)
