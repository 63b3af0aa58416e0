"""Random views of images. Their numbers are drawn without the images, so that all objectives see the same.

A view is a resized crop, a flip, and changes of brightness, contrast and saturation; some images become grey.
Its numbers depend only on the seed, the epoch, the step and the view.

References: the crop is that of Szegedy et al., Going deeper with convolutions, 2015, section 6,
https://arxiv.org/abs/1409.4842; the changes of colour are those of Chen, Kornblith, Norouzi and Hinton, A
simple framework for contrastive learning of visual representations, 2020, appendix A,
https://arxiv.org/abs/2002.05709, in a fixed order and without a change of hue.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from wordsight.config.pretraining import AugmentationSection

GREY = (0.299, 0.587, 0.114)  # luma of ITU-R BT.601
ASPECT = math.log(4 / 3)


@dataclass(frozen=True)
class View:
    """Random numbers of one view of b images.

    Attributes
    ----------
    boxes : float (b, 4), centre and size of the crop (x, y, w, h) as fractions of the image's sides
    flips : bool (b,)
    brightness, contrast, saturation : float (b,), factors
    grey : bool (b,)
    """

    boxes: torch.Tensor
    flips: torch.Tensor
    brightness: torch.Tensor
    contrast: torch.Tensor
    saturation: torch.Tensor
    grey: torch.Tensor

    def __getitem__(self, places: slice) -> "View":
        return View(**{name: value[places] for name, value in vars(self).items()})


def draw(count: int, section: AugmentationSection, seed: int) -> View:
    """Draw the numbers of one view of ``count`` images."""
    u = torch.rand((8, count), generator=torch.Generator().manual_seed(seed))
    area = section.smallest_crop + u[0] * (1 - section.smallest_crop)
    ratio = torch.exp((2 * u[1] - 1) * ASPECT)
    sides = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], dim=1).clamp(max=1)
    centres = sides / 2 + u[2:4].T * (1 - sides)

    def factor(numbers: torch.Tensor, strength: float) -> torch.Tensor:
        return 1 + (2 * numbers - 1) * strength

    return View(
        boxes=torch.cat([centres, sides], dim=1),
        flips=(u[4] < 0.5) if section.flip else torch.zeros(count, dtype=torch.bool),
        brightness=factor(u[5], section.brightness),
        contrast=factor(u[6], section.contrast),
        saturation=factor(u[7], section.saturation),
        grey=torch.rand(count, generator=torch.Generator().manual_seed(seed + 1)) < section.greyscale,
    )


def crop(images: torch.Tensor, view: View, size: int) -> torch.Tensor:
    """Crop, resize and flip square images.

    Parameters
    ----------
    images : float (b, 3, s, s) in [0, 1]
    size : side of the result in pixels

    Returns
    -------
    float (b, 3, size, size) in [0, 1]
    """
    grid = _grid(view, size).to(images.device)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _grid(view: View, size: int) -> torch.Tensor:
    """Where the crops' pixels lie in the images, from -1 to 1: float (b, size, size, 2).

    The same as torch's ``affine_grid``, but for rounding. Its matrix products take seven times as long.
    """
    x, y, w, h = (part[:, None] for part in view.boxes.unbind(dim=1))
    steps = torch.linspace(-1, 1, size) * ((size - 1) / size)
    across = torch.where(view.flips[:, None], -w, w) * steps + (2 * x - 1)
    down = h * steps + (2 * y - 1)
    pixels = (len(view.boxes), size, size)
    return torch.stack([across[:, None, :].expand(pixels), down[:, :, None].expand(pixels)], dim=-1)


def recolour(images: torch.Tensor, view: View) -> torch.Tensor:
    """Change brightness, contrast and saturation, and turn some images grey.

    Parameters
    ----------
    images : float (b, 3, h, w) in [0, 1]
    """

    def column(values: torch.Tensor) -> torch.Tensor:
        return values.to(images.device)[:, None, None, None]

    def luma(values: torch.Tensor) -> torch.Tensor:
        weights = torch.tensor(GREY, device=images.device)[:, None, None]
        return (values * weights).sum(dim=1, keepdim=True)

    images = images * column(view.brightness)
    mean = luma(images).mean(dim=(2, 3), keepdim=True)
    images = (images - mean).mul_(column(view.contrast)).add_(mean)
    saturation = torch.where(view.grey, torch.zeros_like(view.saturation), view.saturation)
    grey = luma(images)
    return (images - grey).mul_(column(saturation)).add_(grey).clamp_(0, 1)
