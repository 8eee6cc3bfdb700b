"""Many audits: a report for each pair of models, and a summary that corrects over all of them.

A pair whose report is there for the same inputs, options and library is not audited again, so that
the same command goes on where it was stopped. A pair that cannot be audited stops no other.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import forgetting
from forgetting.audit.many_folder import TABLE, ManyFolder
from forgetting.audit.many_sentences import many_overview, many_sentences
from forgetting.audit.many_table import many_table
from forgetting.audit.pair_audit import Answer, Pair, digest
from forgetting.audit.report import render
from forgetting.audit.report_folder import FIRST_FILES, write_report
from forgetting.errors import UserError
from forgetting.text import clipped, counted, quoted

SECTIONS = 200  # pairs of which the page has the first sentences
SAID = 3  # of these sentences

Run = Callable[[Sequence[Pair]], Iterator[tuple[Pair, Answer]]]


@dataclass(frozen=True)
class ManyAudits:
    """Many audits, of which each has its report.

    Attributes:
        table: a row for each pair and compressed setting; see `many_table.many_table`.
        problems: of pairs that were not audited, a line by name.
        verdicts: of the rules, by the pair's name: rule, code and line.
        summary: as it is written to summary.json. first: the sentences to be read first. tests:
            how many the corrections run over. pairs: of each its name, row, problem, the first
            sentences of its report, and the verdicts of rules.
    """

    table: pd.DataFrame
    problems: dict[str, str]
    verdicts: dict[str, list[dict[str, Any]]]
    summary: dict[str, Any]

    def write(self, folder: ManyFolder) -> None:
        """Write index.html, audits.csv, audits.parquet and summary.json."""
        write_report(
            folder.folder, page=self.page(), summary=self.summary, tables={TABLE: self.table}
        )

    def page(self) -> str:
        """Return the page, which leads to the report of each pair."""
        summary = self.summary
        done = [pair for pair in summary["pairs"] if not pair["problem"]]
        return render(
            "many.html.j2",
            title=f"What compression did, {counted(len(summary['pairs']), 'pair')}",
            first=[clipped(line, 1000) for line in summary["first"]],
            problems=[clipped(line, 1000) for line in self.problems.values()],
            rules=[
                clipped(f"{name}: {verdict['line']}", 1000)
                for name, verdicts in self.verdicts.items()
                for verdict in verdicts
                if verdict["code"]
            ],
            overview=many_overview(self.table, alpha=summary["alpha"]) if done else None,
            rows=[
                {
                    "name": clipped(pair["pair"]),
                    "place": f"reports/{pair['pair']}/index.html",
                    "first": [clipped(line, 1000) for line in pair["first"][:SAID]],
                }
                for pair in done[:SECTIONS]
            ],
            unlisted=max(0, len(done) - SECTIONS),
            alpha=f"{summary['alpha']:g}",
            version=summary["forgetting"],
        )


def missing_pairs(folder: ManyFolder, pairs: Sequence[Pair]) -> dict[str, str]:
    """Return the pairs that have no report of the same inputs: their digests, by name.

    Args:
        folder: of the reports.
        pairs: all pairs.
    """
    known: dict[Path, str] = {}
    digests = {pair.name: digest(pair.request, known) for pair in pairs}
    return {
        pair.name: digests[pair.name]
        for pair in pairs
        if not folder.is_done(pair, digests[pair.name])
    }


def audit_missing(
    folder: ManyFolder, pairs: Sequence[Pair], digests: dict[str, str], *, run: Run
) -> Iterator[tuple[Pair, str]]:
    """Audit pairs and write their reports.

    Args:
        folder: of the reports.
        pairs: all pairs.
        digests: of those to audit, as `missing_pairs` returns them.
        run: what audits some pairs, in any order: on this machine, or on others.

    Yields:
        Each pair as it is finished, with what is wrong with it, which is nothing as a rule.
    """
    waiting = []
    for pair in pairs:
        if pair.name not in digests:
            continue
        try:
            folder.check(pair)
        except UserError as error:
            yield pair, _problem(pair, str(error))
        else:
            waiting.append(pair)
    for pair, answer in run(waiting):
        if not answer.problem:
            folder.write(pair, digests[pair.name], answer)
        yield pair, answer.problem and _problem(pair, answer.problem)


def _problem(pair: Pair, line: str) -> str:
    return f"row {pair.row} ({quoted(pair.name)}): {line}"


def summarize_many(
    folder: ManyFolder, pairs: Sequence[Pair], problems: dict[str, str], *, alpha: float
) -> ManyAudits:
    """Put together what the reports of all pairs say.

    Args:
        folder: of the reports.
        pairs: all pairs.
        problems: of those that have no report.
        alpha: level of the tests over all pairs.
    """
    problems = {pair.name: problems[pair.name] for pair in pairs if pair.name in problems}
    done = {pair.name: folder.report(pair) for pair in pairs if pair.name not in problems}
    rows = {pair.name: pair.row for pair in pairs}
    levels = {pair.name: pair.request.options.get("alpha", alpha) for pair in pairs}
    table, tests = many_table(done, problems, rows=rows, levels=levels, alpha=alpha)
    told = {
        name: json.loads((report / FIRST_FILES[0]).read_text(encoding="utf-8"))
        for name, report in done.items()
    }
    verdicts = {name: summary["rules"] for name, summary in told.items()}
    summary = {
        "forgetting": forgetting.__version__,
        "alpha": alpha,
        "first": many_sentences(table, tests, failed=len(problems), alpha=alpha),
        "tests": tests,
        "pairs": [
            {
                "pair": name,
                "row": row,
                "problem": problems.get(name, ""),
                "first": told[name]["first"] if name in told else [],
                "rules": verdicts.get(name, []),
            }
            for name, row in rows.items()
        ],
    }
    return ManyAudits(table, problems, verdicts, summary)
