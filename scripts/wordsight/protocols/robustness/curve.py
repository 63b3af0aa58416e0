"""Summaries of an image's accuracy under attack over a grid of radii."""

import numpy as np


def minimal_radius(right: np.ndarray, radii: list[float]) -> np.ndarray:
    """Smallest of 0 and ``radii`` at which an item is wrong; infinity if it is always right.

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
