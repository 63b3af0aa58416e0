r"""The spectral embedding of :mod:`wordsight.protocols.clustering`, with or without its matrix in memory.

The absolute value in the affinity keeps :math:`A v` from factorising, so each product with A costs :math:`n^2
d / 2` multiplications whatever the number of vectors. So the eigenvectors come from a *block* method,
Davidson's with Rayleigh-Ritz over the whole basis and thick restarts: each pass multiplies a block of
residuals and needs far fewer passes than Lanczos with single vectors. Blocks of A above the diagonal are held
when they fit in ``memory_mb`` and made again when not.

The solvers of scipy were tried in its place, on 5,000 features of width 1,280 in 100 classes:

============  ======  ============  ===========
solver        passes  recomputed    held
============  ======  ============  ===========
this one           6         3.0 s        1.8 s
``lobpcg``        17         5.4 s        1.0 s
``eigsh``        203          57 s        1.4 s
============  ======  ============  ===========

Where A is held the three are close, but neither of them replaces this one. ``eigsh`` misses copies of a
repeated eigenvalue, as where classes have no feature in common: of 50 such classes it finds a few, and its
residuals do not show it. ``lobpcg`` can stop short of the tolerance on features without classes.
``benchmarks/clustering_memory.py`` gives these figures and those of other sizes.

Reference: Stathopoulos and Saad, Restarting techniques for the (Jacobi-)Davidson symmetric eigenvalue
methods, 1998
"""

from collections.abc import Iterator

import numpy as np
from scipy.linalg import eigh

from wordsight.logs import logger

BLOCK_ROWS = 512  # of the affinity, computed at once
TOLERANCE = 1e-5  # largest norm of a residual of M, whose leading eigenvalue is 1
UNFIT = 1e-3  # a residual that is still larger after the last pass is an error, not a warning
MAX_PASSES = 60
DEPENDENT = 1e-2  # below this singular value, a direction of normalised residuals is dropped
KEPT_BLOCKS, MOST_BLOCKS = 2, 6  # of the basis, after and before a restart
DENSE_ITEMS = 400  # below, one dense decomposition is the faster way


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
