"""Networks that answer several tasks: their loss, one engine against the other, the command itself."""

import numpy as np
import torch
from torch.nn import functional as F

from forgetting import data, predictions
from forgetting.data.spec import derive_seed
from forgetting.study import load_study
from forgetting.train import sgd
from forgetting.train.cpu_engine import CpuEngine
from forgetting.train.gpu_engine import GpuEngine
from forgetting.train.member import train_member
from forgetting.train.plan import plan_tasks
from forgetting.train.tensors import initial_network


def test_the_loss_is_the_mean_over_examples_and_tasks_of_the_negative_log_likelihood():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(9, 4, generator=generator, dtype=torch.float64)
    labels = (torch.rand(9, 4, generator=generator) < 0.5).double()
    p = 1 / (1 + np.exp(-logits.numpy()))
    for smoothing in (0.0, 0.2):
        wanted = labels.numpy() * (1 - smoothing) + smoothing / 2
        expected = -(wanted * np.log(p) + (1 - wanted) * np.log(1 - p)).mean()
        found = sgd.tasks_loss(logits, labels, label_smoothing=smoothing)
        np.testing.assert_allclose(found.item(), expected, rtol=1e-12)
    yes = F.logsigmoid(logits)
    assert torch.allclose(
        sgd.tasks_loss(logits, torch.ones(9, 4).double(), label_smoothing=0.0), -yes.mean()
    )


def test_both_engines_train_the_same_network_for_tasks():
    study = load_study("smoke-joint")
    logits = []
    for engine in (CpuEngine(study), GpuEngine(study, torch.device("cpu"))):
        network = initial_network(study, study.network, derive_seed(0, "a"))
        assert network[-1].out_features == 6
        trained, _ = engine.train(network, sparsity=0.9, order=3)
        logits.append(engine.compute_logits(trained, "test"))
    agree = (logits[0] > 0) == (logits[1] > 0)
    assert agree.float().mean() > 0.97


def test_a_member_learns_all_tasks_and_writes_an_answer_to_each(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    study = load_study("smoke-joint")
    missing = [(study.setting("dense"), member, "test") for member in range(2)]
    for task in plan_tasks(study, missing):
        train_member(study, task)
    loaded = predictions.load_predictions(study, "dense", part="test", members=2)
    truth = data.load_dataset(study.data).test.labels
    assert (loaded.label == truth).all()
    frequent = np.maximum(truth.mean(axis=0), 1 - truth.mean(axis=0))
    assert (loaded.accuracy[:, [0, 2, 3]] > frequent[[0, 2, 3]] + 0.1).all()
