"""Adversarial examples of a few images, to be looked at: what the smallest breaking attack made of each.

The descent searches these images once more and keeps where it ended, since the rows have radii alone.
"""

import numpy as np
import torch

from wordsight.files.example_sets import NONE, Examples
from wordsight.protocols.robustness.search import Search


def adversarial(search: Search) -> Examples:
    """Adversarial examples of all images of an untargeted search that hasn't run."""
    search.keep = True
    with torch.no_grad():
        found = search.network(search.images).argmax(dim=1)
    right = found == search.goal.classes
    search.run(np.flatnonzero(right.cpu().numpy()))
    points = search.images.clone()
    for item, point in search.points.items():
        points[item] = point
    with torch.no_grad():
        classes = search.network(points).argmax(dim=1).cpu().numpy()
    radii = np.array([*search.radii, np.inf])[search.by_descent]
    radii[~right.cpu().numpy()] = 0
    return Examples(
        search.ids,
        _last(search.images * 255).round().astype(np.uint8),
        _last(points - search.images).astype(np.float16),
        radii,
        np.where(np.isinf(radii), NONE, classes),
    )


def _last(images: torch.Tensor) -> np.ndarray:
    """Array (k, h, w, 3) of a tensor (k, 3, h, w)."""
    return np.ascontiguousarray(images.permute(0, 2, 3, 1).cpu().numpy())
