"""Time and memory of spectral clustering without the n x n matrix, against scikit-learn's with it.

Each run is a process of its own, so that peak memory is its own; both methods read the same features.

    python benchmarks/clustering_memory.py
    python benchmarks/clustering_memory.py --items 2000 5000 --ours-only 26032 --output clustering.csv

``--ours-only`` takes sizes for which the matrix of scikit-learn would not fit; 26032 is the test split of
SVHN, and takes a few minutes. Peak memory includes the interpreter and its imports, printed as
``baseline_mb``.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

CLASSES = 10


def features(n: int, width: int) -> np.ndarray:
    """Non-negative features of overlapping classes at unit norm, as an encoder's after its last rectifier."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % CLASSES
    centres, noise, mixing = (
        rng.standard_normal(shape, dtype=np.float32) for shape in ((CLASSES, 60), (n, 60), (60, width))
    )
    values = (centres[labels] + np.float32(0.7) * noise) @ mixing
    # In place, so that making the features leaves no higher peak than clustering them.
    np.maximum(values, 0, out=values)
    values /= np.sqrt(np.einsum("ij,ij->i", values, values))[:, None]
    return values


def peak_mb() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_one(method: str, n: int, width: int, memory_mb: float, labels: Path) -> dict[str, float]:
    """Cluster in this process; the partition goes to ``labels``."""
    from sklearn.cluster import SpectralClustering, k_means

    from wordsight.protocols.spectral import spectral_embedding

    unit = features(n, width)
    baseline, started = peak_mb(), time.perf_counter()
    if method == "wordsight":
        partition = k_means(
            spectral_embedding(unit, CLASSES, memory_mb, 0), CLASSES, n_init=10, random_state=0
        )[1]
    else:
        affinity = np.abs(unit @ unit.T)
        partition = SpectralClustering(CLASSES, affinity="precomputed", random_state=0).fit_predict(affinity)
    seconds = time.perf_counter() - started
    np.save(labels, partition)
    return {"seconds": round(seconds, 2), "peak_mb": round(peak_mb()), "baseline_mb": round(baseline)}


def in_a_process(method: str, n: int, options: argparse.Namespace, labels: Path) -> dict[str, float]:
    """Run one method in a new process."""
    one = json.dumps([method, n, options.width, options.memory_mb, str(labels)])
    threads = {"OMP_NUM_THREADS": str(options.threads), "OPENBLAS_NUM_THREADS": str(options.threads)}
    command = [sys.executable, __file__, "--one", one]
    output = subprocess.run(command, env=threads, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return json.loads(output)


def main() -> None:
    """Print the table and write it where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, nargs="*", default=[2000, 5000])
    parser.add_argument("--ours-only", type=int, nargs="*", default=[])
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--memory-mb", type=float, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, help="CSV file to write")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        method, n, width, memory_mb, labels = json.loads(options.one)
        print(json.dumps(run_one(method, n, width, memory_mb, Path(labels))))
        return
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        for n in [*options.items, *options.ours_only]:
            partitions = {}
            for method in ["wordsight", "scikit-learn"] if n in options.items else ["wordsight"]:
                labels = Path(directory) / f"{method}-{n}.npy"
                rows.append({"method": method, "items": n, **in_a_process(method, n, options, labels)})
                partitions[method] = np.load(labels)
            rows[-1]["ari"] = agreement(partitions)
    names = ["method", "items", "seconds", "peak_mb", "baseline_mb", "ari"]
    print("\t".join(names))
    for row in rows:
        print("\t".join(str(row.get(name, "")) for name in names))
    if options.output:
        with options.output.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)


def agreement(partitions: dict[str, np.ndarray]) -> float | str:
    """Compute the adjusted Rand index of the two methods' partitions; empty when there is one."""
    from sklearn.metrics import adjusted_rand_score

    return round(float(adjusted_rand_score(*partitions.values())), 4) if len(partitions) == 2 else ""


if __name__ == "__main__":
    main()
