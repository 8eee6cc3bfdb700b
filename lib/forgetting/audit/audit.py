"""An audit: every compressed setting compared with the baseline, in tables and a report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from forgetting.audit import report, report_folder, rules
from forgetting.audit.audit_tables import TABLES
from forgetting.audit.rule_parser import parse_rule


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
        uncertainty: how many predictions are unsure (a confidence below 0.9), where every
            prediction has a confidence: a row for all examples (an empty attribute), then for each
            group by one attribute: setting and the columns of `shares.compare` (a change above 0:
            less sure), with floor_change, floor_low and floor_high.
        calibration: expected calibration error, likewise: setting and the columns of
            `calibration.compare`, with floor_change, floor_low and floor_high.
        rare_values: where there are two labels, how often the rarer one is predicted, a row for
            each setting: setting, label (the rarer among the examples), n, true_share (how often it
            is true), baseline_share and compressed_share (predicted), baseline_ratio and
            compressed_ratio (the same over true_share: below 1 it is predicted too rarely), and the
            other columns of `shares.compare`, with floor_change, floor_low and floor_high.
        exemplars: examples on which the two sides disagree, ranked: setting, rank, example, label,
            baseline_predicted, compressed_predicted (the plurality label of the members, or the
            prediction of the one model), direction ("to wrong", "to right", "between wrong
            classes", of language models "between wrong answers"), baseline_votes, compressed_votes
            (for that label), clear (two thirds on both sides; missing for two models), taxicab
            (distance of the votes, 0 to 2), baseline_right, compressed_right (share of members),
            baseline_confidence, compressed_confidence (mean, if given).
        pies: their number beside what no compression gives, two rows for each setting; columns of
            `exemplar_controls.null_control` (`floor` "second population"),
            `exemplar_controls.halves_control` ("halves"), or the count alone ("none": copies of one
            another). Empty for two models.
        triples: pictures that people may judge, a row each: see `triples.triples_table`. Empty for
            two models, and where the baselines have fewer than six members.
        susceptible: where every prediction has a confidence, the examples of which the baseline
            alone is least sure: see `before.Before`. It is the same for each setting.
        told: how well that doubt ranks what each setting flips: setting and the keys of
            `susceptible.compare`.
        findings: how many classes and groups each rule finds: see
            `comparison_tables.findings_table`.
        answers: of logs of language models, a row a setting: tasks, questions, baseline_task_mean
            and compressed_task_mean (each task counts alike), task_mean_change, task_mean_low and
            task_mean_high (over other questions), right_wrong_flips (share of answers that changed
            between right and wrong), multiple_choice (questions with options), answer_flips (of
            these, the share whose choice changed), kl, kl_low, kl_high
            (`option_scores.divergence`), and the tests of `answer_places.symmetry`.
        places: how often each place of the options was chosen: setting, place (from 1), right (how
            often it is the right one), baseline_chosen, compressed_chosen, change (share).
        margins: `option_scores.flips_by_margin`, by tenths, for each setting.
        roles: with the option roles of BBQ, the columns of `directed_flips.compare` for each
            setting, and attribute: "" for all questions, "context" and "category" for groups of
            them.
        copies: of several copies of one parent, a row a pair of them: see `copies.copies_table`.
        summary: the same in words and numbers, as it is written to summary.json; its keys are
            documented at `audit_predictions`.
    """

    overall: pd.DataFrame
    classes: pd.DataFrame
    groups: pd.DataFrame
    gaps: pd.DataFrame
    uncertainty: pd.DataFrame
    calibration: pd.DataFrame
    rare_values: pd.DataFrame
    exemplars: pd.DataFrame
    pies: pd.DataFrame
    triples: pd.DataFrame
    susceptible: pd.DataFrame
    told: pd.DataFrame
    findings: pd.DataFrame
    answers: pd.DataFrame
    places: pd.DataFrame
    margins: pd.DataFrame
    roles: pd.DataFrame
    copies: pd.DataFrame
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
        """Write the report, index.html; each table as <name>.parquet and <name>.csv; summary.json.

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
