"""Drawings, a module for each idea; `parts` has what they share.

A drawing takes tables and gives a figure. It computes nothing that a reader could quote.
"""

from forgetting.book.plots import (
    classes,
    cost,
    exemplars,
    formats,
    groups,
    human,
    networks,
    overview,
    parts,
    photographs,
    pies,
    published,
    rarity,
    remedies,
    robustness,
    simulations,
    studies,
    tasks,
    top_line,
    verdicts,
)

__all__ = [
    "classes",
    "cost",
    "exemplars",
    "formats",
    "groups",
    "human",
    "networks",
    "overview",
    "parts",
    "photographs",
    "pies",
    "published",
    "rarity",
    "remedies",
    "robustness",
    "simulations",
    "studies",
    "tasks",
    "top_line",
    "verdicts",
]
