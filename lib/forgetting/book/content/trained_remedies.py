"""What the page on remedies asks of networks trained with one, beside dense ones trained so."""

import numpy as np
import pandas as pd

from forgetting.book.content.against import AGAIN
from forgetting.book.content.what_helps import DENSE, PLAIN, Remedies
from forgetting.errors import UserError
from forgetting.measure import inference, remedies
from forgetting.measure.multiplicity import adjusted_columns
from forgetting.study import Remedy, needs_group, needs_teacher

WORDS = {
    "group-weights": "weights by group",
    "cell-weights": "weights by group and label",
    "distilled": "soft labels",
    "group-constrained": "constraint by group",
    "cell-constrained": "constraint by group and label",
}
KNOWN = {True: "group and label", False: "group"}


def group_in_training(remedy: Remedy) -> str:
    """Return what of each training image a remedy needs to know besides its label, in a word."""
    return KNOWN[remedy.startswith("cell")] if needs_group(remedy) else "nothing"


def compare(study: Remedies, setting: str) -> pd.DataFrame:
    """Compare networks that were trained with each remedy with plainly trained ones.

    Populations are independent, so intervals are Welch's. They hold for all remedies at once, by
    Bonferroni's rule, so that none looks helpful because many were tried.

    Args:
        study: one whose settings name remedies.
        setting: the pruned population.

    Returns:
        A row a remedy, that of plain training first: remedy (in words), in_training (what it needs
        to know), networks (trained for each that is kept); accuracy, fnr_group, fnr_rest, gap,
        fpr_group, fpr_rest (means over networks); change, change_low, change_high of the gap and
        accuracy_change, accuracy_low, accuracy_high against plain training, p_holm over the
        remedies; dense_gap and dense_accuracy of dense networks with the remedy; added, added_low,
        added_high, the gap minus theirs.

    Raises:
        UserError: the study names no remedy.
    """
    named = study.page.study.settings.remedies
    if not named:
        raise UserError(
            f"study {study.page.study.name} trains networks with no remedy; name some in its "
            "settings.remedies, or give tinted-remedies"
        )
    plain, each = study.rates(setting, PLAIN), study.alpha / len(named)
    rows, tests = [], []
    for remedy in (None, *named):
        prefix = f"{remedy}-" if remedy else ""
        found, dense = (study.rates(f"{prefix}{name}", PLAIN) for name in (setting, DENSE))
        row: dict[str, object] = {"remedy": WORDS[remedy] if remedy else PLAIN}
        row["in_training"] = group_in_training(remedy) if remedy else "nothing"
        row["networks"] = 1 + bool(remedy and needs_teacher(remedy))
        row |= {name: found[name].mean() for name in remedies.RATES}
        sides = {"change": (plain["gap"], found["gap"]), "added": (dense["gap"], found["gap"])}
        sides["accuracy"] = (plain["accuracy"], found["accuracy"])
        tested = {key: inference.welch(*pair, alpha=each) for key, pair in sides.items()}
        if remedy is None:  # it is not compared with itself
            tested |= {
                key: inference.Change(np.zeros(()), *[np.array(np.nan)] * 7)
                for key in ("change", "accuracy")
            }
        row |= _ends(tested["change"], "change", "change")
        row |= _ends(tested["accuracy"], "accuracy_change", "accuracy")
        row |= {"dense_gap": dense["gap"].mean(), "dense_accuracy": dense["accuracy"].mean()}
        rows.append(row | _ends(tested["added"], "added", "added"))
        tests.append(tested["change"].p)
    table = pd.DataFrame(rows)
    numbers = [name for name in table if name not in ("remedy", "in_training", "networks")]
    table = table.astype(dict.fromkeys(numbers, float))
    return table.assign(p_holm=adjusted_columns(np.array(tests, float))["p_holm"])


def noise_floor(study: Remedies) -> inference.Change:
    """Return the gap of dense again minus that of dense, both trained plainly."""
    dense, again = (study.rates(name, PLAIN)["gap"] for name in (DENSE, AGAIN))
    return inference.welch(dense, again, alpha=study.alpha)


def _ends(test: inference.Change, name: str, of: str) -> dict[str, object]:
    """A change and its interval as columns."""
    return {name: test.change, f"{of}_low": test.low, f"{of}_high": test.high}
