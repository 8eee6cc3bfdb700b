"""From decks to slides: Sphinx builds them for reveal.js, warnings being errors."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from forgetting.course.slides import decks, fill_deck
from forgetting.errors import UserError
from forgetting.files import replacing, write_text

STYLE = "slides.css"
# Of 6 MB that the library brings along, what slides ask for.
KEPT = (
    r"[^/]*\.html",
    rf"_static/{re.escape(STYLE)}",
    r"_static/revealjs/(LICENSE|dist/(reset|reveal)\.css|dist/reveal\.js|plugin/notes/notes\.js)",
    r"_static/revealjs/dist/theme/(white\.css|fonts/source-sans-pro/(LICENSE|.*\.(css|woff)))",
)


def build_slides(out: Path) -> list[Path]:
    """Build all decks into a folder that needs nothing else and asks no other machine.

    Args:
        out: The folder; files of the same names are replaced.

    Returns:
        What was written, the decks first.

    Raises:
        UserError: `out` is a file; as `fill_deck`; or Sphinx has a warning, which it printed.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; give the name of a folder")
    filled = {
        name: fill_deck(text, where=f"book/teach/slides/{name}.md")
        for name, text in decks().items()
    }
    with tempfile.TemporaryDirectory() as place:
        source, made = Path(place) / "source", Path(place) / "html"
        for name, text in filled.items():
            write_text(source / f"{name}.md", text)
        shutil.copy(Path(__file__).with_name(STYLE), source)
        # A process of its own, because Sphinx changes its process for good.
        command = [sys.executable, "-m", "forgetting.course.slides_build", str(source), str(made)]
        if subprocess.run(command).returncode:
            raise UserError("no slides were made: fix the warnings above, which are errors here")
        files = sorted(file.relative_to(made) for file in made.rglob("*") if file.is_file())
        kept = [file for file in files if any(re.fullmatch(k, file.as_posix()) for k in KEPT)]
        for file in kept:
            with replacing(out / file) as temporary:
                shutil.copy(made / file, temporary)
    return [out / file for file in sorted(kept, key=lambda file: (file.suffix != ".html", file))]


def run_sphinx(source: Path, out: Path) -> int:
    """Build the decks in a folder; return 0 where there was neither a warning nor an error."""
    from sphinx.application import Sphinx

    settings = {
        "project": "What compressed networks forget",
        "extensions": ["myst_parser", "sphinx_revealjs"],
        "myst_enable_extensions": ["colon_fence", "attrs_block", "attrs_inline"],
        "language": "en",
        "html_copy_source": False,
        "revealjs_html_theme": "revealjs-simple",
        "revealjs_style_theme": "white",
        "revealjs_static_path": [str(source / STYLE)],
        "revealjs_css_files": [STYLE],
        "revealjs_script_plugins": [
            {"src": "revealjs/plugin/notes/notes.js", "name": "RevealNotes"}
        ],
        "revealjs_script_conf": {
            "width": 1280,
            "height": 720,
            "margin": 0,
            "center": False,
            "hash": True,
            "slideNumber": "c/t",
            "transition": "none",
            "pdfSeparateFragments": False,
        },
    }
    app = Sphinx(
        source,
        None,
        out,
        out.with_name("doctrees"),
        "revealjs",
        settings,
        status=None,
        freshenv=True,
        warningiserror=True,
        keep_going=True,
    )
    app.build()
    return app.statuscode


if __name__ == "__main__":
    sys.exit(run_sphinx(Path(sys.argv[1]), Path(sys.argv[2])))
