"""From notebooks to pages to HTML.

What a notebook of the book calls is here: `from forgetting import book`.
"""

from forgetting.book.display import gallery, say, show, table
from forgetting.book.page_text import layer_names, leading_votes, no_pictures
from forgetting.book.provenance import provenance
from forgetting.book.style import SIZES, bars, colour, label, look, series, use_style

__all__ = [
    "SIZES",
    "bars",
    "colour",
    "gallery",
    "label",
    "layer_names",
    "leading_votes",
    "look",
    "no_pictures",
    "provenance",
    "say",
    "series",
    "show",
    "table",
    "use_style",
]
