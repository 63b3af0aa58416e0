"""Balls that perturbations stay in: how to start in them, step along a gradient, and come back.

Reference for uniform draws from an L2 ball: Voelker, Gosmann and Stewart, Efficiently sampling vectors and
coordinates from the n-sphere and n-ball, 2017
"""

from collections.abc import Mapping
from typing import Literal, Protocol

import torch

Norm = Literal["linf", "l2"]
LEAST = 1e-12  # norm of a gradient that is divided by
ROUNDING = 1e-5  # of a point on the surface of its ball


class Ball(Protocol):
    """All perturbations (b, 3, h, w) up to a norm."""

    def draw(self, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
        """One from the ball of radius 1, uniformly."""

    def direction(self, gradients: torch.Tensor) -> torch.Tensor:
        """Steps of norm 1 that go up gradients the fastest."""

    def project(self, perturbations: torch.Tensor, radii: torch.Tensor) -> torch.Tensor:
        """The nearest ones within radii (b, 1, 1, 1), in their place."""

    def norm(self, perturbations: torch.Tensor) -> torch.Tensor:
        """Norms (b,)."""


class LInf:
    """No pixel changes by more than the radius."""

    def draw(self, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:  # noqa: D102
        return 2 * torch.rand(shape, generator=generator) - 1

    def direction(self, gradients: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return gradients.sign()

    def project(self, perturbations: torch.Tensor, radii: torch.Tensor) -> torch.Tensor:  # noqa: D102
        # A clamp takes several times as long where its bounds are broadcast.
        torch.minimum(perturbations, radii, out=perturbations)
        return torch.maximum(perturbations, -radii, out=perturbations)

    def norm(self, perturbations: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return perturbations.flatten(1).abs().amax(dim=1)


class L2:
    """The Euclidean length of the change, over all pixels and channels, is at most the radius."""

    def draw(self, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:  # noqa: D102
        # The first n coordinates of a point on the sphere in n + 2 dimensions are uniform in the ball.
        drawn = torch.randn(shape.numel() + 2, generator=generator)
        return (drawn / drawn.norm())[:-2].view(shape)

    def direction(self, gradients: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return gradients.div(self.norm(gradients).clamp_(min=LEAST).view(-1, 1, 1, 1))

    def project(self, perturbations: torch.Tensor, radii: torch.Tensor) -> torch.Tensor:  # noqa: D102
        norms = self.norm(perturbations).clamp_(min=LEAST).view(-1, 1, 1, 1)
        return perturbations.mul_((radii / norms).clamp_(max=1))

    def norm(self, perturbations: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return perturbations.flatten(1).norm(dim=1)


BALLS: Mapping[Norm, Ball] = {"linf": LInf(), "l2": L2()}


def check_points(ball: Ball, points: torch.Tensor, originals: torch.Tensor, radii: torch.Tensor) -> None:
    """Assert that points (b, 3, h, w) are images, and within their balls around the originals.

    ``radii`` are a float tensor of b values.

    Raises
    ------
    AssertionError
        When an attack has gone beyond what it may change.
    """
    least, most = map(float, points.aminmax())
    assert least >= 0, "an attack left the range of pixels"
    assert most <= 1, "an attack left the range of pixels"
    beyond = ball.norm(points - originals) - radii.flatten() * (1 + ROUNDING)
    assert float(beyond.max()) <= ROUNDING, "an attack left its ball"
