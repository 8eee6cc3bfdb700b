"""The networks: small CNN, wide ResNet for 32-px images, ResNet-18 and -50, and a perceptron."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from forgetting.data.torchvision_cpu import import_torchvision
from forgetting.errors import UserError
from forgetting.study import Network


def build_network(
    network: Network, *, channels: int, pixels: int | tuple[int, int], classes: int, seed: int
) -> nn.Module:
    """Build a freshly initialised network.

    Args:
        network: which, and how wide.
        channels: of the images.
        pixels: height and width of the images; one number where they are equal.
        classes: number of logits.
        seed: decides the initial weights.

    Raises:
        UserError: widths, strides or depth that the network cannot have.
    """
    height, width = (pixels, pixels) if isinstance(pixels, int) else pixels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if network.name == "small-cnn":
            return small_cnn(
                channels,
                (height, width),
                classes,
                widths=network.channels,
                strides=network.strides,
            )
        if network.name == "wide-resnet":
            return WideResNet(
                channels, classes, depth=network.depth, width=network.width, stem=network.stem
            )
        if network.name == "resnet-18":
            return resnet18(channels, min(height, width), classes)
        if network.name == "resnet-50":
            return resnet50(channels, min(height, width), classes)
        return perceptron(channels * height * width, classes, widths=network.channels)


def small_cnn(
    channels: int,
    pixels: tuple[int, int],
    classes: int,
    *,
    widths: tuple[int, ...],
    strides: tuple[int, ...],
) -> nn.Sequential:
    """Build convolutions with batch norm and ReLU, and one linear layer.

    The first kernel is 5 x 5, the others are 3 x 3; strides take the place of pooling.

    Args:
        channels: of the images.
        pixels: height and width of the images.
        classes: number of logits.
        widths: channels of each convolution.
        strides: stride of each convolution.

    Raises:
        UserError: `widths` and `strides` differ in length.
    """
    if len(widths) != len(strides):
        raise UserError(
            f"network small-cnn: channels {list(widths)} and strides {list(strides)} differ in "
            "length; give one stride for each convolution"
        )
    layers: list[nn.Module] = []
    height, across = pixels
    for k, (width, stride) in enumerate(zip(widths, strides, strict=True)):
        kernel = 5 if k == 0 else 3
        layers += [
            nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        channels, height, across = width, -(-height // stride), -(-across // stride)
    inputs = channels * height * across
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs, classes))


def perceptron(inputs: int, classes: int, *, widths: tuple[int, ...]) -> nn.Sequential:
    """Build a multi-layer perceptron.

    Args:
        inputs: pixels of an image, over all channels.
        classes: number of logits.
        widths: units of each hidden layer.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, classes))


class Block(nn.Module):
    """Two 3 x 3 convolutions, batch norm and ReLU before each, added to the input."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.shortcut = None
        if inputs != outputs or stride != 1:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the block's output, (n, outputs, h, w), of (n, inputs, H, W)."""
        y = F.relu(self.norm1(x))
        skip = x if self.shortcut is None else self.shortcut(y)
        return skip + self.conv2(F.relu(self.norm2(self.conv1(y))))


class WideResNet(nn.Module):
    """WRN-depth-width of Zagoruyko & Komodakis (2016), which the paper trains on CIFAR-10.

    It is for 32-px images. The published first convolution, the stem, is 3 x 3 with stride 1; one
    with stride 2 quarters the work of all that follows.

    Args:
        channels: of the images.
        classes: number of logits.
        depth: 6 n + 4.
        width: the widening factor.
        stem: kernel and stride of the first convolution.

    Raises:
        UserError: another depth.
    """

    def __init__(
        self, channels: int, classes: int, *, depth: int, width: int, stem: tuple[int, int] = (3, 1)
    ):
        super().__init__()
        if (depth - 4) % 6:
            raise UserError(
                f"network wide-resnet: depth {depth} is not 6 n + 4; allowed are 10, 16, 22, ..."
            )
        widths = [16 * width, 32 * width, 64 * width]
        self.stem = nn.Conv2d(channels, 16, stem[0], stem[1], padding=1, bias=False)
        blocks, inputs = [], 16
        for stage, outputs in enumerate(widths):
            for k in range((depth - 4) // 6):
                blocks.append(Block(inputs, outputs, stride=2 if stage and k == 0 else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(inputs)
        self.linear = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Compute logits, (n, classes), of images, (n, channels, 32, 32)."""
        y = F.relu(self.norm(self.blocks(self.stem(x))))
        return self.linear(y.mean(dim=(2, 3)))


@torch.no_grad()
def principal_filters(images: Tensor, stem: nn.Conv2d) -> Tensor:
    """Compute the principal components of the images' patches, as the first convolution sees them.

    The leading ones come first, each scaled to unit variance. The signs, which a decomposition
    leaves open, make each filter's sum positive.

    Args:
        images: (N, C, H, W) float32.
        stem: the convolution, whose kernel and stride cut the patches out.

    Returns:
        (C * height * width, C, height, width), height and width being those of the kernel.
    """
    shape = stem.weight.shape[1:]
    kernel, stride = stem.weight.shape[2:], stem.stride
    patches = F.unfold(images.contiguous(), kernel, padding=0, stride=stride)
    patches = patches.transpose(1, 2).reshape(-1, shape.numel())
    variance, components = torch.linalg.eigh(patches.double().T.cov())  # ascending
    filters = (components / (variance + 0.01).sqrt()).T.flip(0)
    filters *= torch.where(filters.sum(dim=1, keepdim=True) < 0, -1.0, 1.0)
    return filters.view(-1, *shape).to(stem.weight.dtype)


@torch.no_grad()
def whiten(network: WideResNet, filters: Tensor) -> None:
    """Start the first convolution as the leading filters; it is then trained like any layer.

    Args:
        network: untrained, changed in place.
        filters: as `principal_filters` returns them.
    """
    leading = filters[: len(network.stem.weight)]
    network.stem.weight[: len(leading)] = leading


def resnet18(channels: int, pixels: int, classes: int) -> nn.Module:
    """Build torchvision's ResNet-18.

    Below 64 px its first convolution is 3 x 3 without stride or pooling, as is usual for small
    images.

    Args:
        channels: of the images.
        pixels: the lesser of the images' height and width.
        classes: number of logits.
    """
    network: nn.Module = import_torchvision().models.resnet18(num_classes=classes)
    return _with_stem(network, channels, pixels)


def resnet50(channels: int, pixels: int, classes: int) -> nn.Module:
    """Build torchvision's ResNet-50, whose bottlenecks have their stride in the 3 x 3 convolution.

    The last batch norm of each block starts at 0 (as in Hooker et al.'s code), so that a block at
    first passes on what it is given. Small images are taken as by `resnet18`.

    Args:
        channels: of the images.
        pixels: the lesser of the images' height and width.
        classes: number of logits.
    """
    models = import_torchvision().models
    network: nn.Module = models.resnet50(num_classes=classes, zero_init_residual=True)
    return _with_stem(network, channels, pixels)


def _with_stem(network: nn.Module, channels: int, pixels: int) -> nn.Module:
    """A ResNet with the first convolution that its images need."""
    if pixels < 64:
        network.conv1 = nn.Conv2d(channels, 64, 3, 1, 1, bias=False)
        network.maxpool = nn.Identity()
    elif channels != 3:
        network.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
    return network
