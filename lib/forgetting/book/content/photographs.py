"""What the page on photographs asks: what one compressed copy of a published network forgets."""

import base64
import html

import numpy as np
import pandas as pd

from forgetting.data import photograph_predictions as published
from forgetting.data.photographs import LICENCE, Photographs, folder
from forgetting.measure import sets, subgroups

NAMES = {
    "float16": "float16",
    "int8": "int8, by channel",
    "int8-tensor": "int8, by tensor",
    "int8-signed": "int8, signed",
    "int8-dynamic": "int8, dynamic",
    "litert-int8": "int8, LiteRT",
    "pruned-0.7-fitted": "0.7, refitted",
}


def setting_name(setting: str) -> str:
    """Return what a setting is called on the page."""
    return NAMES.get(setting, setting.replace("pruned-", "pruned to "))


def wide(table: pd.DataFrame, column: str = "predicted") -> pd.DataFrame:
    """Return one column of each network, a row a picture in a common order."""
    return table.pivot(index="example", columns="setting", values=column)


def labels_of(table: pd.DataFrame) -> pd.Series:
    """Return the true label of each picture, in the order of `wide`."""
    return table.groupby("example")["label"].first()


def _numbers(label: pd.Series, *predicted: pd.Series) -> list[np.ndarray]:
    """Names as whole numbers, alike for all."""
    names = pd.Index(np.unique(np.concatenate([label, *predicted])))
    return [names.get_indexer(pd.Index(column)).astype(np.int64) for column in (label, *predicted)]


def compare_all(
    table: pd.DataFrame, pairs: dict[str, tuple[str, str]], *, alpha: float
) -> pd.DataFrame:
    """Compare each compressed network with its own dense one, on the same pictures.

    Args:
        table: from `load_predictions`.
        pairs: what each row is called, and the settings of both sides.
        alpha: level of the tests.

    Returns:
        A row a pair: compression, accuracy of the compressed side; and of `subgroups.compare` the
        change with its interval, p, flips, to_wrong, to_right, flipped (share of pictures).
    """
    predicted, label, rows = wide(table), labels_of(table), []
    for name, (dense, compressed) in pairs.items():
        true, one, other = _numbers(label, predicted[dense], predicted[compressed])
        row = subgroups.compare(
            sets.everyone(true), label=true, baseline=[one], compressed=[other], alpha=alpha
        ).iloc[0]
        rows.append({"compression": name, "accuracy": row["compressed_rate"]} | row.to_dict())
    found = pd.DataFrame(rows)
    return found.assign(flipped=found["flips"] / found["n"])


def by_kind(
    table: pd.DataFrame, photographs: Photographs, setting: str, *, alpha: float
) -> pd.DataFrame:
    """Compare one compressed network with the dense one on each kind of thing.

    Returns:
        A row a kind, as `subgroups.compare` with groups, from the largest loss on: `kind` first.
    """
    predicted, label = wide(table), labels_of(table)
    kinds = photographs.test.set_index("image")["kind"].reindex(label.index).astype("category")
    true, one, other = _numbers(label, predicted[published.DENSE], predicted[setting])
    groups = sets.groups(kinds.to_frame().reset_index(drop=True), label=true, together=(1,))
    found = subgroups.compare(groups, label=true, baseline=[one], compressed=[other], alpha=alpha)
    kind = found["group"].str.removeprefix("kind=")
    return found.assign(kind=kind).sort_values("change", kind="stable").reset_index(drop=True)


def by_class(table: pd.DataFrame, dense: str, compressed: str, *, alpha: float) -> pd.DataFrame:
    """Compare two networks on each class, from the largest loss on; `name` is the class's."""
    predicted, label = wide(table), labels_of(table)
    names = np.unique(label)
    given = [
        np.searchsorted(names, column)
        for column in (label, predicted[dense], predicted[compressed])
    ]
    true, one, other = given
    found = subgroups.compare(
        sets.classes(true), label=true, baseline=[one], compressed=[other], alpha=alpha
    )
    return found.assign(name=names[found["class"]]).sort_values("change", kind="stable")


def forgotten(table: pd.DataFrame, photographs: Photographs, setting: str) -> pd.DataFrame:
    """Return the photographs that the dense network has right and a compressed one has wrong.

    Returns:
        Rows of `Photographs.test` with `predicted` and `confidence` of the compressed network and
        `dense_confidence`; first those of which the dense network was surest.
    """
    answers, sure = wide(table), wide(table, "confidence")
    label = labels_of(table)
    lost = label.index[(answers[published.DENSE] == label) & (answers[setting] != label)]
    columns = {
        "predicted": answers.loc[lost, setting],
        "confidence": sure.loc[lost, setting],
        "dense_confidence": sure.loc[lost, published.DENSE],
    }
    rows = photographs.test.set_index("image").loc[lost].assign(**columns)
    return rows.sort_values("dense_confidence", ascending=False, kind="stable").reset_index()


def gallery_html(rows: pd.DataFrame) -> str:
    """Draw photographs, each with what was predicted and its author, licence and page under it.

    Args:
        rows: from `forgotten`.

    Raises:
        ValueError: a picture lacks one of these.
    """
    cells = []
    for row in rows.to_dict("records"):
        if not all(row[name] for name in ("author", "license", "landing_url")):
            raise ValueError(f"{row['image']} has no author, licence or page and is not shown")
        data = base64.b64encode((folder() / "pictures" / row["image"]).read_bytes()).decode()
        said = {name: html.escape(str(value), quote=True) for name, value in row.items()}
        cells.append(
            f'<li><img src="data:image/jpeg;base64,{data}" width="224" height="224" '
            f'alt="A photograph labelled {said["name"]}, taken for {said["predicted"]}.">'
            f"<span><b>{said['name']}</b>, taken for {said['predicted']}</span>"
            f'<span class="credit"><a href="{said["landing_url"]}">photograph</a> by '
            f'<a href="{said["author_url"]}">{said["author"]}</a>, '
            f'<a href="{said["license"]}">{LICENCE}</a>, cropped and scaled</span></li>'
        )
    inside = "\n".join(cells)
    return (
        '<figure class="gallery photographs">\n<figcaption></figcaption>\n'
        f"<ul>\n{inside}\n</ul>\n</figure>"
    )


def tied(table: pd.DataFrame) -> pd.Series:
    """Return on how many pictures classes share the highest score, by setting."""
    return table.groupby("setting")["tied"].sum()
