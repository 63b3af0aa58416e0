"""Features of one dataset in the plane, by t-SNE on cosine distances.

Reference: van der Maaten and Hinton, Visualizing data using t-SNE, 2008,
https://www.jmlr.org/papers/v9/vandermaaten08a.html
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from wordsight.datasets.reading import Split
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.seeds import derive_seed

MOST = 200  # images: keeps panels readable, at about a second each
PERPLEXITY = 30
FEWEST = 5  # images for which neighbours are meaningful


def features(found: Iterable[Features], split: Split, seed: int) -> dict[str, Any]:
    """Test images in the plane, one panel for each encoder, all with the same images.

    Parameters
    ----------
    found : features of the split, one entry for each encoder, named in its metadata
    split : the images, for their classes
    seed : for the choice of images and for t-SNE

    Returns
    -------
    dict
        ``dataset``, ``classes`` (names), ``images`` (in the split), ``items`` (``id`` and ``class`` of each
        image shown) and ``panels`` (``model`` and coordinates ``x`` and ``y``).

    Raises
    ------
    DataError
        When features have other items than the split.
    """
    name = split.card.name
    shown = _drawn(len(split), derive_seed(seed, "figures", "features", name))
    panels = []
    for part in found:
        if part.ids != split.ids:
            raise DataError(
                f"features of {part.metadata['model']} on {name}: their images are not those of the dataset"
            )
        x, y = plane(part.values[shown], derive_seed(seed, "figures", "features", name)).T.round(3)
        panels.append({"model": part.metadata["model"], "x": x.tolist(), "y": y.tolist()})
    items = [{"id": split.ids[place], "class": int(split.labels[place])} for place in shown]
    return {
        "dataset": name, "classes": split.classes, "images": len(split), "items": items, "panels": panels
    }  # fmt: skip


def _drawn(items: int, seed: int) -> np.ndarray:
    """Indices of the images to show, ascending."""
    return np.sort(np.random.default_rng(seed).permutation(items)[:MOST])


def plane(values: np.ndarray, seed: int) -> np.ndarray:
    """Coordinates (n, 2) of features (n, d), centred, with a largest absolute value of 1.

    For fewer than :data:`FEWEST` images, they are the first two principal components.
    """
    # With several threads, sums are added in another order, and the coordinates change.
    with threadpool_limits(1):
        first = _scaled(_components(values.astype(np.float64)))
        if len(values) < FEWEST:
            return first
        descent = TSNE(
            perplexity=min(PERPLEXITY, (len(values) - 1) / 3),
            metric="cosine",
            init=(1e-4 * first).astype(np.float32),
            random_state=seed,
            n_jobs=1,
        )
        return _scaled(descent.fit_transform(values).astype(np.float64))


def _components(values: np.ndarray) -> np.ndarray:
    """First two principal components (n, 2), zero if missing; the largest entry of each is positive."""
    left, strength, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    found = np.zeros((len(values), 2))
    kept = min(2, len(strength))
    found[:, :kept] = left[:, :kept] * strength[:kept]
    return found * np.where(found[np.abs(found).argmax(axis=0), [0, 1]] < 0, -1, 1)


def _scaled(places: np.ndarray) -> np.ndarray:
    centred = places - places.mean(axis=0)
    return centred / (np.abs(centred).max() or 1.0)
