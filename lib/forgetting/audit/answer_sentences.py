"""What an audit says of the answers of language models, in plain sentences."""

import numpy as np
import pandas as pd

from forgetting.audit.change_text import from_to, verb
from forgetting.text import confidence_level, counted, p_in_words, percent, signed

RERUN = (
    "How many answers change where the same model is run twice, with another batch size or kernel, "
    "is not known: give the folder of such a run by --again."
)


def answer_sentences(
    answers: pd.Series, places: pd.DataFrame, margins: pd.DataFrame, *, alpha: float, floor: bool
) -> list[str]:
    """Return sentences about the answers of one setting, the most important first.

    Args:
        answers: its row of `Audit.answers`.
        places: its rows of `Audit.places`.
        margins: its rows of `Audit.margins`.
        alpha: level of the tests.
        floor: whether there is a second baseline.
    """
    lines = [_mean_over_tasks(answers, alpha)] if answers["tasks"] > 1 else []
    lines.append(
        f"{percent(answers['right_wrong_flips'])} of answers changed between right and wrong."
    )
    if answers["multiple_choice"]:
        lines = [*lines[:-1], _flips(answers, margins), _moved(answers, places, alpha)]
        lines.append(
            "The options' probabilities moved by a mean Kullback-Leibler divergence of "
            f"{answers['kl']:.4f} ({answers['kl_low']:.4f} to {answers['kl_high']:.4f})."
        )
    return [*lines, *([] if floor else [RERUN])]


def _mean_over_tasks(row: pd.Series, alpha: float) -> str:
    before, after = row["baseline_task_mean"], row["compressed_task_mean"]
    text = f"The mean over {counted(int(row['tasks']), 'task')}, each counting alike, "
    text += f"{verb(row['task_mean_change'])} {from_to(before, after)}"
    if row["task_mean_change"] == 0:
        text = (
            f"The mean over {counted(int(row['tasks']), 'task')} is {percent(before)} on both sides"
        )
    if np.isnan(row["task_mean_low"]):
        return f"{text}."
    change, low, high = (signed(row[f"task_mean_{end}"]) for end in ("change", "low", "high"))
    return f"{text}: {change} points ({confidence_level(alpha)} interval {low} to {high})."


def _flips(row: pd.Series, margins: pd.DataFrame) -> str:
    text = (
        f"{percent(row['right_wrong_flips'])} of answers changed between right and wrong, and "
        f"{percent(row['answer_flips'])} of {counted(int(row['multiple_choice']), 'choice')} among "
        "options changed at all"
    )
    if margins.empty or np.isnan(margins["share_of_flips"].iloc[0]):
        return f"{text}."
    share = margins["share_of_flips"].iloc[0]
    return (
        f"{text}; of these, {percent(share, 0)} lie in the tenth in which the baseline chose most "
        "narrowly."
    )


def _moved(row: pd.Series, places: pd.DataFrame, alpha: float) -> str:
    most = places.iloc[int(places["change"].abs().argmax())]
    if row["bowker_p"] > alpha and row["stuart_maxwell_p"] > alpha:
        return (
            "No shift of answers to some places of the options is shown (Bowker’s test, "
            f"{p_in_words(row['bowker_p'])})."
        )
    return (
        f"Answers moved between places: option {int(most['place'])} was chosen "
        f"{int(most['baseline_chosen']):,} times and is chosen {int(most['compressed_chosen']):,} "
        f"times, being right {int(most['right']):,} times (Bowker’s test of symmetry, "
        f"{p_in_words(row['bowker_p'])}; Stuart and Maxwell’s, "
        f"{p_in_words(row['stuart_maxwell_p'])})."
    )
