"""Images in folders: ``path/<split>/<class>/<image>``."""

from functools import partial
from pathlib import Path

from wordsight.catalogue.prose import some
from wordsight.config.datasets import ImageFolderDataset
from wordsight.datasets.source import USERS_OWN, Item, Source, class_names
from wordsight.errors import DataError
from wordsight.files import listing

MOST_NAMED = 5


def load(section: ImageFolderDataset) -> Source:
    """List the images below ``section.path``; links are followed, names that start with a dot are ignored.

    Raises
    ------
    DataError
        When a folder is missing or empty, there is a file in place of a folder for a class, or the splits
        share a folder or have different classes; or for what :func:`wordsight.files.listing.below` refuses.
        Files that aren't images are found when they are read.
    """
    root = Path(section.path)
    folders = section.splits
    if len({(root / folder).resolve() for folder in folders.values()}) < len(folders):
        raise DataError(
            f"{root}: splits: expected two different folders, found {', '.join(folders.values())}"
        )
    for split, folder in folders.items():
        if not (root / folder).is_dir():
            raise DataError(f"{root / folder}: does not exist; {_instead(root, split)}")
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


def _instead(root: Path, split: str) -> str:
    """What to do about the folder of a split that is missing: another one may be meant."""
    others = [path.name for path in listing.entries(root) if path.is_dir()] if root.is_dir() else []
    if not others:
        return "put one subfolder for each class there"
    names = some(others, MOST_NAMED)
    return f"{root} has {names}; name the folder with `splits`, such as `splits: {{{split}: {others[-1]}}}`"


def _classes(folder: Path) -> list[str]:
    found = listing.entries(folder)
    for path in found:
        if wrong := listing.problem(path):
            raise DataError(f"{path}: {wrong}")
        if not path.is_dir():
            raise DataError(f"{path}: is a file, but only folders belong here, one for each class")
    if not found:
        raise DataError(f"{folder}: is empty; put one subfolder for each class there")
    return [path.name for path in found]


def _items(root: Path, folder: str, classes: list[str]) -> list[Item]:
    items = []
    for label, name in enumerate(classes):
        files = listing.below(root / folder / name)
        if not files:
            raise DataError(f"{root / folder / name}: has no images of the class {name!r}")
        place = Path(folder, name)
        items += [
            Item((place / file).as_posix(), label, partial(path.read_bytes)) for file, path in files.items()
        ]
    return items
