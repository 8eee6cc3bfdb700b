"""Several studies side by side: which can be compared, what differs, and by how much."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd

from forgetting.book.content.cost import FOR_TESTS
from forgetting.book.study_page import StudyPage
from forgetting.measure import pairwise
from forgetting.predictions import is_available, load_layers
from forgetting.study import Network, Study, load_study, study_names
from forgetting.text import listed

KINDS = {
    "small-cnn": "small CNN",
    "wide-resnet": "wide ResNet",
    "resnet-18": "ResNet-18",
    "resnet-50": "ResNet-50",
    "mlp": "perceptron",
}
BLOCKS = {
    "the data": "data",
    "the network": "network",
    "the training": "training",
    "the pruning schedule": "pruning",
    "the number of networks trained": "members",
}


@dataclass(frozen=True)
class Comparison:
    """Studies that share levels of sparsity.

    Attributes:
        pages: The studies by name, with equally many networks each and plain test images alone.
        levels: The levels of sparsity that all of them have, ascending.
        skipped: Why others were left out, by name.
    """

    pages: dict[str, StudyPage]
    levels: list[float]
    skipped: dict[str, str]

    @property
    def names(self) -> list[str]:
        """The names of the studies, in order."""
        return list(self.pages)

    @property
    def members(self) -> int:
        """How many networks of each population are used in each study."""
        return next(iter(self.pages.values())).members

    @property
    def same_data(self) -> list[tuple[str, str]]:
        """The pairs of studies that have the same data, by name."""
        pairs = combinations((page.study for page in self.pages.values()), 2)
        return [(one.name, other.name) for one, other in pairs if one.data == other.data]

    @property
    def differences(self) -> list[str]:
        """What differs between the studies, in words."""
        studies = [page.study for page in self.pages.values()]
        return [
            words
            for words, field in BLOCKS.items()
            if len({str(getattr(one, field)) for one in studies}) > 1
        ]


def compare_studies(study: str | Path, others: Iterable[str], *, members: int) -> Comparison:
    """Choose the studies that can be compared with one.

    Args:
        study: Name or path of the first.
        others: Names of further ones; those that cannot be read here are skipped.
        members: At most so many networks of each population.
    """
    first = load_study(study)
    chosen: list[Study] = [first]
    levels, skipped = set(first.settings.pruned), {}
    for name in dict.fromkeys(others):
        other = load_study(name) if name in study_names() else None
        if other is None:
            skipped[name] = "is not a study of this version"
        elif not is_available(other) and other.name != first.name:
            skipped[name] = "does not have all its predictions on this machine"
        elif not levels & set(other.settings.pruned):
            skipped[name] = "shares no level of sparsity with the others"
        elif other.name != first.name:
            chosen.append(other)
            levels &= set(other.settings.pruned)
    members = min(members, *(one.members for one in chosen))
    pages = {one.name: StudyPage(one, members, plain_only=True) for one in chosen}
    return Comparison(pages, sorted(levels), skipped)


def network_in_words(network: Network) -> str:
    """Return a network's kind and size, e.g. `small CNN, 8, 16 and 24 channels`."""
    if network.name.startswith("resnet-"):
        return KINDS[network.name]
    sizes = (
        f"depth {network.depth}, width {network.width}"
        if network.name == "wide-resnet"
        else f"{listed(network.channels)} channels"
    )
    return f"{KINDS[network.name]}, {sizes}"


def facts(compared: Comparison) -> pd.DataFrame:
    """Return a row for each study: its data, its network, its training, and dense accuracy.

    Returns:
        study, classes, train and test (images), network, weights, epochs, has (networks of a
        population), accuracy and sd (mean and standard deviation over networks, fractions).
    """
    return pd.DataFrame(
        {
            "study": name,
            "classes": len(page.classes),
            "train": len(page.images.train),
            "test": int(page.plain.sum()),
            "network": network_in_words(page.study.network),
            "weights": _weights(page.study),
            "epochs": page.study.training.count_epochs(len(page.images.train)),
            "has": page.study.members,
            "accuracy": page.dense.accuracy.mean(),
            "sd": page.dense.accuracy.std(ddof=1),
        }
        for name, page in compared.pages.items()
    )


def small_and_large(
    pairs: Iterable[tuple[str, str]], facts: pd.DataFrame, *, loss: pd.Series
) -> pd.DataFrame:
    """Return studies on the same data side by side, the one with fewer weights first.

    Args:
        pairs: As `Comparison.same_data` gives them.
        facts: As `facts` gives them.
        loss: The share of accuracy that each study loses, by name.

    Returns:
        small, small_weights, small_loss, large, large_weights, large_loss; a row a pair.
    """
    weights = facts.set_index("study")["weights"]
    rows = []
    for pair in pairs:
        ordered = sorted(pair, key=lambda name: weights[name])
        row: dict[str, object] = {}
        for size, name in zip(("small", "large"), ordered, strict=True):
            row |= {size: name, f"{size}_weights": weights[name], f"{size}_loss": loss[name]}
        rows.append(row)
    return pd.DataFrame(rows)


def _weights(study: Study) -> int:
    """Return the weights of convolutions and linear layers of a dense network."""
    layers = load_layers(study, "dense", members=2)
    return int(layers.groupby("member")["weights"].sum().iloc[0])


def compare_levels(
    compared: Comparison, *, draws: int, seed: int, alpha: float = 0.05
) -> pd.DataFrame:
    """Compare each population with the dense one of its study.

    Args:
        compared: The studies.
        draws: Random subsets of the networks behind each interval.
        seed: Of these.
        alpha: 1 minus the level of the intervals, in (0, 1).

    Returns:
        A row for each study and sparsity, by which it is indexed; sparsity 0 is dense again.
        weights_left, what `pairwise.compare_cost` gives, and, of pie and clear: the count, _null
        (mean of the noise floor), _excess with _low and _high (shares of the test images).
    """
    how = {"draws": draws, "seed": seed, "alpha": alpha}
    rows = (row for page in compared.pages.values() for row in _rows(page, compared.levels, how))
    return pd.DataFrame(rows).set_index(["study", "sparsity"])


def _rows(page: StudyPage, levels: list[float], how: dict) -> Iterator[dict]:
    weights, dense, again = _weights(page.study), page.dense, page.again
    for level in (0.0, *levels):
        other = page.load(f"pruned-{level:g}") if level else again
        two = {"baseline": dense.predicted, "compressed": other.predicted, **how}
        [cost] = pairwise.compare_cost(label=dense.label, **two).to_dict("records")
        left = weights * (1 - other.info["sparsity"].mean())
        row = {"study": page.study.name, "sparsity": level, "weights_left": left} | cost
        if level:
            counts = pairwise.compare_exemplars(second_baseline=again.predicted, **two)
            [count] = counts.to_dict("records")
            for measure in ("pie", "clear"):
                row |= {
                    measure: count[f"{measure}_observed"],
                    f"{measure}_null": count[f"{measure}_null_mean"],
                }
                row |= {
                    f"{measure}_excess{end}": count[f"{measure}_excess{end}"]
                    / count[f"{measure}_examples"]
                    for end in ("", "_low", "_high")
                }
        yield row


def for_each(
    table: pd.DataFrame, column: str, level: float, *, digits: int = 1, unit: str = " %"
) -> str:
    """Return a fraction, times 100, for each study: `3.1 % for digits and 0.2 % for cifar10`.

    Args:
        table: As `compare_levels` gives it.
        column: The quantity.
        level: The sparsity.
        digits: Decimals.
        unit: What stands behind each number.
    """
    values = table.xs(level, level="sparsity")[column]
    return listed(f"{100 * value:.{digits}f}{unit} for {name}" for name, value in values.items())


def distinguished(table: pd.DataFrame, column: str, level: float, *, alpha: float = 0.05) -> str:
    """Return between which studies a quantity differs, in words; empty where it differs nowhere.

    Args:
        table: As `compare_levels` gives it.
        column: The quantity, with _low and _high beside it.
        level: The sparsity.
        alpha: Of the intervals given, and of those of all differences together.
    """
    rows = pd.DataFrame(table.xs(level, level="sparsity"))
    estimates = rows[[column, f"{column}_low", f"{column}_high"]]
    pairs = pairwise.compare_estimates(
        estimates.set_axis(["estimate", "low", "high"], axis=1), alpha=alpha
    )
    clear = pairs[pairs["low"] > 0]
    larger = [
        f"{more} than for {less}"
        for more, less in zip(clear["larger"], clear["smaller"], strict=True)
    ]
    return listed(larger, "")


def available(names: Iterable[str], *, but: str) -> list[str]:
    """Return those of some studies whose predictions can be read here.

    Args:
        names: of studies.
        but: one that is left out.
    """
    others = [load_study(name) for name in names if name != but]
    return [other.name for other in others if is_available(other)]


def reading(data: str) -> list[str]:
    """Return the names of the studies of some data, first those whose predictions can be read here.

    Those that come with the project count, but for what tests alone train.

    Args:
        data: name of the data, as "cifar10".
    """
    named = [load_study(name) for name in study_names() if not name.startswith(FOR_TESTS)]
    of_data = [study for study in named if study.data.name == data]
    return [study.name for study in sorted(of_data, key=is_available, reverse=True)]
