r"""Auto-PGD: gradient ascent that halves its steps by itself, on two losses, as in AutoAttack.

With momentum :math:`a = 0.75` (1 at the first step), and P the projection onto the ball and [0, 1],

.. math:: z_{t+1} = P(x_t + \eta\, d(\nabla L(x_t))), \quad
          x_{t+1} = P(x_t + a (z_{t+1} - x_t) + (1 - a)(x_t - x_{t-1})),

from :math:`\eta = 2 \epsilon`. At checkpoints that come closer and closer, :math:`\eta` is halved, and the
best point so far is gone back to, if the loss rose in fewer than three quarters of the steps since the last
checkpoint, or if neither the step size nor the best loss has changed since then.

The loss is the cross-entropy, or the difference of logits ratio, which doesn't flatten when the network is
sure. With scores s in descending order :math:`s_{\pi_1}, s_{\pi_2}, \dots`, the label y and a target t, it is

.. math:: L_t = -\frac{s_y - s_t}{s_{\pi_1} - (s_{\pi_3} + s_{\pi_4}) / 2},

for each of the nine classes that come next on the clean image. It takes four classes; of three,
:math:`s_{\pi_3}` alone is in the denominator, and of two there is none.

Reference: Croce and Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks, 2020, algorithm 1 and section 4.1, https://arxiv.org/abs/2003.01690
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from wordsight.protocols.robustness.balls import Ball, check_points

MOMENTUM = 0.75
FIRST_STEP = 2.0  # radii
RISES = 0.75  # share of the steps between two checkpoints in which the loss has to rise
FIRST_CHECKPOINT, SOONER, SHORTEST = 0.22, 0.03, 0.06  # shares of the steps
TARGETS = 9  # classes that the ratio is taken to

# From scores (b, classes) to losses (b,), for the images of a batch with these places.
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def cross_entropy(labels: torch.Tensor) -> Loss:
    """Cross-entropy of the labels (n,)."""

    def loss(scores: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(scores, labels[places], reduction="none")

    return loss


def logits_ratio(labels: torch.Tensor, targets: torch.Tensor) -> Loss:
    """Difference of logits ratio of labels and targets, both (n,)."""

    def loss(scores: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        own, other = (scores.gather(1, of[places, None])[:, 0] for of in (labels, targets))
        best = scores.topk(min(scores.shape[1], 4), dim=1).values
        if best.shape[1] == 2:
            return other - own
        return (other - own) / (best[:, 0] - best[:, 2:].mean(dim=1) + 1e-12)

    return loss


def next_classes(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Classes with the largest scores besides the label, in descending order: int tensor (b, up to 9)."""
    others = scores.scatter(1, labels[:, None], -torch.inf)
    return others.topk(min(TARGETS, scores.shape[1] - 1), dim=1).indices


@dataclass
class _State:
    """Ascents on a batch of images, each as far as it is; all tensors have one entry for each image."""

    places: torch.Tensor
    originals: torch.Tensor
    radii: torch.Tensor  # (b, 1, 1, 1), as the step sizes are
    steps: torch.Tensor
    points: torch.Tensor
    before: torch.Tensor
    gradients: torch.Tensor
    losses: torch.Tensor
    best_points: torch.Tensor
    best_gradients: torch.Tensor
    best_losses: torch.Tensor
    rises: torch.Tensor  # since the last checkpoint
    checked_losses: torch.Tensor  # the best ones at the last checkpoint
    halved: torch.Tensor  # whether the step was, there

    def of(self, kept: torch.Tensor) -> "_State":
        """The ascents on some of the images."""
        return replace(self, **{field.name: getattr(self, field.name)[kept] for field in fields(self)})


def apgd(
    network: torch.nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    ball: Ball,
    radii: torch.Tensor,
    starts: torch.Tensor,
    loss: Loss,
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Which images it makes wrong, a bool array (b,), and the gradients that it takes for each, (b,).

    Parameters
    ----------
    network : from images (b, 3, h, w) in [0, 1] to scores
    labels : int tensor (b,)
    radii : float tensor (b,), of each image
    starts : points in the ball of radius 1, a float tensor (b, 3, h, w)
    """
    broken = np.zeros(len(images), dtype=bool)
    taken = np.zeros(len(images), dtype=np.int64)
    state = _begin(images, ball, radii, starts)
    checkpoint, since = max(int(FIRST_CHECKPOINT * steps), 1), 0
    for step in range(steps + 1):
        check_points(ball, state.points, state.originals, state.radii)
        wrong, rose = _look(network, state, labels, loss, first=step == 0)
        taken[state.places.cpu().numpy()] += 1
        broken[state.places[wrong].cpu().numpy()] = True
        state, rose = state.of(~wrong), rose[~wrong]
        if not len(state.places) or step == steps:
            break
        if step:
            state.rises, since = state.rises + rose, since + 1
            if since == checkpoint:
                _halve(state, checkpoint)
                checkpoint, since = (
                    max(checkpoint - max(int(SOONER * steps), 1), max(int(SHORTEST * steps), 1)),
                    0,
                )
        _step(state, ball, momentum=MOMENTUM if step else 1.0)
    return broken, taken


def _begin(images: torch.Tensor, ball: Ball, radii: torch.Tensor, starts: torch.Tensor) -> _State:
    reach = radii.view(-1, 1, 1, 1)
    # On the surface of the ball.
    outwards = starts / ball.norm(starts).clamp(min=1e-12).view(-1, 1, 1, 1)
    points = (images + reach * outwards).clamp(0, 1)
    nothing = torch.zeros_like(radii)
    return _State(
        places=torch.arange(len(images), device=images.device),
        originals=images,
        radii=reach,
        steps=FIRST_STEP * reach,
        points=points,
        before=points,
        gradients=torch.zeros_like(points),
        losses=nothing,
        best_points=points,
        best_gradients=torch.zeros_like(points),
        best_losses=nothing - torch.inf,
        rises=nothing,
        checked_losses=nothing,
        halved=torch.ones_like(radii, dtype=torch.bool),
    )


def _look(
    network: torch.nn.Module, state: _State, labels: torch.Tensor, loss: Loss, *, first: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Take losses and gradients at the points; whether each image is wrong there, and its loss rose."""
    points = state.points.detach().requires_grad_(True)
    with torch.enable_grad():
        scores = network(points)
        losses = loss(scores, state.places)
        (state.gradients,) = torch.autograd.grad(losses.sum(), points)
    losses = losses.detach()
    rose = (losses > state.losses).to(losses)
    state.losses = losses
    better = losses > state.best_losses
    state.best_losses = torch.where(better, losses, state.best_losses)
    wide = better.view(-1, 1, 1, 1)
    state.best_points = torch.where(wide, state.points, state.best_points)
    state.best_gradients = torch.where(wide, state.gradients, state.best_gradients)
    if first:
        state.checked_losses = losses
    return scores.argmax(dim=1) != labels[state.places], rose


def _step(state: _State, ball: Ball, momentum: float) -> None:
    """Move every point, with momentum."""

    def within(points: torch.Tensor) -> torch.Tensor:
        return (ball.project(points - state.originals, state.radii) + state.originals).clamp_(0, 1)

    ahead = within(state.points + state.steps * ball.direction(state.gradients))
    moved = state.points + momentum * (ahead - state.points)
    moved += (1 - momentum) * (state.points - state.before)
    state.before, state.points = state.points, within(moved)


def _halve(state: _State, checkpoint: int) -> None:
    """Halve the steps of ascents that got no further, which go back to the best point so far."""
    stuck = ~state.halved & (state.checked_losses >= state.best_losses)
    state.halved = (state.rises <= RISES * checkpoint) | stuck
    wide = state.halved.view(-1, 1, 1, 1)
    state.steps = torch.where(wide, state.steps / 2, state.steps)
    state.points = torch.where(wide, state.best_points, state.points)
    state.gradients = torch.where(wide, state.best_gradients, state.gradients)
    state.checked_losses, state.rises = state.best_losses, torch.zeros_like(state.rises)
