"""The report of an audit as one page of HTML that needs no network, no script and no other file.

Names from outside (of classes, groups, settings, examples) appear as text and nothing but text: the
template escapes all that it is given.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd

from forgetting.audit import (
    report_answers,
    report_certainty,
    report_figure,
    report_gaps,
    report_tables,
)
from forgetting.audit.audit_tables import COMPRESSED, CSV_ROWS
from forgetting.audit.report_cells import ReportTable
from forgetting.audit.rules import Verdict
from forgetting.audit.wording import LANGUAGE, table_in_other_words, worded
from forgetting.text import clipped, counted

if TYPE_CHECKING:
    from forgetting.audit import Audit
    from forgetting.audit.gallery import SettingPictures

MOST_BYTES = 3 * 10**6
MOST_SETTINGS = 100  # That have a section of their own.
SHOWN = 1  # Sentences of a part that are shown; others fold out.
SURE_SHOWN = 4  # of how sure models are, of which each is about something else
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


def render(template: str, **values: object) -> str:
    """Fill a template of this folder; all that it is given is escaped.

    Args:
        template: name of its file.
        **values: what it shows.
    """
    return _TEMPLATES.get_template(template).render(values)


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
        from forgetting.audit.gallery import Gallery  # reads pictures, which few reports have

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
    pictures: "dict[str, SettingPictures | None]",
    verdicts: Sequence[Verdict],
    most: int,
) -> dict[str, Any]:
    """What the template is given."""
    summary = audit.summary
    scope = _scope(audit)
    links = {one["setting"]: f"#setting-{k}" for k, one in enumerate(settings)}
    several = len(summary["settings"]) > 1
    return {
        "title": clipped(f"What compression did to {_named(summary['settings'])}", 200),
        "baseline": clipped(summary["baseline"]),
        "scope": scope,
        "first": _lines(summary["first"]),
        "figure": report_figure.first_figure(audit),
        "copies": _lines(summary["copies"]),
        "questions": _lines(summary["questions"], 1000),
        "rules": _lines([verdict.line for verdict in verdicts], 1000),
        "overview": report_tables.overview(audit.overall, links) if several else None,
        "unlisted": len(summary["settings"]) - len(settings),
        "sections": [
            _section(audit, one, pictures.get(one["setting"]), most)
            | {"id": links[one["setting"]][1:]}
            for one in settings
        ],
        "susceptible": _lines(summary["susceptible"], 1000),
        "doubted": (
            report_certainty.susceptible_table(audit.susceptible, most=most)
            if len(audit.susceptible)
            else None
        ),
        "alpha": f"{summary['alpha']:g}",
        "share": f"{100 * summary['alpha']:g} %",
        "correction": clipped(summary["correction"], 1000),
        "notes": _lines(summary["notes"], 1000),
        "files": [
            f"{name}.{'csv' if len(table) <= CSV_ROWS else 'parquet'}"
            for name, table in audit.tables().items()
            if len(table.columns)
        ],
        "version": summary["forgetting"],
        "minimum": f"{summary['minimum']:,}",
        "draws": f"{summary['draws']:,}",
        "seed": summary["seed"],
    }


def _scope(audit: "Audit") -> str:
    summary = audit.summary
    if len(audit.answers):
        questions, tasks = audit.answers[["questions", "tasks"]].iloc[0]
        return f"{counted(int(questions), 'question')} of {counted(int(tasks), 'task')}"
    scope = f"{counted(summary['examples'], 'example')} of " + counted(
        summary["classes"], "class", "classes"
    )
    if summary["groups"]:
        scope += f" and {counted(audit.groups['group'].nunique(), 'group')}"
    return scope


def _named(settings: list[dict[str, Any]]) -> str:
    names = [one["setting"] for one in settings]
    return " and ".join(names) if len(names) < 3 else f"{len(names):,} settings"


def _section(
    audit: "Audit", one: dict[str, Any], pictures: "SettingPictures | None", most: int
) -> dict[str, Any]:
    """What the template is given of one setting: what the page has not said yet."""
    setting, of_one = one["setting"], one["sentences"]
    said = set(audit.summary["first"])
    rows = _rows_of(audit.overall, setting)
    overall = rows[rows["role"] == COMPRESSED].iloc[0]
    new = {name: [line for line in lines if line not in said] for name, lines in of_one.items()}
    parts = []
    for name, heading in (("classes", "Classes"), ("groups", "Groups")):
        if len(_rows_of(audit.tables()[name], setting)):
            gaps = new["gaps"] if name == "groups" else []
            lines, shown = [*gaps, *new[name]], len(gaps) or SHOWN
            tables = _tables_of_sets(audit, setting, name, overall["design"], most)
            parts.append(_part(heading, lines, shown, tables))
    if new["certainty"]:
        tables = _tables_of_certainty(audit, setting, most)
        parts.append(_part("How sure the models are", new["certainty"], SURE_SHOWN, tables))
    if len(_rows_of(audit.answers, setting)):
        places, margins = (_rows_of(rows, setting) for rows in (audit.places, audit.margins))
        tables = [report_answers.places_table(places, most=most)] if len(places) else []
        tables += [report_answers.margins_table(margins, most=most)] if len(margins) else []
        if len(roles := _rows_of(audit.roles, setting)):
            tables.insert(0, report_answers.roles_table(roles, most=most))
        parts.append(_part("Answers", new["answers"], SHOWN, tables))
    exemplars = _rows_of(audit.exemplars, setting)
    lines = [*new["exemplars"], *(["There is none."] if exemplars.empty else [])]
    tables = (
        [] if exemplars.empty else [report_tables.exemplars_table(exemplars, overall, most=most)]
    )
    parts.append(_part("Examples on which the two sides disagree", lines, SHOWN, tables))
    if len(audit.answers):
        parts = [_in_words_of_language(part) for part in parts]
    main = of_one["overall"][0]
    return {
        "setting": clipped(setting),
        "sentences": _lines([*([main] if main not in said else []), *new["relative"]]),
        "more": _lines([line for line in new["overall"] if line != main]),
        "parts": parts,
        "gallery": pictures,
    }


def _part(
    heading: str, lines: Sequence[str], shown: int, tables: Sequence[ReportTable]
) -> dict[str, Any]:
    return {
        "heading": heading,
        "sentences": _lines(lines[:shown]),
        "more": _lines(lines[shown:]),
        "tables": tables,
    }


def _in_words_of_language(part: dict[str, Any]) -> dict[str, Any]:
    tables = [table_in_other_words(table, LANGUAGE) for table in part["tables"]]
    return part | {"heading": worded(part["heading"], LANGUAGE), "tables": tables}


def _tables_of_sets(
    audit: "Audit", setting: str, name: str, design: str, most: int
) -> list[ReportTable]:
    """The tables of classes or of groups of one setting: groups by single attributes first."""
    rows, findings = _rows_of(audit.tables()[name], setting), _rows_of(audit.findings, setting)
    found = report_tables.findings_table(findings[findings["of"] == name])
    sets_table = partial(report_tables.sets_table, of=name, design=design, most=most)
    if name == "classes":
        return [sets_table(rows), found]
    gaps = _rows_of(audit.gaps, setting)
    binary = audit.summary["positive"] is not None
    fold = "" if binary else "Gaps between groups"
    gap = report_gaps.gaps_table(gaps[~gaps["intersection"]], most=most, fold=fold)
    single = sets_table(rows[~rows["intersection"]])
    tables = [gap, single] if binary else [single, gap]
    if rows["intersection"].any():
        fold = "Groups by two attributes"
        pairs = sets_table(rows[rows["intersection"]], fold=fold)
        fold = "Gaps of groups by two attributes"
        tables += [
            pairs,
            report_gaps.gaps_table(gaps[gaps["intersection"]], most=most, fold=fold),
        ]
    return [*tables, found]


def _tables_of_certainty(audit: "Audit", setting: str, most: int) -> list[ReportTable]:
    """The tables of how sure models are, by group."""
    if not len(audit.groups):  # The sentences say all that there is.
        return []
    made = {
        "uncertainty": report_certainty.uncertainty_table,
        "calibration": report_certainty.calibration_table,
    }
    tables = {name: _rows_of(audit.tables()[name], setting) for name in made}
    return [made[name](rows, most=most) for name, rows in tables.items() if len(rows)]


def _rows_of(table: pd.DataFrame, setting: str) -> pd.DataFrame:
    return table[table["setting"] == setting] if len(table) else table


def _lines(lines: Sequence[str], most: int = 2000) -> list[str]:
    return [clipped(line, most) for line in lines]
