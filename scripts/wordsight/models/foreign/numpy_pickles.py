"""Read pickles of NumPy arrays in dictionaries and lists, without running anything in them."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wordsight.models.foreign.unpickling import FormatError, StandIn, Unpickler, weights_errors

NUMBERS = re.compile(r"[biufc]\d{1,2}")  # NumPy's types of numbers, by their letter and width in bytes


def read(path: Path | str, stand_ins: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """Contents of a pickle that holds nothing but arrays of numbers in dictionaries and lists.

    Parameters
    ----------
    path : file
    stand_ins : functions to call for other names that the pickle may hold; the names are never imported

    Raises
    ------
    WeightsError
        When the pickle is damaged, or names anything besides NumPy arrays and ``stand_ins``.
    """
    with weights_errors(path), Path(path).open("rb") as file:
        return Unpickler(file, {**KNOWN, **(stand_ins or {})}).load()


class _Type(StandIn):
    """A type of numbers. A pickle could make NumPy's own type treat bytes as addresses of objects."""

    def __init__(self, kind: str, *_: Any) -> None:
        if not NUMBERS.fullmatch(kind):
            raise FormatError(f"expected arrays of numbers, found one of type {kind!r}")
        self.dtype = np.dtype(kind)

    def __setstate__(self, state: Any) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array that accepts its values only as bytes."""

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, column_major, content = state
        if not isinstance(content, bytes):
            raise FormatError("expected arrays of numbers, found one of objects")
        super().__setstate__((1, shape, kind.dtype, column_major, content))


def _reconstruct(*_: Any) -> np.ndarray:
    return np.ndarray.__new__(_Array, 0)


def _scalar(kind: _Type, content: bytes) -> np.generic:
    return np.frombuffer(content, kind.dtype)[0]


def _from_buffer(content: bytes, kind: _Type, shape: Any, order: Any, axes: Any = None) -> np.ndarray:
    values = np.frombuffer(content, kind.dtype)
    if order == "K" and axes is not None:
        return values.reshape(shape).transpose(axes)
    return values.reshape(shape, order=order)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "multiarray._reconstruct": _reconstruct,
    "multiarray.scalar": _scalar,
    "numeric._frombuffer": _from_buffer,
}
KNOWN: dict[str, Callable[..., Any]] = {
    "numpy.ndarray": StandIn,  # the class that an array is rebuilt as
    "numpy.dtype": _Type,
    **{f"numpy.{core}.{name}": FUNCTIONS[name] for core in ("core", "_core") for name in FUNCTIONS},
}
