"""Which of several attacks is the strongest on each image."""

from collections.abc import Mapping

import numpy as np


def strongest(broken: Mapping[str, np.ndarray], radii: int) -> dict[str, np.ndarray]:
    """Whether each attack is the one that breaks an image at the smallest radius, a bool array (n,) by name.

    Parameters
    ----------
    broken : for each attack, the cheapest first, the index of the smallest radius at which it breaks each
        image, an int array (n,); of several attacks with the same, the first one counts
    radii : number of radii, which is the index of an image that an attack doesn't break
    """
    first = np.argmin([*broken.values()], axis=0)
    reached = np.min([*broken.values()], axis=0) < radii
    return {name: reached & (first == place) for place, name in enumerate(broken)}


def smallest_index(held: np.ndarray) -> np.ndarray:
    """Index of the smallest radius at which each image doesn't hold, from a bool array (radii, n)."""
    return np.vstack([held, np.zeros((1, held.shape[1]), dtype=bool)]).argmin(axis=0)
