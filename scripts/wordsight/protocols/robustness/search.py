"""The smallest radius of a grid at which attacks break each image.

The ball of a larger radius holds every adversarial example of a smaller one. So an image that resists the
attack at one radius counts as right at all smaller ones, and the search pays for a single attack that fails:

1. One step up the clean image's gradient, at every radius from the smallest on until the image breaks (the
   fast gradient method; for Linf, along the sign).
2. At the next smaller radius a short attack, from the perturbation that broke the image, scaled to that
   radius; and so on downwards, as long as the image breaks.
3. Where it resists that, the whole attack from a random start. If this breaks the image, 2 goes on below.

Reference: Goodfellow et al., Explaining and harnessing adversarial examples, 2015,
https://arxiv.org/abs/1412.6572
"""

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import torch

from wordsight.protocols.robustness.attack import Attack, End, Follow, attack_all
from wordsight.protocols.robustness.balls import Ball, check_points
from wordsight.protocols.robustness.classifier import Goal, reaches, verdict
from wordsight.protocols.robustness.finished import Finished
from wordsight.seeds import derive_seed

SHORTER = 10  # the whole attack has this many times the steps of a short one
SHORTEST = 3  # steps
FULL_TRAVEL = 2.5  # radii that an attack can travel, as in Madry et al. 2018

SEARCHING = ("short", "whole")  # purposes of attacks
# From an item, the index of a radius and the number of the restart to a point in the ball of radius 1.
Start = Callable[[int, int, int], torch.Tensor]


class Search:
    """What is known of the smallest radius that breaks each image, and which attack finds more.

    Parameters
    ----------
    start : random starts of the whole attack
    steps, relative_step : of the whole attack
    ids : of the images
    kind : what ``finished`` has the results of this search under
    finished : what is known of images already, and where what is found out is kept

    Attributes
    ----------
    by_one_step, by_descent : int arrays (n,), index of the smallest radius known to break an image, by one
        step and by any attack; the number of radii if there is none
    late : bool array (n,); whether the last attack that broke the image had taken more than half of its steps
    gradients : int array (n,), those that were taken for each image
    keep : whether the points that break images are kept
    points : where attacks at the smallest known radius broke each image, by its place, if they are kept
    """

    def __init__(
        self,
        network: torch.nn.Module,
        images: torch.Tensor,
        goal: Goal,
        ball: Ball,
        radii: list[float],
        *,
        steps: int,
        relative_step: float,
        batch_size: int,
        start: Start,
        ids: list[str],
        kind: str,
        finished: Finished,
    ) -> None:
        self.network, self.images, self.goal, self.ball, self.radii = network, images, goal, ball, radii
        self.steps, self.relative_step, self.start = steps, relative_step, start
        self.batch_size, self.ids, self.kind, self.finished = batch_size, ids, kind, finished
        self.by_one_step, self.by_descent = (np.full(len(images), len(radii)) for _ in range(2))
        self.late = np.zeros(len(images), dtype=bool)
        self.gradients = np.zeros(len(images), dtype=np.int64)
        self.keep = False
        self.points: dict[int, torch.Tensor] = {}

    def run(
        self,
        items: np.ndarray,
        recheck: Callable[[int], Attack | None] = lambda _: None,
        note: Callable[[Attack, End], None] = lambda *_: None,
    ) -> None:
        """Search for some of the images.

        Parameters
        ----------
        items : their places
        recheck : one more attack on an image whose search has ended, or None
        note : called with each of these and its end
        """

        def follow(attack: Attack, end: End) -> Attack | None:
            self.gradients[attack.item] += end.taken + 1
            if attack.purpose not in SEARCHING:
                note(attack, end)
                return None
            # In the same batches, since one more attack on a few images alone would leave batches empty.
            return self._next(attack, end) or self._finish(attack.item, recheck)

        known = self.finished.of(self.kind)
        done = [int(item) for item in items if self.ids[item] in known]
        for item in done:
            found = known[self.ids[item]]
            self.by_one_step[item], self.by_descent[item], self.late[item], self.gradients[item] = found
        left = np.array([item for item in items if self.ids[item] not in known], dtype=np.int64)
        rechecks = filter(None, map(recheck, done))
        self._attack(chain(rechecks, self._first(left, recheck)), follow)

    def _finish(self, item: int, recheck: Callable[[int], Attack | None]) -> Attack | None:
        """Keep what is known of an image whose search has ended; gives the attack that checks it, if any."""
        found = (self.by_one_step, self.by_descent, self.late, self.gradients)
        self.finished.note(self.kind, self.ids[item], [int(values[item]) for values in found])
        return recheck(item)

    def every_radius(self, items: np.ndarray) -> None:
        """Attack images also at all smaller radii than those that they resist."""
        kind = f"{self.kind}, every radius"
        known = self.finished.of(kind)
        left = {int(item): int(self.by_descent[item]) - 1 for item in items if self.ids[item] not in known}
        taken = dict.fromkeys(left, 0)
        below = [(item, index) for item, radii in left.items() for index in range(radii)]

        def lower(attack: Attack, end: End) -> None:
            item = attack.item
            taken[item] += end.taken + 1
            left[item] -= 1
            if end.reached:
                self.by_descent[item] = min(self.by_descent[item], attack.index)
            if not left[item]:
                self.finished.note(kind, self.ids[item], [int(self.by_descent[item]), taken[item]])

        self._attack((self.whole(*place) for place in below), lower)
        for item in items:
            if found := known.get(self.ids[item]):
                self.by_descent[item] = found[0]
                self.gradients[item] += found[1]

    def whole(self, item: int, index: int, restart: int = 0) -> Attack:
        """The configured attack, from a random start."""
        perturbation = self.radii[index] * self.start(item, index, restart).to(self.images)
        return self._from(item, index, perturbation, self.steps, self.relative_step, "whole")

    def _attack(self, attacks: Iterator[Attack], follow: Follow) -> None:
        attack_all(
            self.network, self.images, self.goal, self.ball, self.radii, attacks, follow, self.batch_size
        )

    def _short(self, item: int, index: int, perturbation: torch.Tensor) -> Attack:
        steps = max(self.steps // SHORTER, SHORTEST)
        return self._from(item, index, perturbation, steps, FULL_TRAVEL / steps, "short")

    def _from(
        self, item: int, index: int, perturbation: torch.Tensor, steps: int, step: float, purpose: str
    ) -> Attack:
        return Attack(item, index, (self.images[item] + perturbation).clamp_(0, 1), steps, step, purpose)

    def _next(self, attack: Attack, end: End) -> Attack | None:
        item, index, whole = attack.item, attack.index, attack.purpose == "whole"
        if not end.reached:
            return None if whole else self.whole(item, index)
        self.by_descent[item], self.late[item] = index, whole and end.taken > self.steps / 2
        if self.keep:
            self.points[item] = end.point.clone()
        if index == 0:
            return None
        scale = self.radii[index - 1] / self.radii[index]
        return self._short(item, index - 1, (end.point - self.images[item]) * scale)

    def _first(self, items: np.ndarray, recheck: Callable[[int], Attack | None]) -> Iterator[Attack]:
        """The first attack on each image, below the radius at which one step breaks it."""
        for first in range(0, len(items), self.batch_size):
            part = items[first : first + self.batch_size]
            ascent = verdict(self.network, self.images[part], self.goal.of(part))[1]
            directions = self.ball.direction(ascent)
            self.gradients[part] += 1
            self._one_step(part, directions)
            for item, direction in zip(part, directions, strict=True):
                below = int(self.by_one_step[item]) - 1
                if below >= 0:
                    yield self._short(int(item), below, self.radii[below] * direction)
                elif attack := self._finish(int(item), recheck):
                    yield attack

    def _one_step(self, part: np.ndarray, directions: torch.Tensor) -> None:
        """Find the smallest radius at which one step breaks each image of a batch."""
        left = np.arange(len(part))
        for index, radius in enumerate(self.radii):
            originals = self.images[part[left]]
            points = (originals + radius * directions[left]).clamp_(0, 1)
            check_points(self.ball, points, originals, originals.new_full((len(left),), radius))
            reached = reaches(self.network, points, self.goal.of(part[left]))
            broken = part[left[reached]]
            if self.keep:
                self.points |= dict(zip(broken.tolist(), points[reached], strict=True))
            self.by_one_step[broken] = self.by_descent[broken] = index
            left = left[~reached]
            if not len(left):
                return


def random_starts(
    ball: Ball, shape: torch.Size, ids: list[str], seed: int, stream: tuple[int | str, ...]
) -> Start:
    """Starts that depend only on the seed, the stream, the item, the radius and the restart.

    Parameters
    ----------
    shape : of an image
    stream : protocol, dataset and kind of the attack
    """

    def start(item: int, index: int, restart: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(derive_seed(seed, *stream, ids[item], index, restart))
        return ball.draw(shape, generator)

    return start
