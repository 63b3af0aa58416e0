r"""Stylised: ``labels`` on images whose style is destroyed, so that only shape tells classes apart.

Each image passes through a random convolution of its own, with weights
:math:`\theta \sim N(0, 1 / (3 k^2))` and a square kernel. Its side k in {1, 3, 5} is drawn once per batch.
The convolution changes colours and local texture and keeps the outlines. The image is mixed with the result,
which s stretches to [0, 1]:

.. math:: x' = a x + (1 - a)\, s(\theta * x), \qquad a \sim U(0, 1).

References: Xu, Liu, Yang, Raffel and Niethammer, Robust and generalizable visual representation learning via
random convolutions, 2021, section 3.1, https://arxiv.org/abs/2007.13003; for style transfer to the same end,
Geirhos et al., ImageNet-trained CNNs are biased towards texture, 2019, https://arxiv.org/abs/1811.12231
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from wordsight.pretraining.objectives import base, labels

KERNELS = (1, 3, 5)


class Objective(labels.Objective):
    """Name the class of an image by its shape."""

    measure = "accuracy on held-out concepts, unstylised"

    def disturb(
        self,
        images: torch.Tensor,
        targets: base.Targets,
        project: Callable[[torch.Tensor], torch.Tensor],
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Mix each image with its own random convolution."""
        fraction = torch.rand((len(images), 1, 1, 1), generator=generator).to(images.device)
        return fraction * images + (1 - fraction) * randomly_convolved(images, generator)


def randomly_convolved(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Images (b, 3, h, w), each filtered by its own weights and stretched to [0, 1]."""
    batch, channels, height, width = images.shape
    side = KERNELS[int(torch.randint(len(KERNELS), (1,), generator=generator))]
    deviation = (channels * side**2) ** -0.5
    weights = torch.randn((batch * channels, channels, side, side), generator=generator) * deviation
    padded = F.pad(images, [side // 2] * 4, mode="replicate")
    filtered = F.conv2d(
        padded.reshape(1, batch * channels, *padded.shape[2:]), weights.to(images.device), groups=batch
    ).reshape(batch, channels, height, width)
    low, high = filtered.amin(dim=(1, 2, 3), keepdim=True), filtered.amax(dim=(1, 2, 3), keepdim=True)
    return (filtered - low) / (high - low).clamp(min=1e-6)
