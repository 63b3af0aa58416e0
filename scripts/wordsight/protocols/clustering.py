r"""Clustering: whether the features of a class lie together, asked without any label.

Spectral clustering of the test features on the affinity :math:`A_{ij} = |\langle \hat x_i, \hat x_j
\rangle|`, :math:`A_{ii} = 0`, into as many clusters as there are classes present. With the degrees :math:`D =
\mathrm{diag}(A 1)`, the embedding is :math:`D^{-1/2} U`, U the k leading eigenvectors of :math:`M = D^{-1/2}
A D^{-1/2}`; k-means follows. This is ``sklearn.cluster.SpectralClustering(affinity="precomputed")`` without
the n x n matrix.

The absolute value keeps :math:`A v` from factorising, so each product with A costs :math:`n^2 d / 2`
multiplications whatever the number of vectors. So the eigenvectors come from a *block* method, Davidson's
with Rayleigh-Ritz over the whole basis and thick restarts: each pass multiplies a block of residuals and
needs far fewer passes than Lanczos with single vectors. Blocks of A above the diagonal are held when they fit
in ``memory_mb`` and made again when not.

``sound`` assigns clusters to classes one to one so that most items are right (Hungarian algorithm), and adds
NMI and ARI, which need no assignment; only k-means is seeded anew in each trial. ``paper`` runs one trial
with the authors' greedy assignment: classes pick their cluster in descending order of overlap, two may pick
the same one (the higher class index keeps it), and a cluster that no class picked counts as class 0.

References: von Luxburg, A tutorial on spectral clustering, 2007, https://doi.org/10.1007/s11222-007-9033-z ;
Shi and Malik, Normalized cuts and image segmentation, 2000, https://doi.org/10.1109/34.868688 ; Stathopoulos
and Saad, Restarting techniques for the (Jacobi-)Davidson symmetric eigenvalue methods, 1998
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa
from scipy.linalg import eigh
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import k_means
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from wordsight.checks import check_features, unit_rows
from wordsight.config import ClusteringParameters, Mode
from wordsight.errors import DataError
from wordsight.logs import logger
from wordsight.rows import make_rows
from wordsight.seeds import derive_seed
from wordsight.storage import Features

BLOCK_ROWS = 512  # of the affinity, computed at once
TOLERANCE = 1e-5  # largest norm of a residual of M, whose leading eigenvalue is 1
UNFIT = 1e-3  # a residual that is still larger after the last pass is an error, not a warning
MAX_PASSES = 60
DEPENDENT = 1e-2  # below this singular value, a direction of normalised residuals is dropped
KEPT_BLOCKS, MOST_BLOCKS = 2, 6  # of the basis, after and before a restart
DENSE_ITEMS = 400  # below, one dense decomposition is the faster way


def evaluate(
    *,
    test: Features,
    classes: int,
    section: ClusteringParameters,
    mode: Mode,
    seed: int,
    model: str,
    dataset: str,
) -> list[pa.Table]:
    """Cluster the test features and compare the clusters with the classes.

    Parameters
    ----------
    test : features (n, d) of the test split
    classes : number of classes of the dataset
    section : number of seeds, memory for the affinity in MB
    mode : see the module
    seed : configured seed
    model, dataset : names for the rows

    Returns
    -------
    list of pyarrow.Table
        Per trial the item-level metric ``accuracy`` (1 when the item's cluster is assigned to its class). In
        ``sound`` also, of the whole trial, ``accuracy_greedy``, ``nmi`` and ``ari``.

    Raises
    ------
    DataError
        Unfit features (:func:`wordsight.checks.check_features`), a feature vector of norm 0, or a single
        class.
    """
    where = f"clustering of {model} on {dataset}"
    check_features(test, classes, where)
    present, labels = np.unique(test.labels, return_inverse=True)
    clusters = len(present)
    if clusters < 2:
        raise DataError(f"{where}: expected test images of at least 2 classes, not {clusters}")
    embedding = spectral_embedding(
        unit_rows(test, where), clusters, section.memory_mb, derive_seed(seed, "clustering", dataset)
    )
    rows = partial(make_rows, protocol="clustering", model=model, dataset=dataset, mode=mode, seed=seed)
    tables = []
    for trial in range(section.seeds if mode == "sound" else 1):
        random_state = derive_seed(seed, "clustering", dataset, trial)
        _, assigned, _ = k_means(embedding, clusters, n_init=10, random_state=random_state)
        overlap = np.zeros((clusters, clusters), dtype=np.int64)
        np.add.at(overlap, (labels, assigned), 1)
        greedy = greedy_assignment(overlap)[assigned] == labels
        if mode == "paper":
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


def spectral_embedding(unit: np.ndarray, components: int, memory_mb: float, seed: int) -> np.ndarray:
    """Rows to cluster: the leading eigenvectors of M over the square roots of the degrees.

    Parameters
    ----------
    unit : float32 array (n, d), rows of unit norm
    components : number of eigenvectors k
    memory_mb : most memory for entries of the affinity
    seed : of the first block

    Returns
    -------
    array (n, k)
        In descending order of the eigenvalue; the largest entry of each column in absolute value is positive.
    """
    affinity = Affinity(unit, memory_mb)
    degrees = affinity @ np.ones((len(unit), 1), dtype=np.float32)
    # An item orthogonal to all others is its own component.
    root = np.sqrt(np.where(degrees > 0, degrees, 1))
    if len(unit) <= max(DENSE_ITEMS, 2 * MOST_BLOCKS * components):
        matrix = (affinity @ np.eye(len(unit), dtype=np.float32)) / root / root.T
        vectors = eigh(matrix, subset_by_index=[len(unit) - components, len(unit) - 1])[1][:, ::-1]
    else:
        vectors = _leading_eigenvectors(affinity, root, components, seed)
    embedding = vectors / root
    peaks = embedding[np.abs(embedding).argmax(axis=0), np.arange(components)]
    return embedding * np.sign(peaks)


class Affinity:
    """The matrix A of the module as something to multiply with.

    Parameters
    ----------
    unit : float32 array (n, d), rows of unit norm
    memory_mb : most memory for entries of the matrix; one block of rows is the least
    """

    def __init__(self, unit: np.ndarray, memory_mb: float) -> None:
        self.unit = unit
        n, budget = len(unit), int(memory_mb * 2**20)
        self.rows = max(1, min(BLOCK_ROWS, budget // (n * unit.itemsize)))
        entries = n * (n + self.rows) // 2
        self.held = list(self._blocks()) if entries * unit.itemsize <= budget else None

    def _blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Rows from ``start``, columns from ``start`` to the end: the matrix is symmetric."""
        for start in range(0, len(self.unit), self.rows):
            block = self.unit[start : start + self.rows] @ self.unit[start:].T
            np.abs(block, out=block)
            np.fill_diagonal(block, 0)
            yield start, block

    def __matmul__(self, vectors: np.ndarray) -> np.ndarray:
        product = np.zeros_like(vectors)
        for start, block in self.held or self._blocks():
            stop = start + len(block)
            product[start:stop] += block @ vectors[start:]
            product[stop:] += block[:, len(block) :].T @ vectors[start:stop]
        return product


def _leading_eigenvectors(affinity: Affinity, root: np.ndarray, components: int, seed: int) -> np.ndarray:
    """Eigenvectors (n, k) of M for its k largest eigenvalues, by a block Davidson method."""
    width = components + max(8, components // 4)
    start = np.random.default_rng(seed).standard_normal((len(root), width), dtype=np.float32)
    start[:, :1] = root  # the eigenvector of the largest eigenvalue
    basis = np.linalg.qr(start)[0]
    images = (affinity @ (basis / root)) / root
    for _ in range(MAX_PASSES):
        values, rotation = np.linalg.eigh(basis.T.astype(np.float64) @ images)
        rotation = rotation[:, ::-1].astype(np.float32)
        leading = rotation[:, :width]
        residuals = images @ leading - (basis @ leading) * values[::-1][:width].astype(np.float32)
        largest = float(np.linalg.norm(residuals[:, :components], axis=0).max())
        vectors = basis @ leading[:, :components]
        if largest <= TOLERANCE:
            break
        if basis.shape[1] >= MOST_BLOCKS * width:
            kept = rotation[:, : KEPT_BLOCKS * width]
            basis, images = basis @ kept, images @ kept
        residuals = _expansion(basis, residuals)
        basis = np.hstack([basis, residuals])
        images = np.hstack([images, (affinity @ (residuals / root)) / root])
    else:
        if largest > UNFIT:
            raise np.linalg.LinAlgError(
                f"spectral embedding: residual {largest:.1e} after {MAX_PASSES} passes"
            )
        logger.warning("spectral embedding: residual %.1e after %d passes", largest, MAX_PASSES)
    return vectors


def _expansion(basis: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Orthonormal directions of the residuals outside the basis.

    A converged residual is rounding noise that lies in the basis as much as outside. Normalised before it is
    projected and dropped when little is left of it, it can't spoil the orthonormality of the basis.
    """
    residuals = residuals / np.maximum(np.linalg.norm(residuals, axis=0), np.finfo(np.float32).tiny)
    directions, sizes, _ = np.linalg.svd(residuals - basis @ (basis.T @ residuals), full_matrices=False)
    directions = directions[:, sizes > DEPENDENT]
    return np.linalg.qr(directions - basis @ (basis.T @ directions))[0]
