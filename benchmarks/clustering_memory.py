"""Time and memory of spectral clustering without the n x n matrix, against scipy and scikit-learn.

Each run has its own process, so that its peak memory can be measured, and all methods get the same features:
``wordsight`` is the project's block Davidson method, ``eigsh`` and ``lobpcg`` are scipy's eigensolvers on the
same affinity, held in memory or recomputed, and ``scikit-learn`` has the whole matrix in memory.

    python benchmarks/clustering_memory.py
    python benchmarks/clustering_memory.py --methods wordsight eigsh lobpcg --items 5000 10000 \
        --classes 10 100 --memory-mb 1000 20
    python benchmarks/clustering_memory.py --methods wordsight eigsh lobpcg --items 3000 \
        --classes 10 100 --noise 100 --dimensions 1280
    python benchmarks/clustering_memory.py --items 26032 --methods wordsight --output clustering.csv

26032 is the size of the test split of SVHN, for which the matrix of scikit-learn would take 5 GB. Times are
CPU seconds: ``embedding_s`` for the affinity and its eigenvectors, ``seconds`` for these and k-means.
``passes`` counts products with the affinity, and ``residual`` is the largest norm of M u - lambda u over the
eigenvectors u. Peak memory includes the interpreter, its imports and the features, printed as
``baseline_mb``. ``ari`` compares the clusters with those of the first method. With much ``--noise`` in many
``--dimensions`` there are no classes to find.
"""

import argparse
import csv
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh, lobpcg

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from wordsight.protocols import spectral
from wordsight.protocols.spectral import TOLERANCE, Affinity, spectral_embedding

METHODS = ["wordsight", "scikit-learn", "eigsh", "lobpcg"]
COLUMNS = ["method", "items", "classes", "memory_mb", "embedding_s", "seconds", "passes", "residual"]
COLUMNS += ["peak_mb", "baseline_mb", "ari"]


def features(n: int, width: int, classes: int, noise: float, dimensions: int) -> np.ndarray:
    """Non-negative features of overlapping classes at unit norm, as from an encoder that ends in a ReLU."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % classes
    centres, spread, mixing = (
        rng.standard_normal(shape, dtype=np.float32)
        for shape in ((classes, dimensions), (n, dimensions), (dimensions, width))
    )
    values = (centres[labels] + np.float32(noise) * spread) @ mixing
    # In place, so that the peak of memory comes from the clustering, not from making the features.
    np.maximum(values, 0, out=values)
    values /= np.sqrt(np.einsum("ij,ij->i", values, values))[:, None]
    return values


def peak_mb() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def by_scipy(method: str, unit: np.ndarray, components: int, memory_mb: float) -> np.ndarray:
    """The embedding of :func:`wordsight.protocols.spectral.spectral_embedding`, computed by scipy."""
    affinity = spectral.Affinity(unit, memory_mb)
    root = np.sqrt(affinity @ np.ones((len(unit), 1), dtype=np.float32))

    def product(vectors: np.ndarray) -> np.ndarray:
        columns = vectors.reshape(len(unit), -1).astype(np.float32)
        return ((affinity @ (columns / root)) / root).reshape(vectors.shape)

    matrix = LinearOperator((len(unit), len(unit)), product, matmat=product, dtype=np.float32)
    start = np.random.default_rng(0).standard_normal((len(unit), components), dtype=np.float32)
    start[:, :1] += root / np.linalg.norm(root) * np.sqrt(len(unit))
    if method == "eigsh":
        vectors = eigsh(matrix, components, which="LA", v0=start[:, 0], tol=TOLERANCE)[1][:, ::-1]
    else:
        vectors = lobpcg(matrix, start, tol=TOLERANCE, maxiter=200)[1]
    return vectors / root


def residual(unit: np.ndarray, embedding: np.ndarray) -> float:
    """Largest norm of M u - lambda u over the eigenvectors u of an embedding."""
    affinity = Affinity(unit, 0)
    root = np.sqrt(affinity @ np.ones((len(unit), 1), dtype=np.float32))
    vectors = embedding * root
    vectors /= np.linalg.norm(vectors, axis=0)
    images = (affinity @ (vectors / root)) / root
    return float(np.linalg.norm(images - vectors * np.sum(vectors * images, axis=0), axis=0).max())


class Counted(Affinity):
    """An affinity that counts its products."""

    passes = 0

    def __matmul__(self, vectors: np.ndarray) -> np.ndarray:
        Counted.passes += 1
        return super().__matmul__(vectors)


def run_one(method: str, n: int, classes: int, memory_mb: float, drawing: list, labels: Path) -> dict:
    """Cluster in this process, and write the partition to the file ``labels``."""
    from sklearn.cluster import SpectralClustering, k_means

    spectral.Affinity = Counted
    width, noise, dimensions = drawing
    unit = features(n, width, classes, noise, dimensions)
    baseline, started = peak_mb(), time.process_time()
    found = {}
    if method == "scikit-learn":
        affinity = np.abs(unit @ unit.T)
        clusters = SpectralClustering(classes, affinity="precomputed", random_state=0)
        partition = clusters.fit_predict(affinity)
    else:
        embedding = (
            spectral_embedding(unit, classes, memory_mb, 0)
            if method == "wordsight"
            else by_scipy(method, unit, classes, memory_mb)
        )
        found["embedding_s"] = round(time.process_time() - started, 2)
        found["passes"] = Counted.passes
        partition = k_means(embedding, classes, n_init=10, random_state=0)[1]
    found |= {"seconds": round(time.process_time() - started, 2)}
    found |= {"peak_mb": round(peak_mb()), "baseline_mb": round(baseline)}
    if method != "scikit-learn":
        found["residual"] = f"{residual(unit, embedding):.0e}"
    np.save(labels, partition)
    return found


def in_a_process(case: list, threads: int, labels: Path) -> dict:
    """Run one method in a new process."""
    environment = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    command = [sys.executable, __file__, "--one", json.dumps([*case, str(labels)])]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return json.loads(output)


def main() -> None:
    """Print the table, and write it to ``--output`` if given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, nargs="*", default=[2000, 5000])
    parser.add_argument("--classes", type=int, nargs="*", default=[10])
    parser.add_argument("--memory-mb", type=float, nargs="*", default=[1000])
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=["wordsight", "scikit-learn"])
    parser.add_argument("--width", type=int, default=1280, help="length of a feature vector")
    parser.add_argument("--noise", type=float, default=0.7, help="spread around the centres of the classes")
    parser.add_argument("--dimensions", type=int, default=60, help="dimensions of the space of the classes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, help="CSV file to write")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        *case, labels = json.loads(options.one)
        print(json.dumps(run_one(*case, Path(labels))))
        return
    rows = []
    print("\t".join(COLUMNS))
    for n, classes, memory_mb in itertools.product(options.items, options.classes, options.memory_mb):
        for row in measured(n, classes, memory_mb, options):
            rows.append(row)
            print("\t".join(str(row.get(name, "")) for name in COLUMNS), flush=True)
    if options.output:
        with options.output.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


def measured(
    n: int, classes: int, memory_mb: float, options: argparse.Namespace
) -> Iterator[dict[str, float]]:
    """Measure all methods on the same features, and give one row for each."""
    from sklearn.metrics import adjusted_rand_score

    first = None
    for method in options.methods:
        with tempfile.TemporaryDirectory() as directory:
            labels = Path(directory) / "labels.npy"
            drawing = [options.width, options.noise, options.dimensions]
            case = [method, n, classes, memory_mb, drawing]
            row = {"method": method, "items": n, "classes": classes, "memory_mb": memory_mb}
            row |= in_a_process(case, options.threads, labels)
            partition = np.load(labels)
        if first is None:
            first = partition
        else:
            row["ari"] = round(float(adjusted_rand_score(first, partition)), 4)
        yield row


if __name__ == "__main__":
    main()
