"""Tensors by name: our own files of them, and networks that take them over."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from wordsight.errors import WeightsError, first_line
from wordsight.files import disk, hashing

Tensors = dict[str, torch.Tensor]


def read(path: Path | str, sha256: str) -> Tensors:
    """Tensors of a file that :func:`write` wrote.

    Raises
    ------
    WeightsError
        When the file is missing or its SHA-256 is another.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: expected a file of weights, but there is none")
    if (found := hashing.sha256(path)) != sha256:
        raise WeightsError(f"{path}: expected SHA-256 {sha256}, found {found}")
    return read_safetensors(path)


def read_safetensors(path: Path) -> Tensors:
    """Tensors of a ``.safetensors`` file; :class:`WeightsError` names one that is damaged."""
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: truncated or damaged ({first_line(error)})") from None


def fit(given: Tensors, network: Tensors, origin: str, unused: tuple[str, ...] = ()) -> None:
    """Copy ``given`` into the tensors of ``network``, which have to be the same by name and shape.

    Parameters
    ----------
    given : weights by name
    network : tensors to fill, by name
    origin : where ``given`` comes from, for the errors
    unused : names that start so may be given, and are left out

    Raises
    ------
    WeightsError
        When a tensor is missing, unexpected, of another shape, or not finite; it names the first three.
    """
    # Only training reads how many batches a normalisation has seen.
    given = {name: value for name, value in given.items() if not name.endswith("num_batches_tracked")}
    taken = {name: value for name, value in given.items() if name in network}
    unexpected = [name for name in given if name not in network and not name.startswith(unused)]
    _refuse(origin, "missing", [name for name in network if name not in given], unexpected)
    _refuse(origin, "unexpected", unexpected)
    shapes = [
        f"{name} is {_shape(value)} instead of {_shape(network[name])}"
        for name, value in taken.items()
        if value.shape != network[name].shape
    ]
    _refuse(origin, "of a wrong shape", shapes)
    _refuse(origin, "not finite", [name for name, value in taken.items() if not torch.isfinite(value).all()])
    with torch.no_grad():
        for name, value in taken.items():
            network[name].copy_(value)


def write(path: Path | str, tensors: Tensors) -> None:
    """Write tensors as safetensors; equal tensors are equal bytes."""
    with disk.atomic(path) as temporary:
        safetensors.torch.save_file(
            {name: value.clone().contiguous() for name, value in tensors.items()}, temporary
        )


def _refuse(origin: str, what: str, names: list[str], others: Sequence[str] = ()) -> None:
    if names:
        tensors = "1 tensor is" if len(names) == 1 else f"{len(names)} tensors are"
        instead = f"; unexpected: {some(others)}" if others else ""
        raise WeightsError(f"{origin}: {tensors} {what}: {some(names)}{instead}")


def some(names: Iterable[str]) -> str:
    """Name the first three of some names, and count the others."""
    names = list(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
