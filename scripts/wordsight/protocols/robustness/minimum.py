"""A minimum-norm attack, which knows no grid of radii: an upper bound of what an image resists.

Reference: Pintor et al., Fast minimum-norm adversarial attacks through adaptive norm constraints, 2021,
https://arxiv.org/abs/2102.12827, as foolbox has it
"""

import numpy as np
import torch

from wordsight.protocols.robustness.balls import BALLS, check_points
from wordsight.protocols.robustness.classifier import Goal, reaches
from wordsight.protocols.robustness.finished import Finished
from wordsight.protocols.robustness.sweep import import_foolbox

STEPS = 100


def minimum_norms(
    network: torch.nn.Module,
    images: torch.Tensor,
    goal: Goal,
    whole: np.ndarray,
    batch_size: int,
    ids: list[str],
    finished: Finished,
) -> np.ndarray:
    """Linf norm of the smallest change found that reaches an untargeted goal, a float array (n,).

    Parameters
    ----------
    whole : whether each image is attacked; the norm is 0 if not
    ids, finished : as in :func:`wordsight.protocols.robustness.evaluation.evaluate`
    """
    foolbox = import_foolbox()
    target = foolbox.PyTorchModel(network, bounds=(0, 1), device=images.device)
    attack = foolbox.attacks.LInfFMNAttack(steps=STEPS)
    known = finished.of("minimum_norm")
    items = [item for item in map(int, np.flatnonzero(whole)) if ids[item] not in known]
    for first in range(0, len(items), batch_size):
        part = items[first : first + batch_size]
        kept = goal.of(part)
        found = attack.run(target, images[part], foolbox.criteria.Misclassification(kept.classes))
        # Any picture is within a radius of 1 of any other.
        check_points(BALLS["linf"], found, images[part], images.new_ones(len(part)))
        moved = BALLS["linf"].norm(found - images[part]).cpu().numpy()
        norms = np.where(reaches(network, found, kept), moved, np.inf)
        for item, norm in zip(part, norms.tolist(), strict=True):
            finished.note("minimum_norm", ids[item], norm)
    return np.array([known[name] if attacked else 0.0 for name, attacked in zip(ids, whole, strict=True)])


def beats(norms: np.ndarray, held: np.ndarray, radii: list[float]) -> np.ndarray:
    """Whether each image resists other attacks at a radius that is larger than its norm.

    ``held`` is a bool array (1 + radii, n), whether each image holds without attack and at every radius.
    """
    beaten = held & (norms < np.array([0.0, *radii])[:, None])
    return np.asarray(beaten.any(axis=0))
