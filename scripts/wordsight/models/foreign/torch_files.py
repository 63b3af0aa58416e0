"""Files of ``torch.save`` and ``torch.jit.save`` that ``torch.load(weights_only=True)`` refuses.

It refuses the whole file if there is anything besides tensors and plain values: training options, objects of
dill, the code of a TorchScript network. Here such objects become stand-ins (see :mod:`.unpickling`), and a
tensor is a :class:`StoredTensor` until it is read. No function that the file names is called, and no more
bytes are read than the file has.

``torch.load`` with our own unpickler would not be safe: it runs the code of TorchScript archives, and may
write files when it reads networks in the format before version 1.6.
"""

import io
import math
import mmap
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch

from wordsight.models.foreign.unpickling import (
    FormatError,
    StandIn,
    Stream,
    Unpickler,
    named_stand_in,
    weights_errors,
)

LEGACY = (0x1950A86A20F9469CFC6C, 1001)  # first two pickles in a file of torch.save before 1.6
TORCHSCRIPT = "__torch__."  # prefix of classes that the archive itself defines
LONGEST_NAME = 1000

DTYPES = {
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Contents of a file; for a TorchScript network, the tensors of its state by name.

    Raises
    ------
    WeightsError
        When the file is damaged, or names something that only malicious files name. Damage may show only
        when tensors are read, so read them within the block.
    """
    with weights_errors(path):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                contents = _archived(archive, path.stat().st_size)
                yield _state_of(contents) if isinstance(contents, _Module) else contents
        else:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                yield _legacy(mapped)


# What a pickle of torch is made of


class _Storage(StandIn):
    """Values of one or several tensors: part of what the file holds under a key."""

    def __init__(self, whole: Callable[[], torch.Tensor], start: int, size: int) -> None:
        self.whole, self.start, self.size = whole, start, size

    def values(self) -> torch.Tensor:
        values = self.whole()[self.start : self.start + self.size]
        if len(values) != self.size:
            raise FormatError(f"damaged: a storage has {len(values)} values instead of {self.size}")
        return values


class StoredTensor(StandIn):
    """A tensor that is not read yet: its storage, and the position of its values there."""

    def __init__(self, storage: _Storage, offset: int, shape: Any, stride: Any, *_: Any) -> None:
        self.storage, self.offset, self.shape, self.stride = storage, offset, shape, stride

    def read(self) -> torch.Tensor:
        """The tensor, which shares its memory with the others of its storage."""
        values = self.storage.values()
        count = math.prod(self.shape)
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        # With a stride of zero, torch would accept more values than the storage has.
        if self.offset < 0 or count > len(values) or (count and last >= len(values)):
            raise FormatError("damaged: a tensor reaches outside its storage")
        return values.as_strided(self.shape, self.stride, values.storage_offset() + self.offset)


class _Parameter(StandIn):
    """A parameter, which is replaced by its tensor."""

    def __new__(cls, tensor: Any, *_: Any) -> Any:
        return tensor


class _OrderedDict(dict[Any, Any]):
    """An OrderedDict that drops its attributes, such as the metadata of a state."""

    def __setstate__(self, state: Any) -> None:
        pass


class _Module(StandIn):
    """A module of a TorchScript network. Its state holds its attributes by name."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


KNOWN: dict[str, type] = {
    "collections.OrderedDict": _OrderedDict,
    "torch._utils._rebuild_tensor": StoredTensor,
    "torch._utils._rebuild_tensor_v2": StoredTensor,
    "torch._utils._rebuild_parameter": _Parameter,
    "torch._utils._rebuild_parameter_with_state": _Parameter,
}


class _Storages:
    """Storages of a file by key, each of which is read once.

    Attributes
    ----------
    dtypes : type of the values under each key
    """

    def __init__(self, content: Callable[[str], bytes]) -> None:
        self.content = content
        self.dtypes: dict[str, torch.dtype] = {}
        self.whole = cache(self._read)

    def _read(self, key: str, dtype: torch.dtype) -> torch.Tensor:
        content = bytearray(self.content(key))
        return torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)


class _TorchUnpickler(Unpickler):
    """Reads a pickle of torch, which refers to storages by their keys."""

    def __init__(self, stream: Stream, storages: _Storages) -> None:
        super().__init__(stream, KNOWN, _stand_in_for)
        self.storages = storages

    def persistent_load(self, identity: Any) -> Any:
        """Storage of ("storage", type, key, device, number of values[, part of it])."""
        if identity[0] == "module":  # a class of a network, with its source
            return identity[1]
        _, kind, key, _, size, *part = identity
        start = 0
        if part and part[0] is not None:
            _, start, size = part[0]
        if not (isinstance(start, int) and isinstance(size, int) and min(start, size) >= 0):
            raise FormatError("damaged: a storage without a number of values")
        dtype = self.storages.dtypes[key] = DTYPES[kind.__name__]
        return _Storage(lambda: self.storages.whole(key, dtype), start, size)


def _stand_in_for(name: str) -> type[StandIn]:
    return _Module if name.startswith(TORCHSCRIPT) else named_stand_in(name)


def _state_of(network: _Module) -> dict[str, StoredTensor]:
    """Tensors of a network and of the modules in it, by their names."""
    found: dict[str, StoredTensor] = {}
    pending, seen = [("", network)], set()
    while pending:
        prefix, part = pending.pop()
        if id(part) in seen or not isinstance(part.state, dict):
            continue
        seen.add(id(part))
        for attribute, value in part.state.items():
            name = f"{prefix}{attribute}"
            if len(name) > LONGEST_NAME:
                raise FormatError(f"damaged: a name of more than {LONGEST_NAME} letters")
            if isinstance(value, StoredTensor):
                found[name] = value
            elif isinstance(value, _Module):
                pending.append((f"{name}.", value))
    return found


# Where the pickle and the storages are


def _archived(archive: zipfile.ZipFile, size: int) -> Any:
    """Contents of a zip file, whose members are the pickle and the storages."""
    pickles = [name for name in archive.namelist() if re.fullmatch(r"[^/]+/data\.pkl", name)]
    if len(pickles) != 1:
        raise FormatError(f"expected an archive of torch, with one data.pkl, found {len(pickles)}")
    root = pickles[0].split("/")[0]
    left = size  # members that overlap could add up to more bytes than the file has

    def member(name: str) -> bytes:
        nonlocal left
        info = archive.getinfo(f"{root}/{name}")
        left -= info.file_size
        if info.compress_type != zipfile.ZIP_STORED or left < 0:
            raise FormatError(f"refused: {name} is compressed, or members overlap")
        return archive.read(info)

    if f"{root}/byteorder" in archive.namelist():
        _check_byte_order(member("byteorder") == b"little")
    stream = io.BytesIO(member("data.pkl"))
    return _TorchUnpickler(stream, _Storages(lambda key: member(f"data/{key}"))).load()


def _legacy(mapped: mmap.mmap) -> Any:
    """Contents of a file before 1.6: pickles of two numbers, machine, contents and keys; then storages."""
    places: dict[str, slice] = {}
    storages = _Storages(lambda key: mapped[places[key]])
    if tuple(Unpickler(mapped, {}).load() for _ in LEGACY) != LEGACY:
        raise FormatError("expected a file that torch.save wrote")
    _check_byte_order(Unpickler(mapped, {}).load().get("little_endian", True))
    contents = _TorchUnpickler(mapped, storages).load()
    keys = Unpickler(mapped, {}).load()
    for key in keys:
        count, width = int.from_bytes(mapped.read(8), "little"), storages.dtypes[key].itemsize
        places[key] = slice(mapped.tell(), mapped.tell() + count * width)
        mapped.seek(places[key].stop)
    return contents


def _check_byte_order(little: bool) -> None:
    if not little:
        raise FormatError("expected little-endian numbers, found big-endian ones")
