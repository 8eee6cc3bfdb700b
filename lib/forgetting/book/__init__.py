"""From notebooks to pages to HTML.

What a notebook of the book calls is here: `from forgetting import book`.
"""

from forgetting.book import plots
from forgetting.book.display import answers, gallery, say, show, table
from forgetting.book.page_text import layer_names, leading_votes, no_pictures
from forgetting.book.provenance import provenance
from forgetting.book.shell import run_module, say_lines
from forgetting.book.study_page import StudyPage, check, open_page
from forgetting.book.style import SIZES, bars, colour, format_name, label, look, series, use_style
from forgetting.book.tables import SIGN_OF

__all__ = [
    "SIGN_OF",
    "SIZES",
    "StudyPage",
    "answers",
    "bars",
    "check",
    "colour",
    "format_name",
    "gallery",
    "label",
    "layer_names",
    "leading_votes",
    "look",
    "no_pictures",
    "open_page",
    "plots",
    "provenance",
    "run_module",
    "say",
    "say_lines",
    "series",
    "show",
    "table",
    "use_style",
]
