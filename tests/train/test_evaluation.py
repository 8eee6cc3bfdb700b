"""The columns of files of predictions."""

import numpy as np
import torch

from forgetting.train import evaluation


def test_predicted_columns_are_the_softmax_of_the_logits():
    logits = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    labels = np.arange(50) % 4
    columns = evaluation.prediction_columns(logits, labels)
    e = np.exp(logits.numpy().astype(np.float64))
    p = e / e.sum(axis=1, keepdims=True)
    assert np.allclose(columns["label_confidence"], p[np.arange(50), labels]) and np.allclose(
        columns["confidence"], p.max(axis=1)
    )
    assert (columns["predicted"] == p.argmax(axis=1)).all() and columns[
        "confidence"
    ].dtype == np.float32
