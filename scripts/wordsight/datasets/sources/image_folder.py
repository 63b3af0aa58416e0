"""Images in folders: ``path/<split>/<class>/<image>``."""

from functools import partial
from pathlib import Path

from wordsight.config.datasets import ImageFolderDataset
from wordsight.datasets.source import USERS_OWN, Item, Source, class_names
from wordsight.errors import DataError


def load(section: ImageFolderDataset) -> Source:
    """List the images below ``section.path``; names that start with a dot are ignored.

    Raises
    ------
    DataError
        When a folder is missing or empty, there is a file in place of a folder for a class, or the splits
        share a folder or have different classes. Files that aren't images are found when they are read.
    """
    root = Path(section.path)
    folders = section.splits
    if len(set(folders.values())) < len(folders):
        raise DataError(
            f"{root}: splits: expected two different folders, found {', '.join(folders.values())}"
        )
    classes = {split: _classes(root / folder) for split, folder in folders.items()}
    names = class_names(name for found in classes.values() for name in found)
    for split, folder in folders.items():
        for missing in sorted(set(names) - set(classes[split])):
            raise DataError(
                f"{root / folder / missing}: does not exist, but another split has the class {missing!r}"
            )
    items = {split: _items(root, folder, names) for split, folder in folders.items()}
    return Source(
        origin=str(section.path),
        licence=USERS_OWN,
        classes=names,
        train=items.get("train", []),
        test=items.get("test", []),
    )


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _classes(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise DataError(f"{folder}: does not exist; put one subfolder for each class there")
    for path in _visible(folder):
        if not path.is_dir():
            raise DataError(f"{path}: is a file, but only folders belong here, one for each class")
    classes = [path.name for path in _visible(folder)]
    if not classes:
        raise DataError(f"{folder}: is empty; put one subfolder for each class there")
    return classes


def _items(root: Path, folder: str, classes: list[str]) -> list[Item]:
    items = []
    for label, name in enumerate(classes):
        files = _files(root / folder / name)
        if not files:
            raise DataError(f"{root / folder / name}: has no images of the class {name!r}")
        items += [Item(path.relative_to(root).as_posix(), label, partial(path.read_bytes)) for path in files]
    return items


def _files(folder: Path) -> list[Path]:
    """Files in the folder of a class, at any depth."""
    files = []
    for path in _visible(folder):
        files += _files(path) if path.is_dir() else [path]
    return files
