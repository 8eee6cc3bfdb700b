"""The report of an audit as one page of HTML that needs no network, no script and no other file.

Names from outside (of classes, groups, settings, examples) appear as text and nothing but text: the
template escapes all that it is given.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd

from forgetting.audit import report_tables
from forgetting.audit.audit_tables import COMPRESSED
from forgetting.audit.gallery import Gallery, SettingPictures
from forgetting.audit.rules import Verdict
from forgetting.audit.set_names import nouns
from forgetting.text import clipped, counted

if TYPE_CHECKING:
    from forgetting.audit import Audit

MOST_BYTES = 3 * 10**6
MOST_SETTINGS = 100  # That have a section of their own.
FIRST = 5  # Settings of which the page says the most important first.
FIRST_OF_SETS = 3  # Sentences about classes, and about groups, that the page says first.
ROWS = (100, 40, 15, 5, 2)  # Of each table: the first of these with which the page is small enough.


def _non_breaking(value: Any) -> Any:
    """Keep a per cent sign on the line of its number."""
    return value.replace(" %", "\N{NO-BREAK SPACE}%") if type(value) is str else value


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    finalize=_non_breaking,
    trim_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def report_page(
    audit: "Audit",
    *,
    images: str | Path | None = None,
    verdicts: Sequence[Verdict] = (),
) -> str:
    """Write the page of an audit.

    Args:
        audit: its tables and summary.
        images: a folder of pictures in which examples are found by their names, as `forgetting
            predict` names them; those that are there are shown beside the list of exemplars.
        verdicts: of rules, each with its line.

    Raises:
        UserError: `images` is not a folder.
    """
    settings = audit.summary["settings"][:MOST_SETTINGS]
    pictures: dict[str, SettingPictures | None] = {}
    if images is not None:
        gallery = Gallery(images)
        for one in settings:
            pictures[one["setting"]] = gallery.take(_rows_of(audit.exemplars, one["setting"]))
    # Where names are long and full of quotes, sentences alone may fill the page.
    few = settings[: MOST_SETTINGS // 4]
    template = _TEMPLATES.get_template("report.html.j2")
    for most, shown, pictured in [
        *((rows, settings, pictures) for rows in ROWS),
        (ROWS[-1], settings, {}),
        (ROWS[-1], few, {}),
    ]:
        text = template.render(_page(audit, shown, pictured, verdicts, most))
        if len(text.encode()) <= MOST_BYTES:
            break
    return text


def _page(
    audit: "Audit",
    settings: list[dict[str, Any]],
    pictures: dict[str, SettingPictures | None],
    verdicts: Sequence[Verdict],
    most: int,
) -> dict[str, Any]:
    """What the template is given."""
    summary = audit.summary
    scope = f"{counted(summary['examples'], 'example')} of " + counted(
        summary["classes"], "class", "classes"
    )
    if summary["groups"]:
        scope += f" and {counted(summary['groups'], *nouns(audit.groups, 'groups'))}"
    links = {one["setting"]: f"#setting-{k}" for k, one in enumerate(settings)}
    several = len(summary["settings"]) > 1
    return {
        "title": clipped(f"What compression did to {_named(summary['settings'])}", 200),
        "baseline": clipped(summary["baseline"]),
        "scope": scope,
        "first": _lines(_first_sentences(summary["settings"])),
        "rules": _lines([verdict.line for verdict in verdicts], 1000),
        "overview": report_tables.overview(audit.overall, links) if several else None,
        "unlisted": len(summary["settings"]) - len(settings),
        "sections": [
            _section(audit, one, pictures.get(one["setting"]), most)
            | {"id": links[one["setting"]][1:]}
            for one in settings
        ],
        "alpha": f"{summary['alpha']:g}",
        "share": f"{100 * summary['alpha']:g} %",
        "correction": clipped(summary["correction"], 1000),
        "notes": _lines(summary["notes"], 1000),
        "files": [name for name, table in audit.tables().items() if len(table.columns)],
        "version": summary["forgetting"],
        "minimum": f"{summary['minimum']:,}",
        "draws": f"{summary['draws']:,}",
        "seed": summary["seed"],
    }


def _named(settings: list[dict[str, Any]]) -> str:
    names = [one["setting"] for one in settings]
    return " and ".join(names) if len(names) < 3 else f"{len(names):,} settings"


def _first_sentences(settings: list[dict[str, Any]]) -> list[str]:
    """The sentences that matter most.

    Of one setting they are many; of several the first of each, and once what is said of all.
    """
    of_each = [one["sentences"] for one in settings]
    first = of_each[0]
    if len(of_each) == 1:
        sets = (first.get(name, [])[:FIRST_OF_SETS] for name in ("classes", "groups"))
        return [
            *first["overall"],
            *first["relative"],
            *(line for lines in sets for line in lines),
        ]
    lines = [
        line
        for of_one in of_each[:FIRST]
        for name in ("overall", "relative", "classes", "groups")
        for line in of_one.get(name, [])[: 2 if name == "relative" else 1]
    ]
    if len(of_each) > FIRST:
        lines.append(f"The other {len(of_each) - FIRST:,} settings follow below.")
    shared = (line for line in first["overall"][1:] if all(line in of["overall"] for of in of_each))
    return [*lines, *shared]


def _section(
    audit: "Audit", one: dict[str, Any], pictures: SettingPictures | None, most: int
) -> dict[str, Any]:
    setting, of_one = one["setting"], one["sentences"]
    rows = _rows_of(audit.overall, setting)
    overall = rows[rows["role"] == COMPRESSED].iloc[0]
    # Of a single setting, the page has said the most important first.
    single = len(audit.summary["settings"]) == 1
    parts = []
    for name, heading in (("classes", "Classes"), ("groups", "Groups")):
        sets = _rows_of(audit.tables()[name], setting)
        if len(sets):
            findings = _rows_of(audit.findings, setting)
            part_tables = [
                report_tables.findings_table(findings[findings["of"] == name]),
                report_tables.sets_table(sets, of=name, design=overall["design"], most=most),
            ]
            lines = _lines(of_one[name][FIRST_OF_SETS if single else 0 :])
            parts.append({"heading": heading, "sentences": lines, "tables": part_tables})
    exemplars = _rows_of(audit.exemplars, setting)
    lines = [*of_one["exemplars"], *(["There is none."] if exemplars.empty else [])]
    parts.append(
        {
            "heading": "Examples on which the two sides disagree",
            "sentences": _lines(lines),
            "tables": []
            if exemplars.empty
            else [report_tables.exemplars_table(exemplars, overall, most=most)],
        }
    )
    return {
        "setting": clipped(setting),
        "sentences": [] if single else _lines([*of_one["overall"], *of_one["relative"]]),
        "parts": parts,
        "gallery": pictures,
    }


def _rows_of(table: pd.DataFrame, setting: str) -> pd.DataFrame:
    return table[table["setting"] == setting] if len(table) else table


def _lines(lines: Sequence[str], most: int = 2000) -> list[str]:
    return [clipped(line, most) for line in lines]
