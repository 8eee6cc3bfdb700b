"""What published networks and their compressed copies predicted: published, so nothing is rerun.

`book/archive/photographs` holds four tables in the form that `forgetting audit` reads, a row for
each network and picture (setting, member, example, label, predicted):

* `efficientnet-lite0`: the settings of `train.published_network`, of `train.refitted_network` and
  of `train.litert_network` on the 900 test photographs, by `forgetting predict` (the last by
  LiteRT), with confidence and tied (whether classes share the highest score). Those of
  `WITHOUT_VNNI` were run on a processor with AVX2 and no VNNI, where sums of signed products may
  overflow;
* `efficientnet-lite1-lite2`: the larger networks of `train.published_network` and their int8
  copies on the same photographs, enlarged to 240 and 260 pixels, in the same form;
* `efficientnet-lite0-corrupted`: some of these settings on every fifth test photograph, as it is
  (corruption "none", severity 0) and under `CORRUPTIONS` of ImageNet-C, by `forgetting
  predict-corrupted`: a row for each corruption and severity, too, so that an audit takes the rows
  of one corruption at one severity;
* `mlperf-tiny`: two networks of MLPerf Tiny (mlcommons/tiny, commit 1afd2c9, Apache 2.0) as they
  were published, in float32 and int8, on CIFAR-10's 10,000 test pictures, by LiteRT.

They are made from a folder of one Parquet file a setting, and from an `.npz` of the arrays model
and test_top1 (M, 10000) whose pictures are in CIFAR-10's order, by::

    python -m forgetting.data.photograph_predictions PREDICTIONS mlperf_tiny.npz

and that of corrupted photographs from the folder of one Parquet file for each corruption and
severity that `forgetting predict-corrupted` writes, by::

    python -m forgetting.data.photograph_predictions CORRUPTED
"""

import sys
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from forgetting import paths
from forgetting.data.photographs import load_photographs
from forgetting.errors import CorruptFile, DataNotFound, UserError, told_in_one_line
from forgetting.files import display_path, replacing

FOLDER = "photographs"
PHOTOGRAPHS, TINY = "efficientnet-lite0", "mlperf-tiny"
CORRUPTED, LARGER = "efficientnet-lite0-corrupted", "efficientnet-lite1-lite2"
DENSE = "dense"
# Compressed settings of EfficientNet-Lite0, in the order in which they are shown.
COMPRESSED = (
    *("float16", "int8", "int8-tensor", "int8-signed", "litert-int8"),
    *(f"pruned-{sparsity:g}" for sparsity in (0.2, 0.3, 0.5, 0.7)),
    "pruned-0.7-fitted",
)
# The dense network once more, in LiteRT.
DENSE_ELSEWHERE = "litert-float32"
WITHOUT_VNNI = (DENSE, "float16", "int8", "int8-tensor", "int8-signed", *COMPRESSED[5:8])
# Larger networks, and the pixels that they take.
LARGER_PIXELS = {"lite1": 240, "lite2": 260}
LARGER_NETWORKS = tuple(LARGER_PIXELS)
LARGER_SETTINGS = tuple(f"{name}{way}" for name in LARGER_NETWORKS for way in ("", "-int8"))
# Of corrupted photographs: compressed settings, corruptions of each family, severities, and of how
# many test photographs one was taken.
CORRUPTED_SETTINGS = ("int8", "int8-tensor", "int8-dynamic", "pruned-0.5")
CORRUPTIONS = (
    *("gaussian_noise", "impulse_noise", "defocus_blur", "motion_blur"),
    *("fog", "jpeg_compression"),
)
SEVERITIES = (1, 3, 5)
CLEAN = ("none", 0)
EVERY = 5
# Of MLPerf Tiny, the float32 network and its int8 copy.
TINY_PAIRS = {"ResNet-8": "resnet8", "larger ResNet-8": "resnet8_large"}
COLUMNS = ("setting", "member", "example", "label", "predicted")
CIFAR10_NAMES = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())


@lru_cache(maxsize=2)
def load_predictions(name: str) -> pd.DataFrame:
    """Return a table of predictions.

    Args:
        name: `PHOTOGRAPHS`, `LARGER`, `CORRUPTED` or `TINY`.

    Raises:
        DataNotFound: the archive lacks it.
        CorruptFile: its file is damaged, or a network lacks pictures.
    """
    file = paths.archive() / FOLDER / f"{name}.parquet"
    again = "fetch it again, for instance with git checkout"
    if not file.is_file():
        raise DataNotFound(f"{display_path(file)} is not here; {again}")
    try:
        table = pd.read_parquet(file)
        once = [key for key in ("setting", "corruption", "severity") if key in table]
        sizes = table.groupby(once, observed=True)["example"].nunique()
    except (ValueError, OSError, KeyError) as error:
        reason = " ".join(str(error).split())[:80]
        raise CorruptFile(f"{display_path(file)} is damaged ({reason}); {again}") from None
    if sizes.nunique() != 1 or sizes.sum() != len(table):
        raise CorruptFile(f"{display_path(file)} lacks pictures of some networks; {again}")
    return table


def collect_predictions(
    folder: Path, settings: tuple[str, ...] = (DENSE, *COMPRESSED, DENSE_ELSEWHERE)
) -> pd.DataFrame:
    """Return what `forgetting predict` wrote for a dense network and its compressed copies.

    Args:
        folder: with a file named after each setting, `dense.parquet` and so on.
        settings: in the order of the table.

    Raises:
        DataNotFound: a file is missing.
        UserError: a file has other pictures than the test part, or another setting.
    """
    tables, pictures = [], load_photographs().test["image"].tolist()
    for setting in settings:
        file = folder / f"{setting}.parquet"
        if not file.is_file():
            raise DataNotFound(f"{file} is missing: make it by `forgetting predict`")
        table = pd.read_parquet(file)
        if table["example"].tolist() != pictures or set(table["setting"]) != {setting}:
            raise UserError(f"{file} is not of {setting} on the test photographs; make it anew")
        tables.append(table.astype({"confidence": np.float32}))
    return pd.concat(tables, ignore_index=True)


def collect_corrupted(folder: Path) -> pd.DataFrame:
    """Return what `forgetting predict-corrupted` wrote for the dense network and its copies.

    Args:
        folder: with a file named after each corruption and severity, `fog-3.parquet` and so on.

    Raises:
        DataNotFound: a file is missing.
        UserError: a file has other pictures than every fifth of the test part, or other settings.
    """
    settings = (DENSE, *CORRUPTED_SETTINGS)
    pictures = load_photographs().test["image"].tolist()[::EVERY]
    tables: list[pd.DataFrame] = []
    for name, severity in (CLEAN, *product(CORRUPTIONS, SEVERITIES)):
        file = folder / f"{name}-{severity}.parquet"
        if not file.is_file():
            raise DataNotFound(f"{file} is missing: make it by `forgetting predict-corrupted`")
        table = pd.read_parquet(file).set_index("setting", drop=False)
        found = table["setting"].unique().tolist()
        if sorted(found) != sorted(settings) or any(
            table.loc[[one], "example"].tolist() != pictures for one in settings
        ):
            raise UserError(
                f"{file} is not of {', '.join(settings)} on every fifth of the test photographs; "
                "make it anew"
            )
        tables.extend(table.loc[[one]] for one in settings)
    return pd.concat(tables, ignore_index=True)


def collect_tiny(file: Path, label: np.ndarray) -> pd.DataFrame:
    """Return what MLPerf Tiny's networks predicted for CIFAR-10's test pictures.

    Args:
        file: an `.npz` of the arrays model and test_top1.
        label: (10000,) true labels, 0 to 9.

    Raises:
        UserError: the file has other networks or another number of pictures.
    """
    with np.load(file, allow_pickle=False) as arrays:
        predicted = dict(zip(arrays["model"].tolist(), arrays["test_top1"], strict=True))
    names = [f"{name}_{kind}" for name in TINY_PAIRS.values() for kind in ("fp32", "int8")]
    if sorted(predicted) != sorted(names) or {len(row) for row in predicted.values()} != {
        len(label)
    }:
        raise UserError(f"{file} has {', '.join(predicted)}; allowed: {', '.join(names)}")
    words = np.array(CIFAR10_NAMES)
    columns = {"member": "0", "example": np.arange(len(label)).astype(str), "label": words[label]}
    return pd.concat(
        [
            pd.DataFrame({"setting": name} | columns | {"predicted": words[predicted[name]]})
            for name in names
        ],
        ignore_index=True,
    )[list(COLUMNS)]


def write_archive(folder: Path, tiny: Path) -> list[Path]:
    """Write the tables of photographs as they are, and of MLPerf Tiny; return their files.

    Args:
        folder: as in `collect_predictions`.
        tiny: as in `collect_tiny`; labels are those published with the study cifar10-narrow.
    """
    examples = pd.read_parquet(paths.archive() / "cifar10-narrow" / "examples.parquet")
    label = examples.loc[examples["part"] == "test"].sort_values("example")["true_label"].to_numpy()
    tables = {
        PHOTOGRAPHS: collect_predictions(folder),
        LARGER: collect_predictions(folder, LARGER_SETTINGS),
        TINY: collect_tiny(tiny, label),
    }
    return [write_table(name, table) for name, table in tables.items()]


def write_table(name: str, table: pd.DataFrame) -> Path:
    """Write a table of the archive, whole or not at all; return its file.

    Args:
        name: as in `load_predictions`.
        table: of predictions.
    """
    file = paths.archive() / FOLDER / f"{name}.parquet"
    with replacing(file) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")
    return file


if __name__ == "__main__":
    given = [Path(word) for word in sys.argv[1:]]
    with told_in_one_line():
        if len(given) not in (1, 2):
            raise UserError(f"{len(given)} paths are given; allowed: 1 or 2, see the documentation")
        for path in (
            write_archive(*given)
            if len(given) == 2
            else [write_table(CORRUPTED, collect_corrupted(given[0]))]
        ):
            print(f"wrote {display_path(path)}: {path.stat().st_size / 1e6:.2f} MB")
