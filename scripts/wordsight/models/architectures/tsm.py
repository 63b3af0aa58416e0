r"""TSM-ResNet-50, the video network of MMV, on a still image: a clip of equal frames.

A ResNet-50 with pre-activation sees each frame separately. At the start of each residual branch an eighth of
the channels is taken from the next frame and another eighth from the previous one, with zeros before the
first frame and after the last one. Features are the mean over places and frames.

All frames of a still image are equal at first, and each of the 16 blocks makes one more frame at either end
differ. So only the frames that differ are computed, plus a middle one for all the others. The result is the
same, with half of the work at 32 frames.

The network follows ``mmv/models/tsm_resnet.py``, ``tsm_utils.py`` and ``mm_embeddings.py`` of
https://github.com/google-deepmind/deepmind-research, with the padding ``SAME`` of TensorFlow.

References
----------
Alayrac et al., Self-supervised multimodal versatile networks, 2020, https://arxiv.org/abs/2006.16228
Lin, Gan and Han, TSM: temporal shift module for efficient video understanding, 2019,
https://arxiv.org/abs/1811.08383
"""

import math
import re

import torch
import torch.nn.functional as F
from torch import nn

from wordsight.config.models import PreprocessingSection
from wordsight.errors import ConfigError
from wordsight.models.encoder import Backbone

# As in eval_ucf101.py, where videos in [0, 1] are not normalised.
PREPROCESSING = PreprocessingSection(
    image_size=224, resize=224, interpolation="bilinear", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
)
FRAMES = 32
BLOCKS = (3, 4, 6, 3)
CHANNELS = (256, 512, 1024, 2048)
SHIFTED = 8  # 1 / SHIFTED of the channels come from the next frame, and as many from the previous one
AUDIO, TEXT = 512, 256  # widths of the space shared with audio, and of the space shared with audio and text


def build(name: str) -> tuple[Backbone, PreprocessingSection]:
    """Network by its name, without a classifier.

    The name starts with ``resnet50`` or ``resnet50x2``, which is twice as wide. ``-va`` adds the space that
    video shares with audio, and ``-vat`` the one that both share with text. Features are then read there, and
    without them at the input of these spaces. ``-f`` and a number set the number of frames, 32 by default.
    """
    match = re.fullmatch(r"resnet50(x2)?(?:-(va|vat))?(?:-f([1-9]\d{0,2}))?", name)
    if not match:
        raise ConfigError(
            f"config: models: tsm has no network {name!r}; valid: resnet50 or resnet50x2, then -va or -vat, "
            "then -f and a number of frames, such as resnet50-vat-f8"
        )
    wider, space, frames = match.groups()
    network = TsmResNet(2 if wider else 1, int(frames or FRAMES))
    spaces = Spaces(network.feature_size, space) if space else None
    backbone = Backbone(
        network,
        spaces.feature_size if spaces else network.feature_size,
        projection=spaces,
        unused={None: ("va.", "vat."), "va": ("vat.",), "vat": ()}[space],
        default="embedding" if space else "pooled",
    )
    return backbone, PREPROCESSING


class TsmResNet(nn.Module):
    """The network. Its tensors have the names that :func:`wordsight.models.foreign.mmv.tensors` gives them.

    Parameters
    ----------
    width : factor of the numbers of channels, 1 or 2
    frames : length of the clip
    """

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        before = 64 * width
        self.stem = SameConv2d(3, before, 7, stride=2)
        self.units = nn.ModuleList()
        for unit, (blocks, channels) in enumerate(zip(BLOCKS, CHANNELS, strict=True)):
            after = channels * width
            first = Block(before, after, stride=1 if unit == 0 else 2)
            self.units.append(nn.Sequential(first, *(Block(after, after) for _ in range(blocks - 1))))
            before = after
        self.norm0 = nn.BatchNorm2d(before)
        self.feature_size = before
        _initialise(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """From (b, 3, h, w) to (b, feature_size)."""
        clip = images.unsqueeze(1)
        # In training, the statistics of a batch include every frame, so none is left out.
        return self.clip(repeat_middle(clip, self.frames) if self.training else clip)

    def clip(self, frames: torch.Tensor) -> torch.Tensor:
        """From (b, f, 3, h, w) to (b, feature_size).

        If there are fewer than ``self.frames`` frames, the missing ones equal the middle one.
        """
        batch = len(frames)
        x = same_max_pool(self.stem(frames.flatten(0, 1)))
        for block in (layer for layer in self.units.modules() if isinstance(layer, Block)):
            x = x.unflatten(0, (batch, -1))
            # The block makes the first and the last of the equal frames differ, so they need copies.
            x = repeat_middle(x, min(x.shape[1] + 2, self.frames))
            x = block(x)
        x = F.relu(self.norm0(x)).mean(dim=(2, 3)).unflatten(0, (batch, -1))
        return repeat_middle(x, self.frames).mean(dim=1)


class Block(nn.Module):
    """Bottleneck with pre-activation; its residual branch starts with the shift between frames."""

    def __init__(self, before: int, after: int, stride: int | None = None) -> None:
        super().__init__()
        inner = after // 4
        self.norm0, self.norm1, self.norm2 = (nn.BatchNorm2d(size) for size in (before, inner, inner))
        self.conv0 = SameConv2d(before, inner, 1)
        self.conv1 = SameConv2d(inner, inner, 3, stride=stride or 1)
        self.conv2 = SameConv2d(inner, after, 1)
        self.shortcut = SameConv2d(before, after, 1, stride=stride) if stride else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (b, f, before, h, w) to (b * f, after, h / stride, w / stride)."""
        clip, x = x.shape[:2], x.flatten(0, 1)
        y = F.relu(self.norm0(x))
        shortcut = x if self.shortcut is None else self.shortcut(y)
        y = self.conv0(shift(y.unflatten(0, clip)).flatten(0, 1))
        y = self.conv1(F.relu(self.norm1(y)))
        return shortcut + self.conv2(F.relu(self.norm2(y)))


class Spaces(nn.Module):
    """From the features to the space shared with audio, and on to the one shared with text.

    Parameters
    ----------
    before : width of the features
    space : ``va`` or ``vat``, see :func:`build`
    """

    def __init__(self, before: int, space: str) -> None:
        super().__init__()
        self.va = AudioHead(before)
        self.vat = TextHead() if space == "vat" else None
        self.feature_size = TEXT if self.vat else AUDIO
        _initialise(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (b, before) to (b, feature_size)."""
        x = self.va(x)
        return x if self.vat is None else self.vat(x)


class AudioHead(nn.Module):
    """From the features to the space that video shares with audio."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self.inner, self.norm0 = nn.Linear(before, AUDIO), nn.BatchNorm1d(AUDIO)
        self.projection, self.norm1 = nn.Linear(AUDIO, AUDIO, bias=False), nn.BatchNorm1d(AUDIO)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (b, before) to (b, 512)."""
        return self.norm1(self.projection(F.relu(self.norm0(self.inner(x)))))


class TextHead(nn.Module):
    """From the space that video shares with audio to the one that both share with text."""

    def __init__(self) -> None:
        super().__init__()
        self.projection, self.norm0 = nn.Linear(AUDIO, TEXT), nn.BatchNorm1d(TEXT)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (b, 512) to (b, 256)."""
        return self.norm0(self.projection(F.relu(x)))


class SameConv2d(nn.Conv2d):
    """Convolution without bias whose output has 1 / stride of the input's side, rounded up."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1) -> None:
        super().__init__(before, after, kernel, stride=stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (n, before, h, w) to (n, after, h / stride, w / stride)."""
        return super().forward(_pad(x, self.kernel_size[0], self.stride[0], 0.0))


def same_max_pool(x: torch.Tensor) -> torch.Tensor:
    """Maximum over 3 x 3 places with stride 2; the padding is never the maximum."""
    return F.max_pool2d(_pad(x, 3, 2, -math.inf), 3, stride=2)


def _pad(x: torch.Tensor, kernel: int, stride: int, value: float) -> torch.Tensor:
    """Padding ``SAME`` of TensorFlow: an odd pixel goes to the right or to the bottom."""
    height, width = (max((math.ceil(side / stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:])
    around = (width // 2, width - width // 2, height // 2, height - height // 2)
    return F.pad(x, around, value=value) if any(around) else x


def shift(x: torch.Tensor) -> torch.Tensor:
    """Replace a quarter of the channels by those of neighbouring frames, shape (b, f, c, h, w).

    The first eighth becomes the last eighth of the next frame, and the last eighth the first of the previous.
    """
    size = x.shape[2] // SHIFTED
    first, middle, last = x[:, :, :size], x[:, :, size:-size], x[:, :, -size:]
    outside = torch.zeros_like(first[:, :1])
    following, previous = torch.cat([last[:, 1:], outside], 1), torch.cat([outside, first[:, :-1]], 1)
    return torch.cat([following, middle, previous], 2)


def repeat_middle(x: torch.Tensor, frames: int) -> torch.Tensor:
    """The (b, f, ...) frames with the middle one repeated until there are ``frames`` of them."""
    middle = x.shape[1] // 2
    copies = x[:, middle : middle + 1].expand(-1, frames - x.shape[1] + 1, *x.shape[2:])
    return torch.cat([x[:, :middle], copies, x[:, middle + 1 :]], 1)


def _initialise(network: nn.Module) -> None:
    """Initial weights as in haiku: normal with variance 1 / inputs, cut off at two standard deviations."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            std = layer.weight[0].numel() ** -0.5
            nn.init.trunc_normal_(layer.weight, std=std, a=-2 * std, b=2 * std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
