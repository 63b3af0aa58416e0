from types import SimpleNamespace

import numpy as np
import pytest
import torch

from attacked import GRID, Linear, Network, curve, draw, foolbox_curve, run
from wordsight.catalogue.protocols.robustness import Parameters
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols import robustness
from wordsight.protocols.probe import Probe
from wordsight.protocols.robustness.attack import Attack, attack_all
from wordsight.protocols.robustness.attacked import PAPER_STEPS
from wordsight.protocols.robustness.balls import BALLS
from wordsight.protocols.robustness.classifier import Classifier, Goal, target_classes, verdict
from wordsight.protocols.robustness.evaluation import TARGETED
from wordsight.protocols.robustness.minimum import beats
from wordsight.protocols.robustness.sweep import import_foolbox
from wordsight.protocols.task import Task


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_the_curve_is_no_weaker_than_that_of_foolbox():
    network = Network()
    data = draw(network)
    ours, peer = curve(run(network, data)), foolbox_curve(network, data, 10)
    assert 0 < peer[3].mean() < peer[0].mean()
    # Random starts differ, so one image of 24 may fall on either side at the boundary.
    assert (ours.mean(axis=1) <= peer.mean(axis=1) + 1 / 24).all()
    assert np.abs(ours - peer).mean() < 0.05


def test_paper_is_foolbox_over_the_whole_grid():
    network = Network()
    data = draw(network, n=8)
    rows = run(network, data, mode="paper", batch_size=8)
    peer = foolbox_curve(network, data, 100)
    assert np.abs(curve(rows) - peer).sum() <= 1
    assert rows["gradients"][0]["value"].tolist() == [600]


@pytest.mark.parametrize("targeted", [False, True])
def test_iterates_are_those_of_foolbox(targeted):
    network = Network()
    images, labels, _ = draw(network, n=4, seed=5)
    x, y = torch.from_numpy(images[3:]), torch.from_numpy(labels[3:])
    foolbox = import_foolbox()
    target = foolbox.PyTorchModel(Classifier(network, None, "").eval(), bounds=(0, 1))
    attack = foolbox.attacks.LinfPGD(rel_stepsize=0.3, steps=4, random_start=True)
    torch.manual_seed(9)
    goal = Goal((y + 1) % 4 if targeted else y, targeted)
    kind = foolbox.criteria.TargetedMisclassification if targeted else foolbox.criteria.Misclassification
    expected = attack.run(target, x, kind(goal.classes), epsilon=1e-4)
    torch.manual_seed(9)
    noise = 2 * torch.rand(x.shape) - 1
    seen = []

    class Watch(torch.nn.Module):
        def forward(self, points):
            seen.append(points.detach().clone())
            return network.logits(points)

    attack = Attack(0, 0, (x + 1e-4 * noise)[0].clamp(0, 1), 4, 0.3, "whole")
    attack_all(Watch(), x, goal, BALLS["linf"], [1e-4], iter([attack]), lambda *_: None, 1)
    assert len(seen) == 5
    torch.testing.assert_close(seen[-1], expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("mode", ["sound", "paper"])
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_the_smallest_radius_of_a_linear_classifier_is_its_margin_over_the_l1_norm(mode, scale):
    rng = np.random.default_rng(0)
    weight = torch.from_numpy(rng.choice([-1.0, 1.0], size=48).astype(np.float32))
    # Images around grey, so that the box does not bind within the radii that matter.
    images = (0.5 + 0.1 * rng.normal(size=(30, 3, 4, 4))).clip(0.2, 0.8).astype(np.float32)
    network = Linear(weight, 0.3, scale)
    margins = network.logits(torch.from_numpy(images))[:, 0].numpy()
    labels = (margins < 0).astype(np.int64)
    # Scores are m and -m and m moves by radius * |w|_1 / scale, however the input is normalised.
    exact = np.abs(margins) / (48 / scale)
    data = images, labels, [f"i{i}" for i in range(30)]
    grid = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2]

    class Module(torch.nn.Module):
        logits = network.logits

    rows = run(network, data, mode=mode, epsilons=grid, steps=20)
    found = rows["min_epsilon"][0]["value"].to_numpy()
    expected = np.array([min(e for e in grid if e > x) for x in exact])
    assert len(set(expected)) >= 3
    # The boundary itself is a float away from the grid for none of these images.
    assert np.abs(exact[:, None] / np.array(grid) - 1).min() > 1e-4
    assert found.tolist() == expected.tolist()


# Targeted attacks


def resistance(rows):
    return np.array([table["value"] for table in rows["targeted_resistance"]])


def targeted_by_foolbox(network, data, targets, steps):
    foolbox = import_foolbox()
    model = foolbox.PyTorchModel(Classifier(network, None, "").eval(), bounds=(0, 1))
    attack = foolbox.attacks.LinfPGD(rel_stepsize=2.5 / steps, steps=steps, random_start=True)
    torch.manual_seed(1)
    criterion = foolbox.criteria.TargetedMisclassification(torch.from_numpy(targets))
    return ~attack(model, torch.from_numpy(data[0]), criterion, epsilons=[0.0, *GRID])[2].numpy()


def test_paper_mode_takes_the_papers_target_at_every_radius_of_foolbox():
    network = Network(classes=7)  # so that 800 further on is two further on
    images, labels, ids = draw(network)
    rows = run(network, (images, labels, ids), mode="paper", targeted=True)
    expected = targeted_by_foolbox(network, (images, labels, ids), (labels + 2) % 7, PAPER_STEPS)
    assert np.abs(resistance(rows).mean(axis=1) - expected.mean(axis=1)).max() <= 2 / len(ids)
    plain = run(network, (images, labels, ids), mode="paper")
    assert np.array_equal(curve(rows), curve(plain))  # beside it, and not in its place
    assert plain.keys().isdisjoint(TARGETED)


def test_a_targeted_search_is_no_weaker_than_foolbox_and_takes_every_image():
    network = Network(classes=7)
    images, labels, ids = draw(network)
    rows = run(network, (images, labels, ids), targeted=True, steps=20)
    task = Task("robustness", "m", "d")
    targets = target_classes(labels, ids, 7, "", task.stream("targets"))
    expected = targeted_by_foolbox(network, (images, labels, ids), targets, 20)
    found = resistance(rows)
    assert (found.mean(axis=1) <= expected.mean(axis=1) + 1 / len(ids)).all()
    assert np.array_equal(found[0], network.logits(torch.from_numpy(images)).argmax(dim=1).numpy() != targets)
    wrong = curve(rows)[0] == 0
    assert wrong.any()
    assert found[0][
        wrong
    ].any()  # an image that is wrong without attack may still not be taken for its target
    assert (np.diff(found, axis=0) <= 0).all()
    smallest = rows["targeted_min_epsilon"][0]["value"].to_numpy()
    assert ((smallest == np.inf) == (found[-1] == 1)).all()


@pytest.mark.parametrize("mode", ["sound", "paper"])
def test_a_target_is_another_class_and_depends_on_the_item_alone(mode):
    labels, ids = np.arange(300) % 7, [f"i{i}" for i in range(300)]
    stream = None if mode == "paper" else 5
    found = target_classes(labels, ids, 7, "", stream)
    assert (found != labels).all()
    assert set(found) == set(range(7))
    assert np.array_equal(target_classes(labels[::-1], ids[::-1], 7, "", stream), found[::-1])
    if mode == "sound":
        assert not np.array_equal(target_classes(labels, ids, 7, "", 6), found)
        assert np.array_equal(target_classes(labels % 2, ids, 2, "", 5), 1 - labels % 2)


@pytest.mark.parametrize(
    ("mode", "classes", "message"),
    [
        (
            "paper",
            2,
            r"^robustness of m on d: \(label \+ 800\) modulo 2 classes is the label itself; remove `targeted`",
        ),
        ("paper", 10, "modulo 10 classes is the label itself"),
        ("sound", 1, "a classifier of 1 class is never wrong, so it can't be attacked"),
    ],
)
def test_a_target_that_is_no_other_class_is_one_line(mode, classes, message):
    images, labels, ids = draw(Network())
    with pytest.raises(DataError, match=message) as caught:
        run(Network(classes=classes), (images, labels * 0, ids), mode=mode, targeted=True)
    assert "\n" not in str(caught.value)


# Other attacks


def test_iterates_in_the_l2_ball_are_those_of_foolbox():
    network = Network()
    images, labels, _ = draw(network, n=6, seed=5)
    x, y = torch.from_numpy(images[3:]), torch.from_numpy(labels[3:])
    foolbox = import_foolbox()
    target = foolbox.PyTorchModel(Classifier(network, None, "").eval(), bounds=(0, 1))
    attack = foolbox.attacks.L2PGD(rel_stepsize=0.3, steps=6, random_start=False)
    expected = attack.run(target, x, foolbox.criteria.Misclassification(y), epsilon=0.02)
    ends = {}
    attack_all(
        network.logits,
        x,
        Goal(y),
        BALLS["l2"],
        [0.02],
        (Attack(item, 0, x[item], 6, 0.3, "whole") for item in range(3)),
        lambda attack, end: ends.update({attack.item: end.point.clone()}),
        2,
    )
    found = torch.stack([ends[item] for item in range(3)])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert (found - x).flatten(1).norm(dim=1).numpy() == pytest.approx(0.02, rel=1e-4)


@pytest.mark.parametrize("mode", ["sound", "paper"])
def test_the_smallest_radius_in_l2_of_a_linear_classifier_is_its_margin_over_the_l2_norm(mode):
    rng = np.random.default_rng(0)
    weight = torch.from_numpy(rng.normal(size=48).astype(np.float32))
    images = (0.5 + 0.05 * rng.normal(size=(30, 3, 4, 4))).clip(0.4, 0.6).astype(np.float32)
    network = Linear(weight, 0.1)
    margins = network.logits(torch.from_numpy(images))[:, 0].numpy()
    exact = np.abs(margins) / weight.norm().item()
    grid = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4]
    assert np.abs(exact[:, None] / np.array(grid) - 1).min() > 1e-3

    class Module(torch.nn.Module):
        logits = network.logits

    data = images, (margins < 0).astype(np.int64), [f"i{i}" for i in range(30)]
    rows = run(Module(), data, mode=mode, epsilons=[0.1], l2_epsilons=grid, steps=20)
    expected = [min(radius for radius in grid if radius > distance) for distance in exact]
    assert len(set(expected)) >= 3
    assert rows["l2_min_epsilon"][0]["value"].tolist() == expected
    assert len(rows["l2_accuracy"]) == 1 + len(grid)
    assert (rows["l2_area"][0]["value"] <= 1).all()
    assert rows["unbroken_at_largest"][0]["value"][0] == rows["accuracy"][1]["value"].mean()


def test_one_step_is_foolboxs_fast_gradient_sign_method():
    network = Network()
    images, labels, ids = draw(network)
    rows = run(network, (images, labels, ids))
    foolbox = import_foolbox()
    target = foolbox.PyTorchModel(Classifier(network, None, "").eval(), bounds=(0, 1))
    attack = foolbox.attacks.LinfFastGradientAttack(random_start=False)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    broken = attack(target, x, foolbox.criteria.Misclassification(y), epsilons=[0.0, *GRID])[2].numpy()
    never = np.full((1, len(ids)), True)
    expected = np.array([0.0, *GRID, np.inf])[np.vstack([broken, never]).argmax(axis=0)]
    found = rows["one_step_min_epsilon"][0]["value"].to_numpy()
    assert found.tolist() == expected.tolist()
    assert (rows["min_epsilon"][0]["value"] <= found).all()
    assert "one_step_min_epsilon" not in run(network, (images[:2], labels[:2], ids[:2]), mode="paper")


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_ball_draws_within_it_and_projects_onto_it(norm):
    ball, generator = BALLS[norm], torch.Generator().manual_seed(0)
    drawn = torch.stack([ball.draw(torch.Size((3, 2, 1)), generator) for _ in range(2000)])
    norms = ball.norm(drawn)
    assert norms.max() <= 1
    # The share of a ball in n dimensions within the radius r is r to the power n.
    assert (norms <= 0.9).float().mean().item() == pytest.approx(0.9**6, abs=0.03)
    gradients = torch.randn(50, 3, 2, 1, generator=generator)
    directions = ball.direction(gradients.clone())
    assert ball.norm(directions).numpy() == pytest.approx(1, rel=1e-5)
    gains = (directions * gradients).flatten(1).sum(dim=1)
    others = drawn[:50] / ball.norm(drawn[:50]).view(-1, 1, 1, 1)
    assert (gains >= (others * gradients).flatten(1).sum(dim=1) - 1e-5).all()
    radii = torch.full((50, 1, 1, 1), 0.7)
    projected = ball.project(gradients.clone(), radii)
    assert ball.norm(projected).max().item() == pytest.approx(0.7, rel=1e-5)
    inside = ball.norm(gradients) <= 0.7
    assert torch.equal(projected[inside], gradients[inside])


def test_the_smallest_change_of_a_linear_classifier_is_its_margin_over_the_l1_norm():
    rng = np.random.default_rng(0)
    weight = torch.from_numpy(rng.choice([-1.0, 1.0], size=48).astype(np.float32))
    images = (0.5 + 0.1 * rng.normal(size=(12, 3, 4, 4))).clip(0.2, 0.8).astype(np.float32)
    network = Linear(weight, 0.3)
    margins = network.logits(torch.from_numpy(images))[:, 0].numpy()
    labels = (margins < 0).astype(np.int64)
    labels[0] = 1 - labels[0]

    class Module(torch.nn.Module):
        logits = network.logits

    data = images, labels, [f"i{i}" for i in range(12)]
    rows = run(Module(), data, minimum_norm=True)
    found = rows["minimum_norm"][0]["value"].to_numpy()
    assert found[0] == 0
    exact = np.abs(margins[1:]) / 48
    assert (found[1:] >= exact * (1 - 1e-3)).all()
    assert np.median(found[1:] / exact) < 1.1
    assert rows["minimum_norm_is_stronger"][0]["value"].tolist() == [0]
    assert "minimum_norm" not in run(Module(), data)


def test_a_change_that_is_smaller_than_a_radius_that_was_resisted_is_stronger():
    held = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool)
    norms = np.array([0.15, 0.15, 0.05, 0.0])
    assert beats(norms, held, [0.1, 0.2]).tolist() == [True, False, False, False]


def test_gradients_pass_the_normalisation():
    network, images = Network(std=0.25), torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1])
    attacked = Classifier(network, None, "")
    _, gradient = verdict(attacked, images, Goal(labels))
    inner = ((images - 0.5) / 0.25).requires_grad_(True)
    scores = network.classifier(network.body(inner))
    torch.nn.functional.cross_entropy(scores, labels, reduction="sum").backward()
    torch.testing.assert_close(gradient, inner.grad / 0.25)


def test_rows_are_derived_from_one_radius_per_image():
    network = Network()
    data = draw(network)
    rows = run(network, data)
    right, smallest = curve(rows), rows["min_epsilon"][0]["value"].to_numpy()
    assert [t["setting"][0] for t in rows["accuracy"]] == [0.0, *GRID]
    assert (np.diff(right, axis=0) <= 0).all()
    assert (smallest[:3] == 0).all()
    assert np.array_equal(right, np.array([0.0, *GRID])[:, None] < smallest)
    assert rows["unbroken_at_largest"][0]["value"][0] == right[-1].mean()
    logs = np.log10(GRID)
    widths = np.diff(logs) / (logs[-1] - logs[0])
    by_hand = [(widths * (r[1:-1] + r[2:]) / 2).sum() for r in right.T]
    np.testing.assert_allclose(rows["robust_area"][0]["value"], by_hand)


def test_the_batch_size_and_the_model_name_change_nothing():
    network = Network()
    data = draw(network)
    one, other = run(network, data, batch_size=3), run(network, data, batch_size=24, model="n")
    assert np.array_equal(curve(one), curve(other))
    assert np.array_equal(curve(one), curve(run(network, data, batch_size=3)))


def test_the_search_takes_fewer_gradients_than_the_grid():
    network = Network()
    rows = run(network, draw(network))
    assert rows["gradients"][0]["value"][0] < len(GRID) * 10 / 2


def test_a_head_is_attacked_through_the_encoder():
    network = Network()
    data = draw(network)
    weight, bias = network.classifier.weight.numpy(), network.classifier.bias.numpy()
    mean = np.full(200, 0.3)
    head = Probe(mean, weight, bias + weight @ mean)
    assert np.abs(curve(run(network, data)) - curve(run(network, data, head=head))).sum() <= 2
    never = Probe(mean, np.vstack([weight, np.zeros(200)]), np.append(bias + weight @ mean, -np.inf))
    assert np.array_equal(curve(run(network, data, head=head)), curve(run(network, data, head=never)))


def test_an_attack_that_is_hindered_is_flagged():
    class Steps(Network):
        def logits(self, images):
            return super().logits((images * 8).round() / 8)

    class Random(Network):
        def logits(self, images):
            return super().logits(images) + 0.01 * torch.rand(len(images), 1)

    class Softmax(Network):
        def logits(self, images):
            return super().logits(images).softmax(dim=1)

    def flags(network):
        rows = run(network, draw(network))
        return [rows[name][0]["value"][0] for name in ("zero_gradient", "randomised", "softmax_outputs")]

    assert flags(Network()) == [0, 0, 0]
    assert flags(Steps()) == [1, 0, 0]
    assert flags(Random()) == [0, 1, 0]
    assert flags(Softmax()) == [0, 0, 1]


def test_an_image_that_nothing_breaks_has_an_infinite_radius():
    class Constant(Network):
        def logits(self, images):
            return super().logits(images) * 0 + torch.tensor([1.0, 0, 0, 0])

    images, _, ids = draw(Network())
    rows = run(Constant(), (images, np.zeros(24, dtype=np.int64), ids))
    assert np.isinf(rows["min_epsilon"][0]["value"]).all()
    assert (rows["robust_area"][0]["value"] == 1).all()
    assert rows["unbroken_at_largest"][0]["value"].tolist() == [1]


def test_one_radius_is_a_grid_too():
    rows = run(Network(), draw(Network()), epsilons=[0.1])
    assert np.array_equal(rows["robust_area"][0]["value"], curve(rows)[1])


def test_unfit_input_is_refused():
    network = Network()
    images, labels, ids = draw(network)
    for value in (np.nan, -0.01, 1.01, np.inf):
        unfit = images.copy()
        unfit[5, 0, 0, 0] = value
        with pytest.raises(DataError, match=r"pixels of item i5 are not all in \[0, 1\]"):
            run(network, (unfit, labels, ids))
    with pytest.raises(DataError, match="with 23 labels"):
        run(network, (images, labels[1:], ids))
    with pytest.raises(DataError, match="label 9 is beyond the classifier's 4 classes"):
        run(network, (images, np.where(labels == 0, 9, labels), ids))
    with pytest.raises(DataError, match="expected a fitted head"):
        run(torch.nn.Conv2d(3, 1, 1), (images, labels, ids))
    network.classifier.bias[0] = torch.nan
    with pytest.raises(DataError, match="scores are NaN"):
        run(network, (images, labels, ids))


class Pictures:
    """A split of drawings of two classes, one bright and one dark, as a dataset hands it out."""

    def __init__(self, n: int, seed: int, prefix: str) -> None:
        rng = np.random.default_rng(seed)
        self.labels = np.arange(n) % 2
        self.pixels = np.clip(
            0.35 + 0.3 * self.labels[:, None, None, None] + 0.05 * rng.normal(size=(n, 3, 16, 16)), 0, 1
        )
        self.ids, self.classes = [f"{prefix}-{i}" for i in range(n)], ["dark", "bright"]
        self.card = SimpleNamespace(name="d")

    def __len__(self):
        return len(self.ids)

    def images(self, places=None):
        return (
            (item, pixels)
            for i, (item, pixels) in enumerate(zip(self.ids, self.pixels, strict=True))
            if places is None or i in places
        )


class Encoder(Network):
    card = SimpleNamespace(name="m")

    def batch_of(self, batch_size):
        return batch_size

    def preprocess(self, image):
        return torch.from_numpy(image.astype(np.float32))

    def features(self, split):
        values = self(torch.stack([self.preprocess(image) for _, image in split.images()])).numpy()
        return Features(values, split.labels, split.ids)


TASK = Task("robustness", "m", "d", seed=3)


def attack_encoder(encoder, test, train, **options):
    section = Parameters(epsilons=GRID, steps=5, **options)
    return robustness.evaluate_encoder(
        TASK, section, encoder=encoder, test=test, images=6, train=train
    ).tables


def test_a_head_is_fitted_on_training_features_and_attacked_on_a_draw_of_test_images():
    test, train = Pictures(20, 1, "test"), Pictures(40, 0, "train")
    encoder = Encoder()
    tables = attack_encoder(encoder, test, encoder.features(train))
    items = tables[0]["item"].to_pylist()
    chosen = np.sort(robustness.draw(TASK, test.labels, test.ids)[:6])
    assert items == [test.ids[place] for place in chosen]
    assert len(set(items)) == 6
    assert np.array_equal(chosen, np.sort(chosen))
    assert tables[-1]["metric"][0].as_py() == "converged"
    assert tables[-1]["value"][0].as_py() == 1
    fit = robustness.fit_head(TASK, Parameters(), encoder.features(train), 2)
    right = fit.probe.predict(encoder.features(test).values[chosen]) == test.labels[chosen]
    assert tables[0]["value"].to_pylist() == right.tolist()
    assert right.mean() > 0.8


def test_the_drawn_images_depend_on_the_dataset_and_not_on_the_model():
    test, train = Pictures(20, 1, "test"), Pictures(40, 0, "train")
    drawn = [attack_encoder(e, test, e.features(train))[0]["item"] for e in (Encoder(0), Encoder(1))]
    assert drawn[0].equals(drawn[1])
    other = Task("robustness", "m", "other", seed=3)
    assert not np.array_equal(*(robustness.draw(task, test.labels, test.ids) for task in (TASK, other)))
    assert sorted(robustness.draw(TASK, test.labels[:4], test.ids[:4])) == [0, 1, 2, 3]


def test_paper_mode_attacks_the_papers_images_of_imagenet():
    """The authors take the first of ``np.random.seed(42); np.random.permutation(50000)``, in torchvision's order."""
    names = [f"ILSVRC2012_val_{number:08}.JPEG" for number in range(1, 50_001)]
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(1000), 50))
    # torchvision lists the folders of the classes one after the other, and in each its files.
    listed = sorted(range(50_000), key=lambda place: (labels[place], names[place]))
    task = Task("robustness", "m", "imagenet", "paper", 7)
    for count in (5, 1000):
        chosen = robustness.draw(task, labels, names)[:count]
        np.random.seed(42)  # noqa: NPY002
        theirs = np.random.permutation(50_000)[:count]  # noqa: NPY002
        assert chosen.tolist() == [listed[place] for place in theirs]
        assert theirs[:5].tolist() == [33553, 9427, 199, 12447, 39489]


def test_a_run_of_own_and_fitted_classifiers_says_which_each_is():
    test, train, encoder = Pictures(20, 1, "test"), Pictures(40, 0, "train"), Encoder(classes=2)
    test.card.label_indices = None
    for features, own in ((encoder.features(train), 0), (None, 1)):
        named = robustness.evaluate_encoder(
            TASK,
            Parameters(epsilons=GRID, steps=2),
            encoder=encoder,
            test=test,
            images=6,
            train=features,
            named=True,
        ).tables
        plain = attack_encoder(encoder, test, features)
        (row,) = [table.to_pylist() for table in named if table["metric"][0].as_py() == "own_head"]
        assert [one["value"] for one in row] == [own]
        assert "own_head" not in {table["metric"][0].as_py() for table in plain}


def test_adversarial_examples_are_the_smallest_that_the_rows_have_a_radius_of():
    test, train, encoder = Pictures(20, 1, "test"), Pictures(40, 0, "train"), Encoder()
    section = Parameters(epsilons=GRID, steps=5)
    options = {"encoder": encoder, "test": test, "images": 8, "train": encoder.features(train)}
    tables, shown = robustness.evaluate_encoder(TASK, section, **options)
    rows = next(table for table in tables if table["metric"][0].as_py() == "min_epsilon")
    smallest = dict(zip(rows["item"].to_pylist(), rows["value"].to_pylist(), strict=True))
    drawn = robustness.draw(TASK, test.labels, test.ids)[:5]
    assert shown.items == [test.ids[place] for place in np.sort(drawn)]
    assert shown.radii.tolist() == [smallest[item] for item in shown.items]
    broken = (shown.radii > 0) & np.isfinite(shown.radii)
    assert broken.any()
    largest = np.abs(shown.changes.astype(float)).max(axis=(1, 2, 3))
    assert (largest[broken] <= shown.radii[broken] * 1.001).all()
    assert (largest[~broken] == 0).all()
    head = robustness.fit_head(TASK, section, encoder.features(train), 2).probe.as_module()
    pixels = np.stack([encoder.preprocess(image) for _, image in test.images(set(drawn.tolist()))])
    points = torch.from_numpy(pixels + np.moveaxis(shown.changes.astype(np.float32), -1, 1))
    assert np.abs(pixels * 255 - np.moveaxis(shown.images, -1, 1)).max() <= 0.5
    labels = test.labels[np.sort(drawn)]
    assert (shown.classes[broken] != labels[broken]).all()
    assert (head(encoder(points)).argmax(dim=1).numpy() == shown.classes)[
        broken
    ].mean() >= 0.5  # of half precision


def test_a_training_image_among_the_test_images_is_a_leak():
    test, encoder = Pictures(20, 1, "test"), Encoder()
    with pytest.raises(DataError, match=r"leak: 20 items .* test-0$"):
        attack_encoder(encoder, test, encoder.features(test))


def test_an_own_classifier_of_other_classes_than_the_dataset_is_refused():
    """Labels would be places in one list of classes, and scores in another."""
    test = Pictures(20, 1, "test")
    test.card.label_indices = None
    with pytest.raises(DataError, match=r"robustness of m on d: .* has 4 classes, but the dataset has 2, "):
        attack_encoder(Encoder(), test, None)
    test.card.label_indices = [[0], [1, 3]]
    assert attack_encoder(Encoder(), test, None)
    test.card.label_indices = None
    assert attack_encoder(Encoder(classes=2), test, None)


def test_a_head_that_cannot_be_fitted_names_model_and_dataset():
    encoder = Encoder()
    train = encoder.features(Pictures(40, 0, "train"))
    single = Features(train.values, np.where(np.arange(40) == 7, 1, 0), train.ids)
    with pytest.raises(DataError, match="robustness of m on d: class 1 has 1 training image"):
        attack_encoder(encoder, Pictures(20, 1, "test"), single)
