"""The book's Sphinx extension: numbers, captions and alt text for what notebooks display, and all files a reader needs without a network.

`forgetting.book.figures` leaves alt text, caption and name in each output's metadata. Here they become numbered figures and tables
that prose can refer to. When the HTML is written, MathJax, the tables and the notebooks for download are laid beside it.
"""

import importlib.util
import re
import shutil
from pathlib import Path

from docutils import nodes
from myst_nb.core import render
from sphinx.application import Sphinx

from forgetting import paths

SECTION = re.compile(
    r"(Args|Attributes|Raises|Returns|Yields|Examples?|Notes?):"
)  # napoleon lays these out
MATHJAX = (
    "tex-mml-chtml.js",
    "input/tex/extensions",
    "output/chtml/fonts/woff-v2",
)  # of 24 MB, the 2 MB that pages ask for


class written_table(nodes.General, nodes.Element):
    """A table that `figures.table` wrote as HTML; numbered as a table."""


class written_gallery(nodes.General, nodes.Element):
    """A gallery that `figures.gallery` wrote as HTML; numbered as a figure."""


class Displayed:
    """Renders an output that `forgetting.book.figures` displayed; leaves all others to myst-nb."""

    mime_priority_overrides = ()

    @staticmethod
    def handle_mime(
        renderer: render.NbElementRenderer, data: render.MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Nodes for one output, or None where it is not ours."""
        told = data.output_metadata.get("forgetting")
        if told is None or inline:
            return None
        if data.mime_type == "image/svg+xml":
            [image] = renderer.render_image(data)
            image["alt"] = told["alt"]
            return (
                [_figure(image, told, renderer.renderer, data.line)]
                if "caption" in told
                else [image]
            )
        if data.mime_type == "text/html":
            kind = written_gallery if told.get("gallery") else written_table
            return [
                _named(kind(html=data.string, caption=told["caption"]), told, renderer.renderer)
            ]
        return None


def _named(node: nodes.Element, told: dict, renderer: render.MditRenderMixin) -> nodes.Element:
    """`node`, which {numref} finds under the name in `told`."""
    node.document, node.source = renderer.document, renderer.document["source"]
    if "name" in told:
        node["names"].append(nodes.fully_normalize_name(told["name"]))
        renderer.document.note_explicit_target(node, node)
    return node


def _figure(
    image: nodes.image, told: dict, renderer: render.MditRenderMixin, line: int
) -> nodes.figure:
    parsed = nodes.Element()
    with renderer.current_node_context(parsed):
        renderer.nested_render_text(told["caption"], line)
    return _named(
        nodes.figure("", image, nodes.caption("", "", *parsed[0].children)), told, renderer
    )


def _visit_written(self, node: nodes.Element) -> None:
    """The HTML as it was displayed, with its number put before its caption."""
    before, mark, after = node["html"].partition("<figcaption")
    tag, close, after = after.partition(">")
    self.body.append(f'<div class="written" id="{node["ids"][0]}">\n{before}{mark}{tag}{close}')
    self.add_fignumber(node)
    self.body.append(f"{after}\n</div>\n")
    raise nodes.SkipNode


def _skip(self, node: nodes.Element) -> None:
    raise nodes.SkipNode


def lists_in_docstrings(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Make lists of the indented lines that follow a sentence: docstrings are written to be read in an editor, not as reStructuredText."""
    text, base = [], None
    for line in lines:
        line = (
            "Args:"
            if line == "Arguments"
            else re.sub(r"(`[^`]*`)|\|", lambda found: found[1] or r"\|", line)
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
    """docutils gives references a role that ARIA has withdrawn."""
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')


def lay_out(app: Sphinx, exception: Exception | None) -> None:
    """Copy what the pages need or offer into the finished HTML."""
    if exception or app.builder.format != "html":
        return
    source, out = Path(app.srcdir), Path(app.outdir)
    mathjax = (
        Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
        / "static"
        / "mathjax"
    )
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


def setup(app: Sphinx) -> dict:
    """Sphinx calls this."""
    if Displayed not in (known := render.load_mime_renders()):  # the list that myst-nb keeps
        known.append(Displayed)
    html, others = (
        (_visit_written, None),
        {format: (_skip, None) for format in ("latex", "text", "man", "texinfo")},
    )
    app.add_enumerable_node(
        written_table, "table", lambda node: node["caption"], html=html, **others
    )
    app.add_enumerable_node(
        written_gallery, "figure", lambda node: node["caption"], html=html, **others
    )
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", lists_in_docstrings, priority=400)  # before napoleon
    app.connect("html-page-context", name_roles)
    app.connect("build-finished", lay_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
