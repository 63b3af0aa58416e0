import numpy as np
import pytest

from wordsight.protocols import prototypes
from wordsight.protocols.prototypes import draw


def test_draws_are_paired_over_models_nested_over_shots_and_differ_over_trials():
    labels = np.repeat(np.arange(4), 20)
    five = draw(labels, 5, 6, (0, "few_shot", "d"))
    assert np.array_equal(five, draw(labels, 10, 8, (0, "few_shot", "d"))[:6, :, :5])
    assert (labels[five] == np.arange(4)[:, None]).all()
    assert all(len(set(row)) == 5 for trial in five for row in trial)
    assert not np.array_equal(five[0], five[1])
    assert not np.array_equal(five, draw(labels, 5, 6, (1, "few_shot", "d")))
    assert not np.array_equal(five, draw(labels, 5, 6, (0, "few_shot", "other")))
    assert not np.array_equal(five, draw(labels, 5, 6, (0, "cross_style_few_shot", "d")))


def test_blocks_do_not_change_a_prediction(monkeypatch):
    rng = np.random.default_rng(0)
    queries, centres = rng.normal(size=(50, 6)), rng.normal(size=(7, 3, 6))
    whole = prototypes.classify(queries, centres)
    monkeypatch.setattr(prototypes, "SCORE_BYTES", 2 * 50 * 3 * 8)
    assert np.array_equal(whole, prototypes.classify(queries, centres))


def test_prototypes_are_means_of_unit_features_and_unit_themselves_if_asked():
    unit = np.array([[0.6, 0.8], [0.6, -0.8], [0.8, 0.6], [0.8, 0.6]], np.float32)
    chosen = np.array([[[0, 1], [2, 3]]])
    means = prototypes.prototypes(unit, chosen, normalise=False)
    assert means == pytest.approx(np.array([[[0.6, 0.0], [0.8, 0.6]]]))
    directions = prototypes.prototypes(unit, chosen, normalise=True)
    assert directions == pytest.approx(np.array([[[1.0, 0.0], [0.8, 0.6]]]))


def test_a_prototype_of_opposite_features_stays_finite():
    opposite = np.array([[1, 0], [-1, 0]], np.float32)
    assert not prototypes.prototypes(opposite, np.array([[[0, 1]]]), normalise=True).any()
