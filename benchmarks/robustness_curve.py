"""Compare the cost of the robustness curve by wordsight's search and by foolbox's sweep over the grid.

Both run with the same network, images and radii, one after the other in one process:

    python benchmarks/robustness_curve.py
    python benchmarks/robustness_curve.py --images 60 --steps 100 --size 64 --output curve.csv

The network is a small convolutional one, fitted to noisy class patterns so that images break at radii all
over the grid. Foolbox attacks at radius 0 too, as in the authors' script. Peak memory is that of the process
so far, so foolbox, which runs second, can't show a lower peak than wordsight.
"""

import argparse
import csv
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from wordsight.catalogue.protocols.robustness import Parameters
from wordsight.protocols import robustness
from wordsight.protocols.task import Task

CLASSES = 5


class Network(torch.nn.Module):
    """Two convolutions and a linear classifier, with the normalisation inside."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(3, 16, 3, stride=2),
            torch.nn.ReLU(),
            torch.nn.Conv2d(16, 32, 3, stride=2),
            torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(4),
            torch.nn.Flatten(),
            torch.nn.Linear(512, CLASSES),
        )
        self.evaluations = 0

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Scores; counts the images for which a gradient may be computed."""
        self.evaluations += len(images) if images.requires_grad else 0
        return self.body((images - 0.5) / 0.25)


def images_of(n: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy patterns, one per class, at contrasts that differ between images."""
    rng = np.random.default_rng(0)
    patterns = rng.uniform(-1, 1, size=(CLASSES, 3, 8, 8)).repeat(size // 8, axis=2).repeat(size // 8, axis=3)
    labels = np.arange(n) % CLASSES
    contrast = 10 ** rng.uniform(-2, -0.3, size=(n, 1, 1, 1))
    noisy = 0.5 + contrast * patterns[labels] + 0.02 * rng.normal(size=(n, 3, size, size))
    return noisy.clip(0, 1).astype(np.float32), labels


def train(network: Network, images: np.ndarray, labels: np.ndarray) -> None:
    """Fit the network by 150 steps of Adam."""
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(150):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network.logits(x), y).backward()
        optimiser.step()
    network.eval().requires_grad_(False)


def by_foolbox(network: Network, images: np.ndarray, labels: np.ndarray, section: Parameters) -> np.ndarray:
    """Accuracy per radius, 0 first, by foolbox over the whole grid."""
    foolbox = robustness.import_foolbox()
    module = torch.nn.Sequential()
    module.forward = network.logits  # type: ignore[method-assign]
    target = foolbox.PyTorchModel(module.eval(), bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD(rel_stepsize=2.5 / section.steps, steps=section.steps, random_start=True)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    parts = zip(x.split(section.batch_size), y.split(section.batch_size), strict=True)
    broken = [
        attack(target, a, foolbox.criteria.Misclassification(b), epsilons=[0.0, *section.epsilons])[2]
        for a, b in parts
    ]
    return 1 - torch.cat(broken, dim=1).float().mean(dim=1).numpy()


def by_search(network: Network, images: np.ndarray, labels: np.ndarray, section: Parameters) -> np.ndarray:
    """Accuracy per radius, 0 first, by wordsight."""
    tables = robustness.evaluate(
        Task("robustness", "small", "patterns"),
        section,
        encoder=network,
        head=None,
        images=images,
        labels=labels,
        ids=[str(i) for i in range(len(labels))],
    )
    return np.array([np.mean(t["value"].to_numpy()) for t in tables[: 1 + len(section.epsilons)]])


def measure(method: Callable[..., np.ndarray], network: Network, *arguments: object) -> dict[str, object]:
    """Curve, seconds, gradients and peak memory of one method."""
    network.evaluations, started = 0, time.perf_counter()
    curve = method(network, *arguments)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"curve": curve, "seconds": seconds, "gradients": network.evaluations, "peak_mb": peak}


def main() -> None:
    """Print the table, and write it to ``--output`` if given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--size", type=int, default=64, help="pixels, a multiple of 8")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, help="CSV file to write")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = Network(options.size)
    train(network, *images_of(200, options.size))
    images, labels = images_of(options.images, options.size)
    section = Parameters(steps=options.steps, batch_size=options.batch_size)
    robustness.import_foolbox()
    ours = measure(by_search, network, images, labels, section)
    peer = measure(by_foolbox, network, images, labels, section)
    difference = np.asarray(ours["curve"]) - np.asarray(peer["curve"])
    rows = [
        {
            "method": name,
            "images": options.images,
            "steps": options.steps,
            "seconds": round(found["seconds"], 2),
            "gradients": found["gradients"],
            "peak_mb": round(found["peak_mb"]),
            "seconds_ratio": round(peer["seconds"] / found["seconds"], 2),
            "gradients_ratio": round(peer["gradients"] / found["gradients"], 2),
            "largest_excess": round(float(difference.max()), 3) if name == "wordsight" else 0.0,
            "largest_difference": round(float(np.abs(difference).max()), 3) if name == "wordsight" else 0.0,
        }
        for name, found in (("wordsight", ours), ("foolbox", peer))
    ]
    print("\t".join(rows[0]))
    for row in rows:
        print("\t".join(map(str, row.values())))
    for name, found in (("wordsight", ours), ("foolbox", peer)):
        print(f"{name} curve: {' '.join(f'{value:.2f}' for value in found['curve'])}")
    if options.output:
        with options.output.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
