"""Questions that readers answer before they read on, and see beside what was found.

In a text notebook a question stands in a Markdown cell tagged `predict`, which is filled at the end
of a run, with what the page found::

    :::{predict} half
    :right: {eval}`half_loss`
    :unit: points
    By how many points does accuracy fall?
    ---
    By {eval}`half_loss` points.
    :::

`right` is a number, or one of `choices`, which are separated by bars. Without scripts what was
found folds out. With them (assets/js/predict.js) a reader's answer is kept in the browser, and
never leaves it.
"""

import html
import re
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


class Predict(SphinxDirective):
    """A question, what was found, and the right answer for the script."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "right": directives.unchanged_required,
        "unit": directives.unchanged,
        "choices": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Return the question and what folds out; raise where the answer is none of the choices."""
        right = self.options.get("right", "")
        choices = [word.strip() for word in self.options.get("choices", "").split("|") if word]
        number = right.replace("−", "-").replace(",", "")
        if choices and right not in choices:
            raise self.error(f"predict: right is {right!r}; choices has {', '.join(choices)}")
        lines = list(self.content)
        if "---" not in lines:
            raise self.error("predict: a line --- parts the question from what was found")
        middle = lines.index("---")
        if not choices and not NUMBER.fullmatch(number):
            number = ""  # on some study nothing was found that can be compared: it folds out
        data = {
            "name": self.arguments[0],
            "right": right if choices else number,
            "unit": self.options.get("unit", ""),
            "choices": " | ".join(choices),
        }
        marks = "".join(f' data-{key}="{html.escape(word)}"' for key, word in data.items() if word)
        return [
            _raw(f'<div class="predict"{marks}>'),
            *self._parsed(0, middle),
            _raw("<details><summary>See what was found</summary>"),
            *self._parsed(middle + 1, len(lines)),
            _raw("</details></div>"),
        ]

    def _parsed(self, first: int, last: int) -> list[nodes.Node]:
        parent = nodes.Element()
        self.state.nested_parse(self.content[first:last], self.content_offset + first, parent)
        return parent.children


def _raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("predict", Predict)
