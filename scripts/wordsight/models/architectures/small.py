r"""Residual networks for small images, so that an encoder trains in seconds on two cores.

``resnet_wN`` begins with a 3 x 3 convolution of stride 2 and has four stages; ``patch_resnet_wN`` begins with
one of patches of 4 x 4 pixels and has three. A stage is one basic block. The first has width N, and each of
the others doubles the width and halves the resolution. Features are the mean over the last map.

They are defined here because importing a library of networks takes longer than training one of these for
several epochs.

References: He, Zhang, Ren and Sun, Deep residual learning for image recognition, 2016, section 4.2,
https://arxiv.org/abs/1512.03385; of the patches, Liu, Mao, Wu, Feichtenhofer, Darrell and Xie, A ConvNet for
the 2020s, 2022, section 2.2, https://arxiv.org/abs/2201.03545
"""

import re

import torch
import torch.nn.functional as F
from torch import nn

from wordsight.config.models import PreprocessingSection
from wordsight.errors import ConfigError
from wordsight.models.encoder import Backbone
from wordsight.models.read_outs import Anatomy

PREPROCESSING = PreprocessingSection(
    image_size=32, resize=32, interpolation="bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
)
PATCH = 4  # pixels


def build(name: str) -> tuple[Backbone, PreprocessingSection]:
    """Network ``resnet_wN`` or ``patch_resnet_wN`` without a classifier."""
    match = re.fullmatch(r"(patch_)?resnet_w([1-9]\d{0,3})", name)
    if not match:
        raise ConfigError(
            f"config: models: small has no network {name!r}; valid: resnet_w or patch_resnet_w and a width, "
            "such as resnet_w16"
        )
    width = int(match[2])
    if match[1]:
        first, count = nn.Conv2d(3, width, PATCH, stride=PATCH, bias=False), 3
    else:
        first, count = nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False), 4
    stem = [first, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    widths = [width * 2**stage for stage in range(count)]
    blocks = [
        BasicBlock(before, after, stride=1 if stage == 0 else 2)
        for stage, (before, after) in enumerate(zip([width, *widths], widths, strict=False))
    ]
    trunk = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    # The stages lie between the three modules of the stem and the pooling.
    stages = tuple(str(len(stem) + stage) for stage in range(count))
    return Backbone(trunk, widths[-1], anatomy=Anatomy(stages[-1], stages)), PREPROCESSING


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions with a shortcut, which is a projection where the shape changes."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (b, before, h, w) to (b, after, h / stride, w / stride)."""
        y = self.bn2(self.conv2(F.relu_(self.bn1(self.conv1(x)))))
        y += self.shortcut(x)
        return F.relu_(y)
