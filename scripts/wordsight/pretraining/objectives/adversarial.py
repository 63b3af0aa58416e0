r"""Adversarial training: ``labels`` on the worst image within a radius around each image.

.. math:: L = \frac1b \sum_i \max_{\|\delta\|_\infty \le \epsilon} \ell(x_i + \delta, y_i),

where projected gradient ascent approximates the maximum, from a random start and with the encoder in
evaluation mode (batch statistics fixed).

Reference: Madry, Makelov, Schmidt, Tsipras and Vladu, Towards deep learning models resistant to adversarial
attacks, 2018, equation 2.1 and section 2.1, https://arxiv.org/abs/1706.06083
"""

from collections.abc import Callable

import torch

from wordsight.pretraining.objectives import base, labels

EPSILON = 4 / 255
STEPS = 2
STEP = 0.75 * EPSILON


class Objective(labels.Objective):
    """Name the class of an image that was changed to raise the loss."""

    measure = "accuracy on held-out concepts, unattacked"

    def disturb(
        self,
        images: torch.Tensor,
        targets: base.Targets,
        project: Callable[[torch.Tensor], torch.Tensor],
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Raise the loss by changing each pixel by at most the radius."""
        noise = torch.rand(images.shape, generator=generator).to(images.device)
        attacked = (images + (2 * noise - 1) * EPSILON).clamp(0, 1)
        for _ in range(STEPS):
            attacked.requires_grad_(True)
            loss = self.loss([project(attacked)], targets)
            (gradient,) = torch.autograd.grad(loss, attacked)
            attacked = attacked.detach() + STEP * gradient.sign()
            attacked = torch.minimum(torch.maximum(attacked, images - EPSILON), images + EPSILON).clamp(0, 1)
        return attacked
