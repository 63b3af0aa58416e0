r"""Balanced accuracy: the mean recall of the classes, in which a rare class counts as much as a frequent one.

With :math:`r_i` 1 where item i is right and 0 elsewhere, and :math:`R_c` its mean over the :math:`n_c` items
of class c, the mean recall of K classes is :math:`B = \frac1K \sum_c R_c`. Each item gets the value

.. math:: v_i = B + \frac{n}{K n_{c(i)}} (r_i - R_{c(i)}).

The mean of these values is B. Their variance is that of B in a sample in which each class has a fixed number
of items, to first order: they are the linearised variable of a post-stratified mean. So the statistics treat
them like the items of any other metric.

References: Brodersen et al., The balanced accuracy and its posterior distribution, 2010,
https://doi.org/10.1109/ICPR.2010.764 ; Saerndal, Swensson and Wretman, Model assisted survey sampling, 1992,
on post-stratification
"""

import numpy as np
import pyarrow as pa

from wordsight.protocols.task import Task


def balanced(right: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Values of items whose mean is the mean recall of the classes.

    Parameters
    ----------
    right : bool array (..., n)
    labels : int array (n,)

    Returns
    -------
    float array (..., n)
    """
    _, place, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    by_class = right[..., np.argsort(place, kind="stable")]
    recall = np.add.reduceat(by_class.astype(float), np.cumsum(sizes) - sizes, axis=-1) / sizes
    share = len(labels) / (len(sizes) * sizes[place])
    return recall.mean(axis=-1, keepdims=True) + share * (right - recall[..., place])


def labels_of(task: Task, labels: np.ndarray, items: list[str]) -> pa.Table:
    """Rows with the class of each item, for the recall of each class."""
    return task.rows(metric="label", values=labels, items=items)
