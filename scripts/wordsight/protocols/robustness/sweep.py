"""Foolbox's attack at every radius of a grid, for paper mode.

Reference: Rauber et al., Foolbox Native, 2020, https://doi.org/10.21105/joss.02607
"""

import warnings
from types import ModuleType

import numpy as np
import torch

from wordsight.logs import progress
from wordsight.protocols.robustness.balls import Norm
from wordsight.protocols.robustness.classifier import Classifier, Goal
from wordsight.seeds import derive_seed


def sweep(
    network: Classifier,
    images: torch.Tensor,
    goal: Goal,
    norm: Norm,
    radii: list[float],
    *,
    steps: int,
    relative_step: float,
    batch_size: int,
    seed: int,
) -> tuple[np.ndarray, int]:
    """Foolbox's verdict on every image at every radius: bool array (radii, n), and the gradients taken."""
    foolbox = import_foolbox()
    target = foolbox.PyTorchModel(network, bounds=(0, 1), device=images.device)
    criteria = foolbox.criteria
    kind = criteria.TargetedMisclassification if goal.targeted else criteria.Misclassification
    descent = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[norm]
    attack = descent(rel_stepsize=relative_step, steps=steps, random_start=True)
    verdicts = []
    parts = range(0, len(images), batch_size)
    for first in progress(parts, total=len(parts), unit="batches"):
        part = slice(first, first + batch_size)
        with torch.random.fork_rng():
            torch.manual_seed(derive_seed(seed, first))
            criterion = kind(goal.classes[part])
            verdicts.append(attack(target, images[part], criterion, epsilons=radii)[2].cpu().numpy())
    return np.hstack(verdicts), len(images) * len(radii) * steps


def import_foolbox() -> ModuleType:
    """Import foolbox, which still imports a name that SciPy has moved, without the warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Please import `gaussian_filter`", DeprecationWarning)
        import foolbox
    return foolbox
