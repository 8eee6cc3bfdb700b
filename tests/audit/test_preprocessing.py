"""Pre-processing: what people write for it, and pictures against torchvision's transforms."""

import numpy as np
import pytest
from PIL import Image

from forgetting.audit.pictures import is_turned
from forgetting.audit.preprocessing import read_preprocessing
from forgetting.data.torchvision_cpu import import_torchvision
from forgetting.errors import UserError

SIDES = [(300, 200), (200, 300), (257, 256), (256, 256), (640, 97), (31, 33), (8, 40)]
INTERPOLATIONS = ("bilinear", "bicubic", "nearest")


@pytest.fixture(scope="module")
def picture_file(tmp_path_factory):
    """Makes a picture file of a width and height: noise over a slope of colours."""
    folder = tmp_path_factory.mktemp("pictures")

    def make(width, height):
        file = folder / f"{width}x{height}.png"
        values = np.random.default_rng(0).integers(0, 90, (height, width, 3))
        values[..., 0] += np.linspace(0, 160, width, dtype=int)
        values[..., 1] += np.linspace(0, 160, height, dtype=int)[:, None]
        Image.fromarray(values.astype(np.uint8)).save(file)
        return file

    return make


def read_bytes(file, **fields):
    """A picture as the pre-processing gives it, as bytes (height, width, channels)."""
    made = read_preprocessing(**fields)
    return made.read_input(file, made.size).transpose(1, 2, 0) * 255


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize(("width", "height"), SIDES)
@pytest.mark.parametrize(
    ("resize", "size"),
    [(256, (224, 224)), (64, (64, 64)), (37, (20, 31)), (24, (32, 51)), (50, None)],
)
def test_a_length_is_what_resize_and_center_crop_of_torchvision_make_of_it(
    resize, size, width, height, interpolation, picture_file
):
    import_torchvision()
    from torchvision import transforms

    file = picture_file(width, height)
    mode = transforms.InterpolationMode(interpolation)
    steps = [transforms.Resize(resize, interpolation=mode)]
    steps += [transforms.CenterCrop(size)] if size else []
    expected = np.asarray(transforms.Compose(steps)(Image.open(file)), dtype=float)
    found = read_bytes(file, resize=resize, size=size, interpolation=interpolation)
    assert found.shape == expected.shape and np.abs(found - expected).max() <= 1


@pytest.mark.parametrize(("width", "height"), SIDES)
@pytest.mark.parametrize(("ratio", "size"), [(0.875, 224), (0.95, 20), (0.9, 37), (1.0, 64)])
def test_a_share_is_the_crop_of_a_picture_scaled_by_it(ratio, size, width, height, picture_file):
    import_torchvision()
    from torchvision import transforms

    file = picture_file(width, height)
    steps = [transforms.Resize(int(size / ratio)), transforms.CenterCrop(size)]
    expected = np.asarray(transforms.Compose(steps)(Image.open(file)), dtype=float)
    found = read_bytes(file, resize="crop", crop_ratio=ratio, size=(size, size))
    if ratio < 1:
        assert np.abs(found - expected).max() <= 1
    wide = read_bytes(file, resize="crop", crop_ratio=ratio, size=(size, 2 * size))
    assert wide.shape == (size, 2 * size, 3)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"crop_ratio": 0.875}, "crop_ratio is 0.875, and resize is stretch: give resize crop"),
        ({"crop_ratio": 0.5, "resize": 256}, "crop_ratio is 0.5, and resize is 256: give resize"),
        ({"crop_ratio": 0, "resize": "crop"}, "crop_ratio"),
        ({"crop_ratio": 87.5, "resize": "crop"}, "crop_ratio"),
    ],
)
def test_a_share_that_cannot_be_is_refused(fields, line):
    with pytest.raises(UserError, match=line):
        read_preprocessing(**fields)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_stretching_is_what_resize_of_torchvision_makes_of_two_lengths(interpolation, picture_file):
    import_torchvision()
    from torchvision import transforms

    mode = transforms.InterpolationMode(interpolation)
    for width, height in SIDES:
        file = picture_file(width, height)
        expected = transforms.Resize((40, 64), interpolation=mode)(Image.open(file))
        found = read_bytes(file, size=(40, 64), interpolation=interpolation)
        assert np.abs(found - np.asarray(expected, dtype=float)).max() <= 1


def test_bilinear_is_meant_where_nothing_is_said_and_each_interpolation_gives_other_bytes(
    picture_file,
):
    file = picture_file(300, 200)
    for resize in ("stretch", "crop", 40):
        said = read_bytes(file, resize=resize, size=(32, 32))
        ways = [
            read_bytes(file, resize=resize, size=(32, 32), interpolation=way)
            for way in INTERPOLATIONS
        ]
        assert (said == ways[0]).all()
        assert all(np.abs(said - other).max() > 1 for other in ways[1:])


def test_a_picture_so_narrow_that_it_would_fill_the_memory_is_not_resized(tmp_path):
    Image.new("L", (1, 6000)).save(tmp_path / "thin.png")
    for resize in ("crop", 400):
        made = read_preprocessing(resize=resize, size=(300, 300), channels="L")
        with pytest.raises(ValueError, match="it is so narrow that it would be resized to"):
            made.read_input(tmp_path / "thin.png", made.size)


@pytest.mark.parametrize("given", ["256", 256])
def test_a_length_may_be_given_as_text_as_the_command_line_has_it(given):
    assert read_preprocessing(resize=given).resize == 256


@pytest.mark.parametrize("resize", ["fit", "0", 0, -3, 8193, True, 2.5, "2.5", None, [256]])
def test_what_is_no_way_to_resize_is_refused_with_those_there_are(resize, tmp_path):
    file = tmp_path / "how.yml"
    file.write_text(f"resize: {'null' if resize is None else resize!r}\n")
    with pytest.raises(UserError, match="resize: .* is not allowed; give stretch, crop, or the"):
        read_preprocessing(file)


def test_an_unknown_interpolation_is_refused_with_those_there_are():
    with pytest.raises(UserError, match="interpolation is 'cubic', but .* 'bilinear', 'bicubic'"):
        read_preprocessing(interpolation="cubic")


@pytest.mark.parametrize(
    ("text", "mean", "std"),
    [
        ("mean: 0.5\nstd: 0.25\n", (0.5,), (0.25,)),
        ("mean: 0\nstd: 1\n", (0.0,), (1.0,)),
        ("mean: 5e-1\nstd: [25e-2]\n", (0.5,), (0.25,)),
        ("mean: [0.5, 0.4, 0.3]\nstd: 1e0\n", (0.5, 0.4, 0.3), (1.0,)),
    ],
)
def test_mean_and_std_may_be_one_number(text, mean, std, tmp_path):
    (tmp_path / "how.yml").write_text(text)
    made = read_preprocessing(tmp_path / "how.yml")
    assert (made.mean, made.std) == (mean, std)


@pytest.mark.parametrize("text", ["mean: true", "mean: half", "mean: .nan", "std: 0", "std: [[1]]"])
def test_what_is_no_number_is_no_mean_and_no_std(text, tmp_path):
    (tmp_path / "how.yml").write_text(text)
    with pytest.raises(UserError, match="mean|std"):
        read_preprocessing(tmp_path / "how.yml")


def test_a_key_given_twice_is_named(tmp_path):
    (tmp_path / "how.yml").write_text("mean: 0.5\nstd: 1\nmean: 0.4\n")
    with pytest.raises(UserError, match=r"how.yml': the key 'mean' is given twice, in lines 1 and"):
        read_preprocessing(tmp_path / "how.yml")


def turned(folder, orientation):
    """A picture with one bright corner, stored so that viewers turn it by its EXIF orientation."""
    values = np.zeros((4, 6, 3), dtype=np.uint8)
    values[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = folder / f"{orientation}.png"
    Image.fromarray(values).save(file, exif=exif)
    return file


@pytest.mark.parametrize(
    ("orientation", "shape", "corner"),
    [(1, (4, 6), (0, 0)), (3, (4, 6), (3, 5)), (6, (6, 4), (0, 3)), (8, (6, 4), (5, 0))],
)
def test_pictures_are_turned_upright_only_where_that_is_asked_for(
    orientation, shape, corner, tmp_path
):
    file = turned(tmp_path, orientation)
    stored, upright = read_bytes(file), read_bytes(file, upright=True)
    assert stored.shape[:2] == (4, 6) and stored[0, 0, 0] == 255
    assert upright.shape[:2] == shape and upright[corner][0] == 255
    assert is_turned(file) == (orientation != 1)


def test_a_file_that_is_no_picture_is_not_turned(tmp_path):
    (tmp_path / "a.png").write_bytes(b"text")
    assert not is_turned(tmp_path / "a.png")
