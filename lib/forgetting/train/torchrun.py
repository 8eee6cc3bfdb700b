"""Whether torchrun started this process, with others, to train a study together.

This module does not import torch before it has to: see `population`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from forgetting.errors import UserError
from forgetting.study import Study
from forgetting.train.plan import device_name


def process_number() -> tuple[int, int]:
    """Return the number of this process, and how many train together; 0 of 1 without torchrun."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return 0, 1
    return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


def check_processes(study: Study, *, scheduler: str | None) -> None:
    """Refuse a study that several processes, or those of a cluster, do not train.

    Args:
        study: the study.
        scheduler: address of a cluster, if one shall train it.

    Raises:
        UserError: its data are streamed and there is a scheduler, or are not and torchrun started
            several processes.
    """
    _, processes = process_number()
    if study.streamed and scheduler is not None:
        raise UserError(
            f"study {study.name} streams its data, and the workers of a cluster train on data that "
            "they hold; leave --scheduler out, and start several GPUs by torchrun"
        )
    if processes > 1 and not study.streamed:
        raise UserError(
            f"torchrun started {processes} processes, and only studies that stream their data are "
            f"trained by several; start study {study.name} by `forgetting train` alone"
        )


@contextmanager
def together(study: Study, device: str) -> Iterator[bool]:
    """Let the other processes train along with the first, until its block has ended.

    Where the block fails nothing is said to the others: torchrun ends them.

    Args:
        study: the study.
        device: "auto", "cpu" or "cuda".

    Yields:
        Whether this process is the first, or alone; of the others the training is over.
    """
    number, processes = process_number()
    if processes == 1:
        yield True
        return
    from forgetting.train import stream_engine

    name = device_name(study, study.setting("dense"), device)
    kind = "cpu" if name == "cpu" else "cuda"
    if number:
        stream_engine.follow(study, kind)
    yield number == 0
    if number == 0:
        stream_engine.dismiss(study, kind)
