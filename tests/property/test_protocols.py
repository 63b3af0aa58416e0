"""Whatever the features, a protocol either answers with rows of 0 and 1 or refuses in one line."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols import clustering, few_shot, spectral, transfer
from wordsight.protocols.checks import check_features, check_splits
from wordsight.protocols.robustness import curve
from wordsight.protocols.task import Task

# Subnormal numbers have norms that underflow to 0.
SIZES = st.tuples(st.integers(2, 12), st.integers(1, 4))
VALUES = st.floats(-1e3, 1e3, width=32).map(lambda x: 0.0 if abs(x) < 1e-3 else x)


@st.composite
def splits(draw, name="train", width=3, values=VALUES):
    n = draw(st.integers(0, 12))
    labels = draw(arrays(np.int64, n, elements=st.integers(0, 2)))
    return Features(
        draw(arrays(np.float32, (n, width), elements=values)), labels, [f"{name}-{i}" for i in range(n)]
    )


def answer(protocol, section, mode="sound", **arguments):
    """Tables, or the message of a refusal."""
    evaluate = {"few_shot": few_shot, "transfer": transfer}[protocol].evaluate
    try:
        return evaluate(Task(protocol, "m", "d", mode), section, classes=3, **arguments), None
    except DataError as error:
        return [], str(error)


@given(train=splits(), test=splits("test"), mode=st.sampled_from(["sound", "paper"]))
@settings(max_examples=60, deadline=None)
def test_few_shot_answers_or_refuses(train, test, mode):
    section = PROTOCOLS["few_shot"].parameters(shots=[1, 2], trials=2)
    tables, refusal = answer("few_shot", section, mode, train=train, test=test)
    if refusal is None:
        right = [table for table in tables if table["metric"][0].as_py() == "accuracy"]
        assert len(right) == 2 * (10 if mode == "paper" else 2)
        assert all(set(table["value"].to_pylist()) <= {0.0, 1.0} for table in right)
        (labels,) = (table for table in tables if table["metric"][0].as_py() == "label")
        assert labels["value"].to_pylist() == list(test.labels)
    else:
        assert refusal.startswith("few_shot of m on d")
        assert "\n" not in refusal


@given(train=splits(), test=splits("test"))
@settings(max_examples=60, deadline=None)
def test_transfer_answers_or_refuses(train, test):
    section = PROTOCOLS["transfer"].parameters(regularisation=[0.1, 1.0], max_iterations=50)
    tables, refusal = answer("transfer", section, train=train, test=test)
    if refusal is None:
        values = {table["metric"][0].as_py(): set(table["value"].to_pylist()) for table in tables}
        assert values["accuracy"] | values["accuracy_ridge"] | values["converged"] <= {0.0, 1.0}
        assert values["chosen_regularisation"] | values["chosen_regularisation_ridge"] <= {0.1, 1.0}
        assert values["predicted"] <= {0.0, 1.0, 2.0}
    else:
        assert refusal.startswith("transfer of m on d")
        assert "\n" not in refusal


@given(
    features=splits(values=st.sampled_from([0.0, 1.0, np.nan, np.inf])),
    classes=st.integers(1, 3),
)
@settings(max_examples=100, deadline=None)
def test_features_are_refused_exactly_when_they_are_unfit(features, classes):
    fit = len(features) > 0 and features.labels.max() < classes and np.isfinite(features.values).all()
    if fit:
        check_features(features, classes, "here")
    else:
        with pytest.raises(DataError, match=r"^here: "):
            check_features(features, classes, "here")


@given(test=splits("test", values=st.just(1.0)), shared=st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_an_item_in_both_splits_is_a_leak(test, shared):
    if len(test) <= shared:
        return
    train = Features(
        test.values, test.labels, [*test.ids[:shared], *(f"train-{i}" for i in range(len(test) - shared))]
    )
    if shared:
        with pytest.raises(DataError, match=f"leak: {shared} items"):
            check_splits(train, test, 3, "here")
    else:
        check_splits(train, test, 3, "here")


@given(overlap=st.integers(2, 6).flatmap(lambda k: arrays(np.int64, (k, k), elements=st.integers(0, 9))))
@settings(max_examples=100, deadline=None)
def test_the_optimal_assignment_is_a_permutation_and_the_greedy_one_never_beats_it_when_one_to_one(overlap):
    clusters = np.arange(len(overlap))
    optimal, greedy = clustering.optimal_assignment(overlap), clustering.greedy_assignment(overlap)
    assert sorted(optimal) == list(clusters)
    if len(set(greedy)) == len(greedy):
        assert overlap[greedy, clusters].sum() <= overlap[optimal, clusters].sum()


@given(
    right=st.integers(1, 6).flatmap(lambda k: arrays(bool, (k + 1, 5))),
)
@settings(max_examples=100, deadline=None)
def test_the_area_is_bounded_and_grows_with_the_curve(right):
    radii = [10.0**power for power in range(-len(right) + 2, 1)]
    areas = curve.area(right[1:], radii)
    assert ((areas >= 0) & (areas <= 1 + 1e-12)).all()
    assert (curve.area(right[1:] | right[:-1], radii) >= areas - 1e-12).all()
    smallest = curve.minimal_radius(right, radii)
    assert np.array_equal(np.isinf(smallest), right.all(axis=0))


@given(unit=SIZES.flatmap(lambda shape: arrays(np.float32, shape, elements=st.floats(0.125, 4, width=32))))
@settings(max_examples=60, deadline=None)
def test_the_embedding_is_finite_and_independent_of_memory(unit):
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    much, little = (
        spectral.Affinity(unit, memory) @ np.eye(len(unit), dtype=np.float32) for memory in (1, 0)
    )
    np.testing.assert_allclose(much, little, atol=1e-6)
    np.testing.assert_allclose(much, much.T, atol=1e-6)
    assert np.isfinite(spectral.spectral_embedding(unit, 2, 1, 0)).all()
