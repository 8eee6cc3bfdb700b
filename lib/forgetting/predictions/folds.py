"""A member of a cross-fitted study: the networks of its folds, each tested on what it never saw.

Together they predicted every example once. They are joined when they are read, so that whatever
reads a study knows nothing of folds, and each network is trained and kept by itself.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

Layer = dict[str, Any]


def join_folds(networks: Sequence[tuple[pa.Table, dict[str, Any]]]) -> tuple[pa.Table, dict]:
    """Join the predictions of a member's networks, those of fold 0 first.

    Args:
        networks: the table and metadata of each, as their files have them.

    Returns:
        The table of all examples, counted through, of tasks task by task; and the metadata, in
        which bytes, sparsity and what each layer keeps are means over the networks.
    """
    tables = [table.replace_schema_metadata() for table, _ in networks]
    about = [metadata for _, metadata in networks]
    tasks = len(tables[0]["task"].unique()) if "task" in tables[0].column_names else 1
    rows = np.split(np.arange(sum(map(len, tables))), np.cumsum([len(table) for table in tables]))
    order = np.concatenate([some.reshape(tasks, -1) for some in rows[:-1]], axis=1)
    joined = pa.concat_tables(tables).take(order.ravel()).combine_chunks()
    example = np.tile(np.arange(order.shape[1], dtype=np.int32), tasks)
    joined = joined.set_column(joined.column_names.index("example"), "example", pa.array(example))
    layers = [_mean_layer(same) for same in zip(*(each["layers"] for each in about), strict=True)]
    means = {"sparsity": _mean(about, "sparsity"), "bytes": round(_mean(about, "bytes"))}
    return joined, about[0] | means | {"layers": layers}


def _mean(rows: Sequence[dict[str, Any]], key: str) -> float:
    return sum(float(row[key]) for row in rows) / len(rows)


def _mean_layer(rows: Sequence[Layer]) -> Layer:
    """One layer of several networks, which differ in nothing but how many weights they kept."""
    kept = round(_mean(rows, "kept"))
    return rows[0] | {"kept": kept, "sparsity": 1 - kept / rows[0]["weights"]}
