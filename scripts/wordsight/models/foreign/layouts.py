"""Layouts of published checkpoints: each is read as tensors by their names in the library."""

import re
from pathlib import Path

import numpy as np
import torch

from wordsight.config.models import CheckpointNetwork
from wordsight.errors import WeightsError, first_line
from wordsight.files.inflation import grows_too_far, is_zip, unpacked_size
from wordsight.models.foreign import weights
from wordsight.models.tensors import Tensors

# Names in timm for the rest of a name in BiT, after its unit and its layer.
BIT_VALUES = {
    "standardized_conv2d/kernel": "conv.weight",
    "group_norm/gamma": "norm.weight",
    "group_norm/beta": "norm.bias",
    "proj/standardized_conv2d/kernel": "downsample.conv.weight",
}
# Names in timm for the names in BiT that are in no unit.
BIT_OUTSIDE = {
    "root_block/standardized_conv2d/kernel": "stem.conv.weight",
    "group_norm/gamma": "norm.weight",
    "group_norm/beta": "norm.bias",
    "head/conv2d/kernel": "head.fc.weight",
    "head/conv2d/bias": "head.fc.bias",
}


def tensors(path: Path, section: CheckpointNetwork) -> Tensors:
    """Tensors of a verified file, in the layout that the section names.

    Raises
    ------
    WeightsError
        When the file is damaged, unsafe or in another layout.
    """
    if section.layout == "bit":
        return bit(path)
    if section.layout == "mmv":
        from wordsight.models.foreign import mmv

        return mmv.tensors(path)
    return weights.tensors(path, key=section.key, prefix=section.prefix, keyed=True)


def bit(path: Path) -> Tensors:
    """Arrays of Big Transfer, a ResNet v2 in TensorFlow, under timm's names of ``resnetv2_*_bit``.

    Reference: Kolesnikov et al., Big Transfer: general visual representation learning, 2020,
    https://arxiv.org/abs/1912.11370
    """
    try:
        if is_zip(path) and grows_too_far(unpacked_size(path), path.stat().st_size):
            raise ValueError("it would unpack to too many bytes for a file of its size")
        # numpy leaves a damaged file open that it opened itself.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # numpy lets errors of every type through on damaged files
        reason = first_line(error)
        raise WeightsError(f"{path}: expected arrays in a NumPy file, .npz ({reason})") from None
    found = {_bit_name(name): value for name, value in arrays.items()}
    if None in found:
        other = next(name for name in arrays if _bit_name(name) is None)
        raise WeightsError(f"{path}: expected names such as BiT's resnet/block1/unit01/..., found {other!r}")
    # A kernel of TensorFlow is height x width x channels in x channels out.
    return {
        str(name): torch.from_numpy(value.transpose(3, 2, 0, 1).copy() if value.ndim == 4 else value)
        for name, value in found.items()
    }


def _bit_name(name: str) -> str | None:
    """Name in timm of an array of BiT."""
    unit = re.fullmatch(r"resnet/block(\d)/unit(\d\d)/([abc])/(.+)", name)
    if not unit:
        return BIT_OUTSIDE.get(name.removeprefix("resnet/"))
    value = BIT_VALUES.get(unit[4])
    number = "abc".index(unit[3]) + 1
    place = f"stages.{int(unit[1]) - 1}.blocks.{int(unit[2]) - 1}"
    if value is None or value.startswith("downsample"):
        return value and f"{place}.{value}"
    layer, kind = value.split(".")
    return f"{place}.{layer}{number}.{kind}"
