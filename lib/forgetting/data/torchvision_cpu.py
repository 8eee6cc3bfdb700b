"""The one place where torchvision is imported."""

_operators = None  # the registration lives as long as this object


def import_torchvision():
    """The module torchvision, also beside a CPU build of torch.

    Its wheel from the package index expects compiled operators that a CPU build cannot load; their signatures are declared here first,
    which is all that its import needs.
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
