"""The nearest class prototype: draws of shots, prototypes and predictions of all trials at once."""

import numpy as np

from wordsight.seeds import derive_seed

SCORE_BYTES = 64 * 2**20  # of scores that are in memory at once


def draw(labels: np.ndarray, shots: int, trials: int, stream: tuple[int, str, str]) -> np.ndarray:
    """Draw items that serve as shots; a smaller number of shots is the start of a larger number.

    Parameters
    ----------
    labels : int array (n,)
    shots : items per class; each class has at least so many
    trials : number of independent draws
    stream : seed, protocol and dataset

    Returns
    -------
    int array (trials, classes present, shots)
        Indices into ``labels``, without repetition inside a trial.
    """
    members = {label: np.flatnonzero(labels == label) for label in np.unique(labels)}
    chosen = [
        [
            np.random.default_rng(derive_seed(*stream, trial, int(label))).permutation(items)[:shots]
            for label, items in members.items()
        ]
        for trial in range(trials)
    ]
    return np.array(chosen)


def prototypes(unit: np.ndarray, chosen: np.ndarray, *, normalise: bool) -> np.ndarray:
    """Mean of the unit features (n, d) at ``chosen`` (trials, classes, shots), at unit norm if asked.

    Returns
    -------
    float array (trials, classes, d)
    """
    means = np.stack([unit[places].mean(axis=1) for places in chosen])
    if normalise:
        means /= np.maximum(np.linalg.norm(means, axis=-1, keepdims=True), np.finfo(np.float32).tiny)
    return means


def classify(queries: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """Nearest prototype by dot product.

    Parameters
    ----------
    queries : float array (n, d)
    prototypes : float array (trials, classes, d)

    Returns
    -------
    int array (trials, n)
    """
    trials, classes, width = prototypes.shape
    block = max(1, SCORE_BYTES // (len(queries) * classes * queries.itemsize))
    nearest = np.empty((trials, len(queries)), dtype=np.int64)
    for start in range(0, trials, block):
        part = prototypes[start : start + block]
        scores = queries @ part.reshape(-1, width).T
        nearest[start : start + block] = scores.reshape(len(queries), -1, classes).argmax(axis=2).T
    return nearest
