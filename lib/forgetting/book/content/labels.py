"""Images with a planted flaw, and whether networks give training images their labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from forgetting.book.display import gallery
from forgetting.book.study_page import StudyPage
from forgetting.data import Part
from forgetting.measure import class_impact, difficulty, exemplars, inference
from forgetting.measure.levels import level_alpha
from forgetting.predictions import Predictions, load_predictions


def show_flaws(page: StudyPage, *, seed: int, name: str) -> None:
    """Display images with planted flaws, drawn at random, and what was planted.

    Args:
        page: The study; its pictures must be on this machine.
        seed: Of the draw.
        name: Of the gallery; its caption stands in a Markdown cell.
    """
    draw, test, train = np.random.default_rng(seed), page.test, page.images.train
    detail, kind = test.attributes["detail"].to_numpy(), page.kinds
    wrong = (train.attributes["kind"] == "wrong label").to_numpy()
    wanted = [(test, detail == how, 2) for how in sorted(set(detail[kind == "atypical"]))]
    wanted += [(test, kind == "corrupted", 6), (test, kind == "two digits", 4), (train, wrong, 6)]
    picked = [
        (part, place)
        for part, mask, number in wanted
        for place in np.sort(draw.permutation(np.flatnonzero(mask))[:number])
    ]
    if not picked:
        return
    words = [_planted(part, place, page.images.classes) for part, place in picked]
    gallery(
        np.stack([part.require_images()[place] for part, place in picked]),
        words,
        alts=[f"An example of a planted flaw: {' '.join(text.split())}." for text in words],
        name=name,
    )


def _planted(part: Part, place: int, names: tuple[str, ...]) -> str:
    row, label = part.attributes.iloc[place], names[part.labels[place]]
    second = names[row["other_label"]] if row["other_label"] >= 0 else ""
    what = {
        "two digits": f"label {label}\nbeside it {second}",
        "wrong label": f"given label {label}\nshows {names[row['true_label']]}",
    }
    other = f"{str(row['detail']).replace('_', ' ')}\nlabel {label}"
    return f"{row['kind']}\n{what.get(row['kind'], other)}"


def load_part(page: StudyPage, setting: str, part: str) -> Predictions:
    """Return what a population predicted on a part of the data, all its images."""
    return load_predictions(page.study, setting, part=part, members=page.members)


def settings_of(page: StudyPage) -> list[str]:
    """Return dense again and the pruned settings."""
    return ["dense-again", *(population.setting for population in page.pruned.values())]


def memory_of_labels(page: StudyPage, *, draws: int, seed: int) -> pd.DataFrame:
    """Return whether training images lose the labels that networks were trained on.

    Dense again is compared with dense, pruned networks with all dense ones, their intervals holding
    at all levels at once.

    Args:
        page: The study.
        draws: Sets of source images behind each interval.
        seed: Of these.

    Returns:
        The columns of `difficulty.forgetting_of_labels`, and setting.
    """
    learned = page.images.train.attributes
    dense, again = (load_part(page, name, "train") for name in ("dense", "dense-again"))
    how: dict[str, Any] = {
        "kind": learned["kind"],
        "source": learned["source"],
        "draws": draws,
        "seed": seed,
    }
    how |= {"given": dense.label, "true": learned["true_label"]}
    every = np.concatenate([dense.predicted, again.predicted])
    tables = [
        difficulty.forgetting_of_labels(
            **how, baseline=dense.predicted, compressed=again.predicted
        ).assign(setting="dense-again")
    ]
    for setting in settings_of(page)[1:]:
        table = difficulty.forgetting_of_labels(
            **how,
            baseline=every,
            compressed=load_part(page, setting, "train").predicted,
            alpha=level_alpha(len(page.levels)),
        )
        tables.append(table.assign(setting=setting))
    return pd.concat(tables)


def on_both_parts(page: StudyPage, settings: list[str]) -> pd.DataFrame:
    """Return PIEs and accuracy of populations against dense, on test and on training images.

    Args:
        page: The study.
        settings: Populations that predicted the training part.

    Returns:
        setting, part, n, pies, clear (shares), dense, other (accuracies), change and its interval.
    """
    rows = []
    for setting in settings:
        for part in ("test", "train"):
            before, after = load_part(page, "dense", part), load_part(page, setting, part)
            two: dict[str, Any] = {"baseline": before.predicted, "compressed": after.predicted}
            top = class_impact.overall(label=before.label, **two).iloc[0]
            found = exemplars.find(**two)
            shares = {"pies": found["pie"].mean(), "clear": found["clear"].mean()}
            sides = {"dense": top["baseline_accuracy"], "other": top["compressed_accuracy"]}
            row = {"setting": setting, "part": part, "n": len(before.label)}
            rows.append(row | shares | sides | dict(top[["change", "change_low", "change_high"]]))
    return pd.DataFrame(rows)


def beyond_test(page: StudyPage, setting: str) -> Mapping[str, float]:
    """Return the change of training accuracy minus that of test accuracy, within each network.

    Args:
        page: The study.
        setting: A population that predicted the training part.

    Returns:
        change, change_low and change_high, of Welch's interval over networks.
    """
    gaps = [
        load_part(page, name, "train").accuracy - load_part(page, name, "test").accuracy
        for name in ("dense", setting)
    ]
    apart = inference.welch(*gaps)
    ends = {"change": apart.change, "change_low": apart.low, "change_high": apart.high}
    return {name: float(value) for name, value in ends.items()}
