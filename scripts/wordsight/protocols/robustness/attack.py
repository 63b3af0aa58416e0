r"""Projected gradient descent on many images at once, in batches that stay full.

Within the ball of radius :math:`\epsilon` around the image x, from a start in it,

.. math:: x_{t+1} = \Pi_{[0,1]} \, \Pi_{\|x' - x\| \le \epsilon}
          \big( x_t + \alpha \epsilon \, d(\nabla_x \mathrm{CE}(f(x_t), y)) \big),

where d is the direction of steepest ascent in the ball's norm: the sign for Linf, the unit vector for L2.

The iterates are foolbox's. An attack ends at the first one that reaches its goal, and its place in the batch
goes to the next attack at once, which may be one on another image, at another radius or of another length.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from wordsight.protocols.robustness.balls import Ball, check_points
from wordsight.protocols.robustness.classifier import Goal, verdict


@dataclass(frozen=True)
class Attack:
    """An attack on one image at one radius of the grid.

    Attributes
    ----------
    item, index : places of the image and of the radius
    start : point that it starts from, a float tensor (3, h, w)
    steps : how many it may take
    relative_step : length of a step as a share of the radius
    purpose : what it is for, by which those who follow it tell attacks apart
    """

    item: int
    index: int
    start: torch.Tensor
    steps: int
    relative_step: float
    purpose: str


@dataclass(frozen=True)
class End:
    """How an attack ended.

    Attributes
    ----------
    reached : whether it reached its goal
    taken : steps that it took, with a gradient for each and one more for the verdict on where it ended
    point : where it ended, a float tensor (3, h, w)
    """

    reached: bool
    taken: int
    point: torch.Tensor


# The attack that comes after one that ended: another on the same image, or None.
Follow = Callable[[Attack, End], Attack | None]


class Batch:
    """Places for attacks that advance together; the first ones are taken, without a gap."""

    def __init__(
        self,
        network: torch.nn.Module,
        images: torch.Tensor,
        goal: Goal,
        ball: Ball,
        radii: list[float],
        size: int,
    ) -> None:
        self.network, self.images, self.goal, self.ball, self.size = network, images, goal, ball, size
        self.grid = torch.tensor(radii, dtype=images.dtype, device=images.device)
        self.running: list[Attack] = []
        self.taken = np.zeros(size, dtype=np.int64)
        self.points, self.originals = (images.new_empty((size, *images.shape[1:])) for _ in range(2))
        self.radii, self.strides = (images.new_empty((size, 1, 1, 1)) for _ in range(2))

    def put(self, place: int, attack: Attack) -> None:
        """Begin an attack at a place, which may be the first free one."""
        self.running[place : place + 1] = [attack]
        self.taken[place] = 0
        self.points[place], self.originals[place] = attack.start, self.images[attack.item]
        self.radii[place] = self.grid[attack.index]
        self.strides[place] = self.grid[attack.index] * attack.relative_step

    def drop(self, place: int) -> None:
        """Free a place; the last attack moves there."""
        moved = self.running.pop()
        if place < len(self.running):
            self.running[place] = moved
            for state in (self.taken, self.points, self.originals, self.radii, self.strides):
                state[place] = state[len(self.running)]

    def advance(self, follow: Follow) -> list[tuple[int, Attack | None]]:
        """Take one step of every attack; gives the places of those that ended, and what follows them."""
        taken = slice(len(self.running))
        points, originals, radii = self.points[taken], self.originals[taken], self.radii[taken]
        check_points(self.ball, points, originals, radii)
        reached, ascent = verdict(self.network, points, self.goal.of([one.item for one in self.running]))
        ended = [
            (place, follow(attack, End(bool(reached[place]), int(self.taken[place]), self.points[place])))
            for place, attack in enumerate(self.running)
            if reached[place] or self.taken[place] == attack.steps
        ]
        # In place, since copies of a batch cost as much as the gradients of a small network.
        moved = self.ball.direction(ascent).mul_(self.strides[taken]).add_(points).sub_(originals)
        torch.clamp(self.ball.project(moved, radii).add_(originals), 0, 1, out=points)
        self.taken[taken] += 1
        return ended


def attack_all(
    network: torch.nn.Module,
    images: torch.Tensor,
    goal: Goal,
    ball: Ball,
    radii: list[float],
    attacks: Iterator[Attack],
    follow: Follow,
    batch_size: int,
) -> None:
    """Run attacks, and those that follow them, until none is left.

    Parameters
    ----------
    network : from images (b, 3, h, w) in [0, 1] to scores
    images : float tensor (n, 3, h, w)
    goal : of the attacks on all images
    ball, radii : norm and grid of radii
    attacks : taken one by one, whenever a place is free
    follow : called once for each attack that ended, also for those that it gave itself
    batch_size : attacks that advance together
    """
    batch = Batch(network, images, goal, ball, radii, batch_size)
    while True:
        while len(batch.running) < batch.size and (attack := next(attacks, None)):
            batch.put(len(batch.running), attack)
        if not batch.running:
            return
        # From the last place down, so that the attack that moves into a freed place has not ended as well.
        for place, follower in reversed(batch.advance(follow)):
            if attack := follower or next(attacks, None):
                batch.put(place, attack)
            else:
                batch.drop(place)
