"""The one place where torchvision is imported."""

from types import ModuleType
from typing import Any

_operators: Any = None  # the registration lives as long as this object


def import_torchvision() -> ModuleType:
    """Return the module torchvision, also beside a CPU build of torch.

    Its wheel from the package index expects compiled operators that a CPU build cannot load. Their
    signatures are declared first, which is all that its import needs.
    """
    global _operators
    if _operators is None:
        import torch

        _operators = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            if not hasattr(torch.ops.torchvision, name):
                _operators.define(
                    name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                )
    import torchvision

    return torchvision
