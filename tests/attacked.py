"""Small networks to attack, with images that they tell apart, and foolbox's curve of them."""

import numpy as np
import torch

from wordsight.catalogue.protocols.robustness import Parameters
from wordsight.protocols import robustness
from wordsight.protocols.robustness.classifier import Classifier
from wordsight.protocols.robustness.sweep import import_foolbox
from wordsight.protocols.task import Task

GRID = [0.001, 0.01, 0.03, 0.1, 0.3, 1.0]


class Network(torch.nn.Module):
    """A small convolutional network that normalises its input."""

    def __init__(self, seed: int = 0, std: float = 0.25, classes: int = 4) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.body = torch.nn.Sequential(
                torch.nn.Conv2d(3, 8, 3, stride=2),
                torch.nn.ReLU(),
                torch.nn.Conv2d(8, 8, 3),
                torch.nn.Flatten(),
            )
            self.classifier = torch.nn.Linear(200, classes)
        self.std = std
        self.eval().requires_grad_(False)

    def forward(self, images):
        return self.body((images - 0.5) / self.std)

    def logits(self, images):
        return self.classifier(self(images))


class Linear(torch.nn.Module):
    """Two classes whose margin is linear in the pixels: the distance to the boundary is known."""

    def __init__(self, weight: torch.Tensor, bias: float, scale: float = 1.0) -> None:
        super().__init__()
        self.weight, self.bias, self.scale = weight, bias, scale

    def logits(self, images):
        margin = ((images - 0.5) / self.scale).flatten(1) @ self.weight + self.bias
        return torch.stack([margin, -margin], dim=1)


def draw(network, n=24, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.uniform(size=(n, 3, 16, 16)).astype(np.float32)
    labels = network.logits(torch.from_numpy(images)).argmax(dim=1).numpy()
    labels[:3] = (labels[:3] + 1) % 4
    return images, labels, [f"i{i}" for i in range(n)]


def run(network, data, *, head=None, mode="sound", model="m", **section):
    images, labels, ids = data
    tables = robustness.evaluate(
        Task("robustness", model, "d", mode),
        Parameters(**{"epsilons": GRID, "steps": 10, "batch_size": 8, **section}),
        encoder=network,
        head=head,
        images=images,
        labels=labels,
        ids=ids,
    )
    rows = {}
    for table in (t.to_pandas() for t in tables):
        rows.setdefault(table["metric"][0], []).append(table)
    return rows


def curve(rows):
    return np.array([table["value"] for table in rows["accuracy"]])


def foolbox_curve(network, data, steps):
    foolbox = import_foolbox()
    images, labels = torch.from_numpy(data[0]), torch.from_numpy(data[1])
    target = foolbox.PyTorchModel(Classifier(network, None, "").eval(), bounds=(0, 1))
    attack = foolbox.attacks.LinfPGD(rel_stepsize=2.5 / steps, steps=steps, random_start=True)
    torch.manual_seed(1)
    criterion = foolbox.criteria.Misclassification(labels)
    return ~attack(target, images, criterion, epsilons=[0.0, *GRID])[2].numpy()
