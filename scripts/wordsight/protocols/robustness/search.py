r"""Projected gradient descent at the smallest radius of a grid that breaks an image.

The ball of a larger radius holds every adversarial example of a smaller one, so the search halves the grid
upwards until the image is broken and then steps down until it resists. An attack ends at the first iterate
that reaches its goal, and its place in the batch goes to the next radius or image, so batches stay full. The
iterates are foolbox's.
"""

from collections.abc import Callable

import numpy as np
import torch

from wordsight.protocols.robustness.classifier import Goal, verdict
from wordsight.seeds import derive_seed

NOT_STARTED = -1

# From an item and the index of a radius to a point in the ball of radius 1.
Start = Callable[[int, int], torch.Tensor]


def search(
    network: torch.nn.Module,
    images: torch.Tensor,
    goal: Goal,
    whole: np.ndarray,
    radii: list[float],
    *,
    steps: int,
    relative_step: float,
    batch_size: int,
    start: Start,
) -> tuple[np.ndarray, int]:
    """Find the smallest radius at which the attack on each image reaches its goal.

    Parameters
    ----------
    whole : whether each image is attacked: not if the goal is reached without attack

    Returns
    -------
    bool array (radii, n), int
        Whether an image is broken at this radius or a smaller one; the number of gradients of single images.
    """
    # Indices of radii: an image resists up to ``low`` and breaks from ``high`` on; len(radii) means never.
    low, high = np.full(len(whole), -1), np.full(len(whole), len(radii))
    waiting = np.flatnonzero(whole)
    grid = torch.tensor(radii, dtype=images.dtype, device=images.device)
    items, taken, points = waiting[:0], waiting[:0], images[:0]
    gradients = 0
    while len(items) or len(waiting):
        admitted, waiting = np.split(waiting, [batch_size - len(items)])
        items, taken = np.append(items, admitted), np.append(taken, np.full(len(admitted), NOT_STARTED))
        points = torch.cat([points, images[admitted]])
        # A broken image breaks again quickly, one that resists costs every step: halve up, then step down.
        probed = np.where(high[items] == len(radii), (low[items] + high[items]) // 2, high[items] - 1)
        originals, radius = images[items], grid[probed].view(-1, 1, 1, 1)
        for row in np.flatnonzero(taken == NOT_STARTED):
            noise = start(int(items[row]), int(probed[row])).to(points)
            points[row] = (originals[row] + radius[row] * noise).clamp(0, 1)
            taken[row] = 0
        broken, ascent = verdict(network, points, goal.of(items))
        gradients += len(items)
        ended = broken | (taken == steps)
        high[items[broken]] = probed[broken]
        low[items[ended & ~broken]] = probed[ended & ~broken]
        moved = points + relative_step * radius * ascent.sign()
        points = (originals + (moved - originals).clamp(-radius, radius)).clamp(0, 1)
        taken = np.where(ended, NOT_STARTED, taken + 1)
        unfinished = high[items] - low[items] > 1
        items, taken, points = items[unfinished], taken[unfinished], points[unfinished]
    return np.arange(len(radii))[:, None] >= high, gradients


def uniform_starts(images: torch.Tensor, ids: list[str], seed: int, stream: tuple[int | str, ...]) -> Start:
    """Starts that depend only on the seed, the stream, the item and the radius.

    Parameters
    ----------
    stream : protocol, dataset and kind of the attack
    """

    def start(item: int, index: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(derive_seed(seed, *stream, ids[item], index))
        return 2 * torch.rand(images.shape[1:], generator=generator) - 1

    return start
