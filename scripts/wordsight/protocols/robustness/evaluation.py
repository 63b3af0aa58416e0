"""Attack a classifier on images: curves, smallest radii, areas and self-checks."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from wordsight.protocols.probe import Probe
from wordsight.protocols.robustness.balls import BALLS, Norm
from wordsight.protocols.robustness.classifier import Classifier, Goal, holds, target_classes
from wordsight.protocols.robustness.curve import area, minimal_radius
from wordsight.protocols.robustness.minimum import beats, minimum_norms
from wordsight.protocols.robustness.network_checks import check_images, check_network
from wordsight.protocols.robustness.rechecks import Rechecks
from wordsight.protocols.robustness.search import FULL_TRAVEL, Search, random_starts
from wordsight.protocols.robustness.sweep import sweep
from wordsight.protocols.task import Task

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.robustness import Parameters

PAPER_STEPS = 100
UNTARGETED = ("accuracy", "min_epsilon", "robust_area")
TARGETED = ("targeted_resistance", "targeted_min_epsilon", "targeted_area")
EUCLIDEAN = ("l2_accuracy", "l2_min_epsilon", "l2_area")


def evaluate(
    task: Task,
    section: "Parameters",
    *,
    encoder: torch.nn.Module,
    head: Probe | None,
    images: np.ndarray,
    labels: np.ndarray,
    ids: list[str],
    label_indices: list[list[int]] | None = None,
    classes: int | None = None,
) -> list[pa.Table]:
    """Attack a classifier on every image.

    Parameters
    ----------
    task : what is measured, in the mode ``sound`` or ``paper``
    section : radii, steps, step relative to the radius (2.5 / steps when None), batch size
    encoder : network on images in [0, 1] that normalises them itself
        ``encoder(images)`` gives features and ``encoder.logits(images)`` the scores of its own classifier.
    head : classifier of the features; None for the encoder's own
    images : float32 array (n, 3, h, w) in [0, 1], at the network's input size
    labels, ids : int array (n,) and n item ids
    label_indices : for each class, indices of scores of the encoder's own classifier, of which the largest
        counts; None if these scores are already those of the classes
    classes : number of classes of the dataset, which an own classifier without ``label_indices`` must have;
        None if it isn't known

    Returns
    -------
    list of pyarrow.Table
        Item-level metrics: ``accuracy`` at epsilon 0 and at every radius (1 still right), parameter
        ``epsilon``; ``min_epsilon``, the smallest radius that breaks the item (0 when it is wrong without
        attack, infinity when none does); ``robust_area`` in [0, 1]; in sound mode ``one_step_min_epsilon``,
        the smallest radius at which one step breaks the item. With ``targeted``, also
        ``targeted_resistance``, ``targeted_min_epsilon`` and ``targeted_area``, which are the same for 1 as
        long as the item isn't taken for its target; with ``l2_epsilons``, ``l2_accuracy``,
        ``l2_min_epsilon`` and ``l2_area``; with ``minimum_norm``, the metric of that name. Of the trial:
        ``gradients``, the number that the untargeted Linf attack takes for each image, and the self-checks
        of :mod:`network_checks` and :mod:`rechecks`. If one of these is more than
        :mod:`wordsight.statistics.self_checks` tolerates, the curve is too good.

    Raises
    ------
    DataError
        Images outside [0, 1] or not finite, lengths that disagree, a label beyond the scores, another number
        of scores than classes, scores that are NaN, no class to target.
    """
    rows = task.rows
    check_images(images, labels, ids, task.where)
    network = Classifier(encoder, head, task.where, label_indices, classes).eval()
    inputs, targets = (torch.from_numpy(array).to(network.device) for array in (images, labels))
    clean, checks, scores = check_network(network, inputs, targets, section.batch_size)
    attacked = _Attacked(task, section, network, inputs, ids)
    untargeted, wanted = Goal(targets), None
    if section.targeted:  # first, so that a target that is the label is refused before any attack
        stream = None if task.mode == "paper" else task.stream("targets")
        others = torch.from_numpy(target_classes(labels, ids, scores, task.where, stream))
        wanted = Goal(others.to(network.device), targeted=True)
    radii, found = section.epsilons, attacked.by("linf", untargeted, clean)
    tables = _curve(task, found.held, radii, ids, UNTARGETED)
    if found.after_one_step is not None:
        one_step = minimal_radius(found.after_one_step, radii)
        tables.append(rows(metric="one_step_min_epsilon", values=one_step, items=ids))
    if wanted is not None:
        resisting = holds(network, inputs, wanted, section.batch_size)
        targeted = attacked.by("linf", wanted, resisting)
        tables += _curve(task, targeted.held, radii, ids, TARGETED)
        # Whatever is taken for another class is wrong, so a target makes an attack no stronger.
        checks["targeted_is_stronger"] = float((found.held & ~targeted.held).any(axis=0).mean())
    if section.l2_epsilons is not None:
        in_l2 = attacked.by("l2", untargeted, clean)
        tables += _curve(task, in_l2.held, section.l2_epsilons, ids, EUCLIDEAN)
    if section.minimum_norm:
        norms = minimum_norms(network, inputs, untargeted, clean, section.batch_size)
        tables.append(rows(metric="minimum_norm", values=norms, items=ids))
        checks["minimum_norm_is_stronger"] = float(beats(norms, found.held, radii).mean())
    checks |= {
        "unbroken_at_largest": float(found.held[-1].mean()),
        "gradients": found.gradients / len(ids),
        **attacked.checks,
    }
    return [*tables, *(rows(metric=name, values=[value]) for name, value in checks.items())]


@dataclass(frozen=True)
class _Found:
    """What attacks of one kind did.

    Attributes
    ----------
    held : bool array (1 + radii, n); whether each image held without attack and at every radius
    after_one_step : the same of one step alone; None in paper mode, which doesn't try it
    gradients : of single images
    """

    held: np.ndarray
    after_one_step: np.ndarray | None
    gradients: int


@dataclass(frozen=True)
class _Attacked:
    """A network under attack on images.

    Attributes
    ----------
    checks : self-checks of the attacks so far; of several kinds of attack, the largest value
    """

    task: Task
    section: "Parameters"
    network: Classifier
    inputs: torch.Tensor
    ids: list[str]
    checks: dict[str, float] = field(default_factory=dict)

    def by(self, norm: Norm, goal: Goal, whole: np.ndarray) -> _Found:
        """Attack in the ball of a norm; ``whole`` (n,) says whether an image holds without attack."""
        task, section = self.task, self.section
        radii = section.epsilons if norm == "linf" else section.l2_epsilons or []
        steps = PAPER_STEPS if task.mode == "paper" else section.steps
        options: dict[str, Any] = {
            "steps": steps,
            "relative_step": section.relative_step or FULL_TRAVEL / steps,
            "batch_size": section.batch_size,
        }
        kind = (*(("targeted",) if goal.targeted else ()), *(("l2",) if norm == "l2" else ()))
        if task.mode == "paper":
            seed = task.stream(*kind)
            reached, gradients = sweep(self.network, self.inputs, goal, norm, radii, **options, seed=seed)
            return _Found(np.vstack([whole, whole & ~reached]), None, gradients)
        ball, stream = BALLS[norm], (task.protocol, task.dataset, *kind)
        starts = random_starts(ball, self.inputs.shape[1:], self.ids, task.seed, stream)
        search = Search(self.network, self.inputs, goal, ball, radii, **options, start=starts)
        rechecks = Rechecks(search, np.flatnonzero(whole), self.ids, task.stream("rechecks", *kind))
        search.run(rechecks.first, rechecks.of, rechecks.note)
        for check, value in rechecks.results(black_box=norm == "linf").items():
            self.checks[check] = max(value, self.checks.get(check, 0.0))
        held, after_one_step = (
            np.vstack([whole, whole & (np.arange(len(radii))[:, None] < broken)])
            for broken in (search.by_descent, search.by_one_step)
        )
        return _Found(held, after_one_step, search.gradients)


def _curve(
    task: Task, held: np.ndarray, radii: list[float], ids: list[str], metrics: tuple[str, str, str]
) -> list[pa.Table]:
    """Rows of each item's curve, of the smallest radius at which it doesn't hold, and of the area.

    Parameters
    ----------
    held : bool array (1 + radii, n), as :class:`_Found` has it
    metrics : names of the three
    """
    each, smallest, over = metrics
    return [
        *(
            task.rows(metric=each, values=row, items=ids, parameter="epsilon", setting=epsilon)
            for epsilon, row in zip([0.0, *radii], held, strict=True)
        ),
        task.rows(metric=smallest, values=minimal_radius(held, radii), items=ids),
        task.rows(metric=over, values=area(held[1:], radii), items=ids),
    ]
