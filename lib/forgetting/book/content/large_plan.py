"""What very many networks cost and resolve: the second half of the page on cost."""

import numpy as np
import pandas as pd

from forgetting.book.study_page import StudyPage
from forgetting.errors import UserError
from forgetting.measure import power
from forgetting.predictions import archive
from forgetting.study import Study, load_study

LEVELS = (1, 2, 4, 9, 18, 48)  # of which the page shows those that the networks suffice for
POWER = 0.8  # the probability with which a loss is found that counts as one that is found


def divide_models(models: int, levels: int) -> dict[int, int]:
    """Divide networks over more or fewer levels of compression, dense and dense again besides.

    Args:
        models: networks in all.
        levels: a number of levels that is wanted among others.

    Returns:
        Networks of each population, at least 2, by the number of levels, ascending.

    Raises:
        UserError: too few networks for these levels.
    """
    if models < 2 * (levels + 2):
        raise UserError(
            f"models is {models}: {levels} levels beside dense and dense again need two networks "
            f"each, {2 * (levels + 2)}; set models higher or levels lower"
        )
    choices = sorted({*LEVELS, levels})
    return {k: models // (k + 2) for k in choices if models // (k + 2) >= 2}


def as_many(studies: list[str], *, models: int, rate: float, price: float) -> pd.DataFrame:
    """Compute what so many networks cost, trained and tested as those of some studies are.

    Args:
        studies: their names; each stands for a size of network and of data.
        models: how many networks.
        rate: as in `cost.elsewhere`.
        price: as in `cost.elsewhere`.

    Returns:
        A row a study: study; operations; machine_hours; money; network_hours: of one network;
        bytes: of their predictions of the test part, at most.
    """
    from forgetting.data.shapes import expected_shape
    from forgetting.train import cost

    rows = []
    for name in studies:
        study = load_study(name)
        of_one = 0.0
        for fold in study.folds:
            shape = expected_shape(fold.data)
            each = cost.image_cost(fold.network, shape.image, shape.outputs)
            of_one += cost.trained_images(fold, shape) * each.trained + shape.test * each.predicted
        size = sum(
            cost.file_bytes(shape.rows("test"), tasks=shape.tasks)
            for shape in (expected_shape(fold.data) for fold in study.folds)
        )
        hours = of_one / rate / 3600
        rows.append(
            {
                "study": name,
                "operations": models * of_one,
                "machine_hours": models * hours,
                "money": models * hours * price,
                "network_hours": hours,
                "bytes": models * size,
            }
        )
    return pd.DataFrame(rows).sort_values("operations", ignore_index=True)


def sets_of(label: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
    """The images of each class, (N,) bool, by its name."""
    return {name: label == k for k, name in enumerate(names) if (label == k).any()}


def detectable_losses(
    *,
    label: np.ndarray,
    baseline: np.ndarray,
    compressed: np.ndarray,
    sets: dict[str, np.ndarray],
    sizes: list[int],
    alpha: float,
) -> pd.DataFrame:
    """Find the smallest change of a set's accuracy that so many networks find in these images.

    By Welch's test over networks, with a probability of 80 %, in the first step of Holm's rule over
    the sets. What other images of the set would show varies too, and more networks do not change
    that: `images` is what a 95 % interval over images adds on either side.

    Args:
        label: (N,) true labels.
        baseline: (K, N) predicted labels.
        compressed: (L, N) predicted labels.
        sets: (N,) bool by name, which may overlap.
        sizes: networks in each population, at least 2, as many as one likes.
        alpha: level of the test, in (0, 1).

    Returns:
        A row a size and set, fractions: size; set; n; se; detectable, infinite where not even the
        loss of all that the baseline has right is found; images.
    """
    rows, first = [], alpha / len(sets)
    for name, inside in sets.items():
        right = [(side[:, inside] == label[inside]) for side in (baseline, compressed)]
        rates = [side.mean(axis=1) for side in right]
        variances = [float(rate.var(ddof=1)) for rate in rates]
        moved = right[1].mean(axis=0) - right[0].mean(axis=0)
        spread = 1.96 * moved.std(ddof=1) / np.sqrt(len(moved)) if len(moved) > 1 else np.nan
        for size in sizes:
            se = np.sqrt(sum(variances) / size)
            share = variances[0] / sum(variances) if sum(variances) else 0.5
            found = power.welch_detectable(
                se=se, share=share, members=(size, size), alpha=first, power=POWER
            )
            rows.append(
                {"size": size, "set": name, "n": int(inside.sum()), "se": se}
                | {"detectable": float(found) if found <= rates[0].mean() else np.inf}
                | {"images": spread}
            )
    return pd.DataFrame(rows)


def group_losses(page: StudyPage, *, sizes: list[int], alpha: float) -> pd.DataFrame:
    """`detectable_losses` of the groups of each label, by tint, of a study that has tints.

    Raises:
        UserError: the study's images have no tint.
    """
    attributes = page.test.attributes
    if "tint" not in attributes:
        raise UserError(
            f"group_study is {page.study.name}, whose images have no tint, and groups are taken by "
            "tint; give tinted, or another study of it"
        )
    cells = {
        f"{tint}, {name}": ((attributes["tint"] == tint) & (page.test.labels == k)).to_numpy()
        for tint in sorted(attributes["tint"].unique())
        for k, name in enumerate(page.classes)
    }
    return detectable_losses(
        label=page.dense.label,
        baseline=page.dense.predicted,
        compressed=page.compressed.predicted,
        sets=cells,
        sizes=sizes,
        alpha=alpha,
    )


def resolution(found: dict[str, pd.DataFrame], designs: dict[int, int]) -> pd.DataFrame:
    """Say what each design resolves.

    Args:
        found: from `detectable_losses`, by the kind of set, `class` or `group`.
        designs: networks of each population by the number of levels.

    Returns:
        A row a design: levels; size; and for each kind its typical (median) and its worst set; NaN
        where no loss is found.
    """
    rows = []
    for levels, size in designs.items():
        row: dict[str, float] = {"levels": levels, "size": size}
        for kind, table in found.items():
            of_size = table.loc[table["size"] == size, "detectable"]
            row |= {kind: of_size.median(), f"{kind}_worst": of_size.max()}
        rows.append(row)
    return pd.DataFrame(rows).replace(np.inf, np.nan)


def check_finds(found: pd.DataFrame, levels: int) -> None:
    """Refuse so few networks that they find nothing.

    Args:
        found: from `resolution`, with the kind `class`.
        levels: the design that the page is about.

    Raises:
        UserError: not even a class that is lost altogether is found.
    """
    row = found.set_index("levels").loc[levels]
    if np.isnan(row["class"]):
        raise UserError(
            f"at {levels} levels there are {row['size']:.0f} networks in each population, which "
            "find no loss in a typical class, however large; set models higher or levels lower"
        )


def in_points(change: float) -> str:
    """Write the smallest loss that is found, in points; `no loss` where none is."""
    return "no loss" if np.isnan(change) else f"{100 * change:.2f} points"


def affordable(
    costs: pd.DataFrame, *, machine_hours: float, levels: int, most: int = 100_000
) -> pd.DataFrame:
    """Say how many networks a budget buys.

    Args:
        costs: from `as_many`, for one rate.
        machine_hours: the budget.
        levels: of compression; dense and dense again come on top.
        most: networks of each population beyond which none is added.

    Returns:
        A row a study: study; models; size: networks of each population, 0 where there is not one
        for each; used: machine-hours of these.
    """
    models = np.floor(machine_hours / costs["network_hours"]).astype(np.int64)
    size = np.minimum(models // (levels + 2), most)
    return pd.DataFrame(
        {
            "study": costs["study"],
            "models": size * (levels + 2),
            "size": size,
            "used": size * (levels + 2) * costs["network_hours"],
        }
    )


def packed_bytes_a_row(study: Study) -> float:
    """Bytes that a row of predictions of the test part takes in the study's archive; NaN if none.

    Args:
        study: one with one label for each image.
    """
    from forgetting.data.shapes import expected_shape

    manifest = archive.find_manifest(study)
    if not manifest:
        return float("nan")
    settings = manifest["parts"]["test"]
    members = sum(len(manifest["populations"][name]["members"]) for name in settings)
    size: int = manifest["files"]["test.parquet"]["bytes"]
    return size / (members * expected_shape(study.data).rows("test"))


def loose_bytes_a_row(rows: int = 10_000) -> float:
    """Bytes that a row of a member's own file of predictions takes at most."""
    from forgetting.train import cost

    return cost.file_bytes(rows) / rows
