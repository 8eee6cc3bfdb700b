"""Training on pictures that are streamed: few steps of small networks on a miniature ImageNet."""

import io
import os
import signal
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from rich.console import Console
from torch import nn
from torch.nn import functional as F

from forgetting import cli, data, paths, predictions
from forgetting.data.imagenet.loader import open_picture
from forgetting.errors import CorruptFile, UserError
from forgetting.study import Network, load_study
from forgetting.train import checkpoints, command, gpu_population, member, pruning, sgd, tensors
from forgetting.train.engine import Unfinished
from forgetting.train.large_batch import LargeBatch
from forgetting.train.picture_loader import Schedule, TrainingPictures, stream_training
from forgetting.train.plan import Task
from forgetting.train.processes import Processes
from forgetting.train.stream_engine import StreamEngine

CPU = torch.device("cpu")
TRAINING = {
    "steps": 3,
    "batch": 8,
    "micro_batch": 2,
    "rate": 0.05,
    "weight_decay": 0.01,
    "decay_norms": False,
    "augmentation": "resized-crop-flip",
    "label_smoothing": 0.1,
}


@pytest.fixture
def write_study(tree, tmp_path):
    """Write a study of three classes of a miniature tree; keys replace its own."""
    tree.labels = tree.labels[:3]
    for seed, file in enumerate(sorted(tree.train().glob("*/*"))):
        tree.picture(file, seed=seed)  # no two alike
    tree.validation("imagenet/val", flat=True)
    caches = (data.load_dataset, tensors.load_images, tensors.load_tensors)

    def write(sizes=None, **keys):
        file, sizes = tmp_path / "streamed.yml", sizes or {}
        content = {
            "name": "streamed",
            "title": "Streamed",
            "data": {
                **{"name": "imagenet", "streamed": True, "resize": 36, "pixels": 32, **sizes},
                "classes": [tree.wnid(label) for label in tree.labels],
                "test_per_class": 3,
            },
            "network": {"name": "small-cnn", "channels": [4, 8], "strides": [4, 2]},
            "training": TRAINING,
            "pruning": {"start": 0.3, "end": 0.9, "every": 1},
            "settings": {"pruned": [0.5], "predict_training": ["dense"]},
            "members": 2,
        }
        file.write_text(yaml.safe_dump(content | keys))
        return file

    for cache in caches:
        cache.cache_clear()
    yield write
    for cache in caches:
        cache.cache_clear()


def files_of(home):
    return {str(p.relative_to(home)): p.read_bytes() for p in sorted(home.glob("*/*.parquet"))}


def train(file, home, monkeypatch, **how):
    """Train in this process, as the command does; what it prints."""
    monkeypatch.setenv("FORGETTING_HOME", str(home))
    console = Console(file=io.StringIO(), width=1000)
    command.train_missing(load_study(file), console=console, archived=False, **how)
    return console.file.getvalue()


def test_the_papers_study_follows_the_released_code_step_by_step():
    study = load_study("imagenet-resnet50")
    training, steps = study.training, 32_000
    assert sgd.count_steps(training, 1_281_167) == (4096, 312, steps)
    per_epoch = 1_281_167 / 4096
    for step in (
        *range(0, steps, 137),
        *(round(k * per_epoch) + d for k in (5, 30, 60, 80) for d in (-2, 2)),
    ):
        epoch = step / per_epoch  # `compute_lr` of its utils/model_utils.py
        expected = 1.6 * epoch / 5
        for factor, begin in ((1.0, 5), (0.1, 30), (0.01, 60), (0.001, 80)):
            expected = 1.6 * factor if epoch >= begin else expected
        rate = training.rate * sgd.scheduled_factor(training, step, steps)
        assert rate == pytest.approx(expected, abs=1.61 / (5 * per_epoch))
    layer = nn.Sequential(nn.Conv2d(32, 32, 3), nn.Linear(4, 2))
    pruner = pruning.Pruner(layer, sparsity=0.9, steps=steps, **study.pruning.model_dump())
    changed = []
    for t in range(1, steps + 1):
        before = pruner.masks[0].sum()
        pruner.step(t)
        changed += [t] if pruner.masks[0].sum() != before else []
    assert changed == list(range(5500, 8001, 500)) and len(pruner.masks) == 1
    assert (study.members, study.settings.pruned) == (30, (0.1, 0.3, 0.5, 0.7, 0.9))


def test_a_resnet_50_is_torchvisions_with_blocks_that_at_first_pass_on_what_they_get(write_study):
    study = load_study(write_study({"resize": 72, "pixels": 64}, network={"name": "resnet-50"}))
    net = tensors.initial_network(study, study.network, 0)
    weights = sum(weight.numel() for weight in net.parameters())
    assert weights == 25_557_032 - 997 * 2049  # torchvision states it, of 1,000 classes
    assert all((block.bn3.weight == 0).all() for block in net.layer3)
    engine = StreamEngine(
        study.model_copy(update={"training": study.training.model_copy(update={"steps": 1})}), CPU
    )
    trained, images = engine.train(net, sparsity=0.5, order=0)
    kept = pruning.achieved_layers(trained)
    assert images == 8 and {round(layer["sparsity"], 2) for layer in kept[:-1]} == {0.5}
    assert kept[-1]["sparsity"] == 0
    assert engine.compute_logits(trained, "test").shape == (9, 3)


def test_each_epoch_takes_each_picture_once_and_processes_share_what_one_would_take():
    whole = Schedule(images=11, batch=4, micro_batch=2, steps=5, order=7)
    every = list(whole)
    assert len(every) == 10 and all(len(some) == 2 for some in every)
    epoch = [index for some in every[:4] for index, _ in some]
    assert len(set(epoch)) == 8 and epoch != [index for some in every[4:8] for index, _ in some]
    parts = [list(Schedule(**vars(whole) | {"rank": rank, "processes": 2})) for rank in (0, 1)]
    assert [some for pair in zip(*parts, strict=True) for some in pair] == every
    assert list(Schedule(**vars(whole) | {"start": 3})) == every[6:]
    assert list(Schedule(**vars(whole) | {"order": 8})) != every


def test_pictures_are_augmented_as_torchvision_does_by_their_seed_and_no_global_draw(write_study):
    from torchvision.transforms import v2

    study = load_study(write_study())
    part = data.load_dataset(study.data).train
    pictures = TrainingPictures(part, study.data, "resized-crop-flip")
    state = torch.get_rng_state()
    found = pictures.read(5, 42)
    assert torch.equal(torch.get_rng_state(), state) and found.dtype == torch.uint8
    assert torch.equal(found, pictures.read(5, 42)) and not torch.equal(found, pictures.read(5, 43))
    torch.manual_seed(42)
    chain = v2.Compose([v2.RandomResizedCrop(32), v2.RandomHorizontalFlip(), v2.PILToTensor()])
    assert torch.equal(found, chain(open_picture(part.pictures.paths[5])))
    torch.set_rng_state(state)
    plain = TrainingPictures(part, study.data, "none")
    held = data.load_dataset(study.data.model_copy(update={"streamed": False})).train
    assert np.array_equal(plain.read(5, 0).numpy(), held.images[5])
    assert part.labels.tolist() == held.labels.tolist() == plain.labels.tolist()


def test_training_pictures_are_read_when_they_are_asked_for_and_never_kept(
    write_study, monkeypatch
):
    study = load_study(write_study())
    loaded = data.load_dataset(study.data)
    decoded = [file.name for file in (paths.runs() / "decoded").iterdir()]
    assert len(decoded) == 1 and "imagenet-val-" in decoded[0] and loaded.train.images is None
    with pytest.raises(UserError, match="12 pictures of train are streamed, not held"):
        loaded.train.require_images()
    read = []
    monkeypatch.setattr(
        TrainingPictures, "read", lambda self, k, seed: read.append(k) or torch.zeros(3, 32, 32)
    )
    schedule = Schedule(images=12, batch=8, micro_batch=2, steps=50, order=0)
    stream = stream_training(
        TrainingPictures(loaded.train, study.data, "none"), schedule, workers=0, pin=False
    )
    for number in range(1, 30):
        images, labels = next(stream)
        assert len(read) == 2 * number and len(images) == len(labels) == 2
    # Two pictures at a time of the part itself, too, where a network predicts it.
    monkeypatch.setattr(
        "forgetting.train.streamed_images.stream_pictures",
        lambda files, **_: (np.zeros((1, 3, 32, 32), np.uint8) for _ in files),
    )
    assert [len(some) for some in tensors.load_images(study.data).batches("train")] == [1] * 12


def test_a_step_is_that_of_torch_on_the_mean_gradient_of_its_micro_batches():
    rng = torch.Generator().manual_seed(0)
    training = load_study("imagenet-resnet50").training.model_copy(
        update={"batch": 6, "micro_batch": 2, "weight_decay": 0.1, "label_smoothing": 0.1}
    )

    def network():
        torch.manual_seed(3)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)
        )

    class Scaled:
        def normalised(self, images):
            return images.float() / 100

    ours, theirs = network(), network()
    pruner = pruning.Pruner(
        ours, sparsity=0, steps=9, start=0.1, end=0.2, every=1, last_layer=False
    )
    large = LargeBatch(
        ours, training=training, pruner=pruner, processes=Processes(CPU), images=Scaled()
    )
    norms, others = list(theirs[1].parameters()), [*theirs[0].parameters(), *theirs[4].parameters()]
    optimiser = torch.optim.SGD(
        [{"params": others, "weight_decay": 0.1}, {"params": norms}], momentum=0.9, nesterov=True
    )
    mean, variance = torch.zeros(4), torch.ones(4)
    for t, rate in enumerate((0.1, 0.3, 0.05), 1):
        pieces = [
            (
                torch.randint(256, (2, 3, 8, 8), generator=rng, dtype=torch.uint8),
                torch.randint(3, (2,), generator=rng),
            )
            for _ in range(3)
        ]
        large.step(pieces, rate=rate, t=t)
        optimiser.zero_grad()
        features = [theirs[0](images.float() / 100).detach() for images, _ in pieces]
        for images, labels in pieces:
            (
                F.cross_entropy(theirs(images.float() / 100), labels, label_smoothing=0.1) / 3
            ).backward()
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        mean = 0.9 * mean + 0.1 * torch.stack([some.mean((0, 2, 3)) for some in features]).mean(0)
        variance = 0.9 * variance + 0.1 * torch.stack(
            [some.var((0, 2, 3)) for some in features]
        ).mean(0)
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)
    ours = large.finish()
    assert torch.allclose(ours[1].running_mean, mean, atol=1e-6) and ours[1].momentum == 0.1
    assert torch.allclose(ours[1].running_var, variance, atol=1e-5) and not ours.training


def test_a_training_that_is_stopped_at_every_step_or_by_a_broken_picture_ends_with_the_same_bytes(
    write_study, tree, tmp_path, monkeypatch
):
    file, whole, pieces = write_study(), tmp_path / "whole", tmp_path / "pieces"
    printed = train(file, whole, monkeypatch)
    assert "training 6 networks, " in printed and "FLOP, on " in printed
    assert "trained 6 networks" in printed and "step 3 of 3" in printed
    assert len(files_of(whole)) == 6 + 2 and not list(whole.glob("*/*checkpoint*"))

    broken = tree.root / "imagenet" / "train" / tree.wnid(2) / f"{tree.wnid(2)}_9.JPEG"
    content = broken.read_bytes()
    broken.write_bytes(content[:600])
    with pytest.raises(CorruptFile, match=r"n01484850_9.JPEG cannot be read \(.*\); unpack it ag"):
        train(file, pieces, monkeypatch)
    broken.write_bytes(content)
    (kept,) = pieces.glob("*/*-checkpoint.pt")
    assert torch.load(kept, weights_only=True)["step"] <= 1  # in the first or the second batch
    times = 0
    while len(files_of(pieces)) < len(files_of(whole)):
        printed = train(file, pieces, monkeypatch, minutes=1e-9)
        times += 1
        assert times < 19 and (
            "goes on from the step that is kept" in printed or "trained 1" in printed
        )
    assert times >= 17 and files_of(pieces) == files_of(whole)
    assert not list(pieces.glob("*/*checkpoint*"))


def test_the_command_ends_with_one_line_where_a_picture_is_broken_that_another_process_reads(
    write_study, tree, monkeypatch, capsys
):
    study = load_study(write_study())
    broken = tree.root / "imagenet" / "train" / tree.wnid(2) / f"{tree.wnid(2)}_9.JPEG"
    broken.write_bytes(broken.read_bytes()[:600])
    engine = StreamEngine(study, CPU, workers=1)
    net = tensors.initial_network(study, study.network, 0)
    with pytest.raises(CorruptFile) as error:
        engine.train(net, sparsity=0, order=0)
    assert len(str(error.value).splitlines()) == 1 and "n01484850_9.JPEG" in str(error.value)


def test_a_reading_process_that_is_killed_is_told_in_a_line_and_nothing_is_lost(
    write_study, tmp_path, monkeypatch
):
    study, checkpoint = load_study(write_study()), tmp_path / "000-checkpoint.pt"
    net = tensors.initial_network(study, study.network, 0)
    wanted, _ = StreamEngine(study, CPU).train(net, sparsity=0.5, order=3)
    read, parent = TrainingPictures.read, os.getpid()

    def killed(self, index, seed):
        if (tmp_path / "kill").exists() and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(self, index, seed)

    monkeypatch.setattr(TrainingPictures, "read", killed)
    net = tensors.initial_network(study, study.network, 0)
    engine = StreamEngine(study, CPU, workers=1, until=0)
    with pytest.raises(Unfinished):
        engine.train(net, sparsity=0.5, order=3, checkpoint=checkpoint)
    kept, _ = checkpoint.read_bytes(), (tmp_path / "kill").touch()
    with pytest.raises(UserError, match="reads pictures was killed.*goes on from the step") as told:
        engine.train(net, sparsity=0.5, order=3, checkpoint=checkpoint)
    assert "\n" not in str(told.value) and checkpoint.read_bytes() == kept
    (tmp_path / "kill").unlink()
    found, _ = StreamEngine(study, CPU, workers=1).train(
        tensors.initial_network(study, study.network, 0),
        sparsity=0.5,
        order=3,
        checkpoint=checkpoint,
    )
    for name, values in wanted.state_dict().items():
        assert torch.equal(values, found.state_dict()[name])


def test_folders_too_many_and_labels_off_by_one_are_named_before_anything_is_trained(
    write_study, tree, tmp_path, monkeypatch
):
    file = write_study()
    labels = tree.root / "imagenet" / "val.txt"
    folder = tree.root / "imagenet" / "val"
    labels.write_text(
        "".join(f"{picture.stem} {tree.wnid(tree.labels[0] + 1)}\n" for picture in folder.iterdir())
    )
    with pytest.raises(UserError, match=r"val.txt"):
        train(file, tmp_path / "home", monkeypatch)
    labels.unlink()
    (tree.root / "imagenet" / "train" / "n99999999").mkdir()
    with pytest.raises(UserError, match=r"1 folder too many, 'n99999999' first"):
        train(file, tmp_path / "home", monkeypatch)
    assert not files_of(tmp_path / "home")


def test_two_processes_train_what_one_does_but_for_rounding(write_study, tmp_path, monkeypatch):
    """A probability differs by at most 1e-5 after three steps; no weight is pruned otherwise."""
    file, alone, shared = write_study(), tmp_path / "alone", tmp_path / "shared"
    train(file, alone, monkeypatch)
    environment = os.environ | {"FORGETTING_HOME": str(shared), "OMP_NUM_THREADS": "1"}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    told = subprocess.run(
        [*torchrun, "2", "-m", "forgetting.cli", "train", str(file), "--device", "cpu"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert told.returncode == 0, told.stderr
    assert "on 2 processes" in told.stderr and "trained 6 networks" in told.stderr
    names = sorted(files_of(alone))
    assert sorted(files_of(shared)) == names and len(names) == 8
    for name in names:
        one, other = (pq.read_table(home / name).to_pandas() for home in (alone, shared))
        assert (one["label"] == other["label"]).all()
        assert np.allclose(one["label_confidence"], other["label_confidence"], rtol=0, atol=1e-5)
    study = load_study(file)
    for home in (alone, shared):
        monkeypatch.setenv("FORGETTING_HOME", str(home))
        layers = predictions.load_layers(study, "pruned-0.5")
        assert layers.groupby("layer", sort=False)["sparsity"].first().round(2).tolist()[-1] == 0


def test_processes_that_cannot_share_a_batch_or_train_a_study_together_are_refused(
    write_study, monkeypatch
):
    study = load_study(write_study())
    engine = StreamEngine(study, CPU)
    engine.processes.count = 3
    with pytest.raises(UserError, match="3 processes, and a batch of study streamed has 4 micro-b"):
        engine._check_batch()
    engine.study = study.model_copy(
        update={"training": study.training.model_copy(update={"batch": 16})}
    )
    with pytest.raises(UserError, match="batch is 16, and there are 12 training pictures"):
        engine._check_batch()
    with pytest.raises(UserError, match="streams its data, and the workers of a cluster"):
        command.train_missing(study, console=Console(), scheduler="tcp://host:1")
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "RANK": "0", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="2 processes, and only studies that stream.*study smoke"):
        command.train_missing(load_study("smoke"), console=Console())


@pytest.mark.parametrize(("micro_batch", "mend"), [(4, "try 2 in the study's"), (1, "free some")])
def test_where_a_micro_batch_does_not_fit_a_smaller_one_is_proposed(
    write_study, monkeypatch, micro_batch, mend
):
    def full(*_, **__):
        raise torch.OutOfMemoryError

    study = load_study(write_study(training=TRAINING | {"micro_batch": micro_batch}))
    monkeypatch.setattr(LargeBatch, "step", full)
    task = Task(study.setting("dense"), 0, {("dense", "test")})
    with pytest.raises(UserError, match=f"micro_batch {micro_batch} does not fit .*; {mend}"):
        list(gpu_population.train_on_gpu(study, [task], on="cpu"))


def test_a_copy_is_calibrated_on_pictures_of_all_classes_and_predicts_a_few_at_a_time(
    write_study, tmp_path, monkeypatch
):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "home"))
    settings = {"quantized": ["fixed-int8"], "predict_training": []}
    study = load_study(write_study(settings=settings))
    dense, copy = study.setting("dense"), study.setting("fixed-int8-of-dense")
    task = Task(dense, 0, {("dense", "test"), ("fixed-int8-of-dense", "test")})
    trained = member.train_and_predict(study, task, StreamEngine(study, CPU))
    images = tensors.load_images(study.data)
    some = images.representative(6)
    every = torch.cat(list(images.batches("train")))
    chosen = [next(k for k, one in enumerate(every) if torch.equal(one, seen)) for seen in some]
    assert chosen == [0, 2, 4, 6, 8, 11] and len(images.representative(100)) == 12
    monkeypatch.setattr("forgetting.train.streamed_images.BATCH", 4)
    member.write_copy(study, copy, task, trained.network, trained.metadata)
    file = predictions.predictions_path(study, copy, 0, "test")
    table = pq.read_table(file)
    assert len(table) == 9
    assert checkpoints.checkpoint_file(study, dense, 0).exists()
    member.log_member(study, task, "cpu", trained.clock)
    assert not checkpoints.checkpoint_file(study, dense, 0).exists()


def test_a_damaged_checkpoint_is_named(write_study, tmp_path):
    study = load_study(write_study())
    net = tensors.initial_network(study, study.network, 0)
    file = tmp_path / "000-checkpoint.pt"
    empty = {"step": 1, "network": [], "momenta": [], "masks": []}
    no_tensors = {"step": 1, "network": [0] * len(net.state_dict()), "momenta": [], "masks": []}
    for content in (b"no checkpoint", b"", empty, no_tensors, torch.zeros(3), [1], None):
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            torch.save(content, file)
        with pytest.raises(CorruptFile, match="000-checkpoint.pt is no checkpoint .* delete it"):
            StreamEngine(study, CPU).train(net, sparsity=0, order=0, checkpoint=file)


def test_a_network_starts_from_published_weights_whose_contents_name_its_populations(
    write_study, tree, tmp_path
):
    import torchvision

    file = tree.root / "resnet18.pth"
    torch.manual_seed(1)
    given = torchvision.models.resnet18(num_classes=3).state_dict()
    torch.save(given, file)
    network = {"name": "resnet-18", "weights": file.name}
    study = load_study(write_study({"resize": 72, "pixels": 64}, network=network))
    dense, names = study.setting("dense"), set()
    net = tensors.initial_network(study, study.network, 5)
    assert all(torch.equal(values, given[key]) for key, values in net.state_dict().items())
    names.add(study.population_name(dense))
    moved = study.model_copy(
        update={"network": Network(name="resnet-18", weights=str(file.absolute()))}
    )
    names.add(moved.population_name(dense))
    assert len(names) == 1  # where they lie says nothing
    at_random = study.model_copy(update={"network": Network(name="resnet-18")})
    names.add(at_random.population_name(dense))
    del given["bn1.num_batches_tracked"]
    torch.save(given | {"fc.bias": torch.zeros(3)}, file)
    names.add(study.population_name(dense))
    assert len(names) == 3
    tensors.initial_network(study, study.network, 5)

    other = nn.Linear(512, 7).state_dict()
    refused = {
        r"resnet18.pth are of 7 classes, and the study has 3": given
        | {f"fc.{key}": values for key, values in other.items()},
        "resnet18.pth are not of resnet-18: they lack conv1.weight": {"fc.bias": torch.zeros(3)},
        "not of resnet-18: they have layer9.weight": given | {"layer9.weight": torch.zeros(2)},
        r"not of resnet-18: conv1.weight has the shape \(1,\), not \(64, 3, 7, 7\)": given
        | {"conv1.weight": torch.zeros(1)},
        "resnet18.pth are no table of tensors": {"epoch": 3},
    }
    for message, content in refused.items():
        torch.save(content, file)
        with pytest.raises(UserError, match=message):
            tensors.initial_network(study, study.network, 5)
    torch.save(nn.Linear(2, 2), file)  # an object, which would run code of its own
    with pytest.raises(CorruptFile, match="resnet18.pth cannot be read"):
        tensors.initial_network(study, study.network, 5)
    file.unlink()
    with pytest.raises(UserError, match="resnet18.pth is not here; put torchvision's file of resn"):
        cli.load_study(str(tmp_path / "streamed.yml")).population_name(dense)
