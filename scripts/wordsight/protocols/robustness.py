r"""Adversarial robustness: the smallest Linf perturbation that changes a right answer.

Untargeted projected gradient descent in pixel space [0, 1], with the normalisation inside the network. Within
the ball of radius epsilon around the image x, from a uniform random start,

.. math:: x_{t+1} = \Pi_{[0,1]} \, \Pi_{\|x' - x\|_\infty \le \epsilon}
          \big( x_t + \alpha \epsilon \, \mathrm{sign} \nabla_x \mathrm{CE}(f(x_t), y) \big).

``paper``: foolbox's attack of 100 steps at every radius of the grid; an image counts at a radius as the
attack left it there.

``sound``: the smallest radius of the grid at which an image is broken. The ball of a larger radius holds
every adversarial example of a smaller one, so the search halves the grid upwards until the image is broken
and then steps down until it resists. An attack ends at the first iterate that is misclassified, and its place
in the batch goes to the next radius or image, so batches stay full. The iterates are foolbox's. The random
start depends on the seed, the dataset, the item and the radius, never on the model or the batch.

The area under an item's accuracy curve is taken over :math:`\log_{10} \epsilon` by trapezoids, over the
grid's width.

References: Madry et al., Towards deep learning models resistant to adversarial attacks, 2018,
https://arxiv.org/abs/1706.06083 ; Rauber et al., Foolbox Native, 2020, https://doi.org/10.21105/joss.02607 ;
Croce and Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
attacks, 2020, https://arxiv.org/abs/2003.01690 (the checks)
"""

import warnings
from collections.abc import Callable
from functools import partial
from itertools import chain
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from wordsight.checks import check_disjoint, check_features, check_fittable, check_items
from wordsight.config import Mode, ProbeParameters, RobustnessParameters
from wordsight.errors import DataError
from wordsight.logs import progress
from wordsight.probe import Fit, Probe, choose, fit_logistic
from wordsight.rows import make_rows
from wordsight.seeds import derive_seed
from wordsight.storage import Features

if TYPE_CHECKING:
    from wordsight.datasets import Split
    from wordsight.models.encoder import Encoder

PAPER_STEPS = 100
NOT_STARTED = -1

Start = Callable[[int, int], torch.Tensor]  # item and index of the radius to a point of the ball of radius 1


def evaluate(
    *,
    encoder: torch.nn.Module,
    head: Probe | None,
    images: np.ndarray,
    labels: np.ndarray,
    ids: list[str],
    section: RobustnessParameters,
    mode: Mode,
    seed: int,
    model: str,
    dataset: str,
    label_indices: list[list[int]] | None = None,
) -> list[pa.Table]:
    """Attack a classifier on every image.

    Parameters
    ----------
    encoder : network on images in [0, 1] that normalises them itself
        ``encoder(images)`` gives features and ``encoder.logits(images)`` the scores of its own classifier.
    head : classifier of the features; None for the encoder's own
    images : float32 array (n, 3, h, w) in [0, 1], at the network's input size
    labels, ids : int array (n,) and n item ids
    section : radii, steps, step relative to the radius (2.5 / steps when None), batch size
    mode : see the module
    seed : configured seed
    model, dataset : names for the rows
    label_indices : of the encoder's own classifier, the scores that each class takes its largest of; None
        where they are those of the classes

    Returns
    -------
    list of pyarrow.Table
        Item-level metrics: ``accuracy`` at epsilon 0 and at every radius (1 still right), parameter
        ``epsilon``; ``min_epsilon``, the smallest radius that breaks the item (0 when it is wrong without
        attack, infinity when none does); ``robust_area`` in [0, 1]. Of the whole trial: ``zero_gradient``,
        the share of images whose input gradient is zero everywhere; ``randomised``, 1 when two passes over
        the same images differ; ``softmax_outputs``, 1 when the scores are probabilities;
        ``unbroken_at_largest``, the share of images that are right under the largest radius; ``gradients``,
        the number of gradients per image. The first three mean, when they are not 0, that the attack is
        hindered and the curve too good.

    Raises
    ------
    DataError
        Images outside [0, 1] or not finite, lengths that disagree, a label beyond the scores, scores that are
        NaN.
    """
    where = f"robustness of {model} on {dataset}"
    _check_images(images, labels, ids, where)
    network = _Classifier(encoder, head, where, label_indices).eval()
    device = network.device
    inputs, targets = torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)
    radii = sorted(set(section.epsilons))
    clean, checks = _check_network(network, inputs, targets, section.batch_size)
    steps = PAPER_STEPS if mode == "paper" else section.steps
    step = section.relative_step or 2.5 / steps
    options: dict[str, Any] = {"steps": steps, "relative_step": step, "batch_size": section.batch_size}
    if mode == "paper":
        stream = derive_seed(seed, "robustness", dataset)
        broken, gradients = _sweep(network, inputs, targets, radii, **options, seed=stream)
    else:
        starts = _uniform_starts(images, ids, seed, dataset)
        broken, gradients = search(network, inputs, targets, clean, radii, **options, start=starts)
    right = np.vstack([clean, clean & ~broken])
    rows = partial(make_rows, protocol="robustness", model=model, dataset=dataset, mode=mode, seed=seed)
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
    *,
    encoder: "Encoder",
    test: "Split",
    images: int,
    train: Features | None,
    section: RobustnessParameters,
    mode: Mode,
    seed: int,
) -> list[pa.Table]:
    """Attack an encoder's own classifier, or one fitted on its features, on a draw of the test images.

    Parameters
    ----------
    encoder : with its own preprocessing, which is done before the attack
    test : split that the images come from
    images : how many are drawn; fewer where the split has fewer
    train : features of the training split that a head is fitted on; None for the encoder's own classifier

    Returns
    -------
    list of pyarrow.Table
        As of :func:`evaluate`, and where a head is fitted ``converged``, 1 when its solver reached its
        tolerance.

    Raises
    ------
    DataError
        As :func:`evaluate`; training features that no classifier can be fitted on.
    """
    model, dataset = encoder.card.name, test.card.name
    fit = None
    if train is not None:
        check_disjoint(train.ids, test.ids, f"robustness of {model} on {dataset}")
        fit = fit_head(train, len(test.classes), section, seed, model, dataset)
    chosen = draw(len(test), images, seed, dataset)
    pixels = [encoder.preprocess(image).numpy() for _, image in test.images(set(chosen.tolist()))]
    tables = evaluate(
        encoder=encoder,
        head=fit.probe if fit else None,
        images=np.stack(pixels),
        labels=test.labels[chosen],
        ids=[test.ids[place] for place in chosen],
        section=section.model_copy(update={"batch_size": encoder.batch_of(section.batch_size)}),
        mode=mode,
        seed=seed,
        model=model,
        dataset=dataset,
        label_indices=None if fit else test.card.label_indices,
    )
    if fit is None:
        return tables
    rows = partial(make_rows, protocol="robustness", model=model, dataset=dataset, mode=mode, seed=seed)
    return [*tables, rows(metric="converged", values=[fit.converged])]


def draw(items: int, images: int, seed: int, dataset: str) -> np.ndarray:
    """Places of the images to attack, in ascending order: the same for every model."""
    generator = np.random.default_rng(derive_seed(seed, "robustness", dataset, "images"))
    return np.sort(generator.permutation(items)[:images])


def fit_head(
    train: Features, classes: int, section: ProbeParameters, seed: int, model: str, dataset: str
) -> Fit:
    """Logistic regression on the training features, as the ``sound`` probe of transfer fits it."""
    where = f"robustness of {model} on {dataset}"
    check_features(train, classes, f"{where}, train")
    check_fittable(train.labels, where)
    return choose(
        partial(fit_logistic, classes=classes, max_iterations=section.max_iterations),
        train.values,
        train.labels,
        strengths=section.regularisation,
        fraction=section.validation_fraction,
        seed=derive_seed(seed, "robustness", dataset, "validation"),
    )


def minimal_radius(right: np.ndarray, radii: list[float]) -> np.ndarray:
    """Smallest of 0 and ``radii`` at which an item is wrong; infinity for none.

    ``right`` is a bool array (1 + radii, n).
    """
    grid = np.array([0.0, *radii, np.inf])
    never = np.zeros((1, right.shape[1]), dtype=bool)
    return grid[np.vstack([right, never]).argmin(axis=0)]


def area(right: np.ndarray, radii: list[float]) -> np.ndarray:
    """Area in [0, 1] under each item's accuracy over log10 of the radius, from ``right`` (radii, n)."""
    if len(radii) == 1:
        return right[0].astype(np.float64)
    logs = np.log10(radii)
    return np.trapezoid(right.astype(np.float64), logs, axis=0) / (logs[-1] - logs[0])


def search(
    network: torch.nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    clean: np.ndarray,
    radii: list[float],
    *,
    steps: int,
    relative_step: float,
    batch_size: int,
    start: Start,
) -> tuple[np.ndarray, int]:
    """Find the smallest radius that breaks each image that is right without attack.

    Returns
    -------
    bool array (radii, n), int
        Broken at this radius or a smaller one; the number of gradients of one image that were taken.
    """
    # An image resists every radius up to ``low`` and is broken from ``high`` on; len(radii) means by none.
    low, high = np.full(len(clean), -1), np.full(len(clean), len(radii))
    waiting = np.flatnonzero(clean)
    grid = torch.tensor(radii, dtype=images.dtype, device=images.device)
    items, taken, points = waiting[:0], waiting[:0], images[:0]
    gradients = 0
    while len(items) or len(waiting):
        admitted, waiting = np.split(waiting, [batch_size - len(items)])
        items, taken = np.append(items, admitted), np.append(taken, np.full(len(admitted), NOT_STARTED))
        points = torch.cat([points, images[admitted]])
        # A broken image breaks again quickly, one that resists costs every step: halve up, then step down.
        probed = np.where(high[items] == len(radii), (low[items] + high[items]) // 2, high[items] - 1)
        originals, radius = images[items], grid[probed].view(-1, 1, 1, 1)
        for row in np.flatnonzero(taken == NOT_STARTED):
            noise = start(int(items[row]), int(probed[row])).to(points)
            points[row] = (originals[row] + radius[row] * noise).clamp(0, 1)
            taken[row] = 0
        broken, ascent = _verdict(network, points, labels[items])
        gradients += len(items)
        ended = broken | (taken == steps)
        high[items[broken]] = probed[broken]
        low[items[ended & ~broken]] = probed[ended & ~broken]
        moved = points + relative_step * radius * ascent.sign()
        points = (originals + (moved - originals).clamp(-radius, radius)).clamp(0, 1)
        taken = np.where(ended, NOT_STARTED, taken + 1)
        open_ = high[items] - low[items] > 1
        items, taken, points = items[open_], taken[open_], points[open_]
    return np.arange(len(radii))[:, None] >= high, gradients


def _sweep(
    network: "_Classifier",
    images: torch.Tensor,
    labels: torch.Tensor,
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
    attack = foolbox.attacks.LinfPGD(rel_stepsize=relative_step, steps=steps, random_start=True)
    verdicts = []
    parts = range(0, len(images), batch_size)
    for first in progress(parts, total=len(parts), unit="batches"):
        part = slice(first, first + batch_size)
        with torch.random.fork_rng():
            torch.manual_seed(derive_seed(seed, first))
            criterion = foolbox.criteria.Misclassification(labels[part])
            verdicts.append(attack(target, images[part], criterion, epsilons=radii)[2].cpu().numpy())
    return np.hstack(verdicts), len(images) * len(radii) * steps


def import_foolbox() -> ModuleType:
    """Import foolbox, whose module of blurring attacks still reads a name that SciPy has moved."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Please import `gaussian_filter`", DeprecationWarning)
        import foolbox
    return foolbox


class _Classifier(torch.nn.Module):
    """Images in [0, 1] to scores: an encoder's own, or a head's on its features.

    Of its own scores, those of a dataset's classes alone are asked for where ``label_indices`` names them. A
    class that stands for several has the largest of theirs.
    """

    def __init__(
        self,
        encoder: torch.nn.Module,
        head: Probe | None,
        where: str,
        label_indices: list[list[int]] | None = None,
    ) -> None:
        super().__init__()
        weights = next(chain(encoder.parameters(), encoder.buffers()), torch.empty(0))
        self.encoder, self.where, self.device = encoder, where, weights.device
        self.own: Any = getattr(encoder, "logits", None)
        self.head = None if head is None else head.as_module().to(self.device)
        if self.own is None and self.head is None:
            raise DataError(f"{where}: the encoder has no classifier of its own, expected a fitted head")
        self.columns = None if label_indices is None else _columns(label_indices).to(self.device)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores = self._own_scores(images) if self.head is None else self.head(self.encoder(images))
        # Where a score is NaN, argmax would call the image broken.
        if torch.isnan(scores).any():
            raise DataError(f"{self.where}: the classifier's scores are NaN")
        return scores

    def _own_scores(self, images: torch.Tensor) -> torch.Tensor:
        scores = self.own(images)
        if self.columns is None:
            return scores
        if scores.shape[1] <= (last := int(self.columns.max())):
            raise DataError(
                f"{self.where}: label {last} of the label space is beyond the classifier's "
                f"{scores.shape[1]} classes"
            )
        return scores[:, self.columns].amax(dim=2)


def _columns(label_indices: list[list[int]]) -> torch.Tensor:
    """Table (classes, most) of the scores of each class, the first repeated where there are fewer."""
    most = max(map(len, label_indices))
    return torch.tensor([[*group, *[group[0]] * (most - len(group))] for group in label_indices])


def _verdict(
    network: torch.nn.Module, points: torch.Tensor, labels: torch.Tensor
) -> tuple[np.ndarray, torch.Tensor]:
    """Whether each point is misclassified, and the gradient of its cross-entropy."""
    points = points.detach().requires_grad_(True)
    with torch.enable_grad():
        scores = network(points)
        loss = torch.nn.functional.cross_entropy(scores, labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, points)
    return (scores.argmax(dim=1) != labels).cpu().numpy(), gradient


def _check_network(
    network: _Classifier, images: torch.Tensor, labels: torch.Tensor, batch_size: int
) -> tuple[np.ndarray, dict[str, float]]:
    """Which images are right without attack, and signs that gradients will not find what there is to find."""
    with torch.no_grad():
        first = network(images[:batch_size])
        again = network(images[:batch_size])
    if int(labels.max()) >= first.shape[1]:
        raise DataError(
            f"{network.where}: label {int(labels.max())} is beyond the classifier's {first.shape[1]} classes"
        )
    parts = [
        _verdict(network, x, y)
        for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True)
    ]
    zero = torch.cat([(gradient == 0).flatten(1).all(dim=1) for _, gradient in parts])
    sums_to_one = torch.allclose(first.sum(dim=1), torch.ones(len(first), device=first.device), atol=1e-4)
    return ~np.concatenate([wrong for wrong, _ in parts]), {
        "zero_gradient": float(zero.float().mean()),
        "randomised": float(not torch.equal(first, again)),
        "softmax_outputs": float(sums_to_one and bool((first >= 0).all())),
    }


def _uniform_starts(images: np.ndarray, ids: list[str], seed: int, dataset: str) -> Start:
    def start(item: int, index: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(derive_seed(seed, "robustness", dataset, ids[item], index))
        return 2 * torch.rand(images.shape[1:], generator=generator) - 1

    return start


def _check_images(images: np.ndarray, labels: np.ndarray, ids: list[str], where: str) -> None:
    if images.ndim != 4 or not len(images) == len(labels) == len(ids):
        raise DataError(
            f"{where}: expected images (n, 3, h, w) with a label and an id each, "
            f"not {images.shape} with {len(labels)} labels and {len(ids)} ids"
        )
    check_items(labels, ids, where)
    # A comparison with NaN is false.
    unfit = ~((images >= 0) & (images <= 1)).all(axis=(1, 2, 3))
    if unfit.any():
        raise DataError(f"{where}: the pixels of item {ids[int(unfit.argmax())]} are not all in [0, 1]")
