"""Foolbox's attack at every radius of a grid, for paper mode.

Reference: Rauber et al., Foolbox Native, 2020, https://doi.org/10.21105/joss.02607
"""

import warnings
from types import ModuleType

import numpy as np
import torch

from wordsight.logs import progress
from wordsight.protocols.robustness.balls import BALLS, Norm, check_points
from wordsight.protocols.robustness.classifier import Classifier, Goal
from wordsight.protocols.robustness.finished import Finished
from wordsight.protocols.robustness.search import Start


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
    start: Start,
    ids: list[str],
    kind: str,
    finished: Finished,
) -> tuple[np.ndarray, int]:
    """Foolbox's verdict on every image at every radius: bool array (radii, n), and the gradients taken.

    Parameters
    ----------
    start : random starts, which here depend on the image and the radius, and not on the batch
    ids, kind, finished : as in :class:`wordsight.protocols.robustness.search.Search`
    """
    foolbox = import_foolbox()
    target = foolbox.PyTorchModel(network, bounds=(0, 1), device=images.device)
    criteria = foolbox.criteria
    criterion = criteria.TargetedMisclassification if goal.targeted else criteria.Misclassification
    descent = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[norm]
    attack = descent(rel_stepsize=relative_step, steps=steps, random_start=True)
    known = finished.of(kind)
    left = [item for item in range(len(ids)) if ids[item] not in known]
    parts = range(0, len(left), batch_size)
    for first in progress(parts, total=len(parts), unit="batches"):
        part = left[first : first + batch_size]
        verdicts = []
        for index, radius in enumerate(radii):
            starts = radius * torch.stack([start(item, index, 0) for item in part]).to(images)
            attack.get_random_start = lambda x, _, starts=starts: x + starts
            wanted = criterion(goal.classes[part])
            _, points, reached = attack(target, images[part], wanted, epsilons=radius)
            check_points(BALLS[norm], points, images[part], images.new_full((len(part),), radius))
            verdicts.append(reached.cpu().numpy())
        for item, reached in zip(part, np.transpose(verdicts), strict=True):
            finished.note(kind, ids[item], reached.tolist())
    return np.array([known[item] for item in ids], dtype=bool).T, len(ids) * len(radii) * steps


def import_foolbox() -> ModuleType:
    """Import foolbox, which still imports a name that SciPy has moved, without the warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Please import `gaussian_filter`", DeprecationWarning)
        import foolbox
    return foolbox
