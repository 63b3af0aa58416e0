"""Time and memory of spectral clustering without the n x n matrix, against scipy and scikit-learn.

Each run is a process of its own, so that its peak memory is its own, and all methods read the same features:
``wordsight`` is the project's block Davidson method, ``eigsh`` and ``lobpcg`` are scipy's eigensolvers on the
same affinity, held in memory or recomputed, and ``scikit-learn`` has the whole matrix in memory.

    python benchmarks/clustering_memory.py
    python benchmarks/clustering_memory.py --methods wordsight eigsh lobpcg \
        --items 1000 5000 10000 --classes 10 100
    python benchmarks/clustering_memory.py --methods wordsight eigsh lobpcg --items 5000 10000 --memory-mb 20
    python benchmarks/clustering_memory.py --items 26032 --methods wordsight --output clustering.csv

26032 is the test split of SVHN, for which the matrix of scikit-learn would take 5 GB. Seconds are of the CPU:
``embedding_s`` for the affinity and its eigenvectors, ``seconds`` with k-means. ``residual`` is the largest
norm of M u - lambda u over the eigenvectors u. Peak memory includes the interpreter and its imports, printed
as ``baseline_mb``. ``ari`` compares the clusters with those of the first method.
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

from wordsight.protocols.spectral import TOLERANCE, Affinity, spectral_embedding

METHODS = ["wordsight", "scikit-learn", "eigsh", "lobpcg"]
COLUMNS = ["method", "items", "classes", "memory_mb", "embedding_s", "seconds", "residual"]
COLUMNS += ["peak_mb", "baseline_mb", "ari"]


def features(n: int, width: int, classes: int) -> np.ndarray:
    """Non-negative features of overlapping classes at unit norm, as an encoder's after its last rectifier."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % classes
    centres, noise, mixing = (
        rng.standard_normal(shape, dtype=np.float32) for shape in ((classes, 60), (n, 60), (60, width))
    )
    values = (centres[labels] + np.float32(0.7) * noise) @ mixing
    # In place, so that making the features leaves no higher peak than clustering them.
    np.maximum(values, 0, out=values)
    values /= np.sqrt(np.einsum("ij,ij->i", values, values))[:, None]
    return values


def peak_mb() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def by_scipy(method: str, unit: np.ndarray, components: int, memory_mb: float) -> np.ndarray:
    """Spectral embedding as :func:`wordsight.protocols.spectral.spectral_embedding` gives it, by scipy."""
    affinity = Affinity(unit, memory_mb)
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


def run_one(
    method: str, n: int, width: int, classes: int, memory_mb: float, labels: Path
) -> dict[str, float | str]:
    """Cluster in this process; the partition goes to ``labels``."""
    from sklearn.cluster import SpectralClustering, k_means

    unit = features(n, width, classes)
    baseline, started = peak_mb(), time.process_time()
    found: dict[str, float | str] = {}
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
        partition = k_means(embedding, classes, n_init=10, random_state=0)[1]
    found |= {"seconds": round(time.process_time() - started, 2)}
    found |= {"peak_mb": round(peak_mb()), "baseline_mb": round(baseline)}
    if method != "scikit-learn":
        found["residual"] = f"{residual(unit, embedding):.0e}"
    np.save(labels, partition)
    return found


def in_a_process(case: tuple[str, int, int, int, float], threads: int, labels: Path) -> dict[str, float]:
    """Run one method in a new process."""
    environment = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    command = [sys.executable, __file__, "--one", json.dumps([*case, str(labels)])]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return json.loads(output)


def main() -> None:
    """Print the table and write it where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, nargs="*", default=[2000, 5000])
    parser.add_argument("--classes", type=int, nargs="*", default=[10])
    parser.add_argument("--memory-mb", type=float, nargs="*", default=[1000])
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=["wordsight", "scikit-learn"])
    parser.add_argument("--width", type=int, default=1280)
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
    """Measure all methods on the same features, a row each."""
    from sklearn.metrics import adjusted_rand_score

    first = None
    for method in options.methods:
        with tempfile.TemporaryDirectory() as directory:
            labels = Path(directory) / "labels.npy"
            case = (method, n, options.width, classes, memory_mb)
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
