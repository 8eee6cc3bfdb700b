"""The loop of one core: schedule, augmentation, pruning on the way, the same bytes every time."""

import numpy as np
import pytest
import torch

from forgetting.study import Network, Training
from forgetting.train import evaluation, networks, pruning, sgd


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing():
    factors = [sgd.rate_factor(t, 100, 0.1) for t in range(100)]
    assert max(factors) == 1 and np.argmax(factors) in (9, 10) and 0 < factors[-1] < 0.02
    assert (np.diff(factors[:10]) > 0).all() and (np.diff(factors[10:]) < 0).all()


def test_where_drops_are_given_the_rate_stays_and_falls_to_a_fifth_at_each():
    factors = [sgd.rate_factor(t, 100, 0.1, (0.3, 0.6)) for t in range(100)]
    assert factors[:10] == [sgd.rate_factor(t, 100, 0.1) for t in range(10)]
    assert (
        factors[10:30] == [1] * 20
        and np.allclose(factors[30:60], 0.2)
        and np.allclose(factors[60:], 0.04)
    )
    assert sgd.rate_factor(0, 100, 0.0, (0.3,)) == 1
    tenth = Training(steps=100, warm_up=0.1, drops=(0.3, 0.6), drop_factor=0.1)
    factors = [sgd.scheduled_factor(tenth, t, 100) for t in (20, 30, 60)]
    assert np.allclose(factors, (1, 0.1, 0.01))


def test_steps_may_end_within_an_epoch():
    assert sgd.count_steps(Training(steps=7, batch=32), 100) == (32, 3, 7)
    assert sgd.count_steps(Training(epochs=7, batch=32), 100) == (32, 3, 21)


@pytest.mark.parametrize("kind", ["crop", "crop-flip"])
def test_an_augmented_image_is_a_shifted_perhaps_mirrored_window_of_the_padded_one(kind):
    images = (
        torch.arange(2 * 3 * 8 * 8, dtype=torch.float32).reshape(2, 3, 8, 8).repeat(20, 1, 1, 1)
    )
    made = sgd.augment(images, kind, torch.Generator().manual_seed(0))
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="reflect")
    flips = 0
    for before, after in zip(padded, made.numpy(), strict=True):
        windows = [before[:, y : y + 8, x : x + 8] for y in range(5) for x in range(5)]
        straight, mirrored = (
            any((w == a).all() for w in windows) for a in (after, after[..., ::-1])
        )
        assert straight or (mirrored and kind == "crop-flip")
        flips += not straight
    assert (flips > 5) == (kind == "crop-flip")


@pytest.mark.parametrize(
    ("network", "channels", "pixels"),
    [
        (Network(name="small-cnn"), 1, 28),
        (Network(name="wide-resnet"), 3, 32),
        (Network(name="wide-resnet", stem=(4, 2)), 3, 32),
        (Network(name="resnet-18"), 3, 32),
        (Network(name="mlp", channels=(20,)), 1, 28),
    ],
)
def test_every_network_goes_through_the_same_loop_learns_and_is_pruned_exactly(
    network, channels, pixels
):
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(16) % 2
    images = (
        torch.randn(16, channels, pixels, pixels, generator=rng) * 0.1 + labels[:, None, None, None]
    )
    built = networks.build_network(network, channels=channels, pixels=pixels, classes=2, seed=0)
    steps = 8
    before = torch.nn.functional.cross_entropy(
        evaluation.compute_logits(built.eval(), images), labels
    )
    pruner = pruning.Pruner(
        built, sparsity=0.5, steps=steps, start=0.2, end=0.7, every=1, last_layer=False
    )
    seen = sgd.train_network(
        built,
        images,
        labels,
        training=Training(epochs=4, batch=8, rate=0.02),
        after_step=pruner.step,
        order=0,
    )
    assert seen == steps * 8 and not built.training
    assert (
        torch.nn.functional.cross_entropy(evaluation.compute_logits(built, images), labels) < before
    )
    *inner, last = pruning.achieved_layers(built)
    assert inner and all(
        layer["kept"] == layer["weights"] - round(0.5 * layer["weights"]) for layer in inner
    )
    assert last["kept"] == last["weights"]


def test_a_batch_larger_than_the_data_is_cut_to_it_and_the_order_seed_decides_the_result():
    images, labels = (
        torch.randn(10, 1, 28, 28, generator=torch.Generator().manual_seed(0)),
        torch.arange(10) % 2,
    )
    made = []
    for order in (1, 1, 2):
        net = networks.build_network(
            Network(name="small-cnn"), channels=1, pixels=28, classes=2, seed=0
        )
        sgd.train_network(
            net,
            images.repeat(4, 1, 1, 1),
            labels.repeat(4),
            training=Training(epochs=2, batch=8),
            after_step=lambda step: None,
            order=order,
        )
        made.append(evaluation.compute_logits(net, images))
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


def test_a_step_is_that_of_torchs_optimiser_to_the_last_bit():
    rng = torch.Generator().manual_seed(0)
    images, labels = torch.randn(64, 1, 28, 28, generator=rng), torch.arange(64) % 10
    training = Training(epochs=3, batch=16, rate=0.1)
    network, expected = (
        networks.build_network(Network(name="small-cnn"), channels=1, pixels=28, classes=10, seed=0)
        for _ in range(2)
    )
    sgd.train_network(
        network, images, labels, training=training, after_step=lambda step: None, order=5
    )

    optimiser = torch.optim.SGD(
        expected.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True, fused=True
    )
    order, step = torch.Generator().manual_seed(5), 0
    for _ in range(3):
        for batch in torch.randperm(64, generator=order).view(4, 16):
            optimiser.param_groups[0]["lr"] = 0.1 * sgd.rate_factor(step, 12, training.warm_up)
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(expected(images[batch]), labels[batch]).backward()
            optimiser.step()
            step += 1
    trained, states = network.state_dict(), expected.state_dict()
    assert all(torch.equal(trained[name], states[name]) for name in states)
