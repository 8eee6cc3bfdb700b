"""Sets that test ImageNet's classes on other pictures: ImageNet-A, ImageNet-C and ImageNetV2.

* ImageNet-A (Hendrycks et al. 2021): 7,500 natural adversarial examples of 200 of the classes; a
  prediction is the highest of the scores of these 200, as its authors count.
* ImageNet-C (Hendrycks & Dietterich 2019): the validation pictures under 15 common corruptions and
  4 extra, each at 5 severities, as published: 224 px JPEG.
* ImageNetV2 (Recht et al. 2019): 10,000 new pictures, in three ways of choosing them. Its folders
  are named by labels, 0 to 999, and are read by number: in the order of the names, as torchvision's
  `ImageFolder` has it, 10 would come before 2.
"""

from pathlib import Path, PurePosixPath

from forgetting.data.corruption import SEVERITIES
from forgetting.data.imagenet import label_files
from forgetting.data.imagenet.classes import (
    CLASSES,
    VALIDATION,
    labels_by_wnid,
    labels_of_a,
    load_classes,
)
from forgetting.data.imagenet.picture_set import (
    PictureSet,
    entries,
    list_class_folders,
    require_complete,
)
from forgetting.errors import DataNotFound, UserError, did_you_mean
from forgetting.files import display_path

A_PICTURES, V2_PICTURES, V2_EACH = 7500, 10_000, 10
V2_KINDS = ("matched-frequency", "threshold0.7", "top-images")
# By the tar file, and the folder, that they were published in.
C_GROUPS = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
    "extra": ("speckle_noise", "gaussian_blur", "spatter", "saturate"),
}
WHERE_A = "put the 200 folders of imagenet-a.tar there"


def read_imagenet_a(folder: str | Path, *, complete: bool = True) -> PictureSet:
    """Read ImageNet-A.

    Args:
        folder: it holds a folder for each of the 200 classes, named by its WordNet id.
        complete: whether all 7,500 pictures have to be there.

    Returns:
        The set; predictions are among its 200 classes.

    Raises:
        DataNotFound: there is no such folder, or nothing in it.
        UserError: a folder is of none of the 200 classes, or pictures are missing.
    """
    folder, wnids = Path(folder), load_classes()["wnid"]
    labels = {wnids[label]: label for label in labels_of_a()}
    table = list_class_folders(folder, labels, where=WHERE_A)
    if complete:
        require_complete(table, folder, labels, total=A_PICTURES, each=None, where=WHERE_A)
    table.insert(0, "example", table["file"])
    return PictureSet("a", folder, table.assign(number=0), labels_of_a())


def read_imagenet_v2(folder: str | Path, *, kind: str, complete: bool = True) -> PictureSet:
    """Read one of the three sets of ImageNetV2.

    Args:
        folder: it holds the folders 0 to 999.
        kind: which of `V2_KINDS` it is.
        complete: whether all 10,000 pictures have to be there.

    Raises:
        DataNotFound: there is no such folder, or nothing in it.
        UserError: a folder is no label, or pictures are missing.
    """
    if kind not in V2_KINDS:
        raise UserError(f"kind is {kind!r}; allowed: {', '.join(V2_KINDS)}")
    folder, labels = Path(folder), {str(label): label for label in range(CLASSES)}
    where = f"put the folders 0 to 999 of imagenetv2-{kind}.tar.gz there"
    table = list_class_folders(folder, labels, where=where)
    if complete:
        require_complete(table, folder, labels, total=V2_PICTURES, each=V2_EACH, where=where)
    table.insert(0, "example", table["file"])
    return PictureSet(f"v2-{kind}", folder, table.assign(number=0), tuple(range(CLASSES)))


def read_imagenet_c(
    folder: str | Path, *, corruption: str, severity: int, complete: bool = True
) -> PictureSet:
    """Read ImageNet-C under one corruption at one severity.

    Args:
        folder: it holds folders of corruptions, or the folders noise, blur, weather, digital and
            extra with these in them; in each are folders 1 to 5, and in these one for each class.
        corruption: its name, such as "fog".
        severity: 1 (mildest) to 5.
        complete: whether all 50,000 pictures have to be there.

    Raises:
        DataNotFound: there is no such folder, or that corruption or severity is not in it.
        UserError: no such corruption or severity; a folder is of no class, a picture lies in the
            folder of another class, or pictures are missing.
    """
    folder, group = Path(folder), _group(corruption, severity)
    entries(folder)  # stops where there is no such folder
    tar = f"{group}.tar"
    found = next(
        (f for f in (folder / corruption, folder / group / corruption) if f.is_dir()), None
    )
    if found is None:
        raise DataNotFound(
            f"{display_path(folder)} has no folder {corruption}, nor {group}/{corruption}: unpack "
            f"{tar} of ImageNet-C there"
        )
    there = entries(found)[0]
    if str(severity) not in there:
        raise DataNotFound(
            f"{display_path(found)} has no folder {severity} (it has {', '.join(there) or 'none'}):"
            f" severities are the folders 1 to 5; unpack {tar} of ImageNet-C again"
        )
    pictures, where = found / str(severity), f"unpack {tar} of ImageNet-C again"
    table = list_class_folders(pictures, labels_by_wnid(), where=where)
    stems = [PurePosixPath(name).stem for name in table["file"]]
    numbers = label_files.compare_with_published(
        stems,
        table["label"].to_numpy(),
        said_by=f"{display_path(pictures)}, a folder a class",
        fix=where,
    )
    if complete:
        require_complete(table, pictures, labels_by_wnid(), total=VALIDATION, each=50, where=where)
    table.insert(0, "example", [PurePosixPath(name).name for name in table["file"]])
    name = f"c/{corruption}/{severity}"
    return PictureSet(name, pictures, table.assign(number=numbers), tuple(range(CLASSES)))


def _group(corruption: str, severity: int) -> str:
    """The group that a corruption was published in, once it and the severity are right."""
    names = {name: group for group, listed in C_GROUPS.items() for name in listed}
    if corruption not in names:
        raise UserError(
            f"ImageNet-C has no corruption {corruption!r}; allowed: {', '.join(names)}"
            f"{did_you_mean(corruption, names)}"
        )
    if severity not in SEVERITIES:
        raise UserError(f"severity is {severity!r}; allowed: 1 to 5")
    return names[corruption]
