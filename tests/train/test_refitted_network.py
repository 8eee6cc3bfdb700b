"""The pictures that a pruned network is fitted on."""

import io
import tarfile

import pytest
from PIL import Image

from forgetting.errors import DataNotFound
from forgetting.train import refitted_network


def test_pictures_are_read_from_tar_files_scaled_and_cut(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, mode, size in (("x/1.png", "RGB", (600, 400)), ("x/2.png", "L", (80, 160))):
            data = io.BytesIO()
            Image.new(mode, size, 99).save(data, "png")
            entry = tarfile.TarInfo(name)
            entry.size = len(data.getvalue())
            tar.addfile(entry, io.BytesIO(data.getvalue()))
    pictures = refitted_network.read_pool(tmp_path, ("a.tar",))
    assert pictures.shape == (2, 3, 224, 224) and (pictures[1] == 99).all()
    with pytest.raises(DataNotFound, match=r"b\.tar is not here"):
        refitted_network.read_pool(tmp_path, ("b.tar",))
