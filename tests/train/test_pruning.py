"""Pruning: exact counts, the schedule, masks that only shrink, what is reported."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forgetting.study import Network
from forgetting.train import networks, pruning


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(max_dims=4, max_side=6),
        elements=st.sampled_from([-2, -1, 0, 0.5, 1, 3]),
    ),
    st.floats(0, 0.99),
)
def test_exactly_the_asked_share_is_removed_even_with_ties_and_none_removed_is_larger_than_one_kept(
    weight, sparsity
):
    stays = pruning.magnitude_mask(weight, sparsity)
    assert np.count_nonzero(~stays) == round(sparsity * weight.size)
    if stays.any() and not stays.all():
        assert np.abs(weight[~stays]).max() <= np.abs(weight[stays]).min()


@given(hnp.arrays(np.float32, (40,), elements=st.floats(-1, 1, width=32)), st.floats(0, 0.99))
def test_a_mask_equals_a_stable_sort_by_magnitude(weight, sparsity):
    order = np.argsort(np.abs(weight), kind="stable")
    expected = np.ones(40, bool)
    expected[order[: round(sparsity * 40)]] = False
    assert (pruning.magnitude_mask(weight, sparsity) == expected).all()


def test_the_schedule_is_zhu_and_guptas_cubic_between_start_and_end():
    window = {"final": 0.9, "start": 0.2, "end": 0.7}
    assert pruning.sparsity_at(0.1, **window) == pruning.sparsity_at(0.2, **window) == 0
    assert (
        pruning.sparsity_at(0.7, **window) == pruning.sparsity_at(1, **window) == pytest.approx(0.9)
    )
    assert pruning.sparsity_at(0.45, **window) == pytest.approx(
        0.9 + (0 - 0.9) * (1 - (0.45 - 0.2) / 0.5) ** 3
    )


def trained(sparsity, *, last_layer=False, steps=60, every=7):
    """A small network after `steps` random updates under a pruner, and the masks after each."""
    network = networks.build_network(
        Network(name="small-cnn"), channels=1, pixels=28, classes=10, seed=1
    )
    pruner = pruning.Pruner(
        network,
        sparsity=sparsity,
        steps=steps,
        start=0.2,
        end=0.7,
        every=every,
        last_layer=last_layer,
    )
    rng, masks = torch.Generator().manual_seed(0), []
    for t in range(1, steps + 1):
        with torch.no_grad():
            for p in network.parameters():
                p += 0.1 * torch.randn(p.shape, generator=rng)
        pruner.step(t)
        masks.append([m.clone() for m in pruner.masks])
    return network, masks


@pytest.mark.parametrize("sparsity", [0, 0.3, 0.9, 0.98])
def test_a_pruned_weight_of_the_final_network_is_exactly_zero_and_every_layer_has_the_exact_count(
    sparsity,
):
    network, _ = trained(sparsity)
    for layer in pruning.achieved_layers(network)[:-1]:
        assert layer["kept"] == layer["weights"] - round(sparsity * layer["weights"])
    assert pruning.achieved_layers(network)[-1]["sparsity"] == 0  # the linear layer stays dense


def test_the_last_layer_is_pruned_when_the_study_says_so():
    network, _ = trained(0.9, last_layer=True)
    assert all(
        layer["sparsity"] == pytest.approx(0.9, abs=0.01)
        for layer in pruning.achieved_layers(network)
    )


@pytest.mark.parametrize("every", [1, 7])
def test_masks_only_shrink_and_do_not_change_after_the_end(every):
    """Also when masks change so often that one update moves a removed weight past a kept one."""
    _, masks = trained(0.9, every=every)
    for before, after in zip(masks, masks[1:], strict=False):
        assert all((b >= a).all() for b, a in zip(before, after, strict=True))
    assert all(
        (a == b).all() for a, b in zip(masks[math.ceil(0.7 * 60) - 1], masks[-1], strict=True)
    )


def test_bytes_are_those_of_a_sparse_file_that_can_be_written_and_read():
    network, _ = trained(0.9)
    convolutions = [
        w.detach().numpy() for w in pruning.prunable_weights(network, last_layer=False).values()
    ]
    biases = (
        sum(len(w) for w in convolutions) + 10
    )  # each convolution's batch norm folded into it, and the linear layer's own
    linear = list(pruning.layer_weights(network).values())[-1].numel()
    written = 4 * (biases + linear)
    for w in convolutions:
        kept = np.count_nonzero(w)
        bitmap, index = (
            np.packbits(w.ravel() != 0).nbytes,
            math.ceil(kept * math.ceil(math.log2(w.size)) / 8),
        )
        written += min(w.nbytes, 4 * kept + min(bitmap, index))
    assert pruning.stored_bytes(network) == written
    dense, _ = trained(0)
    assert pruning.stored_bytes(dense) == 4 * (biases + linear + sum(w.size for w in convolutions))
