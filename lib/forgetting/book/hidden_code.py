"""Neighbouring hidden cells fold out together: short cells shall not be a row of buttons."""

from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform


class JoinHiddenCode(SphinxPostTransform):
    """Puts the code of hidden cells that stand side by side behind one button, in the HTML."""

    default_priority = 190  # before MyST-NB makes a button of each, at 199
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Join the cells of the document."""
        for parent in {cell.parent for cell in self.document.findall(_is_hidden)}:
            join_neighbours(parent)


def join_neighbours(parent: nodes.Element) -> None:
    """Join hidden code cells among the children of a node.

    The code of a cell that shows nothing goes to the hidden cell before it, else to the one after.

    Args:
        parent: It is changed.
    """
    last: nodes.Element | None = None
    for cell in list(parent.children):
        if not _is_hidden(cell):
            last = None
        elif last is None or cell["prompt_show"] != last["prompt_show"]:
            last = cell
        elif len(cell.children) == 1:
            last.children[0].extend(cell.children[0].children)
            parent.remove(cell)
        elif len(last.children) == 1:
            cell.children[0].insert(0, last.children[0].children)
            parent.remove(last)
            last = cell
        else:
            last = cell


def _is_hidden(node: Any) -> bool:
    """Whether a node is a code cell whose code is hidden, with or without an output."""
    return bool(
        isinstance(node, nodes.container)
        and node.get("nb_element") == "cell_code"
        and node.get("hide_mode") in ("all", "input")
        and node.children
        and node.children[0].get("nb_element") == "cell_code_source"
        and (len(node.children) == 1 or node["hide_mode"] == "input")
    )
