"""The book's Sphinx extension: numbers, captions and alt text for what notebooks display.

`forgetting.book.display` leaves alt text, caption and name in each output's metadata. Here they
become numbered figures and tables that prose can refer to. When the HTML is written, what readers
need without a network is laid beside it: MathJax, the tables, the notebooks for download.
"""

import importlib.util
import re
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core import render
from sphinx.application import Sphinx

from forgetting import paths

SECTION = re.compile(
    r"(Args|Attributes|Raises|Returns|Yields|Examples?|Notes?):"
)  # napoleon lays these out
MATHJAX = (  # of 24 MB, the 2 MB that pages ask for
    "tex-mml-chtml.js",
    "input/tex/extensions",
    "output/chtml/fonts/woff-v2",
)


class written_table(nodes.General, nodes.Element):
    """A table that `book.table` wrote as HTML; numbered as a table."""


class written_gallery(nodes.General, nodes.Element):
    """A gallery that `book.gallery` wrote as HTML; numbered as a figure."""


class Displayed:
    """Renders an output that `forgetting.book.display` made; leaves all others to myst-nb."""

    mime_priority_overrides = ()

    @staticmethod
    def handle_mime(
        renderer: render.NbElementRenderer, data: render.MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Return nodes for one output, or None where it is not ours."""
        words = data.output_metadata.get("forgetting")
        if words is None or inline:
            return None
        if data.mime_type == "image/svg+xml":
            [image] = renderer.render_image(data)
            image["alt"] = words["alt"]
            return (
                [_figure(image, words, renderer.renderer, data.line)]
                if "caption" in words
                else [image]
            )
        if data.mime_type == "text/html":
            kind = written_gallery if words.get("gallery") else written_table
            return [
                _named(kind(html=data.string, caption=words["caption"]), words, renderer.renderer)
            ]
        return None


def _named(node: nodes.Element, words: dict, renderer: render.MditRenderMixin) -> nodes.Element:
    """Return `node`, which {numref} finds under the name in `words`."""
    node.document, node.source = renderer.document, renderer.document["source"]
    if "name" in words:
        node["names"].append(nodes.fully_normalize_name(words["name"]))
        renderer.document.note_explicit_target(node, node)
    return node


def _figure(
    image: nodes.image, words: dict, renderer: render.MditRenderMixin, line: int
) -> nodes.figure:
    parsed = nodes.Element()
    with renderer.current_node_context(parsed):
        renderer.nested_render_text(words["caption"], line)
    return _named(
        nodes.figure("", image, nodes.caption("", "", *parsed[0].children)), words, renderer
    )


def _visit_written(self: Any, node: nodes.Element) -> None:
    """Write the HTML as it was displayed, with its number before its caption."""
    before, mark, after = node["html"].partition("<figcaption")
    tag, close, after = after.partition(">")
    self.body.append(f'<div class="written" id="{node["ids"][0]}">\n{before}{mark}{tag}{close}')
    self.add_fignumber(node)
    self.body.append(f"{after}\n</div>\n")
    raise nodes.SkipNode


def _skip(self: Any, node: nodes.Element) -> None:
    raise nodes.SkipNode


def _listed_returns(lines: list[str]) -> list[str]:
    """Make lists of the columns that `Returns:` describes, one line `name: meaning` each."""
    text: list[str] = []
    inside, body, item = False, 0, 0
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if line.strip() and not indent:
            inside, body, item = line == "Returns:", 0, 0
        elif inside and line.strip():
            body = body or indent
            column = re.match(r"[a-z_][\w, ]*:( |$)", line.strip()) is not None
            if item and (indent < item or (indent == item == body and not column)):
                text.append("")
                item = 0
            if not item and (indent > body or column):
                # Napoleon takes what stands before a colon of the first line for a type.
                text += [" " * body + "With the columns", ""] if text[-1] == "Returns:" else [""]
                item = indent
            if item:
                line = " " * body + ("* " if indent == item else "  ") + line.strip()
        text.append(line)
    return text


def lists_in_docstrings(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Make lists of the indented lines that follow a sentence, as reStructuredText does not."""
    text: list[str] = []
    base: int | None = None
    for line in _listed_returns(lines):
        line = (
            "Args:"
            if line == "Arguments"
            else re.sub(r"(`[^`]*`)|\|", lambda match: match[1] or r"\|", line)
        )
        indent = len(line) - len(line.lstrip())
        if not line or not indent:
            text += [""] if base else []
            base = None
        elif (
            base is None
            and re.match(r"\S", text[-1] if text else "")
            and not SECTION.fullmatch(text[-1])
        ):
            base = indent
            text.append("")
        text.append(
            line if base is None else f"* {line.strip()}" if indent == base else f"  {line.strip()}"
        )
    lines[:] = text


def name_roles(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None
) -> None:
    """Rename the role that docutils gives to references and ARIA has withdrawn."""
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')


def lay_out(app: Sphinx, exception: Exception | None) -> None:
    """Copy what the pages need or offer into the finished HTML."""
    if exception or app.builder.format != "html":
        return
    source, out = Path(app.srcdir), Path(app.outdir)
    installed = importlib.util.find_spec("sphinx-mathjax-offline")
    assert installed is not None and installed.origin is not None  # the lock has it
    mathjax = Path(installed.origin).parent / "static" / "mathjax"
    for part in MATHJAX:
        _copy(mathjax / part, out / "_static" / "vendor" / "mathjax" / part)
    _copy(source / "tables", out / "tables")
    for name in sorted(app.env.found_docs):
        if name.startswith("pages/"):
            page = name.removeprefix("pages/")
            _copy(source / "pages" / f"{page}.ipynb", out / "notebooks" / f"{page}.ipynb")
            text = f"{page.rpartition('/')[2]}.md"
            _copy(paths.notebooks / text, out / "notebooks" / text)
    _copy(paths.archive(), out / "archive")


def _copy(what: Path, where: Path) -> None:
    where.parent.mkdir(parents=True, exist_ok=True)
    if what.is_dir():
        shutil.copytree(what, where, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
    elif what.exists():
        shutil.copyfile(what, where)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all of this; Sphinx calls it."""
    if Displayed not in (renderers := render.load_mime_renders()):  # the list that myst-nb keeps
        renderers.append(Displayed)
    writers: dict[str, Any] = {
        format: (_skip, None) for format in ("latex", "text", "man", "texinfo")
    } | {"html": (_visit_written, None)}
    app.add_enumerable_node(written_table, "table", lambda node: node["caption"], **writers)
    app.add_enumerable_node(written_gallery, "figure", lambda node: node["caption"], **writers)
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", lists_in_docstrings, priority=400)  # before napoleon
    app.connect("html-page-context", name_roles)
    app.connect("build-finished", lay_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
