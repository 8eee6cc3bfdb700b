"""The part `corrupted`: some plain test images under every common corruption at every severity."""

import io
from functools import lru_cache

import numpy as np
from joblib import Parallel, cpu_count, delayed
from joblib.externals.loky import get_reusable_executor

from forgetting import data, paths
from forgetting.data import cifar10
from forgetting.data.corruption import SEVERITIES, corrupt, corruption_names
from forgetting.data.kept_arrays import read_kept
from forgetting.data.spec import FORMAT_VERSION, Data, derive_seed
from forgetting.files import replacing


@lru_cache(maxsize=1)
def load_corrupted_images(spec: Data) -> tuple[np.ndarray, np.ndarray]:
    """The corrupted images and which test images they were made from; made once, kept in runs/.

    Args:
        spec: the data set; `spec.corrupted_images` says how many test images are taken, as many
            of each class.

    Returns:
        Places in the test part, (n,), ascending, and the images, (corruptions, 5, n, C, H, W)
        uint8, in the order of `corruption_names` and `SEVERITIES`.
    """
    dataset = data.load_dataset(spec)
    chosen = _chosen_images(spec, dataset)
    key = derive_seed(FORMAT_VERSION, spec.model_dump_json())
    file = paths.runs() / "corrupted" / f"{key:016x}.npy"
    images = dataset.test.require_images()
    names = corruption_names(channels=images.shape[1])
    shape = (len(names), len(SEVERITIES), len(chosen), *images.shape[1:])
    kept = read_kept(file, shape)
    if kept is None:
        # numpy's own writing to a file does not say that the disk is full.
        buffer = io.BytesIO()
        np.save(buffer, _corrupt_images(spec, images, chosen))
        with replacing(file) as temporary:
            temporary.write_bytes(buffer.getbuffer())
        kept = np.load(file, mmap_mode="r", allow_pickle=False)
    return chosen, kept


def corruption_levels(*, channels: int) -> list[tuple[str, int]]:
    """Name and severity of each set of images that is predicted; ("none", 0), clean, is first.

    Args:
        channels: of the images; some corruptions are for colour only.
    """
    names = corruption_names(channels=channels)
    return [("none", 0), *((name, severity) for name in names for severity in SEVERITIES)]


def _chosen_images(spec: Data, dataset: data.DataSet) -> np.ndarray:
    """Places of the test images to corrupt: plain ones, as many of each class, by a fixed seed."""
    test, classes = dataset.test, len(dataset.classes)
    plain = np.flatnonzero(test.attributes["kind"] == "plain")
    shuffled = np.random.default_rng(derive_seed(spec.seed, "corrupted")).permutation(plain)
    each = spec.corrupted_images // classes
    by_class = [shuffled[test.labels[shuffled] == label][:each] for label in range(classes)]
    return np.sort(np.concatenate(by_class))


def _corrupt_images(spec: Data, images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The chosen images under each corruption, (corruptions, 5, n, C, H, W) uint8."""
    names = corruption_names(channels=images.shape[1])
    if spec.name == "cifar10" and spec.corruptions == "published":
        return cifar10.load_cifar10_c(spec, chosen, names)
    results = Parallel(n_jobs=cpu_count())(
        delayed(corrupt)(
            images[chosen],
            name=name,
            severity=severity,
            seed=derive_seed(spec.seed, name, severity) % 2**32,
        )
        for name in names
        for severity in SEVERITIES
    )
    # These workers are done: reused for training, they would look like a memory leak to joblib,
    # which then restarts them.
    get_reusable_executor().shutdown(wait=True)
    return np.stack(results).reshape(len(names), len(SEVERITIES), *results[0].shape)
