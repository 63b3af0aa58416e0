"""The search for the smallest radius: what it costs, and that each self-check of it can fail."""

import numpy as np
import pytest
import torch

import attacked
from wordsight.catalogue.protocols.robustness import Parameters
from wordsight.errors import DataError
from wordsight.protocols import robustness
from wordsight.protocols.probe import Probe
from wordsight.protocols.robustness.attack import Attack, attack_all
from wordsight.protocols.robustness.balls import BALLS, LInf, check_points
from wordsight.protocols.robustness.classifier import Goal
from wordsight.protocols.robustness.rechecks import TOLERATED
from wordsight.protocols.robustness.square import square
from wordsight.protocols.task import Task
from wordsight.statistics.self_checks import ATTACK_CHECKS

GRID = [0.001, 0.01, 0.02, 0.05, 0.1, 0.2]


class Own(torch.nn.Module):
    """A classifier given by a function of images."""

    def __init__(self, scores):
        super().__init__()
        self.scores, self.seen = scores, 0

    def logits(self, images):
        self.seen += len(images) if images.requires_grad else 0
        return self.scores(images)


def of_margin(margin):
    """Scores of two classes, of which the first leads by a margin."""
    return lambda images: torch.stack([margin(images), -margin(images)], dim=1)


def displaced(images):
    """How far the mean of an image is from that of the grey ones below."""
    return images.flatten(1).mean(dim=1) - 0.5


def grey(n=20):
    images = np.full((n, 3, 8, 8), 0.5, dtype=np.float32)
    return images, np.zeros(n, dtype=np.int64), [f"i{i}" for i in range(n)]


def run(scores, data=None, **section):
    data, network = data or grey(), Own(scores)
    tables = attacked.run(network, data, **{"epsilons": GRID, "steps": 50, **section})
    rows = {metric: [table["value"].to_numpy() for table in found] for metric, found in tables.items()}
    return rows | {"seen": network.seen / len(data[2])}


def failed(rows):
    """Self-checks above what is tolerated."""
    return {name for name, limit in ATTACK_CHECKS.items() if name in rows and rows[name][0][0] > limit}


def linear(images):
    return of_margin(lambda x: 0.03 - displaced(x))(images)


def shell(low, high, slope=1.0):
    """Scores that are wrong only where the mean is between two values; the gradient points outwards."""

    def margin(images):
        moved = displaced(images)
        inside = (moved > low) & (moved < high)
        return torch.where(inside, -1.0, 1.0).detach() - slope * (moved - moved.detach())

    return of_margin(margin)


def test_a_radius_costs_little_more_than_one_attack_that_fails():
    rows = run(linear)
    assert failed(rows) == set()
    assert (rows["min_epsilon"][0] == 0.05).all()
    sampled = 2 * 50 / 20  # two images of 20 from another start
    assert rows["gradients"][0][0] < 50 + sampled + 20
    # One more, by which the gradients are checked before the attack.
    assert rows["seen"] == rows["gradients"][0][0] + 1


def test_an_image_that_is_wrong_or_breaks_at_once_costs_next_to_nothing():
    assert run(of_margin(lambda x: -1 - displaced(x)))["gradients"][0][0] == 0
    assert run(of_margin(lambda x: 1e-5 - displaced(x)))["gradients"][0][0] < 2


def test_neither_the_batches_nor_the_order_nor_the_other_images_matter():
    rng = np.random.default_rng(0)
    weight = torch.from_numpy(rng.normal(size=(192, 4)).astype(np.float32))

    def curved(images):
        return torch.sin((images.flatten(1) - 0.5) @ weight * 0.5)

    images = rng.uniform(0.3, 0.7, size=(24, 3, 8, 8)).astype(np.float32)
    labels = curved(torch.from_numpy(images)).argmax(dim=1).numpy()
    ids = [f"i{i}" for i in range(24)]
    whole = run(curved, (images, labels, ids), steps=10)["min_epsilon"][0]
    assert len(set(whole)) >= 3
    for batch_size, places in ((1, np.arange(24)), (24, np.arange(24)[::-1]), (5, rng.permutation(24)[:11])):
        part = images[places], labels[places], [ids[place] for place in places]
        found = run(curved, part, steps=10, batch_size=batch_size)["min_epsilon"][0]
        assert found.tolist() == whole[places].tolist()


def test_a_batch_runs_attacks_of_every_length_and_what_follows_them():
    images = torch.full((3, 3, 4, 4), 0.5)
    ends, spent, network = {}, [], Own(of_margin(lambda x: 0.015 - displaced(x)))

    def follow(attack, end):
        ends[attack.item, attack.index, attack.purpose] = (end.reached, end.taken)
        spent.append(end.taken + 1)
        if attack.purpose == "first":
            return Attack(attack.item, 1, images[attack.item], 3, 0.5, "second")
        return None

    starts = (Attack(item, 0, images[item], 1 + item, 1.0, "first") for item in range(3))
    attack_all(
        network.logits,
        images,
        Goal(torch.zeros(3, dtype=torch.int64)),
        BALLS["linf"],
        [0.01, 0.02],
        starts,
        follow,
        2,
    )
    # At the smaller radius every step is taken; at the larger one, two half steps are enough.
    assert ends == {
        **{(item, 0, "first"): (False, 1 + item) for item in range(3)},
        **{(item, 1, "second"): (True, 2) for item in range(3)},
    }
    assert network.seen == sum(spent) == sum(2 + item for item in range(3)) + 3 * 3


# Each self-check, and a network that fails it


def test_images_that_break_at_a_smaller_radius_alone_bring_the_whole_grid():
    """Steps at the large radii jump over the shell in which images are wrong."""
    rows = run(shell(0.0093, 0.0097), epsilons=[0.001, 0.01, 0.9, 1.0])
    assert {"not_monotone"} <= failed(rows)
    assert rows["every_radius"] == [1]
    assert (rows["min_epsilon"][0] == 0.01).all()


def test_an_accuracy_that_rises_with_the_radius():
    assert failed(run(shell(0.0097, 0.0103), epsilons=[0.01, 0.9])) == {"rising"}


def test_half_of_the_steps_would_give_another_curve():
    """The shell is at the edge of the ball, which steps this short reach late."""
    assert failed(run(shell(0.0097, 0.00992), epsilons=[0.01], relative_step=0.035)) == {"late"}
    assert failed(run(shell(0.0097, 0.00992), epsilons=[0.01], relative_step=0.1)) == set()


def test_another_start_gives_another_curve():
    """Without a gradient, what matters is where an attack starts: here half of all starts are wrong."""
    weight = torch.from_numpy(np.random.default_rng(0).normal(size=192).astype(np.float32))

    def by_start(images):
        moved = (images.flatten(1) - 0.5) @ weight
        return torch.where(moved > 0, -1.0, 1.0).detach() + 0 * moved

    rows = run(of_margin(by_start), grey(40), epsilons=[0.01])
    assert {"another_start", "zero_gradient"} <= failed(rows)
    assert 0 < np.isinf(rows["min_epsilon"][0]).mean() < 1


def test_an_attack_without_gradients_is_stronger_than_one_with_them():
    """The scores have steps, so that their gradient is zero, but an attack that asks for scores sees them."""
    steps = of_margin(lambda x: ((0.02 - displaced(x)) * 1e4).round() / 1e4)
    assert "black_box" in failed(run(steps, epsilons=[0.05]))


def test_a_targeted_attack_is_stronger_than_an_untargeted_one():
    """The label's probability is 1, so its cross-entropy is flat; that of another class is not."""

    def sure(images):
        return 1e4 * torch.stack([0.01 - displaced(images), displaced(images) * 0, displaced(images) - 1], 1)

    rows = run(sure, targeted=True, epsilons=[0.001, 0.1], steps=10)
    assert "targeted_is_stronger" in failed(rows)
    assert "targeted_is_stronger" not in failed(run(linear, targeted=True))


def test_scores_that_depend_on_the_rest_of_the_batch():
    """As batch normalisation does in training mode."""

    def centred(images):
        return of_margin(lambda x: 0.03 - displaced(x) + displaced(x).mean())(images)

    assert "training_mode" in failed(run(centred, epsilons=[0.01]))
    assert "training_mode" not in failed(run(linear, epsilons=[0.01]))


def test_a_point_outside_the_ball_stops_the_attack():
    far = Attack(0, 0, torch.full((3, 4, 4), 0.8), 2, 1.0, "whole")
    images = torch.full((1, 3, 4, 4), 0.5)
    with pytest.raises(AssertionError, match="left its ball"):
        attack_all(
            of_margin(lambda x: 0.01 - displaced(x)),
            images,
            Goal(torch.zeros(1, dtype=torch.int64)),
            BALLS["linf"],
            [0.1],
            iter([far]),
            lambda *_: None,
            1,
        )


def test_each_iterate_is_checked_and_not_only_where_an_attack_ends():
    class Loose(LInf):
        def project(self, perturbations, radii):
            return perturbations

    network = Own(of_margin(lambda x: 1.0 - displaced(x)))
    images = torch.full((1, 3, 4, 4), 0.5)
    never = Attack(0, 0, images[0], 50, 0.4, "whole")
    goal = Goal(torch.zeros(1, dtype=torch.int64))
    with pytest.raises(AssertionError, match="left its ball"):
        attack_all(network.logits, images, goal, Loose(), [0.01], iter([never]), lambda *_: None, 1)
    assert network.seen == 3  # the start, and two steps of 0.4 radii; the third goes beyond


def test_what_is_no_image_or_beyond_its_ball_is_found():
    images, radii = torch.full((2, 3, 4, 4), 0.5), torch.tensor([0.1, 0.4])
    far = images + torch.tensor([0.1, 0.4]).view(-1, 1, 1, 1)
    check_points(BALLS["linf"], far, images, radii)
    with pytest.raises(AssertionError, match="left its ball"):
        check_points(BALLS["linf"], far, images, radii.flip(0))
    with pytest.raises(AssertionError, match="left its ball"):
        check_points(BALLS["l2"], far, images, radii)
    for points in (images + 0.6, images - 0.6):
        with pytest.raises(AssertionError, match="left the range of pixels"):
            check_points(BALLS["linf"], points, images, radii + 1)


def test_square_finds_what_a_budget_of_queries_can_and_no_more():
    images, labels, _ = (torch.as_tensor(part) if not isinstance(part, list) else part for part in grey(6))
    goal, seeds = Goal(labels), list(range(6))
    asked = []

    def scores(points):
        asked.append(points)
        return linear(points)

    near, far = (torch.full((6,), radius) for radius in (0.1, 0.029))
    assert square(scores, images, goal, near, queries=100, seeds=seeds).all()
    assert len(asked) == 100
    assert all(((points - images).abs() <= 0.1 + 1e-6).all() for points in asked)
    assert not square(linear, images, goal, far, queries=100, seeds=seeds).any()
    some = square(linear, images, goal, 0.6 * near, queries=20, seeds=seeds)
    alone = [
        square(linear, images[i : i + 1], goal.of([i]), 0.6 * near[:1], queries=20, seeds=[i])[0]
        for i in seeds
    ]
    assert some.tolist() == alone
    taken = Goal(1 - labels, targeted=True)
    assert square(linear, images, taken, near, queries=100, seeds=seeds).all()


def test_the_limit_of_the_flag_is_that_of_the_whole_grid():
    assert ATTACK_CHECKS["not_monotone"] == TOLERATED


# Bad input


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (lambda x: linear(x.detach()), "the network has no gradient, as when it is quantised or exported"),
        (lambda x: linear(x)[:, :1], "a classifier of 1 class is never wrong"),
        (lambda x: torch.nn.functional.conv2d(x, torch.ones(2, 3, 11, 11)), "can't take images of 8 x 8 pixels"),
    ],
)  # fmt: skip
def test_a_network_that_cannot_be_attacked_is_one_line(scores, message):
    with pytest.raises(DataError, match=message) as caught:
        run(scores)
    assert str(caught.value).startswith("robustness of m on d: ")
    assert "\n" not in str(caught.value)


def test_a_head_of_another_width_is_one_line():
    images, labels, ids = grey()
    head = Probe(np.zeros(5), np.zeros((2, 5)), np.zeros(2))
    with pytest.raises(DataError, match="features are 192 wide, but its head is for features of 5"):
        robustness.evaluate(
            Task("robustness", "m", "d"),
            Parameters(),
            encoder=torch.nn.Flatten(),
            head=head,
            images=images,
            labels=labels,
            ids=ids,
        )
