"""How long each page takes and what it builds on, counted from the pages: {reading-times}.

The directive stands on the landing page. It lists the pages of the table of contents by part, each
with minutes of reading and with the earlier pages that its text refers to, so that nobody types
either.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

WORDS_A_MINUTE = 200
MOST_NAMED = 4  # earlier pages that are named; a page that draws on more says how many
UNREAD = (nodes.literal_block, nodes.comment, nodes.raw)  # code is folded away


class reading_times(nodes.General, nodes.Element):
    """Where the list goes once all pages are read."""


class ReadingTimes(SphinxDirective):
    """The list of pages; `:without:` names parts that are left out, separated by semicolons."""

    option_spec = {"without": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Return the place of the list."""
        without = [part.strip() for part in self.options.get("without", "").split(";")]
        return [reading_times(without=without)]


def minutes(document: nodes.Node) -> int:
    """Return how long a page takes to read, without code, in whole minutes of at least 1."""
    words = sum(
        len(text.astext().split())
        for text in document.findall(nodes.Text)
        if not any(isinstance(above, UNREAD) for above in _above(text))
    )
    return max(1, round(words / WORDS_A_MINUTE))


def builds_on(references: Mapping[str, set[str]], order: list[str]) -> dict[str, list[str]]:
    """Return the pages that each page builds on.

    Args:
        references: For each page, the pages that its text refers to.
        order: The pages as the contents have them.

    Returns:
        For each page in `order`, the earlier ones that it refers to, in their order, less those
        that another of them already builds on.
    """
    needed: dict[str, list[str]] = {}
    all_needed: dict[str, set[str]] = {}
    for place, page in enumerate(order):
        direct = [other for other in order[:place] if other in references[page]]
        implied = set().union(*(all_needed[other] for other in direct))
        needed[page] = [other for other in direct if other not in implied]
        all_needed[page] = implied | set(direct)
    return needed


def fill(app: Sphinx, document: nodes.document, name: str) -> None:
    """Put the list where the directive stood; Sphinx calls it for each page once all are read."""
    for place in document.findall(reading_times):
        parts = {
            caption: pages
            for caption, pages in _parts(app.env).items()
            if caption not in place["without"]
        }
        order = [page for pages in parts.values() for page in pages]
        short = _short_titles(app.env)
        trees = {page: app.env.get_doctree(page) for page in order}
        needed = builds_on(
            {page: _references(app.env, tree) for page, tree in trees.items()}, order
        )
        written: list[nodes.Node] = []
        for caption, pages in parts.items():
            items = [
                _item(app, name, page, short.get(page), minutes(trees[page]), needed[page])
                for page in pages
            ]
            total = sum(minutes(trees[page]) for page in pages)
            head = nodes.strong("", caption)
            written += [nodes.paragraph("", "", head, nodes.Text(f", {_in_words(total)}"))]
            written += [nodes.bullet_list("", *items, classes=["reading-times"])]
        place.replace_self(written)


def _above(node: nodes.Node) -> Iterator[nodes.Node]:
    while node.parent is not None:
        node = node.parent
        yield node


def _parts(env: BuildEnvironment) -> dict[str, list[str]]:
    """Return the pages of each part of the contents, by its caption."""
    root = env.get_doctree(env.config.root_doc)
    return {
        toctree.get("caption") or "": list(toctree["includefiles"])
        for toctree in root.findall(addnodes.toctree)
    }


def _short_titles(env: BuildEnvironment) -> dict[str, str]:
    """Return what the contents call a page where that is not its title."""
    root = env.get_doctree(env.config.root_doc)
    return {
        page: title
        for toctree in root.findall(addnodes.toctree)
        for title, page in toctree["entries"]
        if title
    }


def _references(env: BuildEnvironment, document: nodes.document) -> set[str]:
    """Return the pages that a page's text refers to."""
    labels: dict[str, Any] = cast(Any, env.get_domain("std")).anonlabels
    targets = {
        xref.get("reftarget", "").lower() for xref in document.findall(addnodes.pending_xref)
    }
    return {labels[target][0] for target in targets if target in labels}


def _item(
    app: Sphinx, name: str, page: str, title: str | None, takes: int, after: list[str]
) -> nodes.list_item:
    """One page; `title` is what it is called within its part, if not as elsewhere."""
    words = [_link(app, name, page, title), nodes.Text(f", {_in_words(takes)}")]
    if len(after) > MOST_NAMED:
        words += [nodes.Text(f"; after {len(after)} earlier pages")]
        after = []
    for number, other in enumerate(after):
        words += [nodes.Text(", " if number else "; after "), _link(app, name, other)]
    return nodes.list_item("", nodes.paragraph("", "", *words))


def _in_words(takes: int) -> str:
    return f"{takes} minute{'s' * (takes > 1)}"


def _link(app: Sphinx, name: str, page: str, title: str | None = None) -> nodes.reference:
    title = title or app.env.titles[page].astext()
    address = app.builder.get_relative_uri(name, page)
    return nodes.reference("", title, internal=True, refuri=address)


def setup(app: Sphinx) -> None:
    """Register the directive; `forgetting.book.sphinx_extension` calls it."""
    app.add_node(reading_times)
    app.add_directive("reading-times", ReadingTimes)
    app.connect("doctree-resolved", fill)
