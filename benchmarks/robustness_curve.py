"""Compare the cost of the robustness curve by wordsight's search and by foolbox's sweep over the grid.

Both attack the same images of the same networks at the paper's setting: 100 steps at 12 radii, of which the
first is 0, as in the authors' script. Each has its own process, so that its peak memory can be measured.

    python benchmarks/robustness_curve.py
    python benchmarks/robustness_curve.py --networks small --images 60 --starts 5 --output curve.csv

The networks are convolutional ones of two sizes, fitted to noisy class patterns so that images break at radii
all over the grid. ``seconds`` are of the processor, the mean over the random starts, with the search's
self-checks. ``gradients`` are for each image, and ``memory_mb`` is what the attacks add to the peak memory of
the process, after both have attacked two images in it. The standard error of a difference of the curves is
over images, each averaged over the starts: ``same_curve`` says that no difference is above two of it, and
``no_weaker`` that ours is not above foolbox's by more than that. It may be below, since an image that breaks
at one radius counts as broken at all larger ones, where foolbox's attack may fail.
"""

import argparse
import csv
import multiprocessing
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from wordsight.catalogue.protocols.robustness import Parameters
from wordsight.protocols import robustness
from wordsight.protocols.robustness.sweep import import_foolbox
from wordsight.protocols.task import Task
from wordsight.workflow import allocator

CLASSES = 5
WIDTHS = {"small": [16, 32], "large": [32, 64, 128]}
METHODS = ["wordsight", "foolbox"]


class Network(torch.nn.Module):
    """Convolutions and a linear classifier, with the normalisation inside."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        layers: list[torch.nn.Module] = []
        for before, width in zip([3, *widths], widths, strict=False):
            layers += [torch.nn.Conv2d(before, width, 3, stride=2), torch.nn.ReLU()]
        layers += [torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten()]
        self.body = torch.nn.Sequential(*layers, torch.nn.Linear(16 * widths[-1], CLASSES))
        self.evaluations = 0

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Scores; counts the images for which a gradient may be computed."""
        self.evaluations += len(images) if images.requires_grad else 0
        return self.body((images - 0.5) / 0.25)

    forward = logits


def images_of(n: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy patterns, one per class, at contrasts that differ between images."""
    rng = np.random.default_rng(0)
    patterns = rng.uniform(-1, 1, size=(CLASSES, 3, 8, 8)).repeat(size // 8, axis=2).repeat(size // 8, axis=3)
    labels = np.arange(n) % CLASSES
    contrast = 10 ** rng.uniform(-3, -0.3, size=(n, 1, 1, 1))
    noisy = 0.5 + contrast * patterns[labels] + 0.02 * rng.normal(size=(n, 3, size, size))
    return noisy.clip(0, 1).astype(np.float32), labels


def train(widths: list[int], size: int) -> Network:
    """Fit a network by 60 steps of Adam.

    Smoothed labels keep its scores small. Without them, it is so sure of some images that their loss is 0 in
    32 bits. Then so is its gradient, no attack that follows gradients moves, and which of two attacks breaks
    such an image is a matter of their starts. The self-check ``zero_gradient`` is there for such networks.
    """
    torch.manual_seed(0)
    network = Network(widths)
    x, y = map(torch.from_numpy, images_of(150, size))
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(60):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network.logits(x), y, label_smoothing=0.1).backward()
        optimiser.step()
    return network


def by_foolbox(network: Network, images: np.ndarray, labels: np.ndarray, section: Parameters) -> np.ndarray:
    """Whether each image is right at each radius, 0 first, by foolbox over the whole grid."""
    foolbox = import_foolbox()
    target = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD(rel_stepsize=2.5 / section.steps, steps=section.steps, random_start=True)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    broken = [
        attack(target, a, foolbox.criteria.Misclassification(b), epsilons=[0.0, *section.epsilons])[2]
        for a, b in zip(x.split(section.batch_size), y.split(section.batch_size), strict=True)
    ]
    return 1 - torch.cat(broken, dim=1).float().numpy()


def by_search(
    network: Network, images: np.ndarray, labels: np.ndarray, section: Parameters, start: int
) -> np.ndarray:
    """Whether each image is right at each radius, 0 first, by wordsight."""
    tables = robustness.evaluate(
        Task("robustness", "network", "patterns", seed=start),
        section,
        encoder=network,
        head=None,
        images=images,
        labels=labels,
        ids=[str(i) for i in range(len(labels))],
    )
    return np.stack([table["value"].to_numpy() for table in tables[: 1 + len(section.epsilons)]])


def memory_mb(line: str) -> float:
    """Memory of this process by a line of its status: ``VmRSS`` is what it holds, ``VmHWM`` the peak."""
    (found,) = re.findall(rf"^{line}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found) / 1024


def measure(method: str, name: str, weights: str, options: argparse.Namespace) -> dict[str, object]:
    """Attack in this process: curves of each start and image, and what they cost."""
    torch.set_num_threads(options.threads)
    network = Network(WIDTHS[name])
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.eval().requires_grad_(False)
    images, labels = images_of(options.images, options.size)
    section = Parameters(steps=options.steps, batch_size=options.batch_size)
    curves, seconds = [], []
    # What is loaded when it is first used would count as memory of whichever needs it.
    once = Parameters(steps=1, batch_size=2)
    by_foolbox(network, images[:2], labels[:2], once)
    by_search(network, images[:2], labels[:2], once, 0)
    network.evaluations = 0
    Path("/proc/self/clear_refs").write_text("5")  # so that the peak counts from here on
    before = memory_mb("VmRSS")
    for start in range(options.starts):
        torch.manual_seed(start)
        began = time.process_time()
        if method == "foolbox":
            curves.append(by_foolbox(network, images, labels, section))
        else:
            curves.append(by_search(network, images, labels, section, start))
        seconds.append(time.process_time() - began)
    return {
        "curves": np.stack(curves),
        "seconds": float(np.mean(seconds)),
        "gradients": network.evaluations / options.starts / options.images,
        "memory_mb": memory_mb("VmHWM") - before,
    }


def compare(name: str, found: dict[str, dict], radii: list[float]) -> list[dict]:
    """Rows of both methods' costs; prints the curves."""
    each = {method: one["curves"].mean(axis=0) for method, one in found.items()}  # (radii, images)
    n = each["foolbox"].shape[1]
    differences = each["wordsight"] - each["foolbox"]
    errors = differences.std(axis=1, ddof=1) / np.sqrt(n)
    mean = differences.mean(axis=1)
    agree = np.abs(mean) <= 2 * errors
    print(f"\n{name}: accuracy by radius, difference, and its standard error")
    for place, radius in enumerate(radii):
        ours, peer = (each[method][place].mean() for method in METHODS)
        said = "" if agree[place] else "  more than two standard errors"
        print(f"{radius:g}\t{ours:.3f}\t{peer:.3f}\t{mean[place]:+.3f}\t{errors[place]:.3f}{said}")
    return [
        {
            "network": name,
            "method": method,
            "seconds": round(one["seconds"], 2),
            "gradients": round(one["gradients"], 1),
            "memory_mb": round(one["memory_mb"]),
            "seconds_ratio": round(found["foolbox"]["seconds"] / one["seconds"], 2),
            "gradients_ratio": round(found["foolbox"]["gradients"] / one["gradients"], 2),
            "largest_difference": round(float(np.abs(mean).max()), 3) if method == "wordsight" else 0.0,
            "same_curve": bool(agree.all()),
            "no_weaker": bool((mean <= 2 * errors).all()),
        }
        for method, one in found.items()
    ]


def main() -> None:
    """Print the tables, and write the costs to ``--output`` if given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=WIDTHS, default=list(WIDTHS))
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--size", type=int, default=64, help="pixels, a multiple of 8")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--starts", type=int, default=5, help="random starts, each a run of both")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, help="CSV file to write")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    allocator.keep_freed()  # by both methods, as by the jobs of a run
    rows = []
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.networks:
            weights = f"{folder}/{name}.pt"
            torch.save(train(WIDTHS[name], options.size).state_dict(), weights)
            found = {}
            for method in METHODS:
                with context.Pool(1) as process:
                    found[method] = process.apply(measure, (method, name, weights, options))
            rows += compare(name, found, [0.0, *Parameters().epsilons])
    print("\n" + "\t".join(rows[0]))
    for row in rows:
        print("\t".join(map(str, row.values())))
    if options.output:
        with options.output.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
