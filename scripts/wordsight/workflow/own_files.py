"""The user's own files: which of them each section of a configuration reads, and the digest of their bytes.

What a step reads is what is digested here: by the same lists of files, or for a folder of which it reads some
files by their names, all of them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from wordsight.catalogue.prose import join
from wordsight.config.experiment import Config
from wordsight.datasets.shards import find_shards
from wordsight.errors import ConfigError, WordsightError
from wordsight.files import listing, python_imports
from wordsight.workflow.content import Memory, digest
from wordsight.workflow.params import values_of

Values = Mapping[str, Any]
Files = dict[str, Path]

# What to do when the path of a dataset doesn't exist.
LAYOUT = "docs/add-a-dataset.md says which files belong there"
# Where to get the variants of ImageNet, which no program may download or which come as several archives.
IMAGENET = {
    "validation": "https://image-net.org/download",
    "v2": "https://github.com/modestyachts/ImageNetV2",
    "sketch": "https://github.com/HaohanWang/ImageNet-Sketch",
    "r": "https://github.com/hendrycks/imagenet-r",
    "objectnet": "https://objectnet.dev",
}


def user_content(config: Config, *path: str) -> list[str]:
    """Digests of the user's own files and folders that a section names; empty if it names none.

    A file that also has an address may be missing.

    Raises
    ------
    ConfigError
        When a file or folder can't be read, or is missing. The error lists the missing ones of all sections,
        so that they can be got at once.
    """
    section = values_of(config, *path)
    try:
        named = _named(section)
        missing = not all(Path(file).exists() for file in named.values())
    except OSError as error:  # such as a name that is too long
        reason = (error.strerror or "it can't be read").lower()
        raise ConfigError(f"config: {'.'.join(path)}: {error.filename}: {reason}") from None
    if missing:
        raise ConfigError(_missing(config))
    return [_digest(section, key, file, ".".join((*path, key))) for key, file in named.items()]


def content(path: str, name: str) -> str:
    """Digest of a file or folder of the project; raises :class:`ConfigError` if it can't be read."""
    if not Path(path).exists():
        raise ConfigError(f"{name}: is missing in this copy of wordsight; get it again")
    return _digest({"source": ""}, "path", path, name)


@cache
def memory() -> Memory:
    """Digests of the user's files, which a run of Snakemake reads once."""
    return Memory()


def _digest(section: Values, key: str, file: str, where: str) -> str:
    read = READ.get(section["source"], _whole) if key == "path" else _whole
    try:
        made = digest(read(section, Path(file)), memory())
        memory().keep()
        return made
    except OSError as error:
        raise ConfigError(f"config: {where}: {file} cannot be read ({error.strerror})") from None
    except WordsightError as error:
        raise ConfigError(f"config: {where}: {error}") from None


def _named(section: Values) -> dict[str, str]:
    """Files and folders that only the user can have, by the key of a section that names them."""
    # For torchvision, `weights` is a name; for a user's Python function, it is a file.
    keys = ["path", "weights"] if section["source"] == "python" else ["path"]
    return {
        key: section[key]
        for key in keys
        if section.get(key) and (Path(section[key]).exists() or not section.get("url"))
    }


# What a step reads at a path, by the names that matter to it


def _whole(_: Values, path: Path) -> Files:
    """The file, or every file below the folder, of which the step may read any by its name."""
    if wrong := listing.problem(path):
        raise ConfigError(f"{path}: {wrong}")
    return listing.below(path, hidden=True, strict=False) if path.is_dir() else {"": path}


def _splits(section: Values, path: Path) -> Files:
    """Images of the splits' folders. The step refuses one that is missing, and says what belongs there."""
    return {
        f"{split}/{name}": file
        for split, folder in section["splits"].items()
        if (path / folder).is_dir()
        for name, file in listing.below(path / folder).items()
    }


def _shards(section: Values, path: Path) -> Files:
    return {file.relative_to(path).as_posix(): file for file in find_shards(path, section["splits"])}


def _code(_: Values, path: Path) -> Files:
    return {"": path, **python_imports.beside(path)}


READ: dict[str, Callable[[Values, Path], Files]] = {
    "image_folder": _splits,
    "webdataset": _shards,
    "python": _code,
}


# What is missing


def missing(config: Config, section: str, name: str) -> list[str]:
    """Files and folders of the user that an entry names and that aren't there.

    Each line says where to get one, and what to remove from the configuration to do without it.
    """
    values = values_of(config, section, name)
    return [
        f"{section}.{name}.{key}: {file} does not exist ({'; '.join(_steps(config, section, name, values))})"
        for key, file in _named(values).items()
        if not Path(file).exists()
    ]


def _missing(config: Config) -> str:
    """All files and folders of the user that are missing."""
    found = [
        line
        for section in ("datasets", "models", "text_models", "corpora")
        for name in getattr(config, section)
        if section != "models" or config.network(name) == name
        for line in missing(config, section, name)
    ]
    return f"config: {'; '.join(found)}"


def _steps(config: Config, section: str, name: str, values: Values) -> list[str]:
    steps = values.get("by_hand") or (LAYOUT if section == "datasets" else "")
    address = IMAGENET.get(values.get("variant", "")) if values["source"] == "imagenet" else None
    found = [*([f"get it from {address}"] if address else []), *([steps] if steps else [])]
    return [*found, f"{'or ' if found else ''}remove {join(_without(config, section, name))}"]


# Sections that name entries of others, and the keys at which they do.
REFERRING = ("pretraining", "protocols", "contrasts")
NAMES_OF = {"datasets": {"datasets", "dataset", "images"}, "models": {"models", "baseline"}}


def _without(config: Config, section: str, name: str) -> list[str]:
    """What to remove to do without an entry: itself, its name elsewhere, and what names nothing else."""
    values = config.model_dump(mode="json", include={*REFERRING})
    found = list(_mentions(values, name, NAMES_OF.get(section, ())))
    shared = [f"its name in {path}" for path, alone in found if not alone]
    owners = dict.fromkeys(".".join(path.split(".")[:2]) for path, alone in found if alone)
    return [f"{section}.{name}", *shared, *(f"all of {owner}, which names nothing else" for owner in owners)]


def _mentions(values: Any, name: str, keys: Collection[str], path: str = "") -> Iterator[tuple[str, bool]]:
    """Paths of the keys whose value is or has the name of an entry, and whether that is all they have."""
    for key, value in values.items() if isinstance(values, Mapping) else ():
        here = f"{path}.{key}" if path else key
        names = [value] if isinstance(value, str) else value
        if key in keys and isinstance(names, list | Mapping) and name in names:
            yield here, len(names) == 1
        else:
            yield from _mentions(value, name, keys, here)
