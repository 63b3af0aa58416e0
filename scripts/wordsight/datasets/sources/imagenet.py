"""Test sets with ImageNet's classes, from the user's own copy as it was published, unpacked or not.

The copy may be smaller and have fewer classes: a classifier of all 1,000 is then asked for the ones that are
there, as is usual for ImageNet-R and ObjectNet.

Sources: Russakovsky et al. 2015, https://doi.org/10.1007/s11263-015-0816-y (validation); Recht et al. 2019,
https://arxiv.org/abs/1902.10811 (v2, matched frequency); Wang et al. 2019, https://arxiv.org/abs/1905.13549
(sketch); Hendrycks et al. 2021, https://arxiv.org/abs/2006.16241 (r); Barbu et al. 2019,
https://objectnet.dev (objectnet)
"""

import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

import scipy.io

from wordsight.catalogue.section import nearest
from wordsight.config.datasets import ImagenetDataset
from wordsight.datasets import synsets
from wordsight.datasets.archives import Files, list_files, list_nested
from wordsight.datasets.source import Item, Source
from wordsight.errors import DataError
from wordsight.files.pixels import decode

VALIDATION = "ILSVRC2012_img_val.tar"
TRAIN = "ILSVRC2012_img_train.tar"
DEVKIT = ("ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_devkit_t12")
META = "data/meta.mat"
GROUND_TRUTH = "data/ILSVRC2012_validation_ground_truth.txt"
FLAT = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG")
IMAGES = {".jpeg", ".jpg", ".png"}

FOLDERS = "folder_to_objectnet_label.json"
LABELS = "objectnet_to_imagenet_1k.json"
BORDER = 2  # pixels, red, so that no image of ObjectNet is trained on unnoticed


@dataclass(frozen=True)
class Copy:
    """What a copy holds: labels are places in ``classes``, and ``indices`` those in ImageNet's 1,000."""

    classes: list[str]
    indices: list[list[int]]
    train: list[Item]
    test: list[Item]
    border: str | None = None


@dataclass(frozen=True)
class Variant:
    """A published test set: how a copy is read, and how many images a whole one has."""

    read: Callable[[Path], Copy]
    images: int
    licence: str
    origin: str


def load(section: ImagenetDataset) -> Source:
    """List the images of the variant ``section.variant`` below ``section.path``.

    Raises
    ------
    DataError
        When a file is missing, damaged or no archive, a folder is none of the variant's classes, images and
        ground truth do not fit, or there are fewer or more images than were published, or than
        ``section.images`` says. What is no image is found when it is read.
    """
    variant = VARIANTS[section.variant]
    copy = _present(variant.read(Path(section.path)))
    if not copy.test:
        raise DataError(f"{section.path}: has no images in one folder for each class")
    expected = section.images or variant.images
    if len(copy.test) != expected:
        raise DataError(
            f"{section.path}: expected {expected:,} images of ImageNet's variant {section.variant!r}, found "
            f"{len(copy.test):,}; if this is all that the copy has, say `images: {len(copy.test)}`"
        )
    whole = copy.indices == [[index] for index in range(len(synsets.synsets()))]
    return Source(
        origin=variant.origin,
        licence=variant.licence,
        classes=copy.classes,
        train=copy.train,
        test=copy.test,
        label_space=synsets.SPACE,
        label_indices=None if whole else copy.indices,
        border=copy.border,
    )


def _present(copy: Copy) -> Copy:
    """Go without the classes of which there is no image."""
    present = sorted({item.label for item in (*copy.train, *copy.test)})
    labels = {label: place for place, label in enumerate(present)}

    def relabelled(items: list[Item]) -> list[Item]:
        return [replace(item, label=labels[item.label]) for item in items]

    return replace(
        copy,
        classes=[copy.classes[label] for label in present],
        indices=[copy.indices[label] for label in present],
        train=relabelled(copy.train),
        test=relabelled(copy.test),
    )


def _of_imagenet(test: list[Item], train: list[Item] | None = None) -> Copy:
    """Copy whose labels are ImageNet's."""
    names = synsets.class_names()
    return Copy(names, [[index] for index in range(len(names))], train or [], test)


def _name(path: PurePosixPath) -> str:
    """Id of an image whose file name is the only one of its kind."""
    return path.name


def _folder_and_name(path: PurePosixPath) -> str:
    """Id of an image whose file name occurs in other classes as well."""
    return f"{path.parent.name}/{path.name}"


def _by_class(
    root: Path,
    files: Files,
    classes: Mapping[str, int | None],
    name: Callable[[PurePosixPath], str] = _folder_and_name,
) -> list[Item]:
    """Items of the images whose folder is that of a class; None leaves a class out.

    Raises
    ------
    DataError
        When the folder of an image is that of no class.
    """
    items = []
    for path, read in zip(map(PurePosixPath, files), files.values(), strict=True):
        if path.suffix.lower() not in IMAGES:
            continue
        folder = path.parent.name
        if folder not in classes:
            raise DataError(
                f"{root}: {path}: the folder {folder!r} is not named after a class; {_hint(folder, classes)}"
            )
        label = classes[folder]
        if label is not None:
            items.append(Item(name(path), label, read))
    return items


def _hint(folder: str, classes: Iterable[str]) -> str:
    """Nearest class, or the first of all of them."""
    names = list(classes)
    hint = nearest(folder, names)
    return hint.split("; ")[0] if hint.startswith("did") else f"such as {names[0]!r}"


def _numbers() -> dict[str, int]:
    return {synset: index for index, synset in enumerate(synsets.synsets())}


# ImageNet itself


def _validation(root: Path) -> Copy:
    """Images in one archive or folder with the development kit beside them, or in a folder for each class.

    Training images are read when they are there: from their archive, or from the folder ``train`` beside
    ``val``.
    """
    if (root / VALIDATION).is_file():
        test = _flat(root, list_files(root / VALIDATION))
        train = list_nested(root / TRAIN) if (root / TRAIN).is_file() else {}
        return _of_imagenet(test, _by_class(root / TRAIN, train, _numbers(), _name))
    folder = root / "val" if (root / "val").is_dir() else root
    if (root / "train").is_dir() and folder == root:
        raise DataError(f"{root}: has no folder val beside train")
    files = list_files(folder)
    if any(FLAT.fullmatch(name) for name in files):
        test = _flat(root, files)
    else:
        test = _by_class(folder, files, _numbers(), _name)
    if not test:
        raise DataError(
            f"{root}: expected {VALIDATION}, or images in a folder val or in one for each class, found none"
        )
    train = list_files(root / "train") if (root / "train").is_dir() else {}
    return _of_imagenet(test, _by_class(root / "train", train, _numbers(), _name))


def _flat(root: Path, files: Files) -> list[Item]:
    """Items of images that are numbered: the development kit says what each shows."""
    labels = _ground_truth(root)
    items = []
    for name, read in files.items():
        found = FLAT.fullmatch(PurePosixPath(name).name)
        if found is None:
            continue
        number = int(found[1])
        if not 1 <= number <= len(labels):
            raise DataError(
                f"{root}: {name}: {GROUND_TRUTH} has {len(labels):,} lines and none for this image, number "
                f"{number}"
            )
        items.append(Item(found[0], labels[number - 1], read))
    return items


def _ground_truth(root: Path) -> list[int]:
    """Label of each validation image, in the order of the numbers in their names."""
    path = next((root / name for name in DEVKIT if (root / name).exists()), None)
    if path is None:
        raise DataError(
            f"{root / DEVKIT[0]}: expected the development kit, which says what the images show; it is "
            "missing"
        )
    files = {"/".join(PurePosixPath(name).parts[-2:]): read for name, read in list_files(path).items()}
    for name in (META, GROUND_TRUTH):
        if name not in files:
            raise DataError(f"{path}: has no file {name}")
    known = _own_numbers(files[META](), path)
    lines = files[GROUND_TRUTH]().decode("ascii", "replace").split()
    for place, line in enumerate(lines, start=1):
        if line not in known:
            raise DataError(
                f"{path}: {GROUND_TRUTH}: line {place}: expected the number of a class in {META}, "
                f"found {line[:20]!r}"
            )
    return [known[line] for line in lines]


def _own_numbers(data: bytes, path: Path) -> dict[str, int]:
    """Label of each number that the development kit gives a class; it numbers inner synsets as well."""
    labels = _numbers()
    try:
        table = scipy.io.loadmat(io.BytesIO(data), squeeze_me=True)["synsets"]
        rows = zip(table["ILSVRC2012_ID"], table["WNID"], table["num_children"], strict=True)
        return {str(int(number)): labels[str(synset)] for number, synset, children in rows if not children}
    except (KeyError, IndexError, TypeError, ValueError, NotImplementedError, OSError, zlib.error) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{path}: {META}: is not the table of ImageNet's synsets ({reason})") from None


# Other test sets


def _v2(root: Path) -> Copy:
    """Folders are named after the labels."""
    return _of_imagenet(_by_class(root, list_files(root), {str(index): index for index in range(1000)}))


def _by_synset(root: Path) -> Copy:
    """Folders are named after the synsets."""
    return _of_imagenet(_by_class(root, list_files(root), _numbers()))


def _objectnet(root: Path) -> Copy:
    """Images of the classes that ImageNet has as well, without the red border.

    A class of ObjectNet stands for one of ImageNet or for several: its two tables say which.
    """
    files = list_files(root)
    folders, labels = (_mapping(root, files, name) for name in (FOLDERS, LABELS))
    kept = sorted(folder for folder, label in folders.items() if label in labels)
    missing = sorted(labels.keys() - folders.values())
    if missing:
        raise DataError(f"{root}: {FOLDERS}: {LABELS} names {missing[0]!r}, but there is no such folder")
    numbers = {names: index for index, names in enumerate(synsets.lemmas())}
    places = {folder: kept.index(folder) if folder in kept else None for folder in folders}
    items = [replace(item, read=partial(_without_border, item)) for item in _by_class(root, files, places)]
    return Copy(
        classes=[folders[folder] for folder in kept],
        indices=[_indices(root, labels[folders[folder]], numbers) for folder in kept],
        train=[],
        test=items,
        border="red",
    )


def _mapping(root: Path, files: Files, name: str) -> dict[str, str]:
    """A table of ObjectNet: an object of texts."""
    found = [read for path, read in files.items() if PurePosixPath(path).name == name]
    if not found:
        raise DataError(f"{root}: has no file mappings/{name}, which is part of ObjectNet")
    try:
        table = json.loads(found[0]())
    except ValueError as error:
        raise DataError(f"{root}: mappings/{name}: is not valid JSON ({error})") from None
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise DataError(f"{root}: mappings/{name}: expected an object that maps names to names")
    return table


def _indices(root: Path, names: str, numbers: Mapping[str, int]) -> list[int]:
    """Labels of ImageNet that a class of ObjectNet stands for."""
    parts = [part.strip() for part in names.split(";")]
    for part in parts:
        if part not in numbers:
            raise DataError(f"{root}: mappings/{LABELS}: unknown class {part!r}; {_hint(part, numbers)}")
    return [numbers[part] for part in parts]


def _without_border(item: Item) -> bytes:
    """Image file of what is inside the border."""
    image = decode(item.read(), item.id)
    buffer = io.BytesIO()
    # These are large photographs: at the usual level, compressing them would take hours more for all of them.
    image.crop((BORDER, BORDER, image.width - BORDER, image.height - BORDER)).save(
        buffer, format="PNG", compress_level=1
    )
    return buffer.getvalue()


CODE_TERMS = "repository: MIT; images: as their authors allow"
IMAGENET_TERMS = "ImageNet: non-commercial research"
VARIANTS = {
    "validation": Variant(_validation, 50_000, IMAGENET_TERMS, "https://image-net.org"),
    "v2": Variant(_v2, 10_000, CODE_TERMS, "https://github.com/modestyachts/ImageNetV2"),
    "sketch": Variant(_by_synset, 50_889, CODE_TERMS, "https://github.com/HaohanWang/ImageNet-Sketch"),
    "r": Variant(_by_synset, 30_000, CODE_TERMS, "https://github.com/hendrycks/imagenet-r"),
    "objectnet": Variant(
        _objectnet,
        18_574,
        "CC BY 4.0, and never to tune a model; an image is shown on the web with its red border only",
        "https://objectnet.dev",
    ),
}
