"""The book's Sphinx extension: numbers, captions and alt text for what notebooks display.

`forgetting.book.display` leaves alt text, caption and name in each output's metadata. Here they
become numbered figures and tables that prose can refer to. When the HTML is written, what readers
need without a network is laid beside it: MathJax, the tables, the notebooks for download.
"""

import contextlib
import importlib.util
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import nbformat
import numpy.typing as npt
import vl_convert
from docutils import nodes
from myst_nb.core import render
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import stringify_annotation

from forgetting import paths
from forgetting.book import predict_first, reading_times, sample_audit
from forgetting.book.editions import text_notebook
from forgetting.book.hidden_code import JoinHiddenCode
from forgetting.book.page import page_names
from forgetting.files import write_text

NARROW = "screen and (max-width: 600px)"  # as in the style sheet
COMMANDS = ("forgetting.cli", "forgetting.course.commands")  # how modules of commands begin
MATHJAX = (  # of 24 MB, the 2 MB that pages ask for
    "tex-mml-chtml.js",
    "input/tex/extensions",
    "output/chtml/fonts/woff-v2",
)


class written_table(nodes.General, nodes.Element):
    """A table that `book.table` wrote as HTML; numbered as a table."""


class written_gallery(nodes.General, nodes.Element):
    """A gallery or an explorer that was written as HTML; numbered as a figure."""


class picture(nodes.General, nodes.Element):
    """An image with a narrow drawing of it before it."""


class narrow_image(nodes.image):
    """What a phone shows in place of the image behind it."""


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
            image = _image(renderer, data, words)
            return (
                [_figure(image, words, renderer.renderer, data.line)]
                if "caption" in words
                else [image]
            )
        if data.mime_type == "text/html":
            figure = words.get("gallery") or words.get("explorer")
            kind = written_gallery if figure else written_table
            node = kind(html=data.string, caption=words["caption"])
            node += nodes.raw("", _searched(data.string), format="html")
            return [_named(node, words, renderer.renderer)]
        return None


def _image(renderer: render.NbElementRenderer, data: render.MimeData, words: dict) -> nodes.Element:
    """Return a figure's image; with a narrow drawing, a picture of which a browser shows one."""
    [wide] = renderer.render_image(data)
    wide["alt"] = words["alt"]
    if "narrow" not in words:
        return wide
    [image] = renderer.render_image(replace(data, content=words["narrow"]))
    sides = re.search(r"\b(left|right)\b", words.get("caption", ""), re.IGNORECASE)
    stacked = ["stacked"] if sides and words["stacked"] else []
    return picture("", narrow_image("", **image.attributes), wide, classes=stacked)


def give_narrow_drawings(app: Sphinx, doctree: nodes.document) -> None:
    """Give the image NAME.svg of a hand-written page the drawing for phones that lies beside it."""
    folder = Path(doctree["source"]).parent
    for image in list(doctree.findall(nodes.image)):
        narrow = image["uri"].removesuffix(".svg") + "-narrow.svg"
        if not isinstance(image.parent, picture) and (folder / narrow).is_file():
            phone = narrow_image("", **image.attributes | {"uri": narrow})
            image.replace_self(picture("", phone, image.deepcopy()))


def _searched(written: str) -> str:
    """Return the words of some HTML, for the search; nothing else shows them.

    Sphinx indexes raw HTML, too, but runs the words of neighbouring cells together.
    """
    return re.sub(r"<script.*?</script>|<[^<]+?>", " ", written, flags=re.DOTALL)


def _named(node: nodes.Element, words: dict, renderer: render.MditRenderMixin) -> nodes.Element:
    """Return `node`, which {numref} finds under the name in `words`."""
    node.document, node.source = renderer.document, renderer.document["source"]
    if "name" in words:
        node["names"].append(nodes.fully_normalize_name(words["name"]))
        renderer.document.note_explicit_target(node, node)
    return node


def _figure(
    image: nodes.Element, words: dict, renderer: render.MditRenderMixin, line: int
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


def _visit_picture(self: Any, node: nodes.Element) -> None:
    self.body.append(f'<picture class="{" ".join(node["classes"])}">\n')


def _depart_picture(self: Any, node: nodes.Element) -> None:
    self.body.append("</picture>\n")


def _visit_narrow(self: Any, node: nodes.Element) -> None:
    file = f"{self.builder.imgpath}/{self.builder.images[node['uri']]}"
    self.body.append(f'<source media="{NARROW}" srcset="{file}">\n')
    raise nodes.SkipNode


def _pass(self: Any, node: nodes.Element) -> None:
    """Write nothing of its own; the image in it is written."""


def _skip(self: Any, node: nodes.Element) -> None:
    raise nodes.SkipNode


def take_types_from_signatures(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Keep napoleon from taking what `Returns` says before a colon for a type."""
    for place, line in enumerate(lines[:-1]):
        if line.strip() in ("Returns:", "Yields:"):
            text = lines[place + 1].lstrip()
            lines[place + 1] = lines[place + 1].removesuffix(text) + f": {text}"


def drop_metadata(app: Sphinx, obj: Any, bound_method: bool) -> None:
    """Show the types of a command's arguments without the objects that Typer reads beside them."""
    if (getattr(obj, "__module__", "") or "").startswith(COMMANDS) and hasattr(
        obj, "__annotations__"
    ):
        # A type that is imported for type checkers alone stays as it is written.
        with contextlib.suppress(NameError):
            obj.__annotations__ = get_type_hints(obj)


def declare_parallel(app: Sphinx) -> None:
    """Let several processes read pages, which two extensions leave open whether they allow.

    sphinx_multitoc_numbering (0.1.3) numbers sections once all pages are read, those of numbered
    parts, and sphinx_jupyterbook_latex (1.0.0) acts on LaTeX; the book has neither.
    """
    for name in {"sphinx_multitoc_numbering", "sphinx_jupyterbook_latex"} & app.extensions.keys():
        app.extensions[name].parallel_read_safe = True


def shorten_types(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str, returns: str
) -> tuple[str, str]:
    """Write ArrayLike, which stands for six types, as it stands in the code."""
    arrays = stringify_annotation(npt.ArrayLike, "smart")  # as autodoc writes it
    short = [text and text.replace(arrays, "ArrayLike") for text in (signature, returns)]
    return short[0], short[1]


def score_pages_first(app: Sphinx, config: Config) -> None:
    """Let the search list what pages say before entries of the library's reference."""
    scorer = Path(app.srcdir) / "assets" / "js" / "scorer.js"
    if scorer.exists():
        config.html_search_scorer = str(scorer)


def number_by_page(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Number the figures and the tables of each page from 1; no page refers to another's."""
    for by_kind in env.toc_fignumbers.values():
        for numbers in by_kind.values():
            numbers |= {name: (place,) for place, name in enumerate(numbers, 1)}
    return []


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
    # In a function of its own: its names would otherwise be those of all scripts of the page.
    vega = f"(() => {{{vl_convert.javascript_bundle('window.vegaEmbed = vegaEmbed;')}}})();\n"
    (out / "_static" / "vendor" / "vega.js").write_text(vega, encoding="utf-8")
    for folder in ("tables", sample_audit.FOLDER):
        _copy(source / folder, out / folder)
    for name in sorted(app.env.found_docs):
        if name.startswith("pages/"):
            page = name.removeprefix("pages/")
            executed, made = source / "pages" / f"{page}.ipynb", out / "notebooks" / page
            _copy(executed, made.with_suffix(".ipynb"))
            name = page.rpartition("/")[2]
            if name in page_names() and executed.exists():
                text = text_notebook(name, nbformat.read(executed, as_version=4))
                write_text(made.with_suffix(".md"), text)
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
    unwritten = ("latex", "text", "man", "texinfo")
    skipped: dict[str, Any] = dict.fromkeys(unwritten, (_skip, None))
    writers = skipped | {"html": (_visit_written, None)}
    app.add_enumerable_node(written_table, "table", lambda node: node["caption"], **writers)
    app.add_enumerable_node(written_gallery, "figure", lambda node: node["caption"], **writers)
    passed: dict[str, Any] = dict.fromkeys(unwritten, (_pass, _pass))
    app.add_node(picture, html=(_visit_picture, _depart_picture), **passed)
    app.add_node(narrow_image, html=(_visit_narrow, None), **skipped)
    reading_times.setup(app)
    predict_first.setup(app)
    app.add_post_transform(JoinHiddenCode)
    app.setup_extension("sphinx.ext.autodoc")
    # Before napoleon, which has priority 500.
    app.connect("autodoc-process-docstring", take_types_from_signatures, priority=400)
    app.connect("autodoc-before-process-signature", drop_metadata)
    app.connect("autodoc-process-signature", shorten_types)
    app.connect("config-inited", score_pages_first)
    app.connect("builder-inited", declare_parallel)
    app.connect("doctree-read", give_narrow_drawings, priority=400)  # before images are collected
    app.connect("env-get-updated", number_by_page, priority=900)  # after Sphinx has numbered all
    app.connect("html-page-context", name_roles)
    app.connect("build-finished", lay_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
