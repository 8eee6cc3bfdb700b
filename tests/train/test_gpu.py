"""The GPU's engine, run on a processor: the same members as the cores train, each on its own, resumed at the member.

What only a GPU can show (compilation, capture, bfloat16, that a second run gives the same bytes) is in the one test that needs one.
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

from forgetting import predictions, predictions_file, study
from forgetting.errors import UserError
from forgetting.study import Network, Training
from forgetting.train import gpu, population, pruning

CPU = torch.device("cpu")


@pytest.fixture
def small(tmp_path_factory, monkeypatch):
    """The smoke study, two members each, augmented and smoothed, in a home of its own."""
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path_factory.getbasetemp() / "small"))
    smoke = study.load_study("smoke")
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
        pruning.keep_on_device(torch.from_numpy(weight), sparsity).numpy()
        == pruning.keep(weight, sparsity)
    ).all()


def test_a_mask_does_not_depend_on_how_the_weights_lie_in_memory():
    weight = torch.randint(-3, 4, (6, 5, 3, 3), generator=torch.Generator().manual_seed(0)).float()
    last = weight.to(memory_format=torch.channels_last)
    assert torch.equal(
        pruning.keep_on_device(last, 0.5), torch.from_numpy(pruning.keep(weight.numpy(), 0.5))
    )


@pytest.mark.parametrize("kind", ["none", "crop", "crop-flip"])
def test_a_batch_gathered_by_indices_is_the_augmented_batch_to_the_last_bit(small, kind):
    on = gpu.Engine(small, CPU)
    chosen = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6])
    moves = population.moves(8, kind, torch.Generator().manual_seed(7))
    made = gpu.batch_of(*on.training_images, torch.cat([chosen[None], moves]))
    expected = population.augmented(on.here.train[chosen], kind, torch.Generator().manual_seed(7))
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
    on, core = gpu.Engine(small, CPU), population.Core(small)
    for sparsity in (0.0, 0.9):
        made = []
        for number in (5, 6, 7):
            start = population.initial(small, small.network, number)
            expected, seen = core.fit(copy.deepcopy(start), sparsity=sparsity, order=7)
            found, images = on.fit(start, sparsity=sparsity, order=7)
            assert images == seen and not found.training
            made.append((farthest(found, expected), number, copy.deepcopy(found), expected))
        # The middle one of three: rounding may tip a weight over a mask's threshold, and the networks then part.
        apart, number, found, expected = sorted(made, key=lambda one: one[:2])[1]
        assert apart < 1e-4 < farthest(population.initial(small, small.network, number), expected)
        assert pruning.achieved(found) == pruning.achieved(expected)
        assert (on.logits(found, "test") - core.logits(expected, "test")).abs().max() < 0.02
        assert (on.corrupted(found) == core.corrupted(expected)).mean() > 0.99


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
        gpu.update(weights, momenta, gradients, torch.tensor(rate), momentum=0.9, weight_decay=0.01)
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(weights, theirs, strict=True))


@pytest.mark.parametrize("half", [False, True])
def test_a_step_can_be_compiled_whole_and_in_bfloat16_it_is_nearly_the_same(small, half):
    """Traced without a break, that is; what compiles it for a GPU needs one."""
    small = small.model_copy(update={"network": Network(name="wide-resnet", stem=(4, 2))})
    one, other = gpu.Engine(small, CPU), gpu.Engine(small, CPU)
    other.half = half
    other.loss_of, other.update = (
        torch.compile(part, fullgraph=True, dynamic=False, backend="aot_eager")
        for part in (gpu.loss_of, gpu.update)
    )
    start = population.initial(small, small.network, 0)
    for on in (one, other):
        on.draws.copy_(on.epoch(torch.Generator().manual_seed(0))[0])
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
            entries = gpu.run(small, population.tasks(small, absent), until=until, on="cpu")
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
    step = gpu.Engine.step

    def little_memory(self):
        if self.batch > 10:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        step(self)

    monkeypatch.setattr(gpu.Engine, "step", little_memory)
    with pytest.raises(
        UserError, match=r"training.batch 32 does not fit into the GPU's memory; 8 fits"
    ) as refused:
        list(
            gpu.run(small, population.tasks(small, [(small.setting("dense"), 0, "test")]), on="cpu")
        )
    assert "\n" not in str(refused.value)


def test_a_gpu_is_taken_for_the_networks_that_fill_it_unless_told_otherwise(monkeypatch):
    smoke = study.load_study("smoke")
    large = smoke.model_copy(update={"network": Network(name="wide-resnet")})
    dense, selectors = large.setting("dense"), large.setting("selectors")
    assert population.device_name(large, dense) == "cpu"
    with pytest.raises(UserError, match="finds no GPU"):
        population.device_name(large, dense, "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    assert [population.device_name(large, dense, device) for device in population.DEVICES] == [
        "a GPU",
        "cpu",
        "a GPU",
    ]
    assert [population.device_name(smoke, dense, device) for device in population.DEVICES] == [
        "cpu",
        "cpu",
        "a GPU",
    ]
    assert population.device_name(large, selectors) == "cpu"
    with pytest.raises(
        UserError,
        match="device 'cdua' is unknown: it is one of auto, cpu, cuda; did you mean 'cuda'",
    ):
        population.device_name(large, dense, "cdua")


def test_a_member_begun_on_another_device_is_made_anew_with_all_its_files(
    small, tmp_path, monkeypatch
):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    dense = small.setting("dense")
    columns = {name: np.zeros(3) for name in predictions_file.COLUMNS}
    absent, _ = predictions.missing_files(small, small.populations)
    for device, alone in (("cpu", True), ("a GPU", False)):
        predictions.write_predictions(small, dense, 1, "train", columns, {"device": device})
        todo = population.tasks(small, [some for some in absent if some != (dense, 1, "train")])
        (files,) = [files for setting, member, files in todo if (setting, member) == (dense, 1)]
        assert len(files) == 4 + 2 * 3 - alone and (("dense", "train") in files) != alone


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_same_seeds_give_the_same_predictions_and_an_accuracy_as_on_a_core():
    small = study.load_study("smoke")
    small = small.model_copy(update={"network": Network(name="wide-resnet")})
    labels = population.tensors(small.data).set.test.labels
    one, other = gpu.Engine(small, torch.device("cuda")), gpu.Engine(small, torch.device("cuda"))
    made = []
    for on, order in ((one, 1), (one, 2), (one, 1), (other, 1)):
        network, _ = on.fit(population.initial(small, small.network, 5), sparsity=0.9, order=order)
        assert all(
            layer["sparsity"] == pytest.approx(0.9, abs=0.01)
            for layer in pruning.achieved(network)[:-1]
        )
        made.append(on.logits(network, "test"))
    assert (
        torch.equal(made[0], made[2])
        and torch.equal(made[0], made[3])
        and not torch.equal(made[0], made[1])
    )
    network, _ = population.Core(small).fit(
        population.initial(small, small.network, 5), sparsity=0.9, order=1
    )
    accuracy = [
        float((some.argmax(dim=1).numpy() == labels).mean())
        for some in (made[0], population.Core(small).logits(network, "test"))
    ]
    assert abs(accuracy[0] - accuracy[1]) < 0.1


def test_both_studies_of_a_gpu_are_what_they_say():
    for name in ("cifar10", "cifar10-paper"):
        one = study.load_study(name)
        assert (
            one.members == 30
            and one.data.train_images == 50_000
            and one.network.name in population.LARGE
        )
    assert {s.name for s in study.load_study("cifar10").populations} >= {
        "pruned-0.95",
        "fixed-int8-of-dense-again",
    }
