"""Audit your own compressed model: predictions in, tidy tables and plain sentences out.

It works on any framework's predictions, never imports torch, and has three designs: one model against one (K = 1, paired examples),
populations (several independent trainings on both sides), and paired populations (each compressed model made from one of the baseline).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

import forgetting
from forgetting.audit import gate, reading, report, sentences, tables
from forgetting.audit.sources import Table
from forgetting.errors import UserError
from forgetting.files import replacing
from forgetting.measure import inputs, subgroups
from forgetting.text import counted, quoted

DRAWS, FEWEST_DRAWS = 1000, 200
WORK = 2 * 10**9  # Draws times predictions of an exemplar count; larger audits draw less often.
COMPRESSED, FLOOR = "compressed", "noise floor"
TABLES = ("overall", "classes", "groups", "exemplars", "pies", "findings")
FILES = ("summary.json", "index.html")


@dataclass(frozen=True)
class Audit:
    """What an audit found. Every rate and change is a fraction, compressed minus baseline; NaN where there is nothing to tell.

    Attributes:
        overall: a row a setting: setting, design ("one model each", "populations", "paired populations"), role ("compressed", or "noise
            floor" for the second dense population), n, baseline_members, compressed_members, baseline_accuracy, compressed_accuracy (means
            over members), baseline_sd, compressed_sd (over members), change, change_low, change_high, both_sources_low, both_sources_high (of the
            change over other trainings and other examples, from 30 examples on; populations only), p, detectable (smallest change found in
            4 of 5 audits), flips, to_wrong, to_right (predictions that changed, a pair of models, on average), resamples (what all other
            intervals speak of: other "examples" or other trainings, "members").
        classes: a row a setting and class: setting, class, and the columns of `subgroups.compare`, with its two
            questions: `change` (of recall itself) and `relative_change` (of recall minus the change of overall accuracy). could_be_worst: no other
            class certainly lost more, by intervals that hold for all at once.
        groups: the same a group: setting, attribute, group, metric, and so on; empty without groups. `change` counts right answers in every
            metric: negative is harm, for error, fpr and fnr too.
        exemplars: examples on which the two sides disagree, ranked: setting, rank, example, label, said_baseline, said_compressed (majority
            of the members, or the one model), way ("to wrong", "to right", "between wrong classes"), votes_baseline, votes_compressed (of
            the majority), clear (two thirds on both sides; not told for one model each), taxicab (distance of the votes, 0 to 2),
            right_baseline, right_compressed (share of members), confidence_baseline, confidence_compressed (mean, if given).
        pies: their number beside what no compression gives, two rows a setting; columns of `exemplars.null_control` (`floor` "second
            population"), `exemplars.halves_control` ("halves"), or the count alone ("none": pairs). Empty for one model each.
        findings: how many classes and groups each rule finds: see `tables.findings`.
        summary: the same in words and numbers, as it is written to summary.json; its keys are documented at `run`.
    """

    overall: pd.DataFrame
    classes: pd.DataFrame
    groups: pd.DataFrame
    exemplars: pd.DataFrame
    pies: pd.DataFrame
    findings: pd.DataFrame
    summary: dict = field(repr=False)

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        return {name: getattr(self, name) for name in TABLES}

    def judge(self, rule: str) -> gate.Verdict:
        """What a rule such as "any group: change_low < -0.05" says of this audit; see `gate`. Raises `UserError` for a rule that is none."""
        return gate.judge(
            gate.parse(rule), overall=self.overall, classes=self.classes, groups=self.groups
        )

    def write(
        self,
        folder: str | Path,
        *,
        images: str | Path | None = None,
        verdicts: Sequence[gate.Verdict] = (),
    ) -> Path:
        """Write index.html, the report; each table that there is as <name>.csv and <name>.parquet; and summary.json.

        Arguments: `images`, a folder of pictures in which examples are found by their names, to be shown beside the list of exemplars;
        `verdicts` of `judge`, which stand in the report and in summary.json under "rules" (rule, code, line).

        The same audit gives the same bytes; each file appears whole or not at all. Returns the folder. Raises `UserError` where `images` is
        no folder, or the folder holds files that would be overwritten and are no report's.
        """
        folder = ready(folder)
        page = report.page(self, images=images, verdicts=verdicts)
        # These two first: a folder that has them is a report's, which the next run may finish.
        told = self.summary | {"rules": [vars(verdict) for verdict in verdicts]}
        summary = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
        for name, text in {"summary.json": summary + "\n", "index.html": page}.items():
            with replacing(folder / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
        for name, table in self.tables().items():
            if (
                table.columns.empty
            ):  # No groups, no populations; what an earlier audit left here would mislead.
                (
                    (folder / f"{name}.csv").unlink(missing_ok=True),
                    (folder / f"{name}.parquet").unlink(missing_ok=True),
                )
                continue
            with replacing(folder / f"{name}.csv") as temporary:
                table.to_csv(temporary, index=False, lineterminator="\n")
            with replacing(folder / f"{name}.parquet") as temporary:
                table.to_parquet(temporary, index=False, compression="zstd")
        return folder


def ready(folder: str | Path, *, inputs: Sequence[str | Path] = ()) -> Path:
    """The folder of a report, if writing there destroys nothing: neither `inputs` nor files of the same names that no audit wrote.

    Raises:
        UserError: it would, or the folder is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{quoted(folder)} is a file: give a folder for the report")
    written = [
        folder / name
        for name in (*FILES, *(f"{name}.{kind}" for name in TABLES for kind in ("csv", "parquet")))
    ]
    brought, ours = (
        {Path(path).resolve() for path in inputs},
        all((folder / name).is_file() for name in FILES),
    )
    for path in written:
        if path.resolve() in brought or (path.exists() and not ours):
            raise UserError(
                f"the report would overwrite {quoted(path.name)}, which is there and no report's: give a folder of its own"
            )
    return folder


def run(
    predictions: Table | Sequence[Table],
    *,
    baseline: str,
    groups: Table | None = None,
    paired: bool = False,
    alpha: float = 0.05,
    positive: str | None = None,
    again: str | None = None,
    minimum: int = subgroups.MINIMUM,
    draws: int | None = None,
    seed: int = 0,
) -> Audit:
    """Hold every compressed setting of `predictions` against the baseline.

    Arguments
        predictions: one table or several (paths of Parquet or CSV files, DataFrames, Arrow tables) with the columns setting, member,
            example, label, predicted, optionally confidence and parent; see `reading.predictions`.
        baseline: the setting of the uncompressed models.
        groups: a table with the column example and one column an attribute.
        paired: members of equal name belong together: each compressed one was made from the baseline's. A column parent says the same,
            member by member. Equal names alone never pair.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        positive: the positive label of a task with two labels; groups then have error, FPR and FNR instead of accuracy.
        again: the setting that is a second, independent population of the baseline's kind: the noise floor. By default one called
            "<baseline>-again", if it is there.
        minimum: classes and groups with fewer examples are shown, and neither tested nor ranked.
        draws: random splits behind counts of exemplars; by default 1,000, fewer for very large audits, at least 200. seed: of these.

    Corrections (Holm, Benjamini and Hochberg) and simultaneous intervals run over all tested classes of one setting, and over all tested
    groups (attributes, intersections and metrics together) of one setting; each setting, and each of the two questions, is a family.

    Returns an `Audit`. Keys of its summary:
        forgetting: version. baseline, again, alpha, minimum, draws, seed, positive: as used.
        examples, classes, groups: how many there are; groups counts rows a setting.
        correction: a sentence on what the corrections run over. notes: sentences on what was handled in the input.
        sentences: all sentences of the report in order.
        settings: for each compressed setting: setting, design, sentences (by "whole", "classes", "groups", "exemplars"), worst_class and
            worst_group (see `sentences.worst`; null without groups).
        rules, in summary.json: see `Audit.write`.

    Raises `UserError`, in one line that names column, value and count, for input that cannot be audited.

    Example:
        >>> import pandas as pd
        >>> from forgetting import audit
        >>> label = ["cat", "dog"] * 50
        >>> lost = ["dog" if example < 40 and name == "cat" else name for example, name in enumerate(label)]
        >>> models = {"dense": label, "int8": lost}
        >>> told = audit.run([pd.DataFrame({"setting": setting, "member": 0, "example": range(100), "label": label, "predicted": predicted})
        ...                   for setting, predicted in models.items()], baseline="dense")
        >>> told.classes[["class", "n", "change", "to_wrong"]].to_dict("records")
        [{'class': 'cat', 'n': 50, 'change': -0.4, 'to_wrong': 20.0}, {'class': 'dog', 'n': 50, 'change': 0.0, 'to_wrong': 0.0}]
        >>> told.summary["settings"][0]["worst_class"]["name"]
        'class cat'
        >>> told.judge("any class: change_low < -0.05").code
        3
    """
    inputs.fraction("alpha", alpha)
    if minimum < 1:
        raise UserError(
            f"minimum is {minimum}: it is a number of examples; give at least 1, 10 is usual"
        )
    if seed < 0:
        raise UserError(f"seed is {seed}: give a whole number from 0")
    brought = reading.predictions(predictions)
    baseline, again = str(baseline), None if again is None else str(again)
    again = (
        f"{baseline}-again"
        if again is None and f"{baseline}-again" in brought.populations
        else again
    )
    if again == baseline:
        raise UserError(
            f"the second dense population is {quoted(again)}, the baseline itself; name another setting or none"
        )
    compared, more = tables.comparisons(brought, baseline=baseline, again=again, pairs=paired)
    notes = [*brought.notes, *more]
    positive_code = _positive(brought, positive)
    which = {"classes": subgroups.classes(brought.label)}
    if groups is not None:
        table, told = reading.groups(groups, brought.examples)
        which["groups"] = subgroups.groups(table, label=brought.label, positive=positive_code)
        notes += told
    second = brought.populations[again] if again else None
    draws = draws or max(
        FEWEST_DRAWS, min(DRAWS, WORK // (2 * brought.populations[baseline].predicted.size))
    )
    known = {"label": brought.label, "alpha": alpha}
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for one in compared:
        found["overall"].append(tables.overall(one, **known).assign(role=COMPRESSED))
        for name, members in which.items():
            found[name].append(tables.sets(one, members, **known, minimum=minimum))
            found["findings"].append(tables.findings(found[name][-1], of=name, alpha=alpha))
        independent = second if second is not None and len(second.members) > 1 else None
        found["pies"].append(
            tables.pies(one, independent, again=again, draws=draws, seed=seed, alpha=alpha)
        )
        found["exemplars"].append(tables.listed_exemplars(one, brought))
    if again:
        floor, _ = tables.comparisons(brought, baseline=baseline, again=None, pairs=False)
        found["overall"].append(
            tables.overall(next(one for one in floor if one.setting == again), **known).assign(
                role=FLOOR
            )
        )
    whole = {
        name: pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        for name, parts in found.items()
    }
    whole["classes"]["class"] = np.array(brought.classes, dtype=object)[whole["classes"]["class"]]
    said = {
        "forgetting": forgetting.__version__,
        "baseline": baseline,
        "again": again,
        "alpha": alpha,
        "minimum": minimum,
        "draws": draws,
        "seed": seed,
        "positive": positive,
        "examples": len(brought.label),
        "classes": len(which["classes"].names),
        "groups": len(which["groups"].names) if groups is not None else 0,
    }
    return Audit(
        **whole,
        summary=said
        | _told(
            whole,
            compared,
            baseline=baseline,
            again=again,
            alpha=alpha,
            minimum=minimum,
            notes=notes,
        ),
    )


def _positive(brought: reading.Brought, positive: str | None) -> int | None:
    """The code of the positive label."""
    labels = brought.classes[: int(brought.label.max()) + 1]
    if positive is None:
        return None
    if str(positive) not in labels or len(labels) != 2:
        raise UserError(
            f"the positive label is {quoted(positive)}: column 'label' holds {counted(len(labels), 'value')} "
            f"({', '.join(map(quoted, labels[:5]))}{', ...' if len(labels) > 5 else ''}); name one of two, or leave it out"
        )
    if strange := int(
        sum((population.predicted > 1).sum() for population in brought.populations.values())
    ):
        raise UserError(
            f"column 'predicted': {counted(strange, 'prediction')} {'is' if strange == 1 else 'are'} neither {quoted(labels[0])} nor "
            f"{quoted(labels[1])}: false positives and negatives need two answers; leave the positive label out"
        )
    return labels.index(str(positive))


def _told(
    whole: dict[str, pd.DataFrame],
    compared: list[tables.Comparison],
    *,
    baseline: str,
    again: str | None,
    alpha: float,
    minimum: int,
    notes: list[str],
) -> dict:
    """The keys of the summary that are made of the tables."""

    def of(name: str, setting: str) -> pd.DataFrame:
        table = whole[name]
        return table[table["setting"] == setting] if len(table) else table

    settings, floor = [], []
    if again:
        floor = sentences.about_floor(of("overall", again).iloc[0], baseline=baseline, alpha=alpha)
    for one in compared:
        counts = of("findings", one.setting)
        told = {
            "whole": [
                *sentences.about_whole(of("overall", one.setting).iloc[0], alpha=alpha),
                *floor,
            ]
        }
        worst = {"worst_class": None, "worst_group": None}
        for name, key in (("classes", "worst_class"), ("groups", "worst_group")):
            rows = of(name, one.setting)
            if len(rows):
                worst[key] = {
                    key: _plain(value)
                    for key, value in sentences.worst(rows, of=name, alpha=alpha).items()
                }
                counted_here = counts[counts["of"] == name]
                told[name] = sentences.about_sets(
                    rows, counted_here, of=name, design=one.design, alpha=alpha, minimum=minimum
                )
        most = max(len(one.baseline.members), len(one.compressed.members))
        told["exemplars"] = sentences.about_pies(
            of("pies", one.setting), one.setting, second=again, most=most, alpha=alpha
        )
        settings.append({"setting": one.setting, "design": one.design, "sentences": told, **worst})
    correction = (
        "Corrections for many tests run over all tested classes of a setting, and over all its tested groups, intersections and metrics "
        "included. Intervals for all at once do the same, and with one model on each side also hold for those in which too little changed "
        "for a test: a significant row may have one that reaches 0."
        + (
            f" The {len(compared)} settings are corrected each for itself."
            if len(compared) > 1
            else ""
        )
    )
    flat = [
        line for setting in settings for lines in setting["sentences"].values() for line in lines
    ]
    return {
        "correction": correction,
        "notes": notes,
        "sentences": [*flat, correction, *notes],
        "settings": settings,
    }


def _plain(value: object) -> object:
    """A value as JSON has it: NaN is null."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isnan(value) else value
