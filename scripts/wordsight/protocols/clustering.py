r"""Clustering: whether the features of a class lie together, found without any label.

Spectral clustering of the test features on the affinity :math:`A_{ij} = |\langle \hat x_i, \hat x_j
\rangle|`, :math:`A_{ii} = 0`, into as many clusters as there are classes present. With the degrees :math:`D =
\mathrm{diag}(A 1)`, the embedding is :math:`D^{-1/2} U`, U the k leading eigenvectors of :math:`M = D^{-1/2}
A D^{-1/2}`; k-means follows. This is ``sklearn.cluster.SpectralClustering(affinity="precomputed")`` without
the n x n matrix.

``sound`` assigns clusters to classes one to one so that most items are right (Hungarian algorithm), and adds
NMI and ARI, which need no assignment; trials differ only in the seed of k-means. ``paper`` runs one trial
with the authors' greedy assignment: each class picks the cluster that it overlaps most. If two pick the same
one, the higher class index keeps it, and a cluster that no class picked counts as class 0.

References: von Luxburg, A tutorial on spectral clustering, 2007, https://doi.org/10.1007/s11222-007-9033-z ;
Shi and Malik, Normalized cuts and image segmentation, 2000, https://doi.org/10.1109/34.868688
"""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import k_means
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols.checks import check_features, unit_rows
from wordsight.protocols.spectral import spectral_embedding
from wordsight.protocols.task import Task

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.clustering import Parameters


def evaluate(task: Task, section: "Parameters", *, test: Features, classes: int) -> list[pa.Table]:
    """Cluster the test features and compare the clusters with the classes.

    Parameters
    ----------
    task : what is measured, in the mode ``sound`` or ``paper``
    section : number of seeds, memory for the affinity in MB
    test : features (n, d) of the test split
    classes : number of classes of the dataset

    Returns
    -------
    list of pyarrow.Table
        Per trial the item-level metric ``accuracy`` (1 when the item's cluster is assigned to its class). In
        ``sound`` also, of the whole trial, ``accuracy_greedy``, ``nmi`` and ``ari``.

    Raises
    ------
    DataError
        Unfit features (:func:`wordsight.protocols.checks.check_features`), a feature vector of norm 0, or a
        single class.
    """
    where, rows = task.where, task.rows
    check_features(test, classes, where)
    present, labels = np.unique(test.labels, return_inverse=True)
    clusters = len(present)
    if clusters < 2:
        raise DataError(f"{where}: expected test images of at least 2 classes, not {clusters}")
    embedding = spectral_embedding(unit_rows(test, where), clusters, section.memory_mb, task.stream())
    tables = []
    for trial in range(section.seeds if task.mode == "sound" else 1):
        random_state = task.stream(trial)
        _, assigned, _ = k_means(embedding, clusters, n_init=10, random_state=random_state)
        overlap = np.zeros((clusters, clusters), dtype=np.int64)
        np.add.at(overlap, (labels, assigned), 1)
        greedy = greedy_assignment(overlap)[assigned] == labels
        if task.mode == "paper":
            tables.append(rows(metric="accuracy", values=greedy, items=test.ids, trial=trial))
            continue
        right = optimal_assignment(overlap)[assigned] == labels
        tables.append(rows(metric="accuracy", values=right, items=test.ids, trial=trial))
        tables.append(rows(metric="accuracy_greedy", values=[greedy.mean()], trial=trial))
        tables.append(
            rows(metric="nmi", values=[normalized_mutual_info_score(labels, assigned)], trial=trial)
        )
        tables.append(rows(metric="ari", values=[adjusted_rand_score(labels, assigned)], trial=trial))
    return tables


def optimal_assignment(overlap: np.ndarray) -> np.ndarray:
    """Class of each cluster, one to one, with the largest sum of ``overlap`` (classes, clusters)."""
    label, cluster = linear_sum_assignment(overlap, maximize=True)
    return label[np.argsort(cluster)]


def greedy_assignment(overlap: np.ndarray) -> np.ndarray:
    """Class of each cluster by the authors' rule, from ``overlap`` (classes, clusters)."""
    picked = overlap.argmax(axis=1)
    assignment = np.zeros(overlap.shape[1], dtype=np.int64)
    for label, cluster in enumerate(picked):
        assignment[cluster] = label
    return assignment
