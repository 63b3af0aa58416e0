import numpy as np
import pytest
from sklearn.cluster import SpectralClustering
from sklearn.manifold import spectral_embedding as peer_embedding
from sklearn.metrics import adjusted_rand_score

from wordsight.catalogue.protocols.clustering import Parameters
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols import clustering, spectral
from wordsight.protocols.task import Task


def features(n: int, classes: int, noise: float, width: int = 30, seed: int = 0) -> Features:
    rng = np.random.default_rng(seed)
    # Orthogonal centres, since the affinity is the absolute cosine.
    centres = np.linalg.qr(rng.normal(size=(width, classes)))[0].T
    labels = np.arange(n) % classes
    values = centres[labels] + noise * rng.normal(size=(n, width))
    return Features(values.astype(np.float32), labels, [f"i{i}" for i in range(n)])


def unit(test: Features) -> np.ndarray:
    return test.values / np.linalg.norm(test.values, axis=1, keepdims=True)


def dense_affinity(test: Features) -> np.ndarray:
    values = unit(test).astype(np.float64)
    return np.abs(values @ values.T)  # of one array, so that it is symmetric to the last bit


def run(test, *, classes=4, mode="sound", seed=0, **section):
    tables = clustering.evaluate(
        Task("clustering", "m", "d", mode, seed), Parameters(**section), test=test, classes=classes
    )
    return [table.to_pandas() for table in tables]


def values_of(tables, metric):
    return [t["value"].tolist() for t in tables if t["metric"][0] == metric]


@pytest.mark.parametrize("n", [120, 700], ids=["dense", "block"])
def test_separated_classes_are_recovered(n):
    tables = run(features(n, 4, 0.02), seeds=2)
    assert values_of(tables, "accuracy") == [[1.0] * n] * 2
    for metric in ("accuracy_greedy", "nmi", "ari"):
        assert np.allclose(values_of(tables, metric), 1)


def test_as_many_equal_eigenvalues_as_clusters_are_all_found():
    # Classes without a common feature: the eigenvalue 1 once a class, of which Lanczos methods miss copies.
    n, classes = 900, 50
    labels, rng = np.arange(n) % classes, np.random.default_rng(0)
    values = np.zeros((n, 4 * classes), dtype=np.float32)
    for label in range(classes):
        values[labels == label, 4 * label : 4 * label + 4] = rng.random((n // classes, 4)) + 0.1
    tables = run(Features(values, labels, [f"i{i}" for i in range(n)]), classes=classes, seeds=1)
    assert values_of(tables, "ari") == [[1.0]]


@pytest.mark.parametrize("n", [120, 700], ids=["dense", "block"])
def test_the_partition_is_that_of_scikit_learn(n):
    test = features(n, 5, 0.06, seed=3)
    affinity = dense_affinity(test)
    peer = SpectralClustering(5, affinity="precomputed", random_state=0, n_init=10).fit_predict(affinity)
    embedding = spectral.spectral_embedding(unit(test), 5, 100, 0)
    ours = clustering.k_means(embedding, 5, n_init=10, random_state=0)[1]
    assert adjusted_rand_score(peer, ours) == 1.0


@pytest.mark.parametrize("n", [120, 700], ids=["dense", "block"])
@pytest.mark.parametrize("memory_mb", [100, 0.1], ids=["held", "recomputed"])
def test_the_embedding_spans_that_of_scikit_learn_on_noise(n, memory_mb):
    test = features(n, 4, 1.0)
    affinity = dense_affinity(test)
    peer = peer_embedding(affinity, n_components=4, drop_first=False, random_state=0)
    ours = spectral.spectral_embedding(unit(test), 4, memory_mb, 0)
    cosines = np.linalg.svd(np.linalg.qr(peer)[0].T @ np.linalg.qr(ours)[0])[1]
    assert cosines.min() > 0.9999
    # Column by column too: order and sign are determined.
    correlation = np.sum(peer * ours, axis=0) / np.linalg.norm(peer, axis=0) / np.linalg.norm(ours, axis=0)
    assert np.abs(correlation).min() > 0.999
    assert (ours[np.abs(ours).argmax(axis=0), np.arange(4)] > 0).all()


@pytest.mark.parametrize("n", [1500, 3000])
@pytest.mark.parametrize("width", [16, 256])
def test_the_eigenvectors_are_orthonormal_and_satisfy_their_equation(n, width):
    # The affinity of non-negative features has one eigenvalue far above the others, which converges at once.
    rng = np.random.default_rng(0)
    values = np.maximum(rng.normal(size=(n, 8)) @ rng.normal(size=(8, width)), 0).astype(np.float32) + 1e-3
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    affinity = spectral.Affinity(values, 100)
    root = np.sqrt(affinity @ np.ones((n, 1), dtype=np.float32))
    vectors = spectral._leading_eigenvectors(affinity, root, 6, 0)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(6), atol=1e-4)
    images = (affinity @ (vectors / root)) / root
    residuals = images - vectors * np.sum(vectors * images, axis=0)
    assert np.linalg.norm(residuals, axis=0).max() < 2 * spectral.TOLERANCE


def test_a_basis_stays_orthonormal_when_residuals_are_rounding_noise():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(500, 20)))[0].astype(np.float32)
    residuals = rng.normal(size=(500, 6)).astype(np.float32)
    # One inside the basis but for noise, one exactly zero, two that are equal.
    residuals[:, 0] = 1e-8 * (basis[:, 0] + 1e-5 * residuals[:, 0])
    residuals[:, 1] = 0
    residuals[:, 3] = residuals[:, 2]
    expanded = np.hstack([basis, spectral._expansion(basis, residuals)])
    assert expanded.shape == (500, 23)
    np.testing.assert_allclose(expanded.T @ expanded, np.eye(23), atol=1e-5)


@pytest.mark.parametrize("memory_mb", [10, 0.2])
def test_products_are_those_of_the_whole_matrix(memory_mb):
    test = features(600, 4, 1.0)
    whole = np.abs(unit(test) @ unit(test).T)
    np.fill_diagonal(whole, 0)
    affinity = spectral.Affinity(unit(test), memory_mb)
    assert (affinity.held is not None) == (memory_mb == 10)
    vectors = np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32)
    np.testing.assert_allclose(affinity @ vectors, whole @ vectors, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("memory_mb", [0.01, 0.2, 1, 10])
def test_no_more_of_the_affinity_is_held_than_allowed(memory_mb):
    affinity = spectral.Affinity(unit(features(600, 4, 1.0)), memory_mb)
    held = sum(block.nbytes for _, block in affinity.held or [])
    largest = max(block.nbytes for _, block in affinity._blocks())
    assert held <= memory_mb * 2**20
    assert largest <= max(memory_mb * 2**20, 600 * 4)


def test_an_item_orthogonal_to_all_others_keeps_the_embedding_finite():
    test = features(40, 2, 0.0, width=5)
    basis = np.linalg.qr(np.hstack([test.values[:2].T, np.eye(5)]))[0]
    values = np.vstack([test.values, basis[:, 2]]).astype(np.float32)
    embedding = spectral.spectral_embedding(values, 2, 10, 0)
    assert np.isfinite(embedding).all()


def test_the_optimal_assignment_is_one_to_one_and_the_greedy_one_is_not():
    overlap = np.array([[6, 5, 0], [7, 1, 0], [0, 2, 3]])
    assert clustering.optimal_assignment(overlap).tolist() == [1, 0, 2]
    # Classes 0 and 1 both pick cluster 0; the later one keeps it and cluster 1, picked by none, is class 0.
    assert clustering.greedy_assignment(overlap).tolist() == [1, 0, 2]
    overlap = np.array([[5, 0, 0], [0, 0, 4], [0, 2, 3]])
    assert clustering.greedy_assignment(overlap).tolist() == [0, 0, 2]
    assert clustering.optimal_assignment(overlap).tolist() == [0, 2, 1]


def authors_rule(target, prediction, classes):
    """Relabel clusters in the order in which the paper's description does: pairs by descending overlap."""
    pairs = [
        (np.sum((target == a) & (prediction == b)), a, b) for a in range(classes) for b in range(classes)
    ]
    cluster_of = {}
    for _, label, cluster in sorted(pairs, key=lambda pair: -pair[0]):
        cluster_of.setdefault(label, cluster)
    relabelled = np.zeros_like(prediction)
    for label in range(classes):
        relabelled[prediction == cluster_of[label]] = label
    return relabelled


def test_greedy_accuracy_follows_the_rule_of_the_authors():
    rng = np.random.default_rng(0)
    for _ in range(50):
        target, prediction = rng.integers(0, 6, 97), rng.integers(0, 6, 97)
        overlap = np.zeros((6, 6), dtype=int)
        np.add.at(overlap, (target, prediction), 1)
        ours = clustering.greedy_assignment(overlap)[prediction] == target
        assert ours.tolist() == (authors_rule(target, prediction, 6) == target).tolist()


def test_trials_differ_only_by_the_seed_of_k_means_and_repeat():
    test = features(150, 6, 0.4)
    first, second = run(test, classes=6, seeds=3), run(test, classes=6, seeds=3)
    assert all(a.equals(b) for a, b in zip(first, second, strict=True))
    assert [t["trial"][0] for t in first if t["metric"][0] == "accuracy"] == [0, 1, 2]
    assert values_of(run(test, classes=6, seeds=1), "ari") == values_of(first, "ari")[:1]


def test_paper_is_one_greedy_trial():
    test = features(150, 6, 0.4)
    (paper,) = run(test, classes=6, mode="paper", seeds=5)
    sound = run(test, classes=6, seeds=1)
    assert len(paper) == 150
    assert paper["value"].mean() == pytest.approx(values_of(sound, "accuracy_greedy")[0][0])


def test_random_labels_have_no_adjusted_agreement():
    test = features(300, 4, 0.05)
    shuffled = Features(test.values, np.random.default_rng(0).permutation(test.labels), test.ids)
    assert abs(values_of(run(shuffled, seeds=1), "ari")[0][0]) < 0.05


def test_unfit_input_is_refused():
    test = features(40, 4, 0.1)
    with pytest.raises(
        DataError, match="clustering of m on d: expected test images of at least 2 classes, not 1"
    ):
        run(Features(test.values, np.zeros(40, dtype=np.int64), test.ids))
    zero = test.values.copy()
    zero[7] = 0
    with pytest.raises(DataError, match="item i7 has norm 0"):
        run(Features(zero, test.labels, test.ids))
