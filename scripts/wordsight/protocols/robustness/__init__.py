r"""Adversarial robustness: the smallest Linf perturbation that changes a right answer.

Untargeted projected gradient descent in pixel space [0, 1], with the normalisation inside the network. Within
the ball of radius epsilon around the image x, from a uniform random start,

.. math:: x_{t+1} = \Pi_{[0,1]} \, \Pi_{\|x' - x\|_\infty \le \epsilon}
          \big( x_t + \alpha \epsilon \, \mathrm{sign} \nabla_x \mathrm{CE}(f(x_t), y) \big).

``paper``: foolbox's attack of 100 steps at every radius of the grid. Each radius counts separately, even if a
smaller one broke the image.

``sound``: the smallest radius of the grid at which an image is broken. The ball of a larger radius holds
every adversarial example of a smaller one, so the search halves the grid upwards until the image is broken
and then steps down until it resists. An attack ends at the first iterate that is misclassified, and its place
in the batch goes to the next radius or image, so batches stay full. The iterates are foolbox's. The random
start depends on the seed, the dataset, the item and the radius, never on the model or the batch.

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
from wordsight.protocols.robustness.classifier import Classifier, check_images, check_network
from wordsight.protocols.robustness.curve import area, minimal_radius
from wordsight.protocols.robustness.search import search, uniform_starts
from wordsight.protocols.robustness.sweep import sweep
from wordsight.protocols.task import Task

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.robustness import Parameters
    from wordsight.datasets.reading import Split
    from wordsight.models.encoder import Encoder

PAPER_STEPS = 100


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
        curve is too good.

    Raises
    ------
    DataError
        Images outside [0, 1] or not finite, lengths that disagree, a label beyond the scores, another number
        of scores than classes, scores that are NaN.
    """
    rows = task.rows
    check_images(images, labels, ids, task.where)
    network = Classifier(encoder, head, task.where, label_indices, classes).eval()
    device = network.device
    inputs, targets = torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)
    radii = sorted(set(section.epsilons))
    clean, checks = check_network(network, inputs, targets, section.batch_size)
    steps = PAPER_STEPS if task.mode == "paper" else section.steps
    step = section.relative_step or 2.5 / steps
    options: dict[str, Any] = {"steps": steps, "relative_step": step, "batch_size": section.batch_size}
    if task.mode == "paper":
        broken, gradients = sweep(network, inputs, targets, radii, **options, seed=task.stream())
    else:
        starts = uniform_starts(images, ids, (task.seed, task.protocol, task.dataset))
        broken, gradients = search(network, inputs, targets, clean, radii, **options, start=starts)
    right = np.vstack([clean, clean & ~broken])
    curve = [
        rows(metric="accuracy", values=row, items=ids, parameter="epsilon", setting=epsilon)
        for epsilon, row in zip([0.0, *radii], right, strict=True)
    ]
    checks |= {"unbroken_at_largest": float(right[-1].mean()), "gradients": gradients / len(ids)}
    return [
        *curve,
        rows(metric="min_epsilon", values=minimal_radius(right, radii), items=ids),
        rows(metric="robust_area", values=area(right[1:], radii), items=ids),
        *(rows(metric=name, values=[value]) for name, value in checks.items()),
    ]


def evaluate_encoder(
    task: Task,
    section: "Parameters",
    *,
    encoder: "Encoder",
    test: "Split",
    images: int,
    train: Features | None,
) -> list[pa.Table]:
    """Attack an encoder's own classifier, or one fitted on its features, on a draw of the test images.

    Parameters
    ----------
    task, section : as in :func:`evaluate`
    encoder : with its own preprocessing, which is applied before the attack
    test : split that the images come from
    images : how many are drawn; all of them if the split has fewer
    train : features of the training split to fit a head on; None for the encoder's own classifier

    Returns
    -------
    list of pyarrow.Table
        As in :func:`evaluate`, and if a head is fitted ``converged``, 1 when its solver reached its
        tolerance.

    Raises
    ------
    DataError
        As in :func:`evaluate`, and training features that no classifier can be fitted on.
    """
    fit = None
    if train is not None:
        check_disjoint(train.ids, test.ids, task.where)
        fit = fit_head(task, section, train, len(test.classes))
    chosen = draw(task, len(test), images)
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
    return tables if fit is None else [*tables, task.rows("converged", [fit.converged])]


def draw(task: Task, items: int, images: int) -> np.ndarray:
    """Places of the images to attack, in ascending order: the same for every model."""
    generator = np.random.default_rng(task.stream("images"))
    return np.sort(generator.permutation(items)[:images])


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
