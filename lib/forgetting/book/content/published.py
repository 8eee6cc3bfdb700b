"""What the page on published networks asks: which pairs are near, and how far they disagree."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forgetting.book.study_page import StudyPage
from forgetting.data.published import PublishedNetworks, load_published
from forgetting.measure import model_pairs

# Kinds of pairs, from what should disagree least.
COPIES, APART, NEAR = "ported copies", "trained apart", "nearly equal accuracy"
KINDS = (COPIES, APART, NEAR)
ANSWERS = ("one right label", "several", "another than its label", "none")


@dataclass(frozen=True)
class Published:
    """The published networks on one set of images, and all their pairs.

    Attributes:
        found: their predictions.
        accuracy: (M,) of each network, a fraction.
        pairs: as `model_pairs.compare`, and: kind (of `KINDS`, or "" for what is neither); ratio,
            how many times as many weights the larger network of a pair has, NaN where not counted.
    """

    found: PublishedNetworks
    accuracy: np.ndarray
    pairs: pd.DataFrame

    def of_kind(self, kind: str) -> pd.DataFrame:
        """The pairs of one kind."""
        return self.pairs[self.pairs["kind"] == kind]


def compare_published(images: str, *, near: float) -> Published:
    """Read the published networks and compare each pair.

    Args:
        images: which set, a key of `data.published.SETS`.
        near: accuracies at most so far apart are nearly equal; a fraction.
    """
    found = load_published(images)
    pairs = model_pairs.compare(label=found.labels, predicted=found.predicted)
    first, second = (found.networks.iloc[pairs[side]] for side in ("first", "second"))
    same = first["architecture"].to_numpy() == second["architecture"].to_numpy()
    own = [side["trained_by"].eq("torchvision").to_numpy() for side in (first, second)]
    ratio = first["weights"].to_numpy() / second["weights"].to_numpy()
    kinds = [same & (own[0] != own[1]), same, pairs["accuracy"].abs() <= near]
    pairs = pairs.assign(
        kind=np.select(kinds, [APART, COPIES, NEAR], default=""),
        ratio=np.maximum(ratio, 1 / ratio),
    )
    return Published(found, (found.predicted == found.labels).mean(axis=1), pairs)


def by_kind(sets: dict[str, Published]) -> pd.DataFrame:
    """Say how far pairs of each kind disagree, on each set of images.

    Returns:
        A row a set and kind: images, kind, pairs, and of parted and of spread the median, the
        smallest and the largest (`parted`, `parted_low`, `parted_high` ...), fractions.
    """
    rows = []
    for images, published in sets.items():
        for kind in KINDS:
            pairs = published.of_kind(kind)
            row = {"images": images, "kind": kind, "pairs": len(pairs)}
            for name in ("parted", "spread"):
                ends = {"": pairs[name].median(), "_low": pairs[name].min()}
                ends["_high"] = pairs[name].max()
                row |= {f"{name}{end}": float(value) for end, value in ends.items()}
            rows.append(row)
    return pd.DataFrame(rows)


def size_and_parting(published: Published, *, draws: int, seed: int) -> pd.DataFrame:
    """Correlate how far nearly equal networks disagree with how unlike their sizes are.

    Returns:
        A row a measure, "parted" and "spread": measure, spearman, p (Mantel's test), pairs.
    """
    pairs = published.of_kind(NEAR).dropna(subset=["ratio"])
    size = len(published.accuracy)
    matrices = {}
    for name in ("parted", "spread", "ratio"):
        matrix = np.zeros((size, size))
        everything = published.pairs.fillna({"ratio": 1.0})
        matrix[everything["first"], everything["second"]] = everything[name]
        matrices[name] = matrix + matrix.T
    among = np.zeros((size, size), dtype=bool)
    among[pairs["first"], pairs["second"]] = True
    rows = []
    for name in ("parted", "spread"):
        spearman, p = model_pairs.mantel(
            matrices[name], matrices["ratio"], among=among | among.T, draws=draws, seed=seed
        )
        rows.append({"measure": name, "spearman": spearman, "p": p, "pairs": len(pairs)})
    return pd.DataFrame(rows)


def parting_by_answer(published: Published) -> pd.DataFrame:
    """Say on which images networks disagree: by what people found right in them.

    Returns:
        A row a kind of answer: answer, images; parted, the share of pairs of all networks that give
        such an image two labels, with its 95 % interval over images (low, high); accuracy, the mean
        over networks.
    """
    found = published.found
    several = np.where(found.real > 1, "several", "one right label")
    other = np.where(found.real == 0, "none", "another than its label")
    answer = np.where(found.label_is_real, several, other)
    parted = model_pairs.disagreement_by_example(found.predicted)
    right = (found.predicted == found.labels).mean(axis=0)
    table = pd.DataFrame({"answer": answer, "parted": parted, "right": right})
    groups = table.groupby("answer").agg(
        images=("parted", "size"),
        parted=("parted", "mean"),
        se=("parted", "sem"),
        accuracy=("right", "mean"),
    )
    groups = groups.reindex([name for name in ANSWERS if name in groups.index])
    low, high = (groups["parted"] + sign * 1.96 * groups["se"] for sign in (-1, 1))
    return groups.assign(low=low, high=high).drop(columns="se").reset_index()


def beside_pruning(page: StudyPage, settings: list[str]) -> pd.DataFrame:
    """Compare single networks of a study by the same measures: dense with dense, and with pruned.

    Args:
        page: the study.
        settings: each is compared with dense, network by network.

    Returns:
        A row a setting: setting, pairs; accuracy (mean difference), parted (mean), and its smallest
        and largest value over the pairs (parted_low, parted_high), fractions.
    """
    dense, rows = page.load("dense"), []
    for setting in settings:
        pairs = pd.concat(
            [
                model_pairs.compare(label=dense.label, predicted=np.stack(both))
                for both in zip(dense.predicted, page.load(setting).predicted, strict=True)
            ]
        )
        row = {"setting": setting, "pairs": len(pairs), "accuracy": pairs["accuracy"].mean()}
        ends = {"": "mean", "_low": "min", "_high": "max"}
        row |= {f"parted{end}": float(pairs["parted"].agg(how)) for end, how in ends.items()}
        rows.append(row)
    return pd.DataFrame(rows)
