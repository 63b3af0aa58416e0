"""Tensors by name: read and write them as safetensors, and copy them into a network."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from wordsight.errors import WeightsError, first_line
from wordsight.files import disk, hashing
from wordsight.files.inflation import is_zip

Tensors = dict[str, torch.Tensor]


def read(path: Path | str, sha256: str) -> Tensors:
    """Tensors of a file that :func:`write` wrote.

    Raises
    ------
    WeightsError
        When the file is missing or has another SHA-256.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: expected weights, but there is no such file")
    if (found := hashing.sha256(path)) != sha256:
        raise WeightsError(f"{path}: expected SHA-256 {sha256}, found {found}")
    return read_safetensors(path)


def read_safetensors(path: Path) -> Tensors:
    """Tensors of a ``.safetensors`` file; raises :class:`WeightsError` if it is damaged or another file."""
    if is_zip(path):
        raise WeightsError(f"{path}: expected safetensors, found a zip file, as torch.save writes")
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: truncated or damaged ({first_line(error)})") from None


def fit(
    weights: Tensors,
    network: Tensors,
    origin: str,
    unused: tuple[str, ...] = (),
    prefix: str | None = None,
) -> None:
    """Copy ``weights`` into the tensors of ``network``; both must have the same names and shapes.

    Parameters
    ----------
    weights : tensors to copy, by name
    network : tensors to fill, by name
    origin : where ``weights`` come from, for the errors
    unused : prefixes of names that only ``weights`` may have; their tensors are ignored
    prefix : what the user had removed from the names; None where the user can't

    Raises
    ------
    WeightsError
        When tensors are missing, unexpected, of another shape or not finite; it names the first three.
    """
    # Only training needs the number of batches that a batch normalisation has seen.
    weights = {name: value for name, value in weights.items() if not name.endswith("num_batches_tracked")}
    taken = {name: value for name, value in weights.items() if name in network}
    unexpected = [name for name in weights if name not in network and not name.startswith(unused)]
    missing = [name for name in network if name not in weights]
    _refuse_if_any(origin, "missing", missing, unexpected, _advice(weights, network, prefix))
    _refuse_if_any(origin, "unexpected", unexpected)
    shapes = [
        f"{name} is {_shape(value)} instead of {_shape(network[name])}"
        for name, value in taken.items()
        if value.shape != network[name].shape
    ]
    _refuse_if_any(origin, "of a wrong shape", shapes)
    infinite = [name for name, value in taken.items() if not torch.isfinite(value).all()]
    _refuse_if_any(origin, "not finite", infinite)
    with torch.no_grad():
        for name, value in taken.items():
            network[name].copy_(value)


def write(path: Path | str, tensors: Tensors) -> None:
    """Write tensors as safetensors; equal tensors are equal bytes."""
    with disk.atomic(path) as temporary:
        safetensors.torch.save_file(
            {name: value.clone().contiguous() for name, value in tensors.items()}, temporary
        )


def _advice(weights: Tensors, network: Tensors, removed: str | None) -> str:
    """Which prefix makes the names fit, if one does."""
    first = next(iter(network), "")
    for name in weights:
        prefix = name.removesuffix(first)
        if prefix not in ("", name) and all(prefix + other in weights for other in network):
            key = f"`prefix: {removed or ''}{prefix}`"
            return f"; set {key}" if removed is not None else f"; use `source: checkpoint` with {key}"
    return ""


def _refuse_if_any(
    origin: str, what: str, names: list[str], others: Sequence[str] = (), advice: str = ""
) -> None:
    if names:
        tensors = "1 tensor is" if len(names) == 1 else f"{len(names)} tensors are"
        hint = f"; unexpected: {shorten(others)}" if others else ""
        raise WeightsError(f"{origin}: {tensors} {what}: {shorten(names)}{hint}{advice}")


def shorten(names: Iterable[str]) -> str:
    """The first three names, and the number of the others."""
    names = list(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
