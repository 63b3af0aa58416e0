"""Read tensors by name from files of weights that others wrote, without running anything in them."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from wordsight.errors import WeightsError
from wordsight.files import hashing, inflation, signatures
from wordsight.models.foreign import torch_files
from wordsight.models.foreign.torch_files import StoredTensor
from wordsight.models.foreign.unpickling import weights_errors
from wordsight.models.tensors import Tensors, read_safetensors, shorten

DEEPEST = 6  # levels of a file at which tensors are looked for, to say where they are
SAFETENSORS = slice(8, 9), b"{"  # after eight bytes of its length, its header begins


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
        raise WeightsError(
            f"{path}: expected SHA-256 {sha256}, found {digest}; get the file again, or correct `sha256`"
        )
    return digest


def tensors(
    path: Path | str, *, key: str | Sequence[str] | None = None, prefix: str = "", keyed: bool = False
) -> Tensors:
    """Tensors by name, on the CPU, from a file that may also hold other things.

    Parameters
    ----------
    path : file of safetensors, ``torch.save`` or TorchScript, by its contents, whatever its name
    key : entry of the file that holds the tensors, or the entries that lead to it
    prefix : only tensors with this prefix are read, and it is removed from their names
    keyed : whether the user can set the key and the prefix, for errors

    Raises
    ------
    WeightsError
        When the file is damaged or would run code, the key is missing, no name has the prefix, or something
        with the prefix is not a tensor.
    """
    path = Path(path)
    with _opened(path) as contents:
        found = contents
        for place, part in enumerate(keys := [key] if isinstance(key, str) else list(key or ())):
            found = _entry(found, part, keys[:place], path)
        wanted = _select(found, prefix, path, _advice(contents, keyed))
        return {name[len(prefix) :]: _read(value, name, path) for name, value in wanted.items()}


def _entry(contents: Any, key: str, above: Sequence[str], path: Path) -> Any:
    """What a file holds under a key, which is under the keys ``above``."""
    if not isinstance(contents, dict) or key not in contents:
        where = f" in {' > '.join(above)}" if above else ""
        raise WeightsError(f"{path}: expected the key {key!r}{where}, found {shorten(_names(contents))}")
    return contents[key]


def _advice(contents: Any, keyed: bool) -> str:
    """Where the file holds most tensors, and how to say so; nothing if it holds them directly or nowhere."""
    places = sorted(_places(contents, ()), key=lambda place: (-place[0], len(place[1])))
    keys = places[0][1] if places else ()
    if not keys:
        return ""
    key = f"key: {keys[0]}" if len(keys) == 1 else f"key: [{', '.join(keys)}]"
    return f"; set `{key}`" if keyed else f"; use `source: checkpoint` with its `architecture` and `{key}`"


def _places(contents: Any, above: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Number of tensors in each dictionary of a file, and the keys that lead to it."""
    if not isinstance(contents, dict) or len(above) > DEEPEST:
        return
    values = list(dict.items(contents))
    if number := sum(isinstance(value, torch.Tensor | StoredTensor) for _, value in values):
        yield number, above
    for name, value in values:
        if isinstance(name, str):
            yield from _places(value, (*above, name))


def _select(contents: Any, prefix: str, path: Path, advice: str) -> dict[str, torch.Tensor | StoredTensor]:
    """Tensors whose names have the prefix; anything else with the prefix is refused."""
    if not isinstance(contents, dict):
        raise WeightsError(f"{path}: expected tensors by name, found {type(contents).__name__}{advice}")
    # A file may replace the ``items`` of its OrderedDict by something else.
    wanted = {name: value for name, value in dict.items(contents) if str(name).startswith(prefix)}
    others = [
        str(name)
        for name, value in wanted.items()
        if not (isinstance(name, str) and isinstance(value, torch.Tensor | StoredTensor))
    ]
    if others:
        raise WeightsError(f"{path}: holds {shorten(others)}, which are no tensors{advice}")
    if not wanted:
        if not contents:
            raise WeightsError(f"{path}: expected tensors by name, but it is empty{advice}")
        raise WeightsError(
            f"{path}: expected names that start with {prefix!r}, found {shorten(_names(contents))}"
        )
    if prefix and not prefix.endswith(".") and all(name[len(prefix) :].startswith(".") for name in wanted):
        raise WeightsError(
            f"{path}: after the prefix {prefix}, all names begin with a dot; set `prefix: {prefix}.`"
        )
    return wanted


def _read(value: torch.Tensor | StoredTensor, name: str, path: Path) -> torch.Tensor:
    tensor = value.read() if isinstance(value, StoredTensor) else value.detach()
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_nested
    if not plain or tensor.is_quantized or tensor.is_complex():
        kind = f"{tensor.dtype}, {tensor.layout}, on {tensor.device.type}"
        raise WeightsError(f"{path}: {name} is no dense tensor of real numbers ({kind})")
    return tensor


def _names(contents: Any) -> list[str]:
    return list(map(str, dict.keys(contents))) if isinstance(contents, dict) else [type(contents).__name__]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Contents of a file, in which tensors may be :class:`StoredTensor`."""
    start = signatures.start_of(path)
    if start[SAFETENSORS[0]] == SAFETENSORS[1]:
        yield read_safetensors(path)
        return
    if inflation.is_zip(path):
        _refuse_bomb(path)
    elif found := signatures.describe_start(start) or _foreign(start):
        if found == signatures.ZIP_FILE:
            raise WeightsError(f"{path}: truncated or damaged (a zip file without its end)")
        raise WeightsError(f"{path}: expected safetensors or a file of torch.save, found {found}")
    if (contents := _plain(path)) is not None:
        yield contents
    else:
        with torch_files.opened(path) as contents:
            yield contents


def _foreign(start: bytes) -> str:
    """Name of a format of weights that isn't read here; empty if it may be a file of torch.save."""
    known = {
        b"\x89HDF": "an HDF5 file, as Keras writes",
        b"\x93NUMPY": "a NumPy array",
        b"TFL3": "a TFLite file",
    }
    return next((words for sign, words in known.items() if sign in start[:8]), "")


def _refuse_bomb(path: Path) -> None:
    """Refuse a zip file whose members grow too far; torch itself compresses nothing."""
    with weights_errors(path):
        size = inflation.unpacked_size(path)
    if inflation.grows_too_far(size, path.stat().st_size):
        raise WeightsError(f"{path}: would unpack to {size} bytes, too many for a file of its size")


def _plain(path: Path) -> Any:
    """Contents as torch itself reads them safely; None if it refuses the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # after a warning, torch still either reads or refuses the file
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # it refuses with errors of every type
        return None
