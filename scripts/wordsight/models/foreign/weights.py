"""Read tensors by name from files of weights that others wrote, without running anything in them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from wordsight.errors import WeightsError
from wordsight.files import hashing, signatures
from wordsight.models.foreign import torch_files
from wordsight.models.foreign.torch_files import StoredTensor
from wordsight.models.tensors import Tensors, read_safetensors, shorten

TORCH_SUFFIXES = (".pth", ".pt", ".tar", ".bin")


def verify(path: Path | str, sha256: str | None = None) -> str:
    """Check that a file may hold weights, and return its SHA-256.

    Parameters
    ----------
    path : file
    sha256 : expected SHA-256 in hexadecimal; the first digits are enough

    Raises
    ------
    WeightsError
        When the file is missing or empty, is a web page or the like, or has another SHA-256.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: expected weights, but there is no such file")
    if found := signatures.misplaced(signatures.start_of(path)):
        hint = "; run `git lfs pull`" if found == signatures.LFS_POINTER else ""
        raise WeightsError(f"{path}: expected weights, but this is {found}{hint}")
    digest = hashing.sha256(path)
    if sha256 and not digest.startswith(sha256):
        raise WeightsError(f"{path}: expected SHA-256 {sha256}, found {digest}")
    return digest


def tensors(path: Path | str, *, key: str | None = None, prefix: str = "") -> Tensors:
    """Tensors by name, on the CPU, from a file that may also hold other things.

    Parameters
    ----------
    path : file of safetensors, ``torch.save`` or TorchScript
    key : entry of the file that holds the tensors
    prefix : only tensors with this prefix are read, and it is removed from their names

    Raises
    ------
    WeightsError
        When the file is damaged or would run code, the key is missing, no name has the prefix, or something
        with the prefix is not a tensor.
    """
    path = Path(path)
    with _opened(path) as contents:
        wanted = _select(contents if key is None else _entry(contents, key, path), prefix, path)
        return {name[len(prefix) :]: _read(value) for name, value in wanted.items()}


def _entry(contents: Any, key: str, path: Path) -> Any:
    """What a file holds under a key."""
    if not isinstance(contents, dict) or key not in contents:
        raise WeightsError(f"{path}: expected the key {key!r}, found {shorten(_names(contents))}")
    return contents[key]


def _select(contents: Any, prefix: str, path: Path) -> dict[str, torch.Tensor | StoredTensor]:
    """Tensors whose names have the prefix; anything else with the prefix is refused."""
    if not isinstance(contents, dict):
        raise WeightsError(f"{path}: expected tensors by name, found {type(contents).__name__}")
    # A file may replace the ``items`` of its OrderedDict by something else.
    wanted = {name: value for name, value in dict.items(contents) if str(name).startswith(prefix)}
    others = [
        str(name)
        for name, value in wanted.items()
        if not (isinstance(name, str) and isinstance(value, torch.Tensor | StoredTensor))
    ]
    if others:
        raise WeightsError(
            f"{path}: holds {shorten(others)} besides tensors; set `key` to the entry that holds only tensors"
        )
    if not wanted:
        raise WeightsError(
            f"{path}: expected names that start with {prefix!r}, found {shorten(_names(contents))}"
        )
    return wanted


def _read(value: torch.Tensor | StoredTensor) -> torch.Tensor:
    return value.read() if isinstance(value, StoredTensor) else value.detach()


def _names(contents: Any) -> list[str]:
    return list(map(str, dict.keys(contents))) if isinstance(contents, dict) else [type(contents).__name__]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Contents of a file, in which tensors may be :class:`StoredTensor`."""
    if path.suffix == ".safetensors":
        yield read_safetensors(path)
    elif path.suffix not in TORCH_SUFFIXES:
        raise WeightsError(
            f"{path}: expected weights in a file ending in .safetensors, {', '.join(TORCH_SUFFIXES)}"
        )
    elif (contents := _plain(path)) is not None:
        yield contents
    else:
        with torch_files.opened(path) as contents:
            yield contents


def _plain(path: Path) -> Any:
    """Contents as torch itself reads them safely; None if it refuses the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # after a warning, torch still either reads or refuses the file
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # it refuses with errors of every type
        return None
