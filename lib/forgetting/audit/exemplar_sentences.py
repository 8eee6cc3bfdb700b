"""What an audit says of exemplars (PIEs), in plain sentences."""

import numpy as np
import pandas as pd

from forgetting.text import clipped, confidence_level, counted, p_value, percent, signed


def exemplar_sentences(
    pies: pd.DataFrame, setting: str, *, second_baseline: str | None, most: int, alpha: float
) -> list[str]:
    """Return sentences about the exemplars of one setting; none for one model on each side.

    Args:
        pies: its rows of `Audit.pies`.
        setting: its name.
        second_baseline: the name of the second baseline population, if there is one.
        most: members of the larger of the two populations that are compared.
        alpha: level of the tests.
    """
    if pies.empty:
        return []
    pie, clear = (pies[pies["measure"] == measure].iloc[0] for measure in ("pie", "clear"))
    floors = {
        "none": _no_floor,
        "halves": lambda: _halves(pie, clear, clipped(setting)),
        "second population": lambda: _second(
            pie, clear, clipped(second_baseline), most=most, alpha=alpha
        ),
    }
    return [_count(pie, clear, clipped(setting)), *floors[pie["floor"]]()]


def _count(pie: pd.Series, clear: pd.Series, setting: str) -> str:
    both = "have two thirds of their side's votes or more"
    many = int(clear["observed"])
    clearly = f"on {many:,} of these both" if many else "on none of these do both"
    text = (
        f"On {pie['observed']:,} of {counted(int(pie['examples']), 'example')} "
        f"({percent(pie['observed'] / pie['examples'])}) the prediction most frequent among the "
        f"{setting} models differs from the one most frequent among the baseline's; {clearly} "
        f"{both}."
    )
    if tied := int(pie["observed_tied"]):
        text += (
            f" On {counted(tied, 'further example')} the votes of one side are tied, so there is "
            "nothing to compare."
        )
    return text


def _no_floor() -> list[str]:
    return [
        "Each copy is compared with its own original, so without compression there would be none."
    ]


def _halves(pie: pd.Series, clear: pd.Series, setting: str) -> list[str]:
    return [
        f"No second baseline population was given. Halves of the baseline, "
        f"{counted(int(pie['half_members']), 'model')} each, disagree with each other on "
        f"{pie['half_null']:,.1f} examples on average; a half of it and as many {setting} models, "
        f"on {pie['half_observed']:,.1f}. {_by_chance(pie, clear)}"
    ]


def _second(
    pie: pd.Series, clear: pd.Series, second_baseline: str, *, most: int, alpha: float
) -> list[str]:
    excess, low, high = (
        signed(pie[name], 0, times=1) for name in ("excess", "excess_low", "excess_high")
    )
    interval = f" ({confidence_level(alpha)} interval {low} to {high})"
    if np.isnan(pie["excess_low"]):
        interval = ""
    floor = f"{pie['noise_floor']:,.0f} (clearly on {clear['noise_floor']:,.0f})"
    if pie["noise_floor"] == pie["null"]:  # The models are copies of those of the second baseline.
        who = f"The baseline and {second_baseline}, which differ by nothing but chance, disagree on"
    else:
        who = (
            f"The models of the baseline and of {second_baseline}, dealt at random into two "
            "populations, which differ by nothing but chance, disagree on average on"
        )
    lines = [f"{who} {floor}; the excess is {excess}{interval}. {_by_chance(pie, clear)}"]
    if pie["members"] < most:
        lines.append(
            f"For these counts each population was cut to {counted(int(pie['members']), 'model')}, "
            "as many as the smallest has: fewer models may have another most frequent prediction."
        )
    return lines


def _by_chance(pie: pd.Series, clear: pd.Series) -> str:
    return (
        "If all models are dealt at random into two populations, as if compression changed "
        f"nothing, this many disagreements come up with probability {p_value(pie['p'])}, and this "
        f"many clear ones with probability {p_value(clear['p'])}."
    )
