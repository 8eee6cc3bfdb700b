"""What an audit is asked for, checked: its numbers, its baselines and its positive label."""

import re
from collections.abc import Mapping
from numbers import Integral

from forgetting.audit.predictions_input import AuditInput, Population
from forgetting.audit.spelling import NO_ANSWER
from forgetting.audit.table_files import WHOLE_FRACTION
from forgetting.errors import UserError
from forgetting.measure import inputs
from forgetting.text import counted, quoted

DRAWS, FEWEST_DRAWS = 1000, 200
WORK = 2 * 10**9  # Draws times predictions of an exemplar count; larger audits draw less often.


def usual_draws(predictions: int) -> int:
    """Return how many random splits an audit draws if it is not told.

    Args:
        predictions: of the baseline.
    """
    return max(FEWEST_DRAWS, min(DRAWS, WORK // (2 * predictions)))


def check_numbers(*, alpha: float, minimum: int, seed: int, draws: int | None = None) -> None:
    """Refuse numbers that no audit can have.

    Raises:
        UserError: one of them is out of range, or no number.
    """
    inputs.fraction("alpha", alpha)
    _check_whole("minimum", minimum, 1, "it is a number of examples; 10 is usual")
    _check_whole("seed", seed, 0)
    if draws is not None:
        _check_whole("draws", draws, 2, "they are random splits; 1000 is usual")


def _check_whole(name: str, value: object, least: int, what: str = "") -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        shown = repr(value) if isinstance(value, str) else value
        raise UserError(
            f"{name} is {shown}: {what}{', ' if what else ''}give a whole number from {least}"
        )


def as_read(setting: object, populations: Mapping[str, Population]) -> str:
    """Return a setting's name as it was read: whole numbers without decimals, 0 for 0.0."""
    whole = re.sub(WHOLE_FRACTION, r"\1", str(setting))
    return whole if whole in populations else str(setting)


def find_second_baseline(audit_input: AuditInput, baseline: str, name: str | None) -> str | None:
    """Return the name of the second baseline population, if there is one.

    Args:
        audit_input: the predictions.
        baseline: the setting that was not compressed.
        name: as it was asked for; None for the usual one, <baseline>-again.

    Raises:
        UserError: it is the baseline.
    """
    if name is None:
        usual = f"{baseline}-again"
        return usual if usual in audit_input.populations else None
    name = as_read(name, audit_input.populations)
    if name == baseline:
        raise UserError(
            f"the second baseline is {quoted(name)}, the baseline itself; name another setting or "
            "none"
        )
    return name


def check_columns_of_groups(groups: object, *, cluster: str | None, weight: str | None) -> None:
    """Refuse columns of the groups where there is no table of groups.

    Raises:
        UserError: there is none, and one is named.
    """
    for option, column in (("cluster", cluster), ("weight", weight)):
        if groups is None and column is not None:
            raise UserError(
                f"{option} is {quoted(column)}, a column of the table of groups, and there is "
                "none: give it by --groups"
            )


def positive_code(audit_input: AuditInput, positive: str | None) -> int | None:
    """Return the code of the positive label, None where none was asked for.

    Raises:
        UserError: there are not two labels, or it is none of them.
    """
    if positive is None:
        return None
    labels = audit_input.classes[: int(audit_input.label.max()) + 1]
    if str(positive) not in labels or len(labels) != 2:
        some = ", ".join(map(quoted, labels[:5])) + (", ..." if len(labels) > 5 else "")
        raise UserError(
            f"the positive label is {quoted(positive)}: column 'label' holds "
            f"{counted(len(labels), 'value')} ({some}); name one of two, or leave it out"
        )
    populations = audit_input.populations.values()
    # No answer is wrong in both directions: a miss, or a false alarm.
    allowed = 1 + (audit_input.classes[2:] == (NO_ANSWER,))
    if others := sum(int((population.predicted > allowed).sum()) for population in populations):
        raise UserError(
            f"column 'predicted': {counted(others, 'prediction')} {'is' if others == 1 else 'are'} "
            f"neither {quoted(labels[0])} nor {quoted(labels[1])}: false positives and negatives "
            "need two answers; leave the positive label out"
        )
    return labels.index(str(positive))
