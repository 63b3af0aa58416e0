"""Attack a classifier on images: curves, smallest radii, areas and self-checks."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
import torch

from wordsight.errors import out_of_memory
from wordsight.logs import logger
from wordsight.protocols.robustness.attacked import Attacked
from wordsight.protocols.robustness.classifier import Classifier, Goal, Head, holds, target_classes
from wordsight.protocols.robustness.curve import area, minimal_radius
from wordsight.protocols.robustness.finished import Finished
from wordsight.protocols.robustness.minimum import beats, minimum_norms
from wordsight.protocols.robustness.network_checks import check_images, check_network
from wordsight.protocols.robustness.strongest import smallest_index, strongest
from wordsight.protocols.task import Task

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.robustness import Parameters

Result = TypeVar("Result")
UNTARGETED = ("accuracy", "min_epsilon", "robust_area")
TARGETED = ("targeted_resistance", "targeted_min_epsilon", "targeted_area")
EUCLIDEAN = ("l2_accuracy", "l2_min_epsilon", "l2_area")


def evaluate(
    task: Task,
    section: "Parameters",
    *,
    encoder: torch.nn.Module,
    head: Head | None,
    images: np.ndarray,
    labels: np.ndarray,
    ids: list[str],
    label_indices: list[list[int]] | None = None,
    classes: int | None = None,
    finished: Finished | None = None,
    rechecked: bool = True,
) -> list[pa.Table]:
    """Attack a classifier on every image.

    If the memory isn't enough for a batch, it goes on with half as many images at a time. The batch makes no
    difference to the results.

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
    finished : results of attacks on some of the images, and where further ones are kept
    rechecked : whether the search is checked on a sample of the images, for the self-checks of
        :mod:`rechecks`

    Returns
    -------
    list of pyarrow.Table
        Item-level metrics: ``accuracy`` at epsilon 0 and at every radius (1 still right), parameter
        ``epsilon``; ``min_epsilon``, the smallest radius that breaks the item (0 when it is wrong without
        attack, infinity when none does); ``robust_area`` in [0, 1]; in sound mode ``one_step_min_epsilon``,
        the smallest radius at which one step breaks the item; and of several attacks ``strongest``, whether
        the attack that the parameter names is the one that breaks the item at the smallest radius. With
        ``apgd_steps``, an item is right only if Auto-PGD fails too (:mod:`strong`). With ``targeted``, also
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
    check_images(images, labels, ids, task.where)
    network = Classifier(encoder, head, task.where, label_indices, classes).eval()
    inputs, targets = (torch.from_numpy(array).to(network.device) for array in (images, labels))
    finished = Finished() if finished is None else finished

    def tables(section: "Parameters") -> list[pa.Table]:
        return _tables(Attacked(task, section, network, inputs, ids, finished, rechecked), targets)

    return in_memory(task, section, tables)


def in_memory(task: Task, section: "Parameters", attack: Callable[["Parameters"], Result]) -> Result:
    """Attack with the batch size of a section, or with half of it as often as the memory isn't enough."""
    while True:
        try:
            return attack(section)
        except RuntimeError as error:
            if section.batch_size == 1 or not out_of_memory(error):
                raise
        size = section.batch_size // 2
        words = "%s: the memory isn't enough for %d images at a time; it goes on with %d"
        logger.warning(words, task.where, section.batch_size, size)
        section = section.model_copy(update={"batch_size": size})


def _tables(attacked: Attacked, labels: torch.Tensor) -> list[pa.Table]:
    """Rows of all attacks and checks."""
    task, section, ids = attacked.task, attacked.section, attacked.ids
    network, inputs, rows = attacked.network, attacked.inputs, task.rows
    clean, checks, scores = check_network(network, inputs, labels, section.batch_size)
    untargeted, wanted = Goal(labels), None
    if section.targeted:  # first, so that a target that is the label is refused before any attack
        stream = None if task.mode == "paper" else task.stream("targets")
        others = torch.from_numpy(target_classes(labels.cpu().numpy(), ids, scores, task.where, stream))
        wanted = Goal(others.to(network.device), targeted=True)
    radii, found = section.epsilons, attacked.by("linf", untargeted, clean)
    tables = _curve(task, found.held, radii, ids, UNTARGETED)
    if found.after_one_step is not None:
        one_step = minimal_radius(found.after_one_step, radii)
        tables.append(rows(metric="one_step_min_epsilon", values=one_step, items=ids))
    broken = dict(found.broken)
    if wanted is not None:
        resisting = holds(network, inputs, wanted, section.batch_size)
        targeted = attacked.by("linf", wanted, resisting)
        tables += _curve(task, targeted.held, radii, ids, TARGETED)
        # Whatever is taken for another class is wrong, so a target makes an attack no stronger.
        broken["targeted"] = smallest_index(targeted.held[1:])
        checks["targeted_is_stronger"] = float((found.held & ~targeted.held).any(axis=0).mean())
    if section.l2_epsilons is not None:
        in_l2 = attacked.by("l2", untargeted, clean)
        tables += _curve(task, in_l2.held, section.l2_epsilons, ids, EUCLIDEAN)
    if section.minimum_norm:
        norms = minimum_norms(network, inputs, untargeted, clean, section.batch_size, ids, attacked.finished)
        tables.append(rows(metric="minimum_norm", values=norms, items=ids))
        broken["minimum_norm"] = np.searchsorted(radii, norms)
        checks["minimum_norm_is_stronger"] = float(beats(norms, found.held, radii).mean())
    if len(broken) > 1:
        tables += [
            rows(metric="strongest", values=clean & first, items=ids, parameter=name)
            for name, first in strongest(broken, len(radii)).items()
        ]
    checks |= {
        "unbroken_at_largest": float(found.held[-1].mean()),
        "gradients": found.gradients / len(ids),
        **attacked.checks,
    }
    return [*tables, *(rows(metric=name, values=[value]) for name, value in checks.items())]


def _curve(
    task: Task, held: np.ndarray, radii: list[float], ids: list[str], metrics: tuple[str, str, str]
) -> list[pa.Table]:
    """Rows of each item's curve, of the smallest radius at which it doesn't hold, and of the area.

    Parameters
    ----------
    held : bool array (1 + radii, n), as :class:`wordsight.protocols.robustness.attacked.Found` has it
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
