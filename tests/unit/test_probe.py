import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier

from wordsight.errors import DataError
from wordsight.protocols.probe import (
    Axes,
    Fit,
    Probe,
    choose,
    fit_adam,
    fit_logistic,
    fit_ridge,
    stratified_split,
)


def blobs(
    n: int, width: int, classes: int, noise: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    values = rng.normal(size=(classes, width))[labels] + noise * rng.normal(size=(n, width))
    return values.astype(np.float32), labels


def softmax(scores: np.ndarray) -> np.ndarray:
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("width", [5, 200], ids=["tall", "wide"])
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_logistic_regression_agrees_with_scikit_learn(width, classes):
    values, labels = blobs(90, width, classes)
    strengths = [10.0, 0.1]
    fits = fit_logistic(values, labels, strengths, classes=classes, max_iterations=2000)
    z = Axes.of(values).coordinates(values)
    for fit in fits:
        # To two classes scikit-learn fits one difference of weights, whose square is twice the sum of ours.
        strength = fit.strength / 2 if classes == 2 else fit.strength
        peer = LogisticRegression(C=1 / strength, tol=1e-8, max_iter=5000).fit(z, labels)
        assert fit.converged
        np.testing.assert_allclose(softmax(fit.probe.logits(values)), peer.predict_proba(z), atol=1e-4)


def test_logistic_regression_of_two_balanced_points_has_the_known_solution():
    # Two items at z = +1 and -1: the weights are +-a/2 with a the root of a = 4 / (strength (1 + exp(a))).
    values, labels = np.array([[-3.0], [3.0]]), np.array([0, 1])
    (fit,) = fit_logistic(values, labels, [1.0], classes=2, max_iterations=100)
    a = 3 * (fit.probe.weight[1, 0] - fit.probe.weight[0, 0])  # the features are three times their z
    assert a == pytest.approx(4 / (1 + np.exp(a)), abs=1e-4)
    assert fit.probe.bias == pytest.approx([0, 0], abs=1e-5)


def test_a_class_without_items_is_never_predicted():
    values, labels = blobs(60, 4, 3)
    (fit,) = fit_logistic(values, labels * 2, [1.0], classes=6, max_iterations=500)
    assert set(fit.probe.predict(10 * values)) <= {0, 2, 4}
    assert np.isneginf(fit.probe.bias[[1, 3, 5]]).all()


def test_logistic_regression_says_when_it_did_not_converge():
    values, labels = blobs(90, 50, 3)
    (short,) = fit_logistic(values, labels, [1e-3], classes=3, max_iterations=2)
    assert not short.converged
    assert short.iterations == 2


@pytest.mark.parametrize("width", [5, 200], ids=["tall", "wide"])
def test_ridge_agrees_with_scikit_learn_at_every_strength(width):
    values, labels = blobs(90, width, 4)
    axes = Axes.of(values)
    z = axes.coordinates(values)
    for fit in fit_ridge(values, labels, [1e-3, 1.0, 100.0], classes=4):
        peer = Ridge(alpha=fit.strength).fit(z, np.where(labels[:, None] == np.arange(4), 1.0, -1.0))
        np.testing.assert_allclose(fit.probe.weight, peer.coef_ @ axes.scaled.T, atol=1e-7)
        np.testing.assert_allclose(fit.probe.bias, peer.intercept_, atol=1e-7)
        assert np.array_equal(
            fit.probe.predict(values), RidgeClassifier(alpha=fit.strength).fit(z, labels).predict(z)
        )


@pytest.mark.parametrize("width", [8, 70], ids=["tall", "wide"])
def test_coordinates_are_uncorrelated_with_variances_to_the_power_of_a_half(width):
    values, _ = blobs(50, width, 2)
    values[:, 3] = 0.1  # a feature without variance
    z = Axes.of(values).coordinates(values)
    assert np.mean(np.sum(z**2, axis=1)) == pytest.approx(1)
    variances = np.linalg.eigvalsh(np.cov(values.T.astype(np.float64), bias=True))
    variances = np.sqrt(variances[variances > 1e-8])
    found = z.T @ z / len(z)
    np.testing.assert_allclose(np.sort(np.diag(found)), variances / variances.sum(), rtol=1e-5)
    np.testing.assert_allclose(found, np.diag(np.diag(found)), atol=1e-10)


@pytest.mark.parametrize("width", [6, 80], ids=["tall", "wide"])
@pytest.mark.parametrize("solver", ["logistic", "ridge"])
def test_a_rotation_a_shift_and_a_scale_of_all_features_change_nothing(width, solver):
    values, labels = blobs(60, width, 3, noise=2.0)
    values = values * np.geomspace(1, 30, width).astype(np.float32)
    test = values + np.random.default_rng(1).normal(size=values.shape)
    rotation, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(width, width)))

    def scores(change):
        if solver == "ridge":
            (fit,) = fit_ridge(change(values), labels, [0.1], classes=3)
        else:
            (fit,) = fit_logistic(change(values), labels, [0.1], classes=3, max_iterations=500)
        return fit.probe.logits(change(test))

    np.testing.assert_allclose(scores(lambda x: 5 * x @ rotation + 2), scores(lambda x: x), atol=1e-4)


def test_features_that_are_all_the_same_say_only_how_frequent_the_classes_are():
    labels = np.array([0, 1, 1, 1])
    (fit,) = fit_logistic(np.ones((4, 3)), labels, [1.0], classes=2, max_iterations=100)
    np.testing.assert_allclose(softmax(fit.probe.logits(np.ones((1, 3)))), [[0.25, 0.75]], atol=1e-4)


def test_a_strength_means_the_same_when_every_feature_is_repeated():
    values, labels = blobs(60, 6, 3)
    once, twice = (
        fit_logistic(v, labels, [0.3], classes=3, max_iterations=500)[0].probe.logits(v)
        for v in (values, np.hstack([values, values]))
    )
    np.testing.assert_allclose(softmax(once), softmax(twice), atol=1e-4)


def test_the_strength_that_holds_out_best_is_chosen_and_the_surest_of_equals():
    labels = np.arange(40) % 2
    seen = []

    def solver(values, labels, strengths):
        seen.append((len(values), strengths))
        # Strengths up to 1 tell the classes apart, the smaller one with the larger margin.
        weights = [np.array([[0.0], [1 / s if s <= 1 else 0]]) for s in strengths]
        probes = [Probe(np.zeros(1), weight, np.array([0.5, 0.0])) for weight in weights]
        return [Fit(probe, strength) for probe, strength in zip(probes, strengths, strict=True)]

    choose(solver, labels[:, None].astype(float), labels, strengths=[0.5, 1.0, 10.0], fraction=0.25, seed=3)
    assert seen == [(30, [10.0, 1.0, 0.5]), (40, [0.5])]


def test_the_split_is_stratified_and_has_each_class_on_both_sides():
    labels = np.repeat([0, 1, 2], [50, 2, 10])
    fitted, held_out = stratified_split(labels, 0.2, 0)
    assert sorted([*fitted, *held_out]) == list(range(62))
    assert np.bincount(labels[held_out]).tolist() == [10, 1, 2]
    assert np.array_equal(held_out, stratified_split(labels, 0.2, 0)[1])
    assert not np.array_equal(held_out, stratified_split(labels, 0.2, 1)[1])


@pytest.mark.parametrize(
    ("labels", "message"), [([0, 0, 1], "class 1 has 1"), ([2, 2], "at least 2 classes")]
)
def test_a_split_that_cannot_be_made_is_refused(labels, message):
    with pytest.raises(DataError, match=message):
        stratified_split(np.array(labels), 0.5, 0)


def test_the_layer_of_torch_gives_the_same_scores():
    values, labels = blobs(60, 6, 3)
    values = 100 + 5 * values
    (fit,) = fit_logistic(values, labels, [0.1], classes=4, max_iterations=500)
    layer = fit.probe.as_module()
    scores = layer(torch.from_numpy(values)).numpy()
    np.testing.assert_allclose(scores[:, :3], fit.probe.logits(values)[:, :3], rtol=1e-3, atol=1e-3)
    assert np.isneginf(scores[:, 3]).all()
    assert not any(p.requires_grad for p in layer.parameters())


def test_the_probe_of_the_paper_is_the_loop_of_the_paper():
    values, labels = blobs(130, 6, 3)
    views = [values, values + 0.1]
    probe = fit_adam(views, labels, classes=3, epochs=3, seed=5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        layer = torch.nn.Linear(6, 3)
        optimiser = torch.optim.Adam(layer.parameters(), lr=1e-3, weight_decay=5e-4)
        for view in (views[0], views[1], views[0]):
            order = torch.randperm(130)
            for batch in (order[:60], order[60:120], order[120:]):
                loss = torch.nn.CrossEntropyLoss()(
                    layer(torch.tensor(view)[batch]), torch.tensor(labels)[batch]
                )
                layer.zero_grad()
                loss.backward()
                optimiser.step()
    np.testing.assert_allclose(probe.weight, layer.weight.detach().numpy(), atol=1e-6)


def test_the_probe_of_the_paper_leaves_the_global_generator_alone():
    values, labels = blobs(60, 6, 3)
    state = torch.get_rng_state()
    fit_adam([values], labels, classes=3, epochs=1, seed=5)
    assert torch.equal(state, torch.get_rng_state())
