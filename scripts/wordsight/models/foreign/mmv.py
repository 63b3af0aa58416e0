"""Checkpoints of MMV: its visual network and the two heads of that network.

They are pickles with the entries ``params`` and ``state``, which hold NumPy arrays by haiku's names of
modules and variables: https://github.com/google-deepmind/deepmind-research/tree/master/mmv
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

# Modules of haiku that are read, and our prefixes of their names.
SCOPES = {"TSMResNetV2": "", "vid2audio_embd": "va.", "vis_embd": "vat."}
LAYERS = [
    (r"tsm_resnet_stem", "stem"),
    (r"tsm_resnet_unit_(\d+)/block_(\d+)/", r"units.\1.\2."),
    (r"shortcut_conv", "shortcut"),
    (r"conv_(\d+)", r"conv\1"),
    (r"final_projection_inner", "inner"),
    (r"final_projection", "projection"),
    # The name of the class starts with an underscore, and haiku adds another.
    (r"_*(cross_replica_)?batch_norm_(\d+)", r"norm\2"),
    (r"_*(cross_replica_)?batch_norm", "norm0"),
]
VARIABLES = {
    "w": "weight", "b": "bias", "scale": "weight", "offset": "bias",
    "~/mean_ema/average": "running_mean", "~/var_ema/average": "running_var",
}  # fmt: skip


def _array(function: Any, arguments: Any, state: Any, *_: Any) -> np.ndarray:
    """An array as dill and jax pickle it: NumPy's three parts, then values that are not needed here."""
    array = function(*arguments)
    if not isinstance(array, np.ndarray):
        raise TypeError("expected a NumPy array")
    array.__setstate__(state)
    return array


# Names besides NumPy's that a file may hold, and what is called instead. dill, haiku and jax are not
# imported.
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
        raise WeightsError(f"{path}: expected a TSMResNetV2 among its haiku modules, found none")
    return found


def _variables(contents: Any, part: str, path: Path | str) -> Iterator[tuple[str, Any]]:
    """Variables of one part of the file, each as ``module/variable`` with its value."""
    modules = contents.get(part) if isinstance(contents, Mapping) else None
    if not isinstance(modules, Mapping) or not all(isinstance(one, Mapping) for one in modules.values()):
        raise WeightsError(f"{path}: expected variables by module under {part!r}, as haiku writes them")
    for module, variables in modules.items():
        for variable, value in variables.items():
            yield f"{module}/{variable}", value


def _name(variable: str) -> str | None:
    """Our own name of a variable, or None if it is not read."""
    match = re.search(rf"(?:^|/)({'|'.join(SCOPES)})/(.+?)/({'|'.join(VARIABLES)})$", variable)
    if not match:
        return None
    scope, layer, kind = match.groups()
    for theirs, ours in LAYERS:
        layer = re.sub(theirs, ours, layer)
    return f"{SCOPES[scope]}{layer}.{VARIABLES[kind]}"


def _tensor(value: Any, variable: str) -> torch.Tensor:
    """Tensor in the layout of torch: weights start with the outputs, and all else is a vector."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        found = value.dtype.name if isinstance(value, np.ndarray) else type(value).__name__
        raise WeightsError(f"{variable}: expected an array of floating-point numbers, found {found}")
    tensor = torch.from_numpy(value.astype(np.float32))
    if not variable.endswith("/w"):
        return tensor.flatten()
    # Kernels are (h, w, in, out) and matrices (in, out).
    return tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor.T.contiguous()
