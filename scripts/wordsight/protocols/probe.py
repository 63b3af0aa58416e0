r"""Linear classifiers on frozen features.

Items are centred, turned to the principal axes :math:`v_j` of the items that the classifier is fitted on, and
scaled along each axis by a power of its variance :math:`\lambda_j`:

.. math:: z_j = \lambda_j^{-1/4} v_j^\top (x - \mu) / \sqrt{\textstyle\sum_k \lambda_k^{1/2}},
          \qquad s_c(x) = \langle w_c, z \rangle + b_c.

This is halfway between the features as they are and whitened ones, where every axis has the same variance. A
rotation of the features changes nothing, the mean squared norm of the items is 1, and so a strength means the
same for every encoder. Scaling each feature by its own standard deviation, as is usual, depends on the basis.

Multinomial logistic regression (L-BFGS), with strength :math:`\lambda` and an unpenalised bias, minimises

.. math:: -\sum_i \log \mathrm{softmax}(s(x_i))_{y_i} + \tfrac\lambda2 \sum_c \|w_c\|^2.

Ridge regression on one-against-all targets in {-1, 1}, with centred targets Y, is closed form, because the
coordinates are not correlated:

.. math:: W = (Z^\top Z + \lambda I)^{-1} Z^\top Y, \qquad Z^\top Z \text{ diagonal}.

References: Kornblith, Shlens and Le, Do better ImageNet models transfer better?, 2019, appendix A.1,
https://arxiv.org/abs/1805.08974 ; Lin and Maji, Improved bilinear pooling with CNNs, 2017, section 3.2,
https://arxiv.org/abs/1707.06772, for variances to the power 1/2; big_vision, ``evaluators/fewshot_lsr.py``,
https://github.com/google-research/big_vision
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize
from scipy.special import log_softmax

from wordsight.errors import DataError

if TYPE_CHECKING:
    import torch

    from wordsight.catalogue.fitting import ProbeParameters

GRADIENT_TOLERANCE = 1e-6  # largest entry of the gradient of the mean loss at a solution
PAPER_BATCH = 60  # the default of the authors' code, which the script that they ran doesn't change
RANK_TOLERANCE = 1e-10  # variance of an axis, relative to the largest, that comes from rounding


@dataclass(frozen=True)
class Axes:
    """How features become the module's z.

    Attributes
    ----------
    mean : float array (d,)
    scaled : float array (d, k), the principal axes as columns, divided by their scales
        Axes without variance are left out.
    """

    mean: np.ndarray
    scaled: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Axes":
        """Axes of items (n, d)."""
        mean = values.mean(axis=0, dtype=np.float64)
        centred = values - mean
        narrow = len(centred) < centred.shape[1]
        variances, vectors = eigh((centred @ centred.T if narrow else centred.T @ centred) / len(centred))
        kept = variances > RANK_TOLERANCE * variances[-1]
        variances, vectors = variances[kept], vectors[:, kept]
        if narrow:
            vectors = centred.T @ vectors / np.sqrt(len(centred) * variances)
        return cls(mean, vectors * variances**-0.25 / np.sqrt(np.sqrt(variances).sum()))

    def coordinates(self, values: np.ndarray) -> np.ndarray:
        """Coordinates (n, k) of features (n, d)."""
        return (values - self.mean) @ self.scaled

    def probe(self, weight: np.ndarray, bias: np.ndarray) -> "Probe":
        """Build a classifier of features from its weights (k, c) for coordinates and its bias (c,)."""
        return Probe(self.mean, (self.scaled @ weight).T, bias)


@dataclass(frozen=True)
class Probe:
    """A linear classifier of features.

    Attributes
    ----------
    mean : float array (d,), subtracted from the features
    weight : float array (c, d)
    bias : float array (c,); minus infinity for a class that was never seen
    """

    mean: np.ndarray
    weight: np.ndarray
    bias: np.ndarray

    def logits(self, values: np.ndarray) -> np.ndarray:
        """Scores (n, c) of features (n, d)."""
        return (values - self.mean) @ self.weight.T + self.bias

    def predict(self, values: np.ndarray) -> np.ndarray:
        """Class indices (n,) of features (n, d)."""
        return self.logits(values).argmax(axis=1)

    def as_module(self) -> "torch.nn.Linear":
        """Build the same classifier as one frozen layer of float32, to attack an encoder through it."""
        import torch

        layer = torch.nn.Linear(self.weight.shape[1], len(self.weight)).requires_grad_(False)
        layer.weight.copy_(torch.from_numpy(self.weight))
        layer.bias.copy_(torch.from_numpy(self.bias - self.weight @ self.mean))
        return layer.eval()


@dataclass(frozen=True)
class Fit:
    """A fitted probe and how the solver ended; closed forms take no iteration."""

    probe: Probe
    strength: float
    iterations: int = 0
    converged: bool = True


Solver = Callable[[np.ndarray, np.ndarray, list[float]], list[Fit]]


def choose(
    solver: Solver,
    values: np.ndarray,
    labels: np.ndarray,
    *,
    strengths: list[float],
    fraction: float,
    seed: int,
) -> Fit:
    """Choose the strength on a stratified part of the training items, then fit on all of them.

    Parameters
    ----------
    solver : takes values (n, d), labels (n,) and strengths, and returns one fit per strength
    values, labels : the training items, arrays (n, d) and (n,)
    strengths : candidates; of equally accurate ones, that with the lowest cross-entropy of the held-out items
    fraction : share of each class that is held out to choose
    seed : seed of the split, the same for every model

    Raises
    ------
    DataError
        Fewer than two classes, or a class with a single item.
    """
    fitted, held_out = stratified_split(labels, fraction, seed)
    descending = sorted(strengths, reverse=True)
    candidates = solver(values[fitted], labels[fitted], descending)
    best = max(candidates, key=lambda fit: _validity(fit.probe, values[held_out], labels[held_out]))
    return solver(values, labels, [best.strength])[0]


def chosen_logistic(
    values: np.ndarray, labels: np.ndarray, section: "ProbeParameters", *, classes: int, seed: int
) -> Fit:
    """Multinomial logistic regression as configured, with a strength that :func:`choose` finds."""
    return choose(
        partial(fit_logistic, classes=classes, max_iterations=section.max_iterations),
        values,
        labels,
        strengths=section.regularisation,
        fraction=section.validation_fraction,
        seed=seed,
    )


def _validity(probe: Probe, values: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Accuracy, and the negative cross-entropy that tells apart the ties of a small split."""
    scores = log_softmax(probe.logits(values), axis=1)
    return float(np.mean(scores.argmax(axis=1) == labels)), float(
        scores[np.arange(len(labels)), labels].mean()
    )


def stratified_split(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split items by class into those to fit on and those held out, at least one of each class in both.

    Raises
    ------
    DataError
        Fewer than two classes, or a class with a single item.
    """
    present, counts = np.unique(labels, return_counts=True)
    if len(present) < 2:
        raise DataError(f"expected training images of at least 2 classes, not {len(present)}")
    if counts.min() < 2:
        raise DataError(f"class {present[counts.argmin()]} has 1 training image, expected at least 2")
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(labels), dtype=bool)
    for label, count in zip(present, counts, strict=True):
        share = min(max(round(fraction * int(count)), 1), int(count) - 1)
        held_out[rng.permutation(np.flatnonzero(labels == label))[:share]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def fit_logistic(
    values: np.ndarray, labels: np.ndarray, strengths: list[float], *, classes: int, max_iterations: int
) -> list[Fit]:
    """Multinomial logistic regression at several strengths, each started from the solution of the one before.

    Parameters
    ----------
    values, labels : arrays (n, d) and (n,)
    strengths : factors of the penalty, best in descending order
    classes : number of classes c; one without items gets the bias minus infinity
    max_iterations : of L-BFGS, per strength
    """
    axes = Axes.of(values)
    z = axes.coordinates(values)
    present, targets = np.unique(labels, return_inverse=True)
    solution = np.zeros((z.shape[1] + 1, len(present)))
    fits = []
    for strength in strengths:
        solution, iterations, converged = _minimise(z, targets, strength, solution, max_iterations)
        weight, bias = np.zeros((z.shape[1], classes)), np.full(classes, -np.inf)
        weight[:, present], bias[present] = solution[:-1], solution[-1]
        fits.append(Fit(axes.probe(weight, bias), strength, iterations, converged))
    return fits


def _minimise(
    z: np.ndarray, targets: np.ndarray, strength: float, start: np.ndarray, max_iterations: int
) -> tuple[np.ndarray, int, bool]:
    """Weights (d, c) over the bias (1, c) that minimise the mean loss of the module's objective.

    scikit-learn's ``LogisticRegression`` needs about the same time and predicts the same. But to two classes
    it fits one difference of weights, so a strength would mean something else there. It can stop at a small
    change of the loss while the gradient is still large, and only warns when it did not converge.
    """
    n, items = len(z), np.arange(len(z))

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias = flat.reshape(start.shape)[:-1], flat.reshape(start.shape)[-1]
        scores = z @ weight + bias
        scores -= scores.max(axis=1, keepdims=True)
        right = scores[items, targets]
        np.exp(scores, out=scores)
        total = scores.sum(axis=1, keepdims=True)
        loss = np.mean(np.log(total[:, 0]) - right) + strength / (2 * n) * np.vdot(weight, weight)
        scores /= total  # now the softmax, whose difference to the one-hot labels is the gradient of the loss
        scores[items, targets] -= 1
        return loss, np.vstack([(z.T @ scores + strength * weight) / n, scores.mean(axis=0)]).ravel()

    options = {
        "maxiter": max_iterations,
        "maxfun": 2 * max_iterations,
        "gtol": GRADIENT_TOLERANCE,
        "ftol": 0.0,
    }
    found = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(start.shape), int(found.nit), bool(found.success)


def fit_ridge(values: np.ndarray, labels: np.ndarray, strengths: list[float], *, classes: int) -> list[Fit]:
    """Ridge regression on one-against-all targets at several strengths.

    Parameters
    ----------
    values, labels : arrays (n, d) and (n,)
    strengths : what is added to the squared norm of each coordinate
    classes : number of classes
    """
    axes = Axes.of(values)
    z = axes.coordinates(values)
    y = np.where(labels[:, None] == np.arange(classes), 1.0, -1.0)
    bias = y.mean(axis=0)
    squared, products = (z**2).sum(axis=0)[:, None], z.T @ (y - bias)
    return [Fit(axes.probe(products / (squared + strength), bias), strength) for strength in strengths]


def fit_adam(views: list[np.ndarray], labels: np.ndarray, *, classes: int, epochs: int, seed: int) -> Probe:
    """Softmax probe on raw features as the paper trained it: the last epoch's, with no choice on other data.

    Adam with learning rate 1e-3, weight decay 5e-4 inside the gradient, batches of 60, and a learning rate
    that falls to a tenth every 50 epochs.

    Parameters
    ----------
    views : arrays (n, d), one per augmented pass over the same items
        Epoch e trains on ``views[e % len(views)]``.
    labels : int array (n,)
    """
    import torch

    width = views[0].shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = torch.nn.Linear(width, classes)
        optimiser = torch.optim.Adam(layer.parameters(), lr=1e-3, weight_decay=5e-4)
        schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=50, gamma=0.1)
        targets = torch.from_numpy(labels)
        for epoch in range(epochs):
            features = torch.from_numpy(views[epoch % len(views)]).float()
            for batch in torch.randperm(len(labels)).split(PAPER_BATCH):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(layer(features[batch]), targets[batch]).backward()
                optimiser.step()
            schedule.step()
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    return Probe(np.zeros(width), weight.astype(np.float64), bias.astype(np.float64))
