"""Captioned images of the Hugging Face hub, or of local files that its library ``datasets`` reads.

Images stay encoded and on disk, in the library's Arrow files. Its downloads go into the cache of all
downloads, and the files that it converts below ``resources/downloads``. No code of a dataset is run: since
version 4, the library doesn't support dataset scripts.
"""

import gc
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import datasets
from huggingface_hub import constants, utils

from wordsight.catalogue.section import nearest
from wordsight.config.datasets import HuggingFaceDataset
from wordsight.datasets.source import MEANS_NONE, NO_LABEL, USERS_OWN, Item, Source, as_text, class_names
from wordsight.datasets.splitting import hold_out
from wordsight.downloads import cache, hub
from wordsight.errors import DataError, masked
from wordsight.files import listing

ROOT = "resources/downloads/huggingface"
NEEDED = ("caption_column", "label_column")  # A column that is configured must have a text in every row.
OPTIONAL = ("concept_column", "style_column")


@dataclass(frozen=True)
class Slice:
    """Consecutive rows of one of the library's splits; ``first`` is the index of the first row there."""

    split: str
    first: int
    rows: datasets.Dataset

    def id(self, place: int) -> str:
        """Id of a row, which is the same in every slice that holds it."""
        return f"{self.split}-{self.first + place:07d}"


@dataclass(frozen=True)
class Images:
    """The encoded images of a slice; those that are files of their own lie below one of ``folders``."""

    column: str
    rows: datasets.Dataset
    folders: tuple[Path, ...]

    def read(self, place: int) -> bytes:
        """Content of an image file."""
        image = self.rows[place][self.column] or {}
        if image.get("bytes") is not None:
            return image["bytes"]
        if not image.get("path"):
            raise OSError(f"no image in the column {self.column}")
        path = Path(image["path"]).resolve()
        if not any(path.is_relative_to(folder) for folder in self.folders):
            raise OSError(f"{path} lies outside {self.folders[0]}")
        return path.read_bytes()


def load(section: HuggingFaceDataset) -> Source:
    """Load the dataset; from the hub, unless it was downloaded before.

    Raises
    ------
    DataError
        When the dataset can't be read, a split or column is missing or has the wrong type, or a row lacks a
        text. Files that aren't images are found when they are read.
    """
    where = str(section.name or section.path)
    data = _open(section, where)
    slices = {
        split: _slices(data, spec, f"{where}: splits.{split}") for split, spec in section.splits.items()
    }
    every = [piece for split in slices.values() for piece in split]
    for piece in every:
        _check_columns(piece.rows, section, where)
    classes = _classes(every, section.label_column, where)
    items = {
        split: [item for piece in found for item in _items(piece, section, classes, where)]
        for split, found in slices.items()
    }
    train = hold_out(items.get("train", []), section.validation, Path(where).absolute().name)
    return Source(*_provenance(section, next(iter(data.values()))), classes, train, items.get("test", []))


def _root() -> Path:
    return Path(ROOT).resolve()


def _hub_cache() -> Path:
    return cache.cache() / hub.HUB


def _provenance(section: HuggingFaceDataset, rows: datasets.Dataset) -> tuple[str, str]:
    """Origin and licence; the library names the folder of its Arrow files after the commit on the hub."""
    if section.path:
        return section.path, USERS_OWN
    commit = Path(rows.cache_files[0]["filename"]).parent.name
    page = f"{constants.ENDPOINT}/datasets/{section.name}"
    return masked(f"{page}@{commit}"), rows.info.license or "unknown: see the dataset's page"


@contextmanager
def _settings(endpoint: str) -> Iterator[None]:
    """Make the library use this hub and our cache, send no statistics, and draw no progress bars in a log."""
    settings: dict[Any, dict[str, Any]] = {
        constants: {
            "ENDPOINT": endpoint,
            "HUGGINGFACE_CO_URL_TEMPLATE": endpoint + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(_hub_cache()),
            "HF_HUB_DISABLE_TELEMETRY": True,
            "HF_HUB_DISABLE_XET": True,  # it has a cache of its own, which only an environment variable moves
            "HF_HUB_OFFLINE": cache.offline(),
        },
        datasets.config: {
            "HF_ENDPOINT": endpoint,
            "HUB_DATASETS_URL": endpoint + "/datasets/{repo_id}/resolve/{revision}/{path}",
            "HF_UPDATE_DOWNLOAD_COUNTS": False,
            "HF_HUB_OFFLINE": cache.offline(),
        },
    }
    before = {module: {name: getattr(module, name) for name in values} for module, values in settings.items()}
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
        utils.disable_progress_bars()
    level = datasets.logging.get_verbosity()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # our own errors say what is wrong
    try:
        for module, values in settings.items():
            vars(module).update(values)
        yield
    finally:
        datasets.logging.set_verbosity(level)
        for module, values in before.items():
            vars(module).update(values)


@contextmanager
def _closing_open_files() -> Iterator[None]:
    """Close a ``metadata.csv`` that the library leaves open, without a warning here or in a later step."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


def _open(section: HuggingFaceDataset, where: str) -> Mapping[str, datasets.Dataset]:
    """Splits by name, memory-mapped; a dataset of the hub is from the first address that has it."""
    reasons: list[str] = []
    no_connection = False
    for endpoint in [constants.ENDPOINT] if section.path else hub.hubs():
        try:
            with cache.shared_as_the_cache_is(), _settings(endpoint), _closing_open_files():
                if section.path:
                    return _open_local(Path(section.path).resolve(), section.subset)
                return _open_remote(section, endpoint)
        except DataError:
            raise
        except Exception as error:  # The library's readers of a dozen formats raise errors of any type.
            reasons.append(_reason(error))
            no_connection = isinstance(error, ConnectionError)
    advice = "; without a network, set path to a copy of its files" if no_connection else ""
    raise DataError(f"{where}: cannot be read ({'; '.join(reasons)}){advice}")


def _open_remote(section: HuggingFaceDataset, endpoint: str) -> Mapping[str, datasets.Dataset]:
    # Without the prefix, the library would use a local folder that happens to have this name.
    return datasets.load_dataset(
        f"hf://datasets/{section.name}",
        section.subset,
        revision=section.revision,
        cache_dir=str(_root()),
        token=hub.token_for(endpoint),
    )


def _open_local(path: Path, subset: str | None) -> Mapping[str, datasets.Dataset]:
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        saved = datasets.load_from_disk(str(path))
        return {str(saved.split or "train"): saved} if isinstance(saved, datasets.Dataset) else saved
    if link := listing.linked_folder(path):
        raise DataError(
            f"{link}: is a link to a folder, which the library datasets leaves out; put a copy there"
        )
    folder, file = (path.parent, path.name) if path.is_file() else (path, None)
    # The library knows a file by its time, and would give its copy of an earlier file with the same time.
    again = datasets.DownloadMode.FORCE_REDOWNLOAD
    return datasets.load_dataset(
        str(folder), subset, data_files=file, cache_dir=str(_root()), download_mode=again
    )


def _reason(error: Exception) -> str:
    """Type and first words of an error, or of its cause if the library wrapped it."""
    wrapped = isinstance(error, datasets.exceptions.DatasetGenerationError) and error.__cause__
    cause = wrapped or error
    return f"{type(cause).__name__}: {' '.join(str(cause).split())[:200]}"


def _slices(data: Mapping[str, datasets.Dataset], spec: str, where: str) -> list[Slice]:
    """Rows that the library's notation stands for: ``train``, ``train[:90%]``, ``train+validation``."""
    sizes = {str(name): len(rows) for name, rows in data.items()}
    try:
        absolute = datasets.ReadInstruction.from_spec(spec).to_absolute(sizes)
    except ValueError:
        hint = nearest(spec.partition("[")[0], list(sizes))
        raise DataError(f"{where}: unknown split {spec!r}; {hint}") from None
    return [
        Slice(piece.splitname, piece.from_, data[piece.splitname].select(range(piece.from_, piece.to)))
        for piece in absolute
    ]


def _check_columns(rows: datasets.Dataset, section: HuggingFaceDataset, where: str) -> None:
    for key in ("image_column", *NEEDED, *OPTIONAL):
        name = getattr(section, key)
        if name is not None and name not in rows.column_names:
            raise DataError(f"{where}: {key}: unknown column {name!r}; {nearest(name, rows.column_names)}")
    feature = rows.features[section.image_column]
    encoded = getattr(feature, "dtype", None) in ("binary", "large_binary")
    unmarked = isinstance(feature, dict) and {"bytes", "path"} == feature.keys()
    if not (encoded or unmarked or isinstance(feature, datasets.Image)):
        raise DataError(f"{where}: image_column: expected images in {section.image_column}, found {feature}")


def _classes(slices: list[Slice], column: str | None, where: str) -> list[str]:
    """Names of the classes: those that the column declares, or else the distinct labels."""
    if column is None:
        return []
    features = [piece.rows.features[column] for piece in slices]
    declared = [list(f.names) if isinstance(f, datasets.ClassLabel) else None for f in features]
    if any(names != declared[0] for names in declared):
        raise DataError(f"{where}: label_column: the splits have different class names")
    if declared and declared[0] is not None:
        return declared[0]
    texts = (text for piece in slices for text in _texts(piece, column, where, needed=True))
    return class_names(texts, f"{where}: the column {column}")


def _items(piece: Slice, section: HuggingFaceDataset, classes: list[str], where: str) -> Iterator[Item]:
    column = section.image_column
    encoded = piece.rows.select_columns([column]).cast_column(column, datasets.Image(decode=False))
    read = Images(column, encoded, _folders(section)).read
    numbers = {name: number for number, name in enumerate(classes)}
    columns = [
        _texts(piece, getattr(section, key), where, needed=key in NEEDED) for key in (*NEEDED, *OPTIONAL)
    ]
    for place, (caption, label, concept, style) in enumerate(zip(*columns, strict=True)):
        number = numbers[label] if classes else NO_LABEL
        yield Item(piece.id(place), number, partial(read, place), caption, concept, style)


def _folders(section: HuggingFaceDataset) -> tuple[Path, ...]:
    """Folders in which images may lie that are files of their own."""
    if not section.path:
        return _root(), _hub_cache().resolve()
    path = Path(section.path).resolve()
    # In the hub's own cache, the files of a snapshot are links to the repository's blobs.
    blobs = [path.parents[1] / "blobs"] if path.parent.name == "snapshots" else []
    return path, _root(), *blobs


def _texts(piece: Slice, column: str | None, where: str, *, needed: bool) -> Iterator[str]:
    """Text of each row in a column: the first if it is a list. Without a column, all texts are empty."""
    if column is None:
        yield from repeat("", len(piece.rows))
        return
    feature = piece.rows.features[column]
    names = feature.names if isinstance(feature, datasets.ClassLabel) else None
    for place, value in enumerate(piece.rows[column]):
        item = f"{where}: {piece.id(place)}"
        if isinstance(value, list):
            value = value[0] if value else None
        elif names is not None:
            if value == NO_LABEL:
                raise DataError(f"{item}: the column {column} is -1, which {MEANS_NONE}")
            value = names[value] if value in range(len(names)) else None
        text = as_text(value, column, item)
        if needed and not text:
            raise DataError(f"{item}: the column {column} is empty")
        yield text
