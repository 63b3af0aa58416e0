r"""Adversarial robustness: the smallest Linf perturbation that changes a right answer.

Untargeted projected gradient descent in pixel space [0, 1], with the normalisation inside the network. Within
the ball of radius epsilon around the image x, from a uniform random start,

.. math:: x_{t+1} = \Pi_{[0,1]} \, \Pi_{\|x' - x\|_\infty \le \epsilon}
          \big( x_t + \alpha \epsilon \, \mathrm{sign} \nabla_x \mathrm{CE}(f(x_t), y) \big).

``paper``: foolbox's attack of 100 steps at every radius of the grid. Each radius counts separately, even if a
smaller one broke the image. The images of ImageNet are the paper's 1,000.

``sound``: the smallest radius of the grid at which an image is broken. The ball of a larger radius holds
every adversarial example of a smaller one, so the search halves the grid upwards until the image is broken
and then steps down until it resists. An attack ends at the first iterate that is misclassified, and its place
in the batch goes to the next radius or image, so batches stay full. The iterates are foolbox's. The random
start depends on the seed, the dataset, the item and the radius, never on the model or the batch.

A targeted attack goes down the cross-entropy of its target class instead, until the image is taken for it.
Every image is attacked, also those that are wrong without attack.

The area under an item's accuracy curve over :math:`\log_{10} \epsilon` is computed by trapezoids and divided
by the width of the grid.

References: Madry et al., Towards deep learning models resistant to adversarial attacks, 2018,
https://arxiv.org/abs/1706.06083 ; Rauber et al., Foolbox Native, 2020, https://doi.org/10.21105/joss.02607 ;
Croce and Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
attacks, 2020, https://arxiv.org/abs/2003.01690 (the checks)
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from wordsight.files.feature_sets import Features
from wordsight.protocols.checks import check_disjoint, check_features, check_fittable
from wordsight.protocols.probe import Fit, Probe, choose, fit_logistic
from wordsight.protocols.robustness.classifier import (
    Classifier,
    Goal,
    check_images,
    check_network,
    holds,
    target_classes,
)
from wordsight.protocols.robustness.curve import area, minimal_radius
from wordsight.protocols.robustness.search import search, uniform_starts
from wordsight.protocols.robustness.sweep import sweep
from wordsight.protocols.task import Task

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.robustness import Parameters
    from wordsight.datasets.reading import Split
    from wordsight.models.encoder import Encoder

PAPER_STEPS = 100
PAPER_SEED = 42  # of NumPy's generator, which the authors shuffled the images of ImageNet with
UNTARGETED = ("accuracy", "min_epsilon", "robust_area")
TARGETED = ("targeted_resistance", "targeted_min_epsilon", "targeted_area")


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
        attack, infinity when none does); ``robust_area`` in [0, 1]. Of the whole trial: ``zero_gradient``,
        the share of images whose input gradient is zero everywhere; ``randomised``, 1 when two passes over
        the same images differ; ``softmax_outputs``, 1 when the scores are probabilities;
        ``unbroken_at_largest``, the share of images that are right under the largest radius; ``gradients``,
        the number of gradients per image. If one of the first three is not 0, the attack is hindered and the
        curve is too good. With ``targeted``, also ``targeted_resistance``, ``targeted_min_epsilon`` and
        ``targeted_area``, which are the same for 1 as long as the item isn't taken for its target.

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
    radii = sorted(set(section.epsilons))
    clean, checks, scores = check_network(network, inputs, targets, section.batch_size)
    attack = partial(_attack, task, section, network, inputs, ids, radii)
    targeted = []
    if section.targeted:  # first, so that a target that is the label is refused before any attack
        stream = None if task.mode == "paper" else task.stream("targets")
        wanted = torch.from_numpy(target_classes(labels, ids, scores, task.where, stream))
        goal = Goal(wanted.to(network.device), targeted=True)
        resistance, _ = attack(goal, holds(network, inputs, goal, section.batch_size))
        targeted = _curve(task, resistance, radii, ids, TARGETED)
    right, gradients = attack(Goal(targets), clean)
    checks |= {"unbroken_at_largest": float(right[-1].mean()), "gradients": gradients / len(ids)}
    return [
        *_curve(task, right, radii, ids, UNTARGETED),
        *(rows(metric=name, values=[value]) for name, value in checks.items()),
        *targeted,
    ]


def _attack(
    task: Task,
    section: "Parameters",
    network: Classifier,
    inputs: torch.Tensor,
    ids: list[str],
    radii: list[float],
    goal: Goal,
    whole: np.ndarray,
) -> tuple[np.ndarray, int]:
    """Whether each image holds without attack and at every radius, and the number of gradients.

    Parameters
    ----------
    whole : bool array (n,); whether an image holds without attack

    Returns
    -------
    bool array (1 + radii, n), int
    """
    steps = PAPER_STEPS if task.mode == "paper" else section.steps
    step = section.relative_step or 2.5 / steps
    options: dict[str, Any] = {"steps": steps, "relative_step": step, "batch_size": section.batch_size}
    kind = ("targeted",) if goal.targeted else ()
    if task.mode == "paper":
        reached, gradients = sweep(network, inputs, goal, radii, **options, seed=task.stream(*kind))
    else:
        starts = uniform_starts(inputs, ids, task.seed, (task.protocol, task.dataset, *kind))
        reached, gradients = search(network, inputs, goal, whole, radii, **options, start=starts)
    return np.vstack([whole, whole & ~reached]), gradients


def _curve(
    task: Task, held: np.ndarray, radii: list[float], ids: list[str], metrics: tuple[str, str, str]
) -> list[pa.Table]:
    """Rows of each item's curve, of the smallest radius at which it doesn't hold, and of the area.

    Parameters
    ----------
    held : bool array (1 + radii, n), as :func:`_attack` gives it
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


def evaluate_encoder(
    task: Task,
    section: "Parameters",
    *,
    encoder: "Encoder",
    test: "Split",
    images: int,
    train: Features | None,
    named: bool = False,
) -> list[pa.Table]:
    """Attack an encoder's own classifier, or one fitted on its features, on a draw of the test images.

    Parameters
    ----------
    task, section : as in :func:`evaluate`
    encoder : with its own preprocessing, which is applied before the attack
    test : split that the images come from
    images : how many are drawn; all of them if the split has fewer
    train : features of the training split to fit a head on; None for the encoder's own classifier
    named : whether to record which of the two was attacked

    Returns
    -------
    list of pyarrow.Table
        As in :func:`evaluate`, and if a head is fitted ``converged``, 1 when its solver reached its
        tolerance; if ``named``, also ``own_head``, 1 for the encoder's own classifier.

    Raises
    ------
    DataError
        As in :func:`evaluate`, and training features that no classifier can be fitted on.
    """
    fit = None
    if train is not None:
        check_disjoint(train.ids, test.ids, task.where)
        fit = fit_head(task, section, train, len(test.classes))
    chosen = draw(task, test.labels, test.ids, images)
    pixels = [encoder.preprocess(image).numpy() for _, image in test.images(set(chosen.tolist()))]
    tables = evaluate(
        task,
        section.model_copy(update={"batch_size": encoder.batch_of(section.batch_size)}),
        encoder=encoder,
        head=fit.probe if fit else None,
        images=np.stack(pixels),
        labels=test.labels[chosen],
        ids=[test.ids[place] for place in chosen],
        label_indices=None if fit else test.card.label_indices,
        classes=len(test.classes),
    )
    if fit is not None:
        tables.append(task.rows(metric="converged", values=[fit.converged]))
    if named:
        tables.append(task.rows(metric="own_head", values=[fit is None]))
    return tables


def draw(task: Task, labels: np.ndarray, ids: list[str], images: int) -> np.ndarray:
    """Places of the images to attack, in ascending order: the same for every model.

    In paper mode they are those that the authors' code takes: the first of a permutation under NumPy's seed
    42, of images in torchvision's order, which is by class and then by file name.
    """
    if task.mode == "paper":
        in_order = np.lexsort((np.asarray(ids), labels))
        shuffled = np.random.RandomState(PAPER_SEED).permutation(len(ids))
        return np.sort(in_order[shuffled[:images]])
    generator = np.random.default_rng(task.stream("images"))
    return np.sort(generator.permutation(len(ids))[:images])


def fit_head(task: Task, section: "Parameters", train: Features, classes: int) -> Fit:
    """Logistic regression on the training features, as the ``sound`` probe of transfer fits it."""
    check_features(train, classes, f"{task.where}, train")
    check_fittable(train.labels, task)
    return choose(
        partial(fit_logistic, classes=classes, max_iterations=section.max_iterations),
        train.values,
        train.labels,
        strengths=section.regularisation,
        fraction=section.validation_fraction,
        seed=task.stream("validation"),
    )
