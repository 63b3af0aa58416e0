"""Tensors by name out of files of weights from elsewhere, of which nothing is run."""

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
from wordsight.models.tensors import Tensors, read_safetensors, some

TORCH_SUFFIXES = (".pth", ".pt", ".tar", ".bin")


def verify(path: Path | str, sha256: str | None = None) -> str:
    """SHA-256 of a file that may hold weights.

    Parameters
    ----------
    path : file
    sha256 : what its SHA-256 has to be, in hexadecimal; its first digits are enough

    Raises
    ------
    WeightsError
        When the file is missing or empty, is a web page or the like, or has another SHA-256.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: expected a file of weights, but there is none")
    if found := signatures.misplaced(signatures.start_of(path)):
        hint = "; run `git lfs pull`" if found == signatures.LFS_POINTER else ""
        raise WeightsError(f"{path}: expected weights, but this is {found}{hint}")
    digest = hashing.sha256(path)
    if sha256 and not digest.startswith(sha256):
        raise WeightsError(f"{path}: expected SHA-256 {sha256}, found {digest}")
    return digest


def tensors(path: Path | str, *, key: str | None = None, prefix: str = "") -> Tensors:
    """Tensors by name, on the CPU, out of a file that may hold other things beside them.

    Parameters
    ----------
    path : file of safetensors, ``torch.save`` or TorchScript
    key : entry of the file that holds the tensors
    prefix : only tensors whose names start so are taken, and it is cut off

    Raises
    ------
    WeightsError
        When the file is damaged or would run code, the key is missing, no name has the prefix, or what is
        wanted is not tensors alone.
    """
    path = Path(path)
    with _opened(path) as contents:
        wanted = _select(contents if key is None else _entry(contents, key, path), prefix, path)
        return {name[len(prefix) :]: _read(value) for name, value in wanted.items()}


def _entry(contents: Any, key: str, path: Path) -> Any:
    """What a file holds under a key."""
    if not isinstance(contents, dict) or key not in contents:
        raise WeightsError(f"{path}: expected the key {key!r}, found {some(_names(contents))}")
    return contents[key]


def _select(contents: Any, prefix: str, path: Path) -> dict[str, torch.Tensor | StoredTensor]:
    """Tensors whose names have the prefix; anything else with it is refused."""
    if not isinstance(contents, dict):
        raise WeightsError(f"{path}: expected tensors by name, found {type(contents).__name__}")
    # An OrderedDict can have something else in place of its own method.
    wanted = {name: value for name, value in dict.items(contents) if str(name).startswith(prefix)}
    others = [
        str(name)
        for name, value in wanted.items()
        if not (isinstance(name, str) and isinstance(value, torch.Tensor | StoredTensor))
    ]
    if others:
        raise WeightsError(
            f"{path}: holds {some(others)} beside tensors; set `key` to the entry that holds tensors alone"
        )
    if not wanted:
        raise WeightsError(
            f"{path}: expected names that start with {prefix!r}, found {some(_names(contents))}"
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
    """What torch itself reads safely; None where it does not, in errors of every type."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch warns of, it then refuses or reads
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        return None
