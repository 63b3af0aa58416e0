"""Checkpoints of MMV, of which the visual network and its two heads are taken.

They are pickles of ``params`` and ``state``, which hold numpy arrays by the names that haiku gives to modules
and variables: https://github.com/google-deepmind/deepmind-research/tree/master/mmv
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wordsight.errors import WeightsError
from wordsight.models.foreign import numpy_pickles
from wordsight.models.tensors import Tensors

# The modules of haiku that are taken, by the names of our own.
SCOPES = {"TSMResNetV2": "", "vid2audio_embd": "va.", "vis_embd": "vat."}
LAYERS = [
    (r"tsm_resnet_stem", "stem"),
    (r"tsm_resnet_unit_(\d+)/block_(\d+)/", r"units.\1.\2."),
    (r"shortcut_conv", "shortcut"),
    (r"conv_(\d+)", r"conv\1"),
    (r"final_projection_inner", "inner"),
    (r"final_projection", "projection"),
    # The class that names them begins with an underscore, and haiku adds another.
    (r"_*(cross_replica_)?batch_norm_(\d+)", r"norm\2"),
    (r"_*(cross_replica_)?batch_norm", "norm0"),
]
VARIABLES = {
    "w": "weight", "b": "bias", "scale": "weight", "offset": "bias",
    "~/mean_ema/average": "running_mean", "~/var_ema/average": "running_var",
}  # fmt: skip


def _array(function: Any, arguments: Any, state: Any, *_: Any) -> np.ndarray:
    """An array as dill and jax pickle it: the three parts of numpy, then what is of no use here."""
    array = function(*arguments)
    if not isinstance(array, np.ndarray):
        raise TypeError("expected an array of numpy")
    array.__setstate__(state)
    return array


# What the file may name beside numpy, and what is called in its place: dill, haiku and jax are not imported.
STAND_INS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": dict,
    "haiku._src.data_structures.FlatMapping": dict,
    "haiku._src.data_structures.frozendict": dict,
    "dill._dill._create_array": _array,
    "jax._src.array._reconstruct_array": _array,
    "jax._src.device_array.reconstruct_device_array": _array,
}


def tensors(path: Path | str) -> Tensors:
    """Weights of a network of :mod:`wordsight.models.architectures.tsm` and of both its heads, by name.

    Parameters
    ----------
    path : ``mmv_tsm_resnet_x1.pkl``, ``mmv_tsm_resnet_x2.pkl`` or a file like them

    Raises
    ------
    WeightsError
        When the file is damaged, would run code, or holds no such network.
    """
    contents = numpy_pickles.read(path, STAND_INS)
    found = {
        name: _tensor(value, f"{path}: {variable}")
        for part in ("params", "state")
        for variable, value in _variables(contents, part, path)
        if (name := _name(variable))
    }
    if "stem.weight" not in found:
        raise WeightsError(f"{path}: expected a TSMResNetV2 among its modules of haiku, found none")
    return found


def _variables(contents: Any, part: str, path: Path | str) -> Iterator[tuple[str, Any]]:
    """Every variable of a part of the file by the names of its module and of its own."""
    modules = contents.get(part) if isinstance(contents, Mapping) else None
    if not isinstance(modules, Mapping) or not all(isinstance(one, Mapping) for one in modules.values()):
        raise WeightsError(f"{path}: expected variables by module under {part!r}, as haiku keeps them")
    for module, variables in modules.items():
        for variable, value in variables.items():
            yield f"{module}/{variable}", value


def _name(variable: str) -> str | None:
    """Our own name of a variable, or None for one that is not taken."""
    match = re.search(rf"(?:^|/)({'|'.join(SCOPES)})/(.+?)/({'|'.join(VARIABLES)})$", variable)
    if not match:
        return None
    scope, layer, kind = match.groups()
    for theirs, ours in LAYERS:
        layer = re.sub(theirs, ours, layer)
    return f"{SCOPES[scope]}{layer}.{VARIABLES[kind]}"


def _tensor(value: Any, variable: str) -> torch.Tensor:
    """Weights with what comes out first, and all that belongs to channels as a vector."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        found = value.dtype.name if isinstance(value, np.ndarray) else type(value).__name__
        raise WeightsError(f"{variable}: expected an array of floating-point numbers, found {found}")
    tensor = torch.from_numpy(value.astype(np.float32))
    if not variable.endswith("/w"):
        return tensor.flatten()
    # Kernels are (h, w, in, out) and matrices (in, out).
    return tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor.T.contiguous()
