"""A whole audit report as part of the book: made of published predictions, by the real command.

`sample-audit/` holds what the command is given, predictions.parquet and groups.csv, its report, and
first-screen.svg, a picture of how the report begins, for the page on the audit; a phone is shown
first-screen-narrow.svg.
"""

import re
import shutil
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forgetting.book.dependencies import PACKAGE, module_files, used_modules
from forgetting.book.shell import module_output
from forgetting.errors import UserError
from forgetting.files import sha256, write_text
from forgetting.predictions import archive
from forgetting.study import load_study

FOLDER = "sample-audit"
STUDY, POSITIVE = "tinted", "8 or 9"
SETTINGS = ("dense", "dense-again", "pruned-0.9")
ATTRIBUTES = ["tint", "frame"]
# As book/audit.md shows it.
COMMAND = (
    "audit predictions.parquet --baseline dense --groups groups.csv --cluster source "
    "--out report --positive"
).split()
# Pixels, so that letters can be read in the column of a page and on a phone.
SCREENS = {"first-screen.svg": (640, 1270), "first-screen-narrow.svg": (390, 1500)}
# It fades out, since it ends wherever the height does.
PAGE = """<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}">\
<style>{2}</style><foreignObject width="{0}" height="{1}">\
<body xmlns="http://www.w3.org/1999/xhtml" style="height: {1}px; overflow: hidden">{3}</body>\
</foreignObject><linearGradient id="fade" x2="0" y2="1"><stop stop-color="#fff" stop-opacity="0"/>\
<stop offset="0.9" stop-color="#fff"/></linearGradient>\
<rect y="{4}" width="{0}" height="{5}" fill="url(#fade)"/></svg>
"""
FADE = 110  # pixels


def put_sample_audit(source: Path) -> None:
    """Put the sample into the folder of the book; what is there and up to date stays.

    A book without the page on the audit needs none.

    Args:
        source: The folder that the book is bound from.

    Raises:
        UserError: There are no such predictions, or the command fails.
    """
    if not (source / "audit.md").exists():
        return
    folder, key = source / FOLDER, _made_from()
    note = folder / ".made-from"
    if note.exists() and note.read_text() == key:
        return
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / FOLDER
        write_inputs(made)
        done = module_output("forgetting.cli", *COMMAND, POSITIVE, folder=made)
        if done.returncode:
            raise UserError(f"the sample of an audit was not made: {done.stderr.strip()}")
        page = (made / "report" / "index.html").read_text(encoding="utf-8")
        for name, size in SCREENS.items():
            (made / name).write_text(first_screen(page, size), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder)
    write_text(note, key)


def write_inputs(folder: Path) -> None:
    """Write predictions.parquet and groups.csv, of the study's archive.

    Raises:
        UserError: There is no such archive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    study = load_study(STUDY)
    dataset = archive.read_dataset(study)
    classes = pa.array(dataset.classes)
    rows = pq.read_table(
        archive.verified_file(study, "test.parquet"),
        columns=["setting", "member", "example", "label", "predicted", "confidence"],
        filters=[("setting", "in", SETTINGS)],
    )
    for place, name in enumerate(rows.column_names):
        if name in ("label", "predicted"):
            rows = rows.set_column(place, name, classes.take(rows[name].combine_chunks()))
        if name == "confidence":
            rows = rows.set_column(place, name, pc.cast(rows[name], pa.float32()))
    pq.write_table(rows.replace_schema_metadata(), folder / "predictions.parquet")
    groups = dataset.test.attributes[["example", "source", *ATTRIBUTES]]
    groups.to_csv(folder / "groups.csv", index=False)


def first_screen(page: str, size: tuple[int, int]) -> str:
    """Return a picture of how a report begins: its own HTML and style, in a drawing.

    It is light, as a book in the dark inverts its drawings.

    Args:
        page: The report.
        size: Width and height in pixels.
    """
    style = page.partition("<style>")[2].partition("</style>")[0]
    style = re.sub(r"@media \(prefers-color-scheme: dark\) \{.*?\n\}", "", style, flags=re.DOTALL)
    style = style.replace("color-scheme: light dark", "color-scheme: light")
    top = re.split(r'<div class="question">|<h2>|<section', page.partition("<main>")[2])[0]
    # HTML knows where an inline drawing belongs; XML has to be told.
    top = top.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    escaped = style.replace("&", "&amp;").replace("<", "&lt;")
    drawing = PAGE.format(*size, escaped, top, size[1] - FADE, FADE)
    ElementTree.fromstring(drawing)  # What is no XML would be seen as a broken picture.
    return drawing


def _made_from() -> str:
    """Return a digest of the predictions and of what makes a report of them."""
    modules = module_files()
    used = used_modules(["forgetting.audit", __name__], modules)
    files = [modules[name] for name in used]
    files += [file for file in (PACKAGE / "audit").iterdir() if file.suffix in (".css", ".j2")]
    digests = sorted(sha256(file.read_bytes()) for file in files)
    return sha256("\n".join([archive.archive_fingerprint(load_study(STUDY)), *digests]).encode())
