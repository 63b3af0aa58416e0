"""Bootstrap of an effect over crossed levels: matched groups, models on either side, trials, items.

A resample draws every level with replacement, independently of the others, so an observation's weight is the
product of the weights of its group, model, trial and item (the pigeonhole bootstrap of Owen 2007,
doi:10.1214/07-AOAS122; for any number of levels, Owen & Eckles 2012, doi:10.1214/12-AOAS547). A resampled
effect is then a product of matrices:

    effect_b = sum_m V[b, m] sum_t T[b, t] sum_i I[b, i] x[m, t, i]

where V, T and I hold the weights of models, trials and items; V is positive on the treatment's side and
negative on the control's. Two pairs that share a model move together, because models are drawn, not pairs.

From n units, each resample draws n - 1, which makes the variance over resamples s2 / n. With n draws it would
be smaller by the factor (n - 1) / n: only half as large for two models (Rao & Wu 1988, "Resampling inference
with complex survey data", doi:10.1080/01621459.1988.10478591). Variance that belongs to two levels at once,
such as items that are hard only in some trials, is counted more than once, and so is the variance of models
within groups: intervals are then too wide. They are too narrow where a level has few units, since a resampled
mean stays within the range of these units.
"""

from collections.abc import Sequence

import numpy as np

from wordsight.catalogue.cells import CELLS
from wordsight.seeds import derive_seed

# Weights of items held in memory at once. Parts depend only on the shape of the data, so the draws do too.
WEIGHTS = 4_000_000


def shares(rng: np.random.Generator, resamples: int, units: int) -> np.ndarray:
    """Weight of each unit in the mean of each resample; a single unit always has weight 1.

    Returns
    -------
    float64 array of shape (resamples, units)
        Rows sum to 1.
    """
    size = max(units - 1, 1)
    drawn = rng.integers(units, size=(resamples, size))
    flat = (drawn + np.arange(resamples)[:, None] * units).ravel()
    return np.bincount(flat, minlength=resamples * units).reshape(resamples, units) / size


def model_weights(
    rng: np.random.Generator,
    resamples: int,
    pairs: Sequence[tuple[str, str]],
    groups: Sequence[str],
    models: Sequence[str],
) -> np.ndarray:
    """Weights of the models in the effect: one row for the original data, then one for each resample.

    The effect is the mean over matched groups of the mean over treatments minus the mean over controls. So
    one more model makes its group's difference more precise, but gives the group no more weight. Groups are
    drawn first, then treatments and controls within each.

    Parameters
    ----------
    pairs : (treatment, control) names
    groups : for each pair, the name of its matched group
    models : names that give the order of the columns

    Returns
    -------
    float64 array of shape (1 + resamples, models)
        Treatments' weights sum to 1 and controls' to -1 in every row.
    """
    names = sorted(set(groups))
    by_group = _with_data(rng, resamples, len(names))
    weights = np.zeros((1 + resamples, len(models)))
    for column, group in enumerate(names):
        for side, sign in enumerate((1, -1)):
            units = sorted({pair[side] for pair, name in zip(pairs, groups, strict=True) if name == group})
            columns = [models.index(unit) for unit in units]
            weights[:, columns] += sign * by_group[:, [column]] * _with_data(rng, resamples, len(units))
    return weights


def _with_data(rng: np.random.Generator, resamples: int, units: int) -> np.ndarray:
    """One row of equal weights for the original data, above the rows of the resamples."""
    return np.vstack([np.full((1, units), 1 / units), shares(rng, resamples, units)])


Generators = tuple[np.random.Generator, np.random.Generator]


def generators(seed: int, protocol: str, dataset: str, items: Sequence[str]) -> Generators:
    """Random generators that draw the trials and the items of a protocol on a dataset.

    Cells with the same items (by id) get the same draws of them, because they are not independent evidence
    when they are pooled. Other datasets get their own draws, even where ids are equal.
    """
    shared = "" if dataset in CELLS else dataset
    return (
        np.random.default_rng(derive_seed(seed, "bootstrap trials", protocol, dataset)),
        np.random.default_rng(derive_seed(seed, "bootstrap items", shared, *items)),
    )


def effects(draws: Generators, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Effect in each resample of models, trials and items.

    Parameters
    ----------
    draws : as :func:`generators` gives them
    values : array of shape (models, trials, items)
    weights : array of shape (resamples, models), as :func:`model_weights` gives them

    Returns
    -------
    float64 array of shape (resamples,)
    """
    models, trials, items = values.shape
    flat = values.reshape(models * trials, items).astype(np.float64, copy=False)
    by_trial = shares(draws[0], len(weights), trials)
    out = np.empty(len(weights))
    step = max(WEIGHTS // items, 1)
    for start in range(0, len(weights), step):
        part = slice(start, min(start + step, len(weights)))
        by_item = shares(draws[1], part.stop - part.start, items)
        means = (by_item @ flat.T).reshape(-1, models, trials)
        out[part] = np.einsum("bm,bt,bmt->b", weights[part], by_trial[part], means, optimize=True)
    return out


def percentile(draws: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentile interval of resampled effects (Efron & Tibshirani 1993, chapter 13)."""
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
