"""The GPU's engine, run on a processor: the same members as the cores train, resumed at a member.

What only a GPU can show (compilation, capture, bfloat16, that a second run gives the same bytes)
is in the one test that needs one.
"""

import copy
import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forgetting import predictions
from forgetting.errors import UserError
from forgetting.study import Network, Training, load_study
from forgetting.train import gpu_engine, gpu_population, plan, pruning, sgd
from forgetting.train.cpu_engine import CpuEngine
from forgetting.train.gpu_engine import GpuEngine
from forgetting.train.tensors import initial_network, load_tensors

CPU = torch.device("cpu")


@pytest.fixture
def small(tmp_path_factory, monkeypatch):
    """The smoke study, two members each, augmented and smoothed, in a home of its own."""
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path_factory.getbasetemp() / "small"))
    smoke = load_study("smoke")
    data = smoke.data.model_copy(update={"corrupted_images": 20})
    training = Training(
        epochs=2, batch=32, rate=0.05, augmentation="crop-flip", label_smoothing=0.1
    )
    settings = smoke.settings.model_copy(
        update={"pruned": (0.9,), "quantized": ("float16", "fixed-int8"), "selectors": 0}
    )
    return smoke.model_copy(
        update={"data": data, "training": training, "settings": settings, "members": 2}
    )


def farthest(one, other):
    """The largest difference between two networks' weights and statistics."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return max(float((a.double() - b.double()).abs().max()) for a, b in pairs)


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(max_dims=4, max_side=6),
        elements=st.sampled_from([-2, -1, 0, 0.5, 1, 3]),
    ),
    st.floats(0, 0.99),
)
def test_a_mask_made_on_the_device_is_the_one_made_on_the_host_even_with_ties(weight, sparsity):
    assert (
        pruning.magnitude_mask_on_device(torch.from_numpy(weight), sparsity).numpy()
        == pruning.magnitude_mask(weight, sparsity)
    ).all()


def test_a_mask_does_not_depend_on_how_the_weights_lie_in_memory():
    weight = torch.randint(-3, 4, (6, 5, 3, 3), generator=torch.Generator().manual_seed(0)).float()
    last = weight.to(memory_format=torch.channels_last)
    assert torch.equal(
        pruning.magnitude_mask_on_device(last, 0.5),
        torch.from_numpy(pruning.magnitude_mask(weight.numpy(), 0.5)),
    )


@pytest.mark.parametrize("kind", ["none", "crop", "crop-flip"])
def test_a_batch_gathered_by_indices_is_the_augmented_batch_to_the_last_bit(small, kind):
    on = GpuEngine(small, CPU)
    chosen = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6])
    moves = sgd.draw_moves(8, kind, torch.Generator().manual_seed(7))
    made = gpu_engine.gather_batch(*on.training_images, torch.cat([chosen[None], moves]))
    expected = sgd.augment(on.tensors.train[chosen], kind, torch.Generator().manual_seed(7))
    assert torch.equal(made, expected) and made.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "network", [Network(name="small-cnn"), Network(name="wide-resnet", stem=(4, 2), whitened=True)]
)
def test_the_engine_trains_the_member_that_a_core_trains_and_one_after_another_as_each_alone(
    small, network
):
    small = small.model_copy(
        update={"network": network, "training": small.training.model_copy(update={"epochs": 1})}
    )
    on, core = GpuEngine(small, CPU), CpuEngine(small)
    for sparsity in (0.0, 0.9):
        made = []
        for number in (5, 6, 7):
            start = initial_network(small, small.network, number)
            expected, seen = core.train(copy.deepcopy(start), sparsity=sparsity, order=7)
            found, images = on.train(start, sparsity=sparsity, order=7)
            assert images == seen and not found.training
            made.append((farthest(found, expected), number, copy.deepcopy(found), expected))
        # The middle one of three: rounding may tip a weight over a mask's threshold, from where on
        # the networks differ.
        apart, number, found, expected = sorted(made, key=lambda one: one[:2])[1]
        assert apart < 1e-4 < farthest(initial_network(small, small.network, number), expected)
        assert pruning.achieved_layers(found) == pruning.achieved_layers(expected)
        assert (
            on.compute_logits(found, "test") - core.compute_logits(expected, "test")
        ).abs().max() < 0.02
        assert (on.predict_corrupted(found) == core.predict_corrupted(expected)).mean() > 0.99


def test_the_update_is_that_of_torch():
    rng = torch.Generator().manual_seed(0)
    weights = [torch.randn(3, 4, generator=rng), torch.randn(5, generator=rng)]
    theirs = [torch.nn.Parameter(weight.clone()) for weight in weights]
    optimiser = torch.optim.SGD(theirs, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)
    momenta = [torch.zeros_like(weight) for weight in weights]
    for rate in (0.1, 0.3, 0.05):
        gradients = [torch.randn(weight.shape, generator=rng) for weight in weights]
        for weight, gradient in zip(theirs, gradients, strict=True):
            weight.grad = gradient.clone()
        optimiser.param_groups[0]["lr"] = rate
        optimiser.step()
        gpu_engine.update_weights(
            weights, momenta, gradients, torch.tensor(rate), momentum=0.9, weight_decay=0.01
        )
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(weights, theirs, strict=True))


@pytest.mark.parametrize("half", [False, True])
def test_a_step_can_be_compiled_whole_and_in_bfloat16_it_is_nearly_the_same(small, half):
    """Traced without a break, that is; what compiles it for a GPU needs one."""
    small = small.model_copy(update={"network": Network(name="wide-resnet", stem=(4, 2))})
    one, other = GpuEngine(small, CPU), GpuEngine(small, CPU)
    other.half = half
    other.batch_loss, other.update_weights = (
        torch.compile(part, fullgraph=True, dynamic=False, backend="aot_eager")
        for part in (gpu_engine.batch_loss, gpu_engine.update_weights)
    )
    start = initial_network(small, small.network, 0)
    for on in (one, other):
        on.draws.copy_(on.draw_epoch(torch.Generator().manual_seed(0))[0])
        on.rate.fill_(0.1)
        on.step()
    assert farthest(one.network, other.network) < (0.1 if half else 1e-4) * farthest(
        one.network, start
    )


def test_a_run_goes_on_at_the_member_and_ends_with_the_bytes_of_an_undisturbed_one(
    small, tmp_path, monkeypatch
):
    small = small.model_copy(update={"data": small.data.model_copy(update={"corrupted_images": 0})})
    contents = {}
    for home, untils in {
        "whole": [math.inf],
        "pieces": [time.monotonic(), time.monotonic(), math.inf],
    }.items():
        monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / home))
        done = []
        for until in untils:
            absent, _ = predictions.missing_files(small, small.populations)
            entries = gpu_population.train_on_gpu(
                small, plan.plan_tasks(small, absent), until=until, on="cpu"
            )
            done.append([(entry["setting"], entry["member"]) for entry in entries])
        contents[home] = {
            str(p.relative_to(tmp_path / home)): p.read_bytes()
            for p in (tmp_path / home).glob("*/*.parquet")
        }
        assert predictions.missing_files(small, small.populations) == ([], [])
    assert [len(some) for some in done] == [1, 1, 4] and done[:2] == [
        [("dense", 0)],
        [("dense-again", 0)],
    ]
    assert len(contents["whole"]) == 6 * 3 + 8 * 3 and contents["whole"] == contents["pieces"]
    log = predictions.read_log(small, small.populations)
    assert (
        set(log["device"]) == {"cpu"} and (log.loc[log["setting"] == "dense", "quantize"] > 0).all()
    )
    labels = (
        predictions.load_predictions(small, "dense", part="test").predicted
        == predictions.load_predictions(small, "float16-of-dense", part="test").predicted
    )
    assert labels.mean() > 0.99


def test_too_large_a_batch_is_answered_with_one_that_fits(small, monkeypatch):
    step = GpuEngine.step

    def little_memory(self):
        if self.batch > 10:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        step(self)

    monkeypatch.setattr(GpuEngine, "step", little_memory)
    with pytest.raises(
        UserError, match=r"training.batch 32 does not fit into the GPU's memory; 8 fits"
    ) as refused:
        list(
            gpu_population.train_on_gpu(
                small, plan.plan_tasks(small, [(small.setting("dense"), 0, "test")]), on="cpu"
            )
        )
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_same_seeds_give_the_same_predictions_and_an_accuracy_as_on_a_core():
    small = load_study("smoke")
    small = small.model_copy(update={"network": Network(name="wide-resnet")})
    labels = load_tensors(small.data).dataset.test.labels
    one, other = GpuEngine(small, torch.device("cuda")), GpuEngine(small, torch.device("cuda"))
    made = []
    for on, order in ((one, 1), (one, 2), (one, 1), (other, 1)):
        network, _ = on.train(initial_network(small, small.network, 5), sparsity=0.9, order=order)
        assert all(
            layer["sparsity"] == pytest.approx(0.9, abs=0.01)
            for layer in pruning.achieved_layers(network)[:-1]
        )
        made.append(on.compute_logits(network, "test"))
    assert (
        torch.equal(made[0], made[2])
        and torch.equal(made[0], made[3])
        and not torch.equal(made[0], made[1])
    )
    network, _ = CpuEngine(small).train(
        initial_network(small, small.network, 5), sparsity=0.9, order=1
    )
    accuracy = [
        float((some.argmax(dim=1).numpy() == labels).mean())
        for some in (made[0], CpuEngine(small).compute_logits(network, "test"))
    ]
    assert abs(accuracy[0] - accuracy[1]) < 0.1
