"""Charts that a reader changes in the page: which classes, which images, how many networks.

Each is a table, made by measures, and a Vega-Lite chart of it, drawn by scripts that the book
carries. They work without a network and by keyboard; without scripts, the page's figures and tables
say the same.
"""

from forgetting.book.explorers.chart import explore
from forgetting.book.explorers.classes import class_chart, class_table
from forgetting.book.explorers.images import image_chart, image_table
from forgetting.book.explorers.networks import network_chart, network_table

__all__ = [
    "class_chart",
    "class_table",
    "explore",
    "image_chart",
    "image_table",
    "network_chart",
    "network_table",
]
