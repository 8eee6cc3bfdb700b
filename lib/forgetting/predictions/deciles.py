"""Answers to several tasks in an archive: the tenth in which the probability of yes lies.

Of each member, task and tenth the mean probability is kept too. So what an answer was, how many are
unsure, and the calibration error in ten bins of all examples are those of the original; that of
some examples is approximate, and a probability is known to within a tenth. Parquet packs a tenth
into four bits, and rows of one task lie together, so that a row takes far less.
"""

import numpy as np
import pandas as pd
import pyarrow as pa

DECILES = 10


def pack(table: pa.Table) -> pa.Table:
    """Pack one member's predictions.

    Args:
        table: with the columns `predictions_file.TASK_COLUMNS`.

    Returns:
        example, task, label, decile (uint8, 0 to 9; yes from 5), mean (float32, of the probability
        of yes in the decile; null but for the first row of each task and decile).
    """
    predicted, confidence = (table[name].to_numpy() for name in ("predicted", "confidence"))
    positive = pd.Series(np.where(predicted == 1, confidence, 1 - confidence).astype(float))
    decile = np.clip(np.floor(positive * DECILES), 5 * predicted, 4 + 5 * predicted)
    keys = [np.asarray(table["task"].to_pylist(), object), decile.astype(np.uint8)]
    mean = positive.groupby(keys).transform("mean").to_numpy(np.float32)
    again = pd.DataFrame(dict(enumerate(keys))).duplicated().to_numpy()
    kept = table.select(["example", "task", "label"])
    return kept.append_column("decile", pa.array(keys[1])).append_column(
        "mean", pa.array(mean, mask=again)
    )


def unpack(table: pa.Table) -> pa.Table:
    """Return what `pack` was given, each probability of yes being the mean of its decile."""
    decile, label = table["decile"].to_numpy(), table["label"].to_numpy()
    task = table["task"].combine_chunks().dictionary_encode()
    place = task.indices.to_numpy().astype(np.int64) * DECILES + decile
    stated = table["mean"].to_numpy()
    known = ~np.isnan(stated)
    mean = np.full(len(task.dictionary) * DECILES, np.nan, np.float32)
    mean[place[known]] = stated[known]
    positive, predicted = mean[place], (decile >= DECILES // 2).astype(np.int32)
    confidence = np.where(predicted == 1, positive, 1 - positive)
    columns = {
        "example": table["example"],
        "task": table["task"],
        "label": table["label"],
        "predicted": pa.array(predicted),
        "confidence": pa.array(confidence),
        "label_confidence": pa.array(np.where(label == 1, positive, 1 - positive)),
    }
    return pa.table(columns)
