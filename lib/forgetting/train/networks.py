"""The networks: a small CNN, the wide ResNet for 32-px images, torchvision's ResNet-18, and a multi-layer perceptron."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from forgetting.data.torchvision_cpu import import_torchvision
from forgetting.errors import UserError
from forgetting.study import Network


def build(network: Network, *, channels: int, pixels: int, classes: int, seed: int) -> nn.Module:
    """A freshly initialised network for (N, channels, pixels, pixels) images; `seed` decides its weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if network.name == "small-cnn":
            return small_cnn(
                channels, pixels, classes, widths=network.channels, strides=network.strides
            )
        if network.name == "wide-resnet":
            return WideResNet(
                channels, classes, depth=network.depth, width=network.width, stem=network.stem
            )
        if network.name == "resnet-18":
            return resnet18(channels, pixels, classes)
        return mlp(channels * pixels**2, classes, widths=network.channels)


def small_cnn(
    channels: int, pixels: int, classes: int, *, widths: tuple[int, ...], strides: tuple[int, ...]
) -> nn.Sequential:
    """Convolutions with batch norm and ReLU, the first 5 x 5, the others 3 x 3, strided instead of pooled; then one linear layer."""
    if len(widths) != len(strides):
        raise UserError(
            f"network small-cnn: channels {list(widths)} and strides {list(strides)} differ in length; give one stride for each convolution"
        )
    layers: list[nn.Module] = []
    for k, (width, stride) in enumerate(zip(widths, strides, strict=True)):
        kernel = 5 if k == 0 else 3
        layers += [
            nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        channels, pixels = width, -(-pixels // stride)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * pixels**2, classes))


def mlp(inputs: int, classes: int, *, widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, classes))


class Block(nn.Module):
    """Two 3 x 3 convolutions with batch norm and ReLU before each, added to the input (pre-activation)."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.norm1, self.conv1 = (
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        )
        self.norm2, self.conv2 = (
            nn.BatchNorm2d(outputs),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
        )
        self.shortcut = (
            None
            if inputs == outputs and stride == 1
            else nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(x))
        skip = x if self.shortcut is None else self.shortcut(y)
        return skip + self.conv2(F.relu(self.norm2(self.conv1(y))))


class WideResNet(nn.Module):
    """WRN-depth-width of Zagoruyko & Komodakis (2016) for 32-px images, the family that the paper trains on CIFAR-10.

    The published stem is a 3 x 3 convolution of stride 1; one of stride 2 quarters the work of all that follows.
    """

    def __init__(
        self, channels: int, classes: int, *, depth: int, width: int, stem: tuple[int, int] = (3, 1)
    ):
        super().__init__()
        if (depth - 4) % 6:
            raise UserError(
                f"network wide-resnet: depth {depth} is not 6 n + 4; allowed are 10, 16, 22, 28, ..."
            )
        widths = [16 * width, 32 * width, 64 * width]
        self.stem = nn.Conv2d(channels, 16, stem[0], stem[1], padding=1, bias=False)
        blocks, inputs = [], 16
        for stage, outputs in enumerate(widths):
            for k in range((depth - 4) // 6):
                blocks.append(Block(inputs, outputs, stride=2 if stage and k == 0 else 1))
                inputs = outputs
        self.blocks, self.norm, self.linear = (
            nn.Sequential(*blocks),
            nn.BatchNorm2d(inputs),
            nn.Linear(inputs, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(F.relu(self.norm(self.blocks(self.stem(x)))).mean(dim=(2, 3)))


@torch.no_grad()
def principal_filters(images: Tensor, stem: nn.Conv2d) -> Tensor:
    """The principal components of the images' patches, as `stem` sees them, the leading ones first, each scaled to unit variance.

    The signs, which a decomposition leaves open, make each filter's sum positive.

    Args:
        images: (N, C, H, W) float32. Returns: (C * height * width, C, height, width), height and width those of the stem's kernel.
    """
    shape = stem.weight.shape[1:]
    patches = (
        F.unfold(images.contiguous(), stem.kernel_size, padding=0, stride=stem.stride)
        .transpose(1, 2)
        .reshape(-1, shape.numel())
    )
    variance, components = torch.linalg.eigh(patches.double().T.cov())  # ascending
    filters = (components / (variance + 0.01).sqrt()).T.flip(0)
    filters *= torch.where(filters.sum(dim=1, keepdim=True) < 0, -1.0, 1.0)
    return filters.view(-1, *shape).to(stem.weight.dtype)


@torch.no_grad()
def whiten(network: WideResNet, filters: Tensor) -> None:
    """Start the stem as the leading `filters`. Only an initial value: it is trained on like any weight."""
    leading = filters[: len(network.stem.weight)]
    network.stem.weight[: len(leading)] = leading


def resnet18(channels: int, pixels: int, classes: int) -> nn.Module:
    """torchvision's ResNet-18; below 64 px its stem is 3 x 3 without stride or pooling, as is usual for small images."""
    network = import_torchvision().models.resnet18(num_classes=classes)
    if pixels < 64:
        network.conv1, network.maxpool = nn.Conv2d(channels, 64, 3, 1, 1, bias=False), nn.Identity()
    elif channels != 3:
        network.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
    return network
