"""One member: it is trained, predicts everything, and is quantized, while its weights exist.

It is an independent task. It predicts every part, is counted under every corruption, and is
quantized to every format of the study, whose copies predict too. Its files are then on disk and
its weights are gone.
"""

import datetime
import time
from dataclasses import dataclass, field

import torch
from torch import nn

from forgetting import predictions
from forgetting.data.spec import derive_seed
from forgetting.errors import UserError
from forgetting.study import Setting, Study
from forgetting.train import checkpoints, pruning, quantization, remedies, teachers
from forgetting.train.cpu_engine import CpuEngine
from forgetting.train.engine import Engine
from forgetting.train.evaluation import corruption_columns, prediction_columns
from forgetting.train.plan import Task
from forgetting.train.tensors import initial_network, load_images

# So many training images fix the grids of fixed-point int8, as many as in the follow-up
# paper (arXiv 2010.03058).
REPRESENTATIVE_IMAGES = 100


@dataclass
class PhaseClock:
    """The seconds of each phase of a member, and the images it was trained on."""

    seconds: dict[str, float] = field(default_factory=dict)
    images: int = 0
    _last: float = field(default_factory=time.perf_counter)

    def end(self, phase: str) -> None:
        """Add the time since the last call, or since the clock was made, to a phase."""
        now = time.perf_counter()
        self.add(phase, now - self._last)
        self._last = now

    def add(self, phase: str, seconds: float) -> None:
        """Add seconds that were measured elsewhere to a phase."""
        self.seconds[phase] = round(self.seconds.get(phase, 0) + seconds, 4)


@dataclass(frozen=True)
class TrainedMember:
    """A member after training.

    Attributes:
        network: where the engine left it, in evaluation mode.
        metadata: what its files and those of its copies say of it: seed, device, torch.
        clock: the seconds of each phase so far.
    """

    network: nn.Module
    metadata: dict
    clock: PhaseClock


def train_member(study: Study, task: Task) -> dict:
    """Do a task on this processor core: train the member, write its files and its copies'.

    Args:
        study: the study.
        task: the member and the files to write.

    Returns:
        The log's entry: setting, member, device, seconds of each phase, images trained on.
    """
    torch.set_num_threads(1)
    trained = train_and_predict(study, task, CpuEngine(study))
    for child in study.children(task.setting):
        write_copy(study, child, task, trained.network, trained.metadata)
        trained.clock.end("quantize")
    return log_member(study, task, "cpu", trained.clock)


def train_and_predict(study: Study, task: Task, engine: Engine) -> TrainedMember:
    """Train a member and write those of its own files that the task names."""
    setting, clock, images = task.setting, PhaseClock(), load_images(study.data)
    clock.end("prepare")
    network, seed, clock.images = _train(study, setting, task.member, engine)
    _require_finite(network, study, f"member {task.member} of {setting.name}")
    clock.end("train")
    origin = {"seed": seed, "device": engine.device, "torch": torch.__version__}
    layers = pruning.achieved_layers(network)
    metadata = origin | {
        "layers": layers,
        "sparsity": pruning.achieved_sparsity(layers),
        "bits": 32,
        "bytes": pruning.stored_bytes(network),
    }
    for part in study.parts(setting):
        if (setting.name, part) not in task.files:
            continue
        if part == "corrupted":
            columns = corruption_columns(study.data, engine.predict_corrupted(network))
        else:
            labels = images.dataset.part(part).labels
            logits = engine.compute_logits(network, part)
            columns = prediction_columns(logits, labels, images.dataset.tasks)
        predictions.write_predictions(study, setting, task.member, part, columns, metadata)
        clock.end("corrupt" if part == "corrupted" else "predict")
    return TrainedMember(network, origin, clock)


def _require_finite(network: nn.Module, study: Study, name: str) -> None:
    """Refuse a network whose training diverged: what it predicts would be the same for all."""
    for tensor in network.state_dict().values():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise UserError(
                f"study {study.name}: training {name} diverged, its weights are no longer finite; "
                f"lower training.rate ({study.training.rate:g}) or training.weight_decay "
                f"({study.training.weight_decay:g})"
            )


def _train(
    study: Study, setting: Setting, member: int, engine: Engine
) -> tuple[nn.Module, int, int]:
    """Train a member from its seed; the network, its seed, and images passed through networks.

    What a remedy holds it against is the dense network of the same number; where that has to be
    trained, its images count too.
    """
    spec = study.selector_network if setting.kind == "selector" else study.network
    seed, taught = derive_seed(study.seed, setting.name, member), 0

    def teacher() -> tuple[nn.Module, torch.Tensor]:
        dense = study.setting("dense")

        def train_teacher() -> nn.Module:
            nonlocal taught
            network, _, taught = _train(study, dense, member, engine)
            return network

        network = teachers.load_or_train(
            teachers.weights_file(study, dense, member),
            initial_network(study, spec, derive_seed(study.seed, dense.name, member)),
            train_teacher,
        )
        return network, engine.compute_logits(network, "train")

    objective = remedies.make_objective(study, setting.remedy, teacher) if setting.remedy else None
    network, images = engine.train(
        initial_network(study, spec, seed),
        sparsity=setting.sparsity,
        order=derive_seed(seed, "order"),
        objective=objective,
        checkpoint=checkpoints.checkpoint_file(study, setting, member),
    )
    return network, seed, images + taught


def write_copy(
    study: Study, setting: Setting, task: Task, network: nn.Module, origin: dict
) -> float:
    """Quantize a trained member and write those of the copy's files that the task names.

    Args:
        study: the study.
        setting: the copy's setting, a quantized one.
        task: the member's.
        network: the trained member.
        origin: `TrainedMember.metadata`.

    Returns:
        The seconds it took.
    """
    start, images = time.perf_counter(), load_images(study.data)
    parts = [part for part in study.parts(setting) if (setting.name, part) in task.files]
    if not parts:
        return 0.0
    copy = quantization.quantize(
        network,
        format=setting.format,
        representative_images=images.representative(REPRESENTATIVE_IMAGES).numpy(),
    )
    metadata = origin | {
        "layers": copy.layers,
        "sparsity": pruning.achieved_sparsity(copy.layers),
        "bits": max(layer["bits"] for layer in copy.layers),
        "bytes": copy.bytes,
    }
    for part in parts:
        logits = torch.cat(
            [torch.from_numpy(copy.compute_logits(batch.numpy())) for batch in images.batches(part)]
        )
        dataset = images.dataset
        columns = prediction_columns(logits, dataset.part(part).labels, dataset.tasks)
        predictions.write_predictions(study, setting, task.member, part, columns, metadata)
    return time.perf_counter() - start


def log_member(study: Study, task: Task, device: str, clock: PhaseClock) -> dict:
    """Append what a member whose files are all written cost to its population's log.

    Its checkpoint, if there is one, is no longer needed.

    Returns:
        The log's entry, and the setting.
    """
    finished = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    entry = {
        "member": task.member,
        "device": device,
        "images": clock.images,
        **clock.seconds,
        "finished": finished,
    }
    predictions.append_log(study, task.setting, entry)
    checkpoints.checkpoint_file(study, task.setting, task.member).unlink(missing_ok=True)
    return {"setting": task.setting.name, **entry}
