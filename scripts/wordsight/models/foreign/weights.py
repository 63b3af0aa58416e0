"""Reading files of weights: nothing in them is executed, and what does not fit is refused in one line."""

import io
import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
import torch

from wordsight.errors import WeightsError, first_line
from wordsight.files import hashing
from wordsight.models.foreign import inert
from wordsight.models.tensors import Tensors, read_safetensors, some

TORCH_SUFFIXES = (".pth", ".pt", ".tar", ".bin")

RECONSTRUCT = np._core.multiarray._reconstruct  # type: ignore[attr-defined]  # how numpy begins to rebuild an array
# Checkpoints carry numbers of numpy beside their tensors: the best accuracy so far, the epoch.
_NUMPY = {
    "_reconstruct": RECONSTRUCT,
    "scalar": np._core.multiarray.scalar,  # type: ignore[attr-defined]
}
_HARMLESS: list[Any] = [
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd"),
    *(
        (function, f"numpy.{core}.multiarray.{name}")
        for name, function in _NUMPY.items()
        for core in ("core", "_core")
    ),
]
# What files of torch.save look up to rebuild tensors and arrays; a refusal names what comes beside it.
_REBUILDING = re.compile(r"(torch\._utils|torch\.nn\.parameter|collections|numpy|_codecs)\.|torch\.\w+$")


class UnsafeError(WeightsError):
    """A pickle names classes or functions, or has instructions, that torch does not follow by itself."""


def read(path: Path | str, sha256: str | None = None) -> Any:
    """Contents of a ``.safetensors`` file or of one that ``torch.save`` wrote, on the CPU.

    Parameters
    ----------
    path : file
    sha256 : what its SHA-256 has to be, in hexadecimal; its first digits are enough

    Raises
    ------
    WeightsError
        When the file is missing, empty, truncated, a web page, has another SHA-256, or would run code.
    """
    path = Path(path)
    check_file(path, sha256)
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    if path.suffix in TORCH_SUFFIXES:
        return _read_torch(path)
    raise WeightsError(
        f"{path}: expected weights in a file ending in .safetensors, {', '.join(TORCH_SUFFIXES)}"
    )


def tensors(
    path: Path | str, sha256: str | None = None, *, key: str | None = None, prefix: str = ""
) -> Tensors:
    """Tensors by name out of a file that may hold other objects beside them, which are left as they are.

    A file that :func:`read` refuses for what it names is read by :mod:`.inert`, which can call nothing. What
    is wanted still has to be tensors alone.

    Parameters
    ----------
    path, sha256 : as for :func:`read`
    key, prefix : as for :func:`state_dict`
    """
    try:
        contents = read(path, sha256)
    except UnsafeError:
        contents = inert.read(path, key=key, prefix=prefix) if inert.is_of_torch(Path(path)) else None
        if contents is None:
            raise
    return state_dict(contents, path, key=key, prefix=prefix)


def check_file(path: Path, sha256: str | None = None) -> None:
    """Refuse a file that cannot hold weights, or whose SHA-256 does not start with ``sha256``."""
    if not path.is_file():
        raise WeightsError(f"{path}: expected a file of weights, but there is none")
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise WeightsError(f"{path}: expected weights, but the file is empty (0 bytes)")
    if re.match(rb"\s*<(!doctype|html|head|body|\?xml)", start, re.IGNORECASE):
        raise WeightsError(f"{path}: expected weights, but this is an HTML page saved under that name")
    if start.startswith(b"version https://git-lfs"):
        raise WeightsError(f"{path}: expected weights, but this is a Git LFS pointer; run `git lfs pull`")
    if sha256 and not (found := hashing.sha256(path)).startswith(sha256):
        raise WeightsError(f"{path}: expected SHA-256 {sha256}, found {found}")


def state_dict(contents: Any, path: Path | str, *, key: str | None = None, prefix: str = "") -> Tensors:
    """Tensors by name out of what a file contains.

    Parameters
    ----------
    contents : what :func:`read` returned
    path : the file, for the errors
    key : entry of the checkpoint that holds the tensors
    prefix : only tensors whose name starts so are taken, and it is cut off

    Raises
    ------
    WeightsError
        When the key is missing, nothing has the prefix, or an entry is no tensor.
    """
    if key is not None:
        if not isinstance(contents, Mapping) or key not in contents:
            raise WeightsError(f"{path}: expected the key {key!r}, found {some(_keys(contents))}")
        contents = contents[key]
    if not isinstance(contents, Mapping):
        raise WeightsError(f"{path}: expected tensors by name, found a {type(contents).__name__}")
    others = [
        str(name)
        for name, value in contents.items()
        if not (isinstance(name, str) and isinstance(value, torch.Tensor))
    ]
    if others:
        raise WeightsError(f"{path}: expected tensors only, but {some(others)} are none; is `key` missing?")
    tensors = {
        name[len(prefix) :]: value.detach() for name, value in contents.items() if name.startswith(prefix)
    }
    if not tensors:
        raise WeightsError(
            f"{path}: expected names that start with {prefix!r}, found {some(_keys(contents))}"
        )
    return tensors


def read_numpy_pickle(
    path: Path | str, sha256: str | None = None, *, stand_ins: Mapping[str, Callable[..., Any]] | None = None
) -> Any:
    """Contents of a pickle that holds nothing but numpy arrays in dictionaries and lists.

    ``torch.load(weights_only=True)`` reads only what ``torch.save`` wrote. The same rule holds here: a name
    outside the few that rebuild an array is not looked up, so that nothing can be called.

    Parameters
    ----------
    path : file
    sha256 : what its SHA-256 has to be, in hexadecimal; its first digits are enough
    stand_ins : what is called in place of other names that the pickle may hold; they are not looked up either

    Raises
    ------
    WeightsError
        When the SHA-256 is another, or the pickle names anything but numpy arrays and ``stand_ins``.
    """
    check_file(Path(path), sha256)
    with Path(path).open("rb") as file:
        try:
            return _ArrayUnpickler(file, str(path), stand_ins or {}).load()
        except WeightsError:
            raise
        except Exception as error:  # pickle lets errors of every type through on damaged files
            raise WeightsError(f"{path}: truncated or damaged ({first_line(error)})") from None


class _ArrayUnpickler(pickle.Unpickler):
    ALLOWED: ClassVar[dict[str, Any]] = {
        "multiarray._reconstruct": RECONSTRUCT,
        "multiarray.scalar": _NUMPY["scalar"],
        "numeric._frombuffer": np._core.numeric._frombuffer,  # type: ignore[attr-defined]
        "ndarray": np.ndarray,
        "dtype": np.dtype,
    }

    def __init__(self, file: BinaryIO, path: str, stand_ins: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(file)
        self.path, self.stand_ins = path, stand_ins

    def find_class(self, module: str, name: str) -> Any:
        whole = f"{module}.{name}"
        if whole in self.stand_ins:
            return self.stand_ins[whole]
        short = re.sub(r"^numpy\.(_?core\.)?", "", whole)
        if not module.startswith("numpy") or short not in self.ALLOWED:
            raise WeightsError(f"{self.path}: refused: would run code: {whole}")
        return self.ALLOWED[short]


def _read_torch(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(_HARMLESS), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch warns of, it then refuses or reads
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        code = next((name for name in _globals(path) if not _REBUILDING.match(name)), None)
        if code:
            raise UnsafeError(f"{path}: refused: would run code: {code}") from None
        raise UnsafeError(f"{path}: expected a file that torch.save wrote") from None
    except Exception as error:  # torch lets errors of every type through on damaged files
        if "TorchScript" in str(error):
            raise UnsafeError(f"{path}: refused: would run code: a TorchScript archive") from None
        raise WeightsError(f"{path}: truncated or damaged ({first_line(error)})") from None


def _globals(path: Path) -> Iterator[str]:
    """Names of what a pickle looks up, read from its instructions without following them."""
    strings: list[str] = []
    with suppress(Exception):  # a damaged file names no more
        stream = io.BytesIO(_pickled(path))
        while True:  # an old file of torch.save is several pickles
            for instruction, argument, _ in pickletools.genops(stream):
                if instruction.name == "GLOBAL":
                    yield str(argument).replace(" ", ".")
                elif instruction.name == "STACK_GLOBAL" and len(strings) >= 2:
                    yield ".".join(strings[-2:])
                elif isinstance(argument, str):
                    strings.append(argument)


def _pickled(path: Path) -> bytes:
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return b"".join(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))


def _keys(contents: Any) -> list[str]:
    return [str(key) for key in contents] if isinstance(contents, Mapping) else [type(contents).__name__]
