"""The square attack: random search that asks for scores alone, so that no gradient can mislead it.

The image starts with vertical stripes of plus or minus the radius. Each query proposes a square at a random
place whose pixels are all at the radius, with a random sign for each channel, and keeps it if the label's
lead over the best other class shrinks. Squares get smaller as the queries go on.

Reference: Andriushchenko et al., Square attack: a query-efficient black-box adversarial attack via random
search, 2020, https://arxiv.org/abs/1912.00049, for the L-infinity ball
"""

import math

import numpy as np
import torch

from wordsight.protocols.robustness.balls import BALLS, check_points
from wordsight.protocols.robustness.classifier import Goal

FIRST_SHARE = 0.8  # of the pixels, which the first square covers
HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # queries of 10,000, after which it is halved


def square(
    network: torch.nn.Module,
    images: torch.Tensor,
    goal: Goal,
    radii: torch.Tensor,
    *,
    queries: int,
    seeds: list[int],
) -> np.ndarray:
    """Whether random search reaches the goal at each image's own radius, a bool array (b,).

    Parameters
    ----------
    images : float tensor (b, 3, h, w) in [0, 1]
    radii : float tensor (b,)
    queries : forward passes of each image
    seeds : of each image, so that its batch doesn't matter
    """
    draws = [np.random.default_rng(seed) for seed in seeds]
    channels, height, width = images.shape[1:]
    reach = radii.view(-1, 1, 1, 1)
    stripes = np.stack([draw.choice([-1.0, 1.0], size=(channels, 1, width)) for draw in draws])
    points = (images + reach * torch.from_numpy(stripes).to(images)).clamp_(0, 1)
    lead = _lead(network, points, goal)
    for query in range(1, queries):
        side = _side(query / queries, height, width)
        proposed = points.clone()
        for row, draw in enumerate(draws):
            top, left = draw.integers(height - side + 1), draw.integers(width - side + 1)
            window = (row, slice(None), slice(top, top + side), slice(left, left + side))
            signs = torch.from_numpy(draw.choice([-1.0, 1.0], size=(channels, 1, 1))).to(images)
            proposed[window] = (images[window] + radii[row] * signs).clamp_(0, 1)
        check_points(BALLS["linf"], proposed, images, radii)
        found = _lead(network, proposed, goal)
        better = found < lead
        points[better], lead[better] = proposed[better], found[better]
    return (lead < 0).cpu().numpy()


def _side(progress: float, height: int, width: int) -> int:
    """Side in pixels of the square that is proposed after a share of the queries."""
    halvings = sum(progress * 10_000 > query for query in HALVED_AT)
    side = round(math.sqrt(FIRST_SHARE / 2**halvings * height * width))
    return min(max(side, 1), height, width)


def _lead(network: torch.nn.Module, points: torch.Tensor, goal: Goal) -> torch.Tensor:
    """How far the label's score is above the largest other one; for a target, how far it is below."""
    with torch.no_grad():
        scores = network(points)
    own = scores.gather(1, goal.classes[:, None])[:, 0]
    others = scores.scatter(1, goal.classes[:, None], -torch.inf).amax(dim=1)
    return others - own if goal.targeted else own - others
