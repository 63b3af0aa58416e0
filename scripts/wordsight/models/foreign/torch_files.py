"""Tensors out of files that hold more than tensors: nothing in them is imported, called or restored.

A checkpoint carries its tensors beside objects of the code that trained it: options, schedules, functions.
For ``torch.load`` it is all or nothing. Here the instructions of the pickle are followed by a machine that
knows numbers, strings and containers; a class or function is only a name, and what would be made with it is a
:class:`Made`, which does nothing. Tensors are described while the pickle is read. Those that are asked for
are then taken from the bytes of the file, so that what is read is no larger than the file.

The instructions are those of Python's ``pickletools``; the files are those of ``torch.save`` before and since
version 1.6, and TorchScript archives.
"""

import io
import math
import mmap
import pickletools
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch

from wordsight.errors import WeightsError, first_line

LEGACY = (0x1950A86A20F9469CFC6C, 1001)  # the numbers that a file of torch.save before 1.6 starts with

STORAGES = {
    "Double": torch.float64,
    "Float": torch.float32,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
}

# Named by whoever plants code, and by no training. Nothing would come of it; such a file is refused even so.
HOSTILE = re.compile(
    r"(os|posix|nt|subprocess|pty|shutil|socket|ctypes|runpy|webbrowser)\."
    r"|(builtins|__builtin__|_?io)\.(eval|exec|execfile|compile|open|__import__|breakpoint|input)$"
)

# Instructions whose argument is the value, and those that only announce what follows.
LITERALS = re.compile(
    r"(BIN)?INT[12]?|LONG[14]?|((SHORT_)?BIN)?(STRING|UNICODE)|(SHORT_)?BINBYTES|(BIN)?FLOAT|(BIN|BYTE)\w+8"
)
WITHOUT_EFFECT = ("PROTO", "FRAME")

TORCHSCRIPT = "__torch__."  # modules of what is defined in the archive itself
LONGEST_NAME = 1000


@dataclass(frozen=True, eq=False)
class Named:
    """A class or function that the pickle looks up, by its module and name."""

    name: str


@dataclass(eq=False)
class Made:
    """What the pickle would have made by a call: with what, from what, and the state it was given."""

    maker: Any
    arguments: Any
    state: Any = None


class Storage(NamedTuple):
    """The numbers of one or several tensors."""

    dtype: torch.dtype
    key: str
    start: int
    size: int


class Described(NamedTuple):
    """A tensor: its storage, and where in it the values are."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class DamagedError(Exception):
    """The file is not what ``torch.save`` writes."""


def read(path: Path | str, *, key: str | None = None, prefix: str = "") -> dict[Any, Any] | None:
    """Contents of a file in which the wanted tensors are tensors and nothing else is.

    Parameters
    ----------
    path : file of ``torch.save`` or ``torch.jit.save``
    key : entry of the checkpoint that holds the tensors
    prefix : only tensors whose name starts so are taken

    Returns
    -------
    dict or None
        What the file contains; None when that, or what is under ``key``, has no names.

    Raises
    ------
    WeightsError
        When the file is damaged, or names what only planted code does.
    """
    try:
        with _opened(Path(path)) as (contents, tensor):
            entries = _by_name(contents)
            if entries is None or (key is not None and key not in entries):
                return entries
            wanted = entries if key is None else _by_name(entries[key])
            if wanted is None:
                return None
            taken = {
                name: tensor(value) if isinstance(value, Described) else value
                for name, value in wanted.items()
                if not isinstance(name, str) or name.startswith(prefix)
            }
            return taken if key is None else {**entries, key: taken}
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    except Exception as error:  # a damaged file can break any instruction
        raise WeightsError(f"{path}: truncated or damaged ({first_line(error)})") from None


def is_of_torch(path: Path) -> bool:
    """Whether a file begins as those of torch do; any other pickle holds no tensors to look for."""
    if zipfile.is_zipfile(path):
        return True
    with path.open("rb") as file:
        try:
            return follow(file)[0] == LEGACY[0]
        except Exception:  # a damaged file can break any instruction
            return False


def _by_name(contents: Any) -> dict[Any, Any] | None:
    """Entries of a dictionary, or the tensors of a TorchScript network by their names in its state."""
    if isinstance(contents, dict):
        return contents
    return dict(_attributes(contents)) if _is_network(contents) else None


def _attributes(network: Made) -> Iterator[tuple[str, Described]]:
    pending, seen = [("", network)], set()
    while pending:
        prefix, part = pending.pop()
        if id(part) in seen or not isinstance(part.state, dict):
            continue
        seen.add(id(part))
        for attribute, value in part.state.items():
            name = f"{prefix}{_text(attribute)}"
            if len(name) > LONGEST_NAME:
                raise DamagedError(f"expected names of at most {LONGEST_NAME} letters")
            if isinstance(value, Described):
                yield name, value
            elif _is_network(value):
                pending.append((f"{name}.", value))


def _is_network(value: Any) -> bool:
    return (
        isinstance(value, Made)
        and isinstance(value.maker, Named)
        and value.maker.name.startswith(TORCHSCRIPT)
    )


# Files


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Callable[[Described], torch.Tensor]]]:
    """Contents of a file, and what gives a tensor that they describe."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield _archived(archive, path.stat().st_size)
    else:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield _legacy(mapped)


def _archived(archive: zipfile.ZipFile, size: int) -> tuple[Any, Callable[[Described], torch.Tensor]]:
    pickled = [name for name in archive.namelist() if re.fullmatch(r"[^/]+/data\.pkl", name)]
    if len(pickled) != 1:
        raise DamagedError(f"expected one data.pkl, found {len(pickled)}")
    root = pickled[0].split("/")[0]
    left = size  # members may overlap, but whoever needs more bytes than there are in the file is not served

    def member(name: str) -> bytes:
        nonlocal left
        info = archive.getinfo(f"{root}/{name}")
        left -= info.file_size
        if info.compress_type != zipfile.ZIP_STORED or left < 0:
            raise DamagedError(f"expected {name} as it is, without compression")
        return archive.read(info)

    if f"{root}/byteorder" in archive.namelist() and member("byteorder") != b"little":
        raise DamagedError("expected the byte order little")
    contents, _ = follow(io.BytesIO(member("data.pkl")))
    return contents, _tensors(lambda key: member(f"data/{key}"))


def _legacy(mapped: mmap.mmap) -> tuple[Any, Callable[[Described], torch.Tensor]]:
    """Several pickles and the storages: two numbers, the machine, the contents, the keys of what follows."""
    if tuple(follow(mapped)[0] for _ in LEGACY) != LEGACY:
        raise DamagedError("expected a file that torch.save wrote")
    machine, _ = follow(mapped)
    if not machine.get("little_endian", True):
        raise DamagedError("expected the byte order little")
    contents, storages = follow(mapped)
    places = {}
    for key in follow(mapped)[0]:
        count, width = int.from_bytes(mapped.read(8), "little"), storages[key].itemsize
        places[key] = slice(mapped.tell(), mapped.tell() + count * width)
        mapped.seek(places[key].stop)
    return contents, _tensors(lambda key: mapped[places[key]])


def _tensors(content: Callable[[str], bytes]) -> Callable[[Described], torch.Tensor]:
    """What makes described tensors of the bytes of their storages, each of which is read once."""
    known: dict[tuple[str, torch.dtype], torch.Tensor] = {}

    def tensor(described: Described) -> torch.Tensor:
        storage, offset, shape, stride = described
        if not isinstance(storage, Storage):
            raise DamagedError("expected a tensor to have a storage")
        if (storage.key, storage.dtype) not in known:
            whole = bytearray(content(storage.key))
            known[storage.key, storage.dtype] = (
                torch.frombuffer(whole, dtype=storage.dtype) if whole else torch.empty(0, dtype=storage.dtype)
            )
        values = known[storage.key, storage.dtype][storage.start : storage.start + storage.size]
        if len(values) != storage.size:
            raise DamagedError(f"expected {storage.size} values in storage {storage.key}")
        count: int = math.prod(shape)
        last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
        if offset < 0 or count > storage.size or (count and last >= storage.size):
            raise DamagedError("expected a tensor inside its storage")
        return values.as_strided(shape, stride, storage.start + offset)

    return tensor


# Pickles


def follow(stream: Any) -> tuple[Any, dict[str, torch.dtype]]:
    """Contents of a pickle, in plain containers and stand-ins; and the types of the storages it names."""
    machine = _Machine()
    for instruction, argument, _ in pickletools.genops(stream):
        if instruction.name == "STOP":
            break
        machine.step(instruction.name, argument)
    return machine.stack.pop(), machine.storages


@dataclass
class _Machine:
    """Stack machine of the pickle format, in which nothing is called."""

    stack: list[Any] = field(default_factory=list)
    below: list[list[Any]] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    storages: dict[str, torch.dtype] = field(default_factory=dict)

    def step(self, instruction: str, argument: Any) -> None:
        handler = getattr(self, f"_{instruction.lower()}", None)
        if handler is not None:
            handler(argument)
        elif LITERALS.fullmatch(instruction):
            self.stack.append(argument)
        elif instruction not in WITHOUT_EFFECT:
            raise DamagedError(f"unexpected instruction {instruction}")

    def _marked(self) -> list[Any]:
        """What was put on the stack since the last mark."""
        top, self.stack = self.stack, self.below.pop()
        return top

    # Constants, containers and the stack itself

    def _none(self, _: Any) -> None:
        self.stack.append(None)

    def _newtrue(self, _: Any) -> None:
        self.stack.append(True)

    def _newfalse(self, _: Any) -> None:
        self.stack.append(False)

    def _mark(self, _: Any) -> None:
        self.below.append(self.stack)
        self.stack = []

    def _pop_mark(self, _: Any) -> None:
        self._marked()

    def _pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._marked()

    def _dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def _empty_list(self, _: Any) -> None:
        self.stack.append([])

    def _empty_tuple(self, _: Any) -> None:
        self.stack.append(())

    def _empty_dict(self, _: Any) -> None:
        self.stack.append({})

    _empty_set = _empty_list  # of a set nothing is asked

    def _list(self, _: Any) -> None:
        values = self._marked()
        self.stack.append(values)

    _frozenset = _list

    def _tuple(self, _: Any) -> None:
        values = self._marked()
        self.stack.append(tuple(values))

    def _tuple1(self, _: Any) -> None:
        self._last(1)

    def _tuple2(self, _: Any) -> None:
        self._last(2)

    def _tuple3(self, _: Any) -> None:
        self._last(3)

    def _last(self, count: int) -> None:
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def _dict(self, _: Any) -> None:
        values = self._marked()
        self.stack.append({})
        self._set(values)

    def _append(self, _: Any) -> None:
        value = self.stack.pop()
        self._extend([value])

    def _appends(self, _: Any) -> None:
        values = self._marked()
        self._extend(values)

    _additems = _appends

    def _extend(self, values: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)

    def _setitem(self, _: Any) -> None:
        value, name = self.stack.pop(), self.stack.pop()
        self._set([name, value])

    def _setitems(self, _: Any) -> None:
        values = self._marked()
        self._set(values)

    def _set(self, values: list[Any]) -> None:
        if isinstance(self.stack[-1], dict):
            self.stack[-1].update(zip(map(_hashable, values[::2]), values[1::2], strict=True))

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _put(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    _binput = _long_binput = _put

    def _get(self, place: int) -> None:
        self.stack.append(self.memo[place])

    _binget = _long_binget = _get

    # Names, and what would be made with them

    def _global(self, argument: str) -> None:
        self._name(".".join(argument.split(" ", maxsplit=1)))

    def _stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._name(f"{_text(module)}.{_text(name)}")

    def _ext1(self, code: int) -> None:
        self._name(f"copyreg.extension.{code}")

    _ext2 = _ext4 = _ext1

    def _name(self, name: str) -> None:
        if HOSTILE.match(name):
            raise WeightsError(f"refused: would run code: {name}")
        self.stack.append(Named(name))

    def _reduce(self, _: Any) -> None:
        arguments, maker = self.stack.pop(), self.stack.pop()
        self.stack.append(_made(maker, arguments))

    _newobj = _reduce

    def _newobj_ex(self, _: Any) -> None:
        self._last(2)
        self._reduce(None)

    def _obj(self, _: Any) -> None:
        maker, *arguments = self._marked()
        self.stack.append(_made(maker, tuple(arguments)))

    def _inst(self, argument: str) -> None:
        arguments = tuple(self._marked())
        self._global(argument)
        self.stack.append(_made(self.stack.pop(), arguments))

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Made):
            self.stack[-1].state = state

    def _binpersid(self, _: Any) -> None:
        """Describe a storage: ("storage", type, key, device, number of values[, part of it])."""
        identity = self.stack.pop()
        if identity[0] == "module":  # a class of a network, with its source
            self.stack.append(identity[1])
            return
        _, kind, key, _, size, *part = identity
        dtype = STORAGES[re.fullmatch(r"torch\.(\w+)Storage", kind.name)[1]]  # type: ignore[index]
        self.storages[_text(key)] = dtype
        start = 0
        if part and part[0] is not None:
            _, start, size = part[0]
        if not (isinstance(start, int) and isinstance(size, int) and start >= 0 and size >= 0):
            raise DamagedError("expected a number of values")
        self.stack.append(Storage(dtype, _text(key), start, size))


def _made(maker: Any, arguments: Any) -> Any:
    """Stand-in for the result of a call; a description where a tensor would be rebuilt."""
    name = maker.name if isinstance(maker, Named) else ""
    if name == "collections.OrderedDict":
        pairs = arguments[0] if arguments else []
        made = {_hashable(key): value for key, value in pairs}
        if pairs:
            pairs.clear()  # lest a list that is given many times fill the memory
        return made
    if name in ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"):
        return Described(*arguments[:4])
    if name in ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"):
        return arguments[0]
    return Made(maker, arguments)


def _hashable(key: Any) -> Any:
    """Key of a dictionary as it is, or a stand-in; the hash of a tuple can take forever."""
    return key if isinstance(key, str | int | float | bytes | None) else Named(type(key).__name__)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise DamagedError("expected a name")
    return value
