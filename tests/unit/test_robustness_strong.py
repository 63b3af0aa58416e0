"""Attacks beyond the search: Auto-PGD on two losses, and which attack is the strongest on each image."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from attacked import GRID, Network, curve, draw, foolbox_curve, run
from wordsight.protocols.robustness.apgd import apgd, cross_entropy, logits_ratio, next_classes
from wordsight.protocols.robustness.balls import BALLS
from wordsight.protocols.robustness.strongest import strongest
from wordsight.protocols.robustness.sweep import import_foolbox


def trained():
    """A network that tells four patterns in noise apart, with images that break at radii all over the grid."""
    rng = np.random.default_rng(0)
    patterns = rng.uniform(-1, 1, size=(4, 3, 4, 4)).repeat(4, axis=2).repeat(4, axis=3)
    labels = np.arange(80) % 4
    contrast = 10 ** rng.uniform(-1.5, -0.3, size=(80, 1, 1, 1))
    images = (0.5 + contrast * patterns[labels] + 0.02 * rng.normal(size=(80, 3, 16, 16))).clip(0, 1)
    network = Network()
    network.requires_grad_(True)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    x, y = torch.from_numpy(images.astype(np.float32)), torch.from_numpy(labels)
    for _ in range(40):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network.logits(x), y).backward()
        optimiser.step()
    network.requires_grad_(False)
    kept = slice(0, 32)
    return network, (images[kept].astype(np.float32), labels[kept], [f"i{i}" for i in range(32)])


def attacked(network, x, y, norm, radius, loss, steps=100):
    ball, generator = BALLS[norm], torch.Generator().manual_seed(3)
    starts = torch.stack([ball.draw(x.shape[1:], generator) for _ in x])
    radii = torch.full((len(x),), radius)
    return apgd(network, x, y, ball, radii, starts, loss, steps)


@pytest.mark.slow
@pytest.mark.parametrize(("norm", "radius"), [("linf", 0.03), ("l2", 0.6)])
def test_ascent_that_halves_its_steps_is_no_weaker_than_foolbox(norm, radius):
    network, (images, labels, _) = trained()
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    foolbox = import_foolbox()

    class Scores(torch.nn.Module):
        def forward(self, points):
            return network.logits(points)

    model = foolbox.PyTorchModel(Scores().eval(), bounds=(0, 1))
    kind = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[norm]
    torch.manual_seed(0)
    peer = kind(steps=100, rel_stepsize=0.025)(
        model, x, foolbox.criteria.Misclassification(y), epsilons=radius
    )[2]
    broken, taken = attacked(network.logits, x, y, norm, radius, cross_entropy(y))
    assert 0.2 < peer.float().mean() < 0.8
    assert broken.sum() >= peer.sum()
    assert (taken[broken] <= 101).all()
    assert (taken[~broken] == 101).all()


def test_the_ratio_breaks_what_a_sure_network_hides_from_the_cross_entropy():
    """Scores of 1e5 make the softmax flat: the gradient of the cross-entropy is zero, that of the ratio isn't."""
    network, (images, labels, _) = trained()
    x, y = torch.from_numpy(images), torch.from_numpy(labels)

    def sure(points):
        return 1e5 * network.logits(points)

    right = (network.logits(x).argmax(dim=1) == y).numpy()
    targets = next_classes(network.logits(x), y)
    by_entropy, _ = attacked(sure, x, y, "linf", 0.1, cross_entropy(y), steps=20)
    by_ratio, _ = attacked(sure, x, y, "linf", 0.1, logits_ratio(y, targets[:, 0]), steps=20)
    assert right.mean() > 0.8
    assert by_ratio.mean() > by_entropy.mean() + 0.3


def test_the_ratio_is_as_in_the_paper():
    scores = torch.tensor([[4.0, 1.0, 3.0, 0.0, -2.0]])
    y, t = torch.tensor([0]), torch.tensor([1])
    # -(4 - 1) / (4 - (1 + 0) / 2)
    assert logits_ratio(y, t)(scores, torch.tensor([0])).item() == pytest.approx(-3 / 3.5)
    three = scores[:, :3]
    assert logits_ratio(y, t)(three, torch.tensor([0])).item() == pytest.approx(-3 / 3)
    assert logits_ratio(y, t)(scores[:, :2], torch.tensor([0])).item() == -3
    assert next_classes(scores, y).tolist() == [[2, 1, 3, 4]]


def test_a_step_is_halved_where_the_loss_rises_no_more():
    """On a line, the first step goes to the edge of the ball, and from there nothing rises."""
    seen = []

    class Watch(torch.nn.Module):
        def forward(self, points):
            seen.append(points.detach().clone())
            wave = torch.cos(400 * (points - 0.5).flatten(1)).sum(dim=1)
            return torch.stack([wave * 0 + 1e3, -wave], dim=1)

    x, y = torch.full((1, 3, 4, 4), 0.5), torch.tensor([0])
    attacked(Watch(), x, y, "linf", 0.1, logits_ratio(y, torch.tensor([1])), steps=50)
    moves = [(after - before).abs().max().item() for before, after in pairwise(seen)]
    assert max(moves[:10]) > 0.05
    assert max(moves[-5:]) < max(moves[:10]) / 4


@pytest.mark.slow
def test_with_stronger_attacks_an_image_must_resist_them_too():
    network, data = trained()
    plain = run(network, data)
    strong = run(network, data, apgd_steps=20)
    assert (curve(strong) <= curve(plain)).all()
    assert (curve(strong).mean(axis=1) <= foolbox_curve(network, data, 20).mean(axis=1) + 1 / 32).all()
    assert strong["gradients"][0]["value"][0] > plain["gradients"][0]["value"][0]

    class Sure(Network):
        def logits(self, images):
            return 1e5 * network.logits(images)

    hidden = curve(run(Sure(), data)).mean()
    assert curve(run(Sure(), data, apgd_steps=20)).mean() < hidden - 0.1
    by_attack = {
        table["parameter"][0]: table["value"].mean()
        for table in run(Sure(), data, apgd_steps=20)["strongest"]
    }
    assert by_attack["apgd_dlr"] > 0.2


def test_the_strongest_attack_is_the_cheapest_one_at_the_smallest_radius():
    broken = {
        "one_step": np.array([0, 2, 3, 3]),
        "pgd": np.array([0, 1, 3, 2]),
        "targeted": np.array([0, 1, 3, 1]),
    }
    found = strongest(broken, 3)
    assert found["one_step"].tolist() == [True, False, False, False]
    assert found["pgd"].tolist() == [False, True, False, False]
    assert found["targeted"].tolist() == [False, False, False, True]


def test_each_broken_image_has_one_strongest_attack():
    network = Network(classes=7)
    data = draw(network)
    rows = run(network, data, targeted=True, minimum_norm=True)
    tables = {table["parameter"][0]: table["value"].to_numpy() for table in rows["strongest"]}
    assert list(tables) == ["one_step", "pgd", "targeted", "minimum_norm"]
    smallest = rows["min_epsilon"][0]["value"].to_numpy()
    broken = (smallest > 0) & (smallest <= GRID[-1])
    assert (sum(tables.values())[broken] == 1).all()
    assert (sum(tables.values())[smallest == 0] == 0).all()
    one_step = rows["one_step_min_epsilon"][0]["value"].to_numpy()
    assert (one_step[tables["one_step"] == 1] == smallest[tables["one_step"] == 1]).all()
    assert (one_step[tables["pgd"] == 1] > smallest[tables["pgd"] == 1]).all()
    assert "strongest" not in run(network, (data[0][:4], data[1][:4], data[2][:4]), mode="paper")
