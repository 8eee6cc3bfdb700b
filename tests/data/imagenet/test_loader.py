"""The stream of pictures: equal to torchvision's, in order, bounded, and damage is named."""

import itertools
import threading

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from forgetting.data.imagenet import loader
from forgetting.data.imagenet.loader import read_centre, stream_pictures
from forgetting.data.torchvision_cpu import import_torchvision
from forgetting.errors import CorruptFile, DataNotFound, UserError

SIZES = ((500, 375), (86, 108), (257, 300), (256, 256))


def photograph(size, mode="RGB", seed=0):
    """A picture with soft and sharp edges."""
    noise = np.random.default_rng(seed).normal(size=(size[1], size[0], 3))
    soft = ndimage.gaussian_filter(noise, (3, 3, 0)) * 900 + noise * 20 + 128
    return Image.fromarray(soft.clip(0, 255).astype(np.uint8)).convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_picture_is_what_torchvision_makes_of_it(tmp_path, mode):
    import_torchvision()
    from torchvision import transforms

    for (resize, pixels), size in itertools.product(((256, 224), (64, 64)), SIZES):
        photograph(size, mode).save(tmp_path / "a.jpg", quality=92)
        theirs = transforms.Compose([transforms.Resize(resize), transforms.CenterCrop(pixels)])
        with Image.open(tmp_path / "a.jpg") as opened:
            expected = np.asarray(theirs(opened.convert("RGB"))).transpose(2, 0, 1)
        found = read_centre(tmp_path / "a.jpg", resize=resize, pixels=pixels)
        assert found.dtype == np.uint8 and np.array_equal(found, expected)


@pytest.fixture
def files(tmp_path):
    """Thirteen pictures, each of one grey."""
    paths = [tmp_path / f"{grey}.png" for grey in range(13)]
    for grey, path in enumerate(paths):
        Image.new("RGB", (20 + grey, 30), (grey,) * 3).save(path)
    return paths


@pytest.mark.parametrize("batch", [1, 4, 13, 50])
@pytest.mark.parametrize("workers", [1, 3, None])
def test_pictures_come_in_order_in_batches_of_the_size_asked_for(files, batch, workers):
    given = list(stream_pictures(files, batch=batch, resize=16, pixels=12, workers=workers))
    assert [len(images) for images in given[:-1]] == [batch] * (len(given) - 1)
    together = np.concatenate(given)
    assert together.shape == (13, 3, 12, 12)
    assert (together == np.arange(13)[:, None, None, None]).all()
    assert list(stream_pictures([], batch=batch)) == []


def test_no_more_is_read_ahead_than_a_batch_and_whoever_stops_ends_the_threads(files, monkeypatch):
    begun, read = [], loader.read_centre

    def counted(file, **options):
        begun.append(file)
        return read(file, **options)

    monkeypatch.setattr(loader, "read_centre", counted)
    stream = stream_pictures(files, batch=2, resize=16, pixels=12, workers=2)
    assert begun == []  # nothing before the first picture is asked for
    next(stream)
    # The batch handed out, one that waits, and one that is begun as the first is handed out.
    assert set(begun) <= set(files[:6])
    stream.close()
    assert len(begun) <= 6
    assert not [one for one in threading.enumerate() if one.name.startswith("pictures")]


def test_a_picture_that_is_cut_short_is_named_in_one_line(tmp_path, files):
    whole = tmp_path / "whole.JPEG"
    photograph((300, 200)).save(whole)
    cut = tmp_path / "cut.JPEG"
    cut.write_bytes(whole.read_bytes()[:-2000])
    with pytest.raises(CorruptFile, match=r"cut.JPEG cannot be read \(.*truncated.*unpack it") as e:
        list(stream_pictures([*files, cut]))
    assert "\n" not in str(e.value)
    cut.write_bytes(b"GIF89a")
    with pytest.raises(CorruptFile, match="cut.JPEG cannot be read"):
        read_centre(cut)
    with pytest.raises(DataNotFound, match="gone.JPEG is not here"):
        list(stream_pictures([tmp_path / "gone.JPEG"]))
    assert not [one for one in threading.enumerate() if one.name.startswith("pictures")]


def test_numbers_out_of_range_are_refused_before_anything_is_read(files):
    for options, message in (
        ({"batch": 0}, "batch is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"pixels": 0}, "pixels is 0"),
        ({"resize": 20, "pixels": 21}, "pixels is 21, and the shorter side is scaled to 20"),
    ):
        with pytest.raises(UserError, match=message):
            stream_pictures(files, **options)
