"""What a trained network predicts, as the columns of its files of predictions."""

import numpy as np
import torch
from torch import Tensor, nn

from forgetting import data, predictions_file
from forgetting.data.corrupted_part import corruption_levels, load_corrupted_images
from forgetting.data.spec import Data

# Images at a time: the activations stay in the cache, which is a third faster than with 1,000.
BATCH = 250


@torch.inference_mode()
def compute_logits(network: nn.Module, images: Tensor) -> Tensor:
    """Predict images on one processor core.

    Args:
        network: in evaluation mode.
        images: (N, C, H, W) float32, normalised.

    Returns:
        (N, classes) float32.
    """
    return torch.cat([network(batch) for batch in images.split(BATCH)])


def prediction_columns(
    logits: Tensor, labels: np.ndarray, tasks: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """The columns of a file of predictions.

    Args:
        logits: (N, classes) float32; of tasks (N, T).
        labels: (N,) the true labels; of tasks (N, T).
        tasks: names of the tasks, if there are any. The examples of a task are then one after the
            other.
    """
    if tasks:
        positive, truth = logits.sigmoid().numpy().T.ravel(), labels.T.ravel()
        yes = positive >= 0.5
        return {
            "example": np.tile(np.arange(len(labels)), len(tasks)),
            "task": np.repeat(np.array(tasks, object), len(labels)),
            "label": truth,
            "predicted": yes.astype(np.int32),
            "confidence": np.where(yes, positive, 1 - positive),
            "label_confidence": np.where(truth == 1, positive, 1 - positive),
        }
    probability = logits.softmax(dim=1).numpy()
    predicted = probability.argmax(axis=1)
    rows = np.arange(len(labels))
    return {
        "example": rows,
        "label": labels,
        "predicted": predicted,
        "confidence": probability[rows, predicted],
        "label_confidence": probability[rows, labels],
    }


def corruption_columns(spec: Data, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of a file of counts: right predictions by corruption, severity and class.

    Args:
        spec: the data set.
        predicted: (1 + corruptions * 5, n) labels predicted for the images of
            `load_corrupted_images`, in the order of `corruption_levels`.
    """
    dataset, (chosen, corrupted) = data.load_dataset(spec), load_corrupted_images(spec)
    labels, classes = dataset.test.labels[chosen], len(dataset.classes)
    sizes = np.bincount(labels, minlength=classes)
    levels = corruption_levels(channels=corrupted.shape[3])
    rows: list[tuple] = []
    for (name, severity), labels_predicted in zip(levels, predicted, strict=True):
        right = np.bincount(labels[labels_predicted == labels], minlength=classes)
        rows += [(name, severity, k, sizes[k], right[k]) for k in range(classes)]
    columns = zip(*rows, strict=True)
    return {
        name: np.array(values)
        for name, values in zip(predictions_file.COUNT_COLUMNS, columns, strict=True)
    }
