"""What holds for any observations: of the summary, of the bootstrap, and of reading rows."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from wordsight.files.parquet import write_table
from wordsight.protocols.rows import make_rows
from wordsight.statistics import bootstrap
from wordsight.statistics.model_means import median_error, standard_error
from wordsight.statistics.observations import read_observations

# Sums of such numbers are exact, so that order can't change a result.
VALUES = st.integers(-64, 64).map(lambda k: k / 8)
MATRICES = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=VALUES)


@given(matrix=MATRICES, shift=VALUES, scale=st.sampled_from([-2.0, 0.5, 4.0]), seed=st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_a_standard_error_follows_the_scale_and_ignores_shift_and_order(matrix, shift, scale, seed):
    rng = np.random.default_rng(seed)
    error = standard_error(matrix)
    mixed = matrix[rng.permutation(matrix.shape[0])][:, rng.permutation(matrix.shape[1])]
    assert np.isnan(error) == (matrix.size == 1)
    assert standard_error(mixed * scale + shift) == pytest.approx(
        abs(scale) * error, rel=1e-6, abs=1e-9, nan_ok=True
    )
    assert standard_error(matrix.T) == pytest.approx(error, rel=1e-6, abs=1e-9, nan_ok=True)


@given(values=arrays(np.float64, st.integers(1, 40), elements=st.one_of(VALUES, st.just(np.inf))))
@settings(max_examples=150, deadline=None)
def test_the_error_of_a_median_is_finite_or_not_known_and_grows_with_what_is_not_known(values):
    error = median_error(values)
    assert np.isnan(error) or error >= 0
    if np.isnan(error):
        assert np.isnan(median_error(np.append(values, [np.inf, np.inf]))) or len(values) == 1


@st.composite
def designs(draw):
    """Pairs of models that are crossed within matched groups, and the groups' names."""
    sizes = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=4))
    pairs = [
        (f"t{group}{i}", f"c{group}{j}", str(group))
        for group, (treatments, controls) in enumerate(sizes)
        for i in range(treatments)
        for j in range(controls)
    ]
    pairs = draw(st.permutations(pairs))
    return [pair[:2] for pair in pairs], [pair[2] for pair in pairs]


@given(design=designs(), seed=st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_weights_are_one_side_minus_the_other_in_every_resample(design, seed):
    pairs, groups = design
    models = sorted({model for pair in pairs for model in pair})
    weights = bootstrap.model_weights(np.random.default_rng(seed), 20, pairs, groups, models)
    treated = np.array([model.startswith("t") for model in models])
    assert (weights[:, treated] >= 0).all()
    assert (weights[:, ~treated] <= 0).all()
    np.testing.assert_allclose(weights[:, treated].sum(axis=1), 1)
    np.testing.assert_allclose(weights[:, ~treated].sum(axis=1), -1)
    # On the data, models of one group and side are equal and groups are equal.
    for side, of_side in ((1, treated), (-1, ~treated)):
        names = [model for model, kept in zip(models, of_side, strict=True) if kept]
        expected = [side / len(set(groups)) / sum(other[:2] == name[:2] for other in names) for name in names]
        np.testing.assert_allclose(weights[0, of_side], expected)


@given(
    values=arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=5), elements=VALUES),
    offset=VALUES,
    design=designs(),
    seed=st.integers(0, 99),
)
@settings(max_examples=100, deadline=None)
def test_a_common_part_of_items_and_trials_has_no_effect_and_an_offset_between_sides_is_the_effect(
    values, offset, design, seed
):
    pairs, groups = design
    models = sorted({model for pair in pairs for model in pair})
    weights = bootstrap.model_weights(np.random.default_rng(seed), 20, pairs, groups, models)
    shift = np.array([offset if model.startswith("t") else 0 for model in models])
    cube = values[None] + shift[:, None, None]
    found = bootstrap.effects((np.random.default_rng(seed),) * 2, cube, weights)
    np.testing.assert_allclose(found, offset, atol=1e-9)


@given(matrix=MATRICES, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_in_any_order_become_the_matrix_that_they_were_made_of(tmp_path, matrix, seed):
    common = {"protocol": "p", "model": "m", "dataset": "d", "mode": "sound", "metric": "accuracy", "seed": 0}
    items = [f"i{i}" for i in range(matrix.shape[1])]
    table = pa.concat_tables(
        [make_rows(values=row, items=items, trial=t, **common) for t, row in enumerate(matrix)]
    )
    order = np.random.default_rng(seed).permutation(len(table))
    write_table(tmp_path / "rows.parquet", table.take(pa.array(order)), row_group_size=5)
    (observed,) = read_observations(tmp_path / "rows.parquet")
    np.testing.assert_array_equal(observed.matrix, matrix)
    assert observed.items.tolist() == items
