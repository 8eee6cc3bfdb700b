"""EfficientNet-Lite0 in LiteRT, Google's runtime: a second opinion on what int8 forgets.

The same published weights as in `forgetting.train.published_network`, converted by litert-torch and
quantized by LiteRT's own quantizer on the same calibration photographs, run by LiteRT:

* `litert-float32`: the network as it was converted, which checks the conversion;
* `litert-int8`: weights signed and symmetric with a scale for each channel, activations signed with
  a zero point; ranges are the least and the largest value. ONNX Runtime's `int8` differs in that
  its weights have a zero point, too, and in how either rounds and fuses.

In an environment of their own, because they ask for another PyTorch, beside this library's: with
`PACKAGES` and those of `published_network.PACKAGES`, a Parquet file of predictions of the test
photographs is written for each setting by::

    python -m forgetting.train.litert_network FOLDER
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from forgetting.data import photographs
from forgetting.errors import UserError, told_in_one_line
from forgetting.files import display_path, replacing
from forgetting.train.published_network import load_network, scale_pixels

PACKAGES = ("litert-torch==0.10.0", "ai-edge-quantizer==0.10.0", "ai-edge-litert==2.3.0")
FLOAT32, INT8 = "litert-float32", "litert-int8"
SETTINGS = (FLOAT32, INT8)


def convert(network: nn.Module, image: np.ndarray, file: Path) -> None:
    """Write a network as a .tflite file of float32 operations, one picture at a time.

    Args:
        network: in evaluation mode.
        image: (1, 3, H, W) float32, one that it takes.
        file: to be written.
    """
    import litert_torch

    litert_torch.convert(network, (torch.from_numpy(image),)).export(str(file))


def quantize_statically(dense: Path, images: np.ndarray, file: Path) -> None:
    """Write a .tflite file with 8-bit weights and activations, by LiteRT's quantizer.

    Args:
        dense: from `convert`.
        images: (n, 3, H, W) float32, scaled: their ranges become those of the activations.
        file: to be written.
    """
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe

    signatures = Interpreter(str(dense)).get_signature_list()
    ((signature, ends),) = signatures.items()
    (name,) = ends["inputs"]
    made = quantizer.Quantizer(str(dense), recipe.static_wi8_ai8())
    ranges = made.calibrate({signature: [{name: image[None]} for image in images]}, num_threads=1)
    made.quantize(ranges).export_model(str(file), overwrite=True)


def open_model(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from one picture (3, H, W), float32 and scaled, to its logits (C,)."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=1)
    interpreter.allocate_tensors()
    (into,), (out,) = interpreter.get_input_details(), interpreter.get_output_details()

    def logits(image: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(into["index"], _stored(image[None], into))
        interpreter.invoke()
        found: np.ndarray = _meant(interpreter.get_tensor(out["index"])[0], out)
        return found

    return logits


def _stored(values: np.ndarray, end: dict[str, Any]) -> np.ndarray:
    """Numbers as an end of a network takes them, 8-bit ones on its grid."""
    if end["dtype"] != np.int8:
        return values
    scale, zero = end["quantization"]
    return np.clip(np.rint(values / scale) + zero, -128, 127).astype(np.int8)


def _meant(values: np.ndarray, end: dict[str, Any]) -> np.ndarray:
    """The numbers that an end of a network stands for."""
    if end["dtype"] != np.int8:
        return values
    scale, zero = end["quantization"]
    return (values.astype(np.float32) - zero) * np.float32(scale)


def prediction_table(logits: np.ndarray, setting: str) -> pd.DataFrame:
    """Return the predictions of the test photographs as `forgetting audit` reads them.

    Args:
        logits: (900, 1000), in the order of `Photographs.test`.
        setting: one of `SETTINGS`.

    Returns:
        A row a picture: setting, member, example, label, predicted, confidence (of the softmax),
        tied (whether classes share the highest score, of which the first is taken).
    """
    known = photographs.load_photographs()
    names = known.classes["name"].to_numpy()
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    return pd.DataFrame(
        {
            "setting": setting,
            "member": "0",
            "example": known.test["image"],
            "label": known.test["name"],
            "predicted": names[logits.argmax(1)],
            "confidence": (1 / np.exp(shifted).sum(1)).astype(np.float32),
            "tied": (shifted == 0).sum(1) > 1,
        }
    )


def write_predictions(out: Path) -> list[Path]:
    """Convert, quantize, predict the test photographs; return the files of predictions.

    Args:
        out: their folder; networks are kept nowhere.

    Raises:
        UserError: packages are not installed.
    """
    table = photographs.load_photographs().table
    parts = {
        part: scale_pixels(photographs.read_pixels(table.loc[table["part"] == part, "image"]))
        for part in (photographs.CALIBRATION, photographs.TEST)
    }
    calibration, test = parts.values()
    with tempfile.TemporaryDirectory() as folder:
        models = {setting: Path(folder, f"{setting}.tflite") for setting in SETTINGS}
        try:
            convert(load_network(), calibration[:1], models[FLOAT32])
            quantize_statically(models[FLOAT32], calibration, models[INT8])
        except ModuleNotFoundError as error:
            raise UserError(
                f"package {error.name} is not installed; in an environment of its own, install "
                f"{' '.join(PACKAGES)}"
            ) from None
        files = []
        for setting, model in models.items():
            answer = open_model(model)
            found = prediction_table(np.stack([answer(image) for image in test]), setting)
            files.append(out / f"{setting}.parquet")
            with replacing(files[-1]) as temporary:
                found.to_parquet(temporary, index=False)
    return files


if __name__ == "__main__":
    with told_in_one_line():
        for written in write_predictions(Path((sys.argv[1:] or ["predictions"])[0])):
            print(f"wrote {display_path(written)}")
