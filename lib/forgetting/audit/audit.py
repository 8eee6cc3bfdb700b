"""An audit: every compressed setting compared with the baseline, in tables and a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

import forgetting
from forgetting.audit import audit_options, report, report_folder, rules
from forgetting.audit.array_files import ArrayOptions
from forgetting.audit.audit_tables import TABLES, audit_tables
from forgetting.audit.comparison import compared_settings
from forgetting.audit.gap_tables import groups_of
from forgetting.audit.groups_input import read_groups
from forgetting.audit.predictions_input import Predictions, read_predictions
from forgetting.audit.rule_parser import parse_rule
from forgetting.audit.summary import summarize
from forgetting.audit.table_source import Table
from forgetting.measure.sets import MINIMUM


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Every rate and change is a fraction, a change is compressed minus baseline; NaN where there is
    no value.

    Attributes:
        overall: one row for each setting: setting, design ("two models", "populations",
            "paired populations"), role ("compressed", or "noise floor" for the second baseline
            population), n, baseline_members, compressed_members, baseline_accuracy,
            compressed_accuracy (means over members), baseline_sd, compressed_sd (over members),
            change, change_low, change_high, both_sources_low, both_sources_high (of the change over
            other trainings and other examples, from 30 examples on; populations only), p,
            detectable (smallest change found in 4 of 5 audits), flips, to_wrong, to_right
            (predictions that changed, on average for a pair of models), resamples (what all other
            intervals are about: other "examples" or other trainings, "members").
        classes: one row for each setting and class: setting, class, and the columns of
            `subgroups.compare`, with its two questions: `change` (of recall itself) and
            `relative_change` (of recall minus the change of overall accuracy). could_be_worst: no
            other class certainly lost more, by intervals that hold for all at once.
            floor_change, floor_low, floor_high: `change` between the two baseline populations; NaN
            without a second.
        groups: the same for each group: setting, attribute, group, metric, and so on, and
            intersection (whether it is by two attributes); empty without groups. `change` counts
            right answers in every metric: negative is harm, for error, fpr and fnr, too.
        gaps: whether the gap between a group and the others widened, for each rate: setting,
            intersection, and the columns of `gaps.compare`. Rates are rates here: `gap_change`
            above 0 means that the group fell behind. Empty without groups.
        calibration: expected calibration error of each group by one attribute, where every
            prediction has a confidence: setting and the columns of `calibration.compare`, with
            floor_change, floor_low and floor_high.
        exemplars: examples on which the two sides disagree, ranked: setting, rank, example, label,
            baseline_predicted, compressed_predicted (the plurality label of the members, or the
            prediction of the one model), direction ("to wrong", "to right", "between wrong
            classes"), baseline_votes, compressed_votes (for that label), clear (two thirds on both
            sides; missing for two models), taxicab (distance of the votes, 0 to 2),
            baseline_right, compressed_right (share of members), baseline_confidence,
            compressed_confidence (mean, if given).
        pies: their number beside what no compression gives, two rows for each setting; columns of
            `exemplar_controls.null_control` (`floor` "second population"),
            `exemplar_controls.halves_control` ("halves"), or the count alone ("none": copies of one
            another). Empty for two models.
        findings: how many classes and groups each rule finds: see
            `comparison_tables.findings_table`.
        summary: the same in words and numbers, as it is written to summary.json; its keys are
            documented at `audit_predictions`.
    """

    overall: pd.DataFrame
    classes: pd.DataFrame
    groups: pd.DataFrame
    gaps: pd.DataFrame
    calibration: pd.DataFrame
    exemplars: pd.DataFrame
    pies: pd.DataFrame
    findings: pd.DataFrame
    summary: dict[str, Any] = field(repr=False)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return all tables by name."""
        return {name: getattr(self, name) for name in TABLES}

    def judge(self, rule: str) -> rules.Verdict:
        """Judge this audit by a rule such as "any gap: gap_change_high > 0.05"; see `rules`.

        Raises:
            UserError: it is not a rule, or names what is not there.
        """
        return rules.judge(
            parse_rule(rule),
            {
                "overall": self.overall,
                "class": self.classes,
                "group": self.groups,
                "gap": self.gaps,
            },
        )

    def write(
        self,
        folder: str | Path,
        *,
        images: str | Path | None = None,
        verdicts: Sequence[rules.Verdict] = (),
    ) -> Path:
        """Write the report, index.html; each table as <name>.csv and <name>.parquet; summary.json.

        The same audit gives the same bytes; each file appears whole or not at all.

        Args:
            folder: where they go.
            images: a folder of pictures in which examples are found by their names, to be shown
                beside the list of exemplars.
            verdicts: of `judge`, which stand in the report and in summary.json under "rules" (rule,
                code, line).

        Returns:
            The folder.

        Raises:
            UserError: `images` is not a folder, or the folder holds files that would be
                overwritten and are not of a report.
        """
        folder = report_folder.check_report_folder(folder)
        report_folder.write_report(
            folder,
            page=report.report_page(self, images=images, verdicts=verdicts),
            summary=self.summary | {"rules": [vars(verdict) for verdict in verdicts]},
            tables=self.tables(),
        )
        return folder


def audit_predictions(
    predictions: Predictions,
    *,
    baseline: str,
    groups: Table | None = None,
    columns: Mapping[str, str] | None = None,
    model_columns: Mapping[str, str] | None = None,
    labels: str | Path | None = None,
    class_names: Sequence[str] | None = None,
    no_answer: bool = False,
    take_alike: bool = False,
    paired: bool = False,
    alpha: float = 0.05,
    positive: str | None = None,
    cluster: str | None = None,
    second_baseline: str | None = None,
    minimum: int = MINIMUM,
    draws: int | None = None,
    seed: int = 0,
) -> Audit:
    """Compare every compressed setting of `predictions` with the baseline.

    Corrections (Holm, Benjamini and Hochberg) and simultaneous intervals run over all tested
    classes of one setting, and over its tested groups: those by single attributes and those by two,
    and each rate, are families of their own, as are each setting and each of the two questions.

    Args:
        predictions: one table or several (paths of files, DataFrames, Arrow tables)
            with the columns setting, member, example, label, predicted, optionally confidence and
            parent; see `read_predictions`. A mapping gives the setting of each table.
        baseline: the setting of the uncompressed models.
        groups: a table with the column example and one column for each attribute.
        columns: what the tables of predictions call their columns, where they call them otherwise.
        model_columns: of tables with a column for each model: by setting, which column it is.
        labels: an .npy file of true labels, for predictions that are NumPy arrays; see
            `array_files`.
        class_names: of the classes 0, 1, ... of NumPy arrays.
        no_answer: missing predictions are an answer of their own, which is always wrong.
        take_alike: names that differ only by case, white space or Unicode form are the same.
        paired: members of equal name belong together: each compressed one was made from the
            baseline's. A column parent says the same, member by member. Equal names alone never
            pair.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        positive: the positive label of a task with two labels; groups then have error, FPR and FNR
            instead of accuracy.
        cluster: the column of `groups` that names what each example was made from (a patient, a
            video), if several share one; tests and intervals over examples go by these.
        second_baseline: the setting that is a second, independent population of the baseline's
            kind: the noise floor. By default one called "<baseline>-again", if it is there.
        minimum: classes and groups with fewer examples are shown, but neither tested nor ranked.
        draws: random splits behind counts of exemplars; by default 1,000, fewer for very large
            audits, at least 200.
        seed: of these.

    Returns:
        The audit. Keys of its summary:

        * forgetting: version. baseline, second_baseline, alpha, minimum, draws, seed, positive: as
          used.
        * examples, classes, groups: how many there are; groups counts the rows for each setting.
        * first: the sentences to be read first, at most a dozen. questions: what only the reader
          knows. floor: sentences on the second baseline. correction: a sentence on what the
          corrections run over. notes: sentences on what was handled in the input.
        * sentences: all sentences of the report in order.
        * settings: for each compressed setting: setting, design, sentences (by "overall",
          "relative", "gaps", "classes", "groups", "exemplars"), worst_class and worst_group (see
          `worst_set.worst_set`; null without groups), gaps (see `gap_sentences.gap_headlines`).
        * rules, in summary.json: see `Audit.write`.

    Raises:
        UserError: input that cannot be audited; it names column, value and count.

    Example:
        >>> import pandas as pd
        >>> from forgetting.audit import audit_predictions
        >>> label = ["cat", "dog"] * 50
        >>> lost = ["dog"] * 80 + label[80:]
        >>> tables = [
        ...     pd.DataFrame({"setting": setting, "member": 0, "example": range(100),
        ...                   "label": label, "predicted": predicted})
        ...     for setting, predicted in {"dense": label, "int8": lost}.items()
        ... ]
        >>> audit = audit_predictions(tables, baseline="dense")
        >>> audit.classes[["class", "n", "change", "to_wrong"]].values.tolist()
        [['cat', 50, -0.8, 40.0], ['dog', 50, 0.0, 0.0]]
        >>> audit.summary["settings"][0]["worst_class"]["name"]
        'class cat'
        >>> audit.judge("any class: change_low < -0.05").code
        3
    """
    audit_options.check_numbers(alpha=alpha, minimum=minimum, seed=seed)
    audit_input = read_predictions(
        predictions,
        columns=columns,
        model_columns=model_columns,
        arrays=ArrayOptions(labels, class_names),
        no_answer=no_answer,
        take_alike=take_alike,
    )
    populations, label = audit_input.populations, audit_input.label
    baseline = audit_options.as_read(baseline, populations)
    second_baseline = audit_options.find_second_baseline(audit_input, baseline, second_baseline)
    comparisons, notes = compared_settings(
        populations, baseline=baseline, second_baseline=second_baseline, paired=paired
    )
    code, chosen = audit_options.positive_code(audit_input, positive), None
    if groups is not None:
        read = read_groups(groups, audit_input.examples, cluster=cluster, take_alike=take_alike)
        chosen = groups_of(read[0], label=label, positive=code, cluster=read[1])
        notes += read[2]
    draws = draws or audit_options.usual_draws(populations[baseline].predicted.size)
    options = {
        "baseline": baseline,
        "second_baseline": second_baseline,
        "alpha": alpha,
        "minimum": minimum,
        "draws": draws,
        "seed": seed,
    }
    tables = audit_tables(audit_input, comparisons, chosen, options)
    numbers = {
        "positive": positive,
        "examples": len(label),
        "classes": int(label.max()) + 1,
        "groups": len(tables["groups"]) // len(comparisons),
    }
    asked = options | {"positive": positive}
    summary = summarize(tables, comparisons, options=asked, notes=[*audit_input.notes, *notes])
    version = {"forgetting": forgetting.__version__}
    return Audit(**tables, summary=version | options | numbers | summary)
