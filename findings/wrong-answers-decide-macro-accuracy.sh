#!/usr/bin/env bash
# Two networks that are right on the same images have macro accuracies of 30 % and 6 %.
#
# Library: torchmetrics 1.9.0 (torch 2.9.1), MulticlassAccuracy(average="macro").
# Guess:   accuracy by class, averaged over the classes of the images, depends on which images a network
#          gets right, and not on what it says for the others.
# Seen:    a class that no image has, and that a network predicts once, enters the mean with an accuracy of
#          0. On a set with the 200 classes of ImageNet-A, answered among 1,000, the mean is over all the
#          classes that were ever predicted by mistake. The plain and the weighted accuracy are the same.
#          scikit-learn 1.9.1 computes recall_score(average="macro") so too, with a warning, and
#          balanced_accuracy_score without these classes.
# Matters: compression that scatters wrong answers over more classes seems to cost four fifths of the
#          accuracy, and one that gathers them seems to repair it, while not one answer became wrong or
#          right; a floor of two dense networks moves as well.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --only-binary :all: --target "$work/packages" \
    numpy==2.4.6 scikit-learn==1.9.1 torch==2.9.1 torchmetrics==1.9.0
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score, recall_score
from torchmetrics.classification import MulticlassAccuracy

CLASSES, HERE = 1000, 200  # of the network, and of the images
random = np.random.default_rng(0)
label = random.integers(0, HERE, 7500)
right = random.random(len(label)) < 0.3
gathered = np.where(right, label, (label + 1) % HERE)
scattered = np.where(right, label, random.integers(HERE, CLASSES, len(label)))
assert np.array_equal(gathered == label, scattered == label)


def accuracy(predicted, average):
    measure = MulticlassAccuracy(num_classes=CLASSES, average=average)
    return float(measure(torch.from_numpy(predicted), torch.from_numpy(label)))


by_class = np.mean([(scattered == label)[label == k].mean() for k in range(HERE)])
found = {}
print("wrong answers:", "gathered", "scattered", sep="\t")
for name, measure in {
    "torchmetrics micro": lambda predicted: accuracy(predicted, "micro"),
    "torchmetrics weighted": lambda predicted: accuracy(predicted, "weighted"),
    "torchmetrics macro": lambda predicted: accuracy(predicted, "macro"),
    "scikit-learn recall, macro": lambda p: recall_score(label, p, average="macro"),
    "scikit-learn balanced accuracy": lambda p: balanced_accuracy_score(label, p),
}.items():
    found[name] = measure(gathered), measure(scattered)
    print(name, *(round(value, 4) for value in found[name]), sep="\t")
print("mean over the classes of the images", round(by_class, 4), sep="\t")
for name in ("torchmetrics micro", "torchmetrics weighted", "scikit-learn balanced accuracy"):
    assert np.allclose(*found[name]), name
one, other = found["torchmetrics macro"]
assert np.isclose(one, by_class) and other < 0.25 * by_class, "wrong answers no longer decide"
EOF
