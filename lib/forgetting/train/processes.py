"""The processes that `torchrun` starts to train one network together, each on its own device.

The first one leads: it plans, writes files and says what is done next; the others follow. Only
tensors pass between them.
"""

import datetime
import os

import torch
from torch import Tensor, distributed

from forgetting.errors import UserError

# Followers wait while the first process predicts, quantizes, or decodes test pictures.
PATIENCE = datetime.timedelta(days=2)
LEADER = 0


class Processes:
    """This process among those that train a network together; without torchrun it is alone.

    Args:
        on: the device that this process trains on, a processor or a GPU.

    Attributes:
        rank: number of this process; 0 leads.
        count: how many there are.
        here: how many of them are on this machine.
    """

    def __init__(self, on: torch.device):
        self.rank, self.count, self.here = 0, 1, 1
        if not distributed.is_torchelastic_launched() or int(os.environ["WORLD_SIZE"]) == 1:
            return
        if not distributed.is_initialized():
            gpu = on.type == "cuda"
            # What is told lies on the host, what is trained on the device.
            distributed.init_process_group(
                "cpu:gloo,cuda:nccl" if gpu else "gloo", timeout=PATIENCE
            )
        self.rank, self.count = distributed.get_rank(), distributed.get_world_size()
        self.here = int(os.environ["LOCAL_WORLD_SIZE"])

    def tell(self, *numbers: int) -> list[int]:
        """Return what the first process tells; others give as many numbers, whichever."""
        told = torch.tensor(numbers, dtype=torch.int64)
        if self.count > 1:
            distributed.broadcast(told, LEADER)
        return told.tolist()

    def any(self, here: bool) -> bool:
        """Return whether something is so in any of the processes."""
        found = torch.tensor(here, dtype=torch.int64)
        if self.count > 1:
            distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return bool(found)

    def copy_from_leader(self, tensors: list[Tensor]) -> None:
        """Overwrite tensors, in place, with those of the first process."""
        if self.count > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, LEADER)

    def average(self, tensors: list[Tensor]) -> None:
        """Replace tensors, in place, by their mean over the processes.

        `DistributedDataParallel` would exchange gradients while the last of them are computed; in
        a step of many micro-batches that saves little, and it knows no mean of batch norms.
        """
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        flat /= self.count
        for tensor, mean in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def close(self) -> None:
        """Leave the others, once all are done."""
        if self.count > 1:
            distributed.destroy_process_group()


def own_device(kind: str) -> torch.device:
    """Return the device of this process: a processor, or the GPU of its number on its machine.

    Args:
        kind: "cpu" or "cuda".

    Raises:
        UserError: torchrun started more processes on this machine than it has GPUs.
    """
    if kind == "cpu":
        return torch.device("cpu")
    number = int(os.environ.get("LOCAL_RANK", 0))
    if number >= torch.cuda.device_count():
        raise UserError(
            f"torchrun started a process for GPU {number}, and this machine has "
            f"{torch.cuda.device_count()}; give --nproc-per-node {torch.cuda.device_count()}"
        )
    torch.cuda.set_device(number)
    return torch.device("cuda", number)
