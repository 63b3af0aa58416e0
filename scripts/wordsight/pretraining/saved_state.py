"""The state of a training after an epoch, as one safetensors file, so that a killed job can resume.

Random choices are functions of seed, epoch and step, so no state of a random generator is saved.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from wordsight.files.disk import atomic
from wordsight.logs import logger

Curve = list[dict[str, float | None]]


def write(
    path: Path,
    modules: dict[str, torch.nn.Module],
    optimiser: torch.optim.Optimizer,
    curve: Curve,
    fingerprint: str,
) -> None:
    """Write weights, the optimiser's moments and the learning curve so far."""
    tensors = {f"{name}.{key}": value for name, module in modules.items() for key, value in _state(module)}
    for place, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{place}.{key}": torch.as_tensor(value) for key, value in moments.items()}
    tensors = {key: value.contiguous().cpu() for key, value in tensors.items()}
    metadata = {"fingerprint": fingerprint, "curve": json.dumps(curve)}
    metadata["sha256"] = _digest(tensors, metadata)
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata)


def restore(
    path: Path, modules: dict[str, torch.nn.Module], optimiser: torch.optim.Optimizer, fingerprint: str
) -> Curve | None:
    """Restore the state of an earlier run and return its learning curve.

    None if there is no file, or if it is damaged or from other settings, code or images.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        logger.warning("%s is damaged (%s): training starts anew", path, error)
        return None
    if metadata.pop("sha256", "") != _digest(tensors, metadata):
        logger.warning("%s is damaged (its bytes changed): training starts anew", path)
        return None
    if metadata.get("fingerprint") != fingerprint:
        logger.info("%s is from other settings, code or images: training starts anew", path)
        return None
    for name, module in modules.items():
        prefix = f"{name}."
        module.load_state_dict(
            {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        )
    _restore_optimiser(optimiser, tensors)
    return json.loads(metadata["curve"])


def _restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, place, moment = key.split(".")
            state.setdefault(int(place), {})[moment] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def _digest(tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> str:
    """SHA-256 of the contents of a checkpoint, since the file format has no checksum."""
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for key in sorted(tensors):
        digest.update(f"{key} {tensors[key].dtype} {tuple(tensors[key].shape)}".encode())
        digest.update(tensors[key].numpy().tobytes())
    return digest.hexdigest()


def _state(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    return list(module.state_dict().items())
