"""Running an audit: what is read, compared, put into tables and said."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import forgetting
from forgetting.audit import audit_options
from forgetting.audit.array_files import ArrayOptions
from forgetting.audit.audit import Audit
from forgetting.audit.audit_tables import audit_tables
from forgetting.audit.comparison import compared_settings
from forgetting.audit.copies import copies_table, with_copies_apart
from forgetting.audit.gap_tables import groups_of
from forgetting.audit.groups_input import GivenGroups, read_groups
from forgetting.audit.language_logs import LanguageLogs, read_given_logs
from forgetting.audit.predictions_input import AuditInput, Predictions, read_predictions
from forgetting.audit.sample_logs import LogOptions
from forgetting.audit.summary import summarize
from forgetting.audit.table_source import Table
from forgetting.audit.wording import LANGUAGE, in_other_words
from forgetting.measure.sets import MINIMUM


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
    attributes: Sequence[str] | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    second_baseline: str | None = None,
    minimum: int = MINIMUM,
    draws: int | None = None,
    seed: int = 0,
    logs: LogOptions | None = None,
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
            pair. Several copies of one parent are settings of their own, and compared with one
            another. Beside a single baseline model all are its copies.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        positive: the positive label of a task with two labels; groups then have error, FPR and FNR
            instead of accuracy.
        attributes: the columns of `groups` that are attributes; all of them if None, but such that
            have too many values.
        cluster: the column of `groups` that names what each example was made from (a patient, a
            video), if several share one; tests and intervals over examples go by these.
        weight: the column of `groups` that says how much each example counts, if not all count
            alike; rates are weighted then, counts of examples and exemplars are not.
        second_baseline: the setting that is a second, independent population of the baseline's
            kind: the noise floor. By default one called "<baseline>-again", if it is there.
        minimum: classes and groups with fewer examples are shown, but neither tested nor ranked.
        draws: random splits behind counts of exemplars; by default 1,000, fewer for very large
            audits, at least 200.
        seed: of these.
        logs: what is chosen from logs of language models, where predictions are folders of
            lm-evaluation-harness; see `language_logs`.

    Returns:
        The audit. Keys of its summary:

        * forgetting: version. baseline, second_baseline, alpha, minimum, draws, seed, positive: as
          used.
        * examples, classes, groups: how many there are; groups counts the rows for each setting.
        * copies: sentences on several copies of one parent. susceptible: sentences on the examples
          that the baseline doubts.
        * first: the sentences to be read first, at most a dozen. questions: what only the reader
          knows. floor: sentences on the second baseline. correction: a sentence on what the
          corrections run over. notes: sentences on what was handled in the input.
        * sentences: all sentences of the report in order.
        * settings: for each compressed setting: setting, design, sentences (by "overall",
          "relative", "gaps", "classes", "groups", "certainty", "answers", "exemplars"),
          worst_class and worst_group (see `worst_set.worst_set`; null without groups), gaps (see
          `gap_sentences.gap_headlines`).
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
    audit_options.check_numbers(alpha=alpha, minimum=minimum, seed=seed, draws=draws)
    read_from = read_given_logs(predictions, groups, logs or LogOptions())
    if read_from is not None:
        predictions, groups = read_from.tables, read_from.attributes()
    audit_input = read_predictions(
        predictions,
        columns=columns,
        model_columns=model_columns,
        arrays=ArrayOptions(labels, class_names),
        no_answer=no_answer,
        take_alike=take_alike,
        trusted=read_from is not None,
    )
    baseline = audit_options.as_read(baseline, audit_input.populations)
    options = {
        "baseline": baseline,
        "second_baseline": audit_options.find_second_baseline(
            audit_input, baseline, second_baseline
        ),
        "alpha": alpha,
        "minimum": minimum,
        "draws": draws,
        "seed": seed,
        "positive": positive,
    }
    how: dict[str, Any] = {
        "cluster": cluster,
        "weight": weight,
        "chosen": attributes,
        "take_alike": take_alike,
    }
    given = None if groups is None else read_groups(groups, audit_input.examples, **how)
    audit_options.check_columns_of_groups(given, cluster=cluster, weight=weight)
    return _audited(audit_input, given, options, paired=paired, logs=read_from)


def _audited(
    audit_input: AuditInput,
    given: GivenGroups | None,
    options: dict[str, Any],
    *,
    paired: bool,
    logs: LanguageLogs | None,
) -> Audit:
    """Audit what was read."""
    baseline, second_baseline = options["baseline"], options["second_baseline"]
    audit_input, families = with_copies_apart(audit_input, options, paired=paired)
    comparisons, notes = compared_settings(
        audit_input.populations, baseline=baseline, second_baseline=second_baseline, paired=paired
    )
    predictions = audit_input.populations[baseline].predicted.size
    options["draws"] = options["draws"] or audit_options.usual_draws(predictions)
    label, chosen = audit_input.label, None
    code = audit_options.positive_code(audit_input, options["positive"])
    if given is not None:
        chosen = groups_of(given, label=label, positive=code)
        notes += given.notes
    notes += [] if logs is None else logs.notes
    tables = audit_tables(audit_input, comparisons, chosen, options, logs=logs)
    tables["copies"] = copies_table(audit_input.populations, families, label)
    numbers = {
        "examples": len(label),
        "classes": int(label.max()) + 1,
        "groups": len(tables["groups"]) // len(comparisons),
    }
    notes = [*audit_input.notes, *notes]
    summary = summarize(tables, comparisons, families, options=options, notes=notes)
    summary = summary if logs is None else in_other_words(summary, LANGUAGE)
    version = {"forgetting": forgetting.__version__}
    return Audit(**tables, summary=version | options | numbers | summary)
