"""How much an effect that decides depends on one model or one dataset, and what other analyses find.

Each unit (matched group, or model of a side) and each dataset is left out in turn and the effect estimated
again. So it is with the features of another place, for networks that are read in several. The interquartile
mean of a side takes no notice of a seed that collapsed. Over datasets, a random-effects meta-analysis asks
for the mean effect of such datasets (:mod:`wordsight.statistics.random_effects`). A mixed model asks for the
effect beside log pretraining size and architecture, with datasets and models as random effects, and with
Student's t with as many degrees of freedom as there are models beyond the coefficients.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student
from scipy.stats import trim_mean, trimboth, ttest_ind
from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMResults
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from wordsight.config.statistics import StatisticsSection
from wordsight.models.card import ModelCard
from wordsight.statistics import verdicts
from wordsight.statistics.analyses import (
    ELSEWHERE,
    INTERQUARTILE,
    KEYS,
    META,
    MIXED,
    WITHOUT_DATASET,
    WITHOUT_MODEL,
)
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.components import Estimate, Part, estimate, side_means
from wordsight.statistics.effects import compare
from wordsight.statistics.paired_effects import Material
from wordsight.statistics.random_effects import over_datasets
from wordsight.statistics.records import ContrastRow, records

FEWEST_MODELS = 6  # that a mixed model can tell a contrast, a covariate and their own variance apart from
FEWEST_TRIMMED, QUARTER = 4, 0.25  # units of a side, and the share of them that is cut off at either end
SINGULAR = 1e-3  # variance of a random effect that counts as none, as a share of the residual variance

Parts = Mapping[str, Part]
Cards = Mapping[str, ModelCard]


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The result of one analysis: all columns except those that identify the effect."""

    analysis: str
    left_out: str = ""
    effect: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    p_value: float = float("nan")
    verdict: str = ""
    heterogeneity: float = float("nan")
    n: int
    note: str = ""


COLUMNS = [*KEYS, *Analysis.__dataclass_fields__]


def sensitivities(
    frame: pd.DataFrame,
    parts: Sequence[Parts],
    section: StatisticsSection,
    models: Cards,
    elsewhere: Mapping[str, tuple[pd.DataFrame, Sequence[Parts]]] | None = None,
) -> pd.DataFrame:
    """Estimate again, in other ways, every effect that decides.

    Parameters
    ----------
    frame, parts : as :func:`wordsight.statistics.effects.compare` gives them
    models : cards by name
    elsewhere : the same by place, of features that are read there; as :func:`read_elsewhere` gives it

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, which ``docs/results.md`` describes.
    """
    there = {place: _by_keys(*found) for place, found in (elsewhere or {}).items()}
    rows = []
    for row, by_dataset in zip(records(frame, ContrastRow), parts, strict=True):
        if row.decides:
            found = [*_of_row(row, by_dataset, section, models), *_elsewhere(row, there, section)]
            rows += [{key: getattr(row, key) for key in KEYS} | asdict(one) for one in found]
    return pd.DataFrame(rows, columns=COLUMNS)


def read_elsewhere(
    paths: Iterable[Path | str], comparisons: Sequence[Comparison], material: Material
) -> dict[str, tuple[pd.DataFrame, list[dict[str, Part]]]]:
    """Effects with the features of each further place, by place, of the comparisons that have some there.

    Parameters and results are those of :func:`wordsight.statistics.effects.compare`.
    """
    # Only the observations are of use here, so nothing is resampled.
    material = replace(material, section=material.section.model_copy(update={"resamples": 1}))
    places = dict.fromkeys(place for comparison in comparisons for place in comparison.elsewhere)
    files = list(paths)
    return {
        place: compare(files, [one.at(place) for one in comparisons if place in one.elsewhere], material)
        for place in places
    }


def _by_keys(frame: pd.DataFrame, parts: Sequence[Parts]) -> dict[tuple[object, ...], Parts]:
    """Observations of each pooled row, or of each cell, by what identifies it."""
    rows = records(frame, ContrastRow)
    return {_identity(row): by_dataset for row, by_dataset in zip(rows, parts, strict=True)}


def _identity(row: ContrastRow) -> tuple[object, ...]:
    return (*(getattr(row, key) for key in KEYS), row.scope, row.dataset)


def _elsewhere(
    row: ContrastRow, there: Mapping[str, Mapping[tuple[object, ...], Parts]], section: StatisticsSection
) -> Iterator[Analysis]:
    """Effect with the features of each further place, where the protocol measured them."""
    for place, by_keys in there.items():
        if parts := by_keys.get(_identity(row)):
            yield _left_out(row, ELSEWHERE, place, list(parts.values()), section)


def _of_row(row: ContrastRow, parts: Parts, section: StatisticsSection, models: Cards) -> Iterator[Analysis]:
    yield from _interquartile(row, parts, section)
    for unit in _units(parts):
        kept = [_without(part, unit) for part in parts.values()]
        yield _left_out(row, WITHOUT_MODEL, unit, kept, section)
    if len(parts) > 1:
        for dataset in parts:
            kept = [part for name, part in parts.items() if name != dataset]
            yield _left_out(row, WITHOUT_DATASET, dataset, kept, section)
        yield _meta(parts, section)
        yield _mixed(parts, section, models)


def _units(parts: Mapping[str, Part]) -> list[str]:
    """Units that can be left out: at least two others stay in their stratum in every dataset."""
    found: dict[str, bool] = {}
    for part in parts.values():
        for stratum in part.strata:
            for unit in stratum.units:
                found[unit] = found.get(unit, True) and len(stratum.units) > 2
    return [unit for unit, left in found.items() if left]


def _without(part: Part, unit: str) -> Part:
    strata = []
    for stratum in part.strata:
        kept = [place for place, name in enumerate(stratum.units) if name != unit]
        names = tuple(stratum.units[place] for place in kept)
        strata.append(replace(stratum, units=names, observations=stratum.observations[kept]))
    return replace(part, strata=tuple(strata))


def _left_out(
    row: ContrastRow, analysis: str, left_out: str, parts: Sequence[Part], section: StatisticsSection
) -> Analysis:
    """Effect of other observations, judged without correction because it belongs to no family."""
    found = estimate(parts)
    low, high = verdicts.interval(found, section.confidence)
    p = verdicts.p_difference(found)
    equivalence = verdicts.p_equivalence(found, row.margin)
    fewest = min(len(stratum.units) for part in parts for stratum in part.strata)
    return Analysis(
        analysis=analysis,
        left_out=left_out,
        effect=found.effect,
        low=low,
        high=high,
        p_value=p,
        verdict=verdicts.judge(found.effect, p, equivalence, 1 - section.confidence).value,
        n=len(parts) if analysis == WITHOUT_DATASET else fewest,
    )


def _meta(parts: Parts, section: StatisticsSection) -> Analysis:
    """Mean effect of datasets like these, and how much they disagree."""
    found = over_datasets([estimate([part]) for part in parts.values()])
    if found is None:
        return Analysis(analysis=META, n=len(parts), note="a dataset has no standard error")
    over, heterogeneity = found
    low, high = verdicts.interval(over, section.confidence)
    return Analysis(
        analysis=META,
        effect=over.effect,
        low=low,
        high=high,
        p_value=verdicts.p_difference(over),
        heterogeneity=heterogeneity,
        n=len(parts),
    )


def _interquartile(row: ContrastRow, parts: Parts, section: StatisticsSection) -> Iterator[Analysis]:
    """Difference of the interquartile means of both sides, which a single seed cannot carry away.

    Tested by Yuen's test (1974, "The two-sample trimmed t for unequal population variances",
    doi:10.1093/biomet/61.1.165); only where a side has four models or more, as else nothing is cut off.
    """
    means = [side_means(list(parts.values()), sign) for sign in (1, -1)]
    if min(map(len, means)) < FEWEST_TRIMMED or min(np.ptp(trimboth(side, QUARTER)) for side in means) == 0:
        return
    treatment, control = means
    tested = ttest_ind(treatment, control, equal_var=False, trim=QUARTER)
    bounds = tested.confidence_interval(section.confidence)
    low, high = float(bounds.low), float(bounds.high)
    effect = float(trim_mean(treatment, QUARTER) - trim_mean(control, QUARTER))
    df = float(tested.df)
    stderr = (high - low) / 2 / float(student.ppf((1 + section.confidence) / 2, df))
    found = Estimate(effect, stderr, df, unit_variance=stderr**2)
    equivalence = verdicts.p_equivalence(found, row.margin)
    p = float(tested.pvalue)
    yield Analysis(
        analysis=INTERQUARTILE,
        effect=effect,
        low=low,
        high=high,
        p_value=p,
        verdict=verdicts.judge(effect, p, equivalence, 1 - section.confidence).value,
        n=min(map(len, means)),
    )


def _mixed(parts: Parts, section: StatisticsSection, models: Cards) -> Analysis:
    """Effect in a linear mixed model of the models' means, or a note that says why none was fitted."""
    frame = _means(parts, models)
    design, note = _design(frame)
    obstacle = _obstacle(parts, frame, design)
    n = frame["model"].nunique()
    if obstacle:
        return Analysis(analysis=MIXED, n=n, note=obstacle)
    fitted = _fitted(frame, design)
    effect, stderr = float(fitted.fe_params.iloc[1]), float(fitted.bse_fe.iloc[1])
    # Its own test takes the standard error for known. Replicates are models, not their values by dataset.
    over = Estimate(effect, stderr, df=n - design.shape[1], unit_variance=float("nan"))
    low, high = verdicts.interval(over, section.confidence)
    notes = [
        note,
        "" if fitted.converged else "the fit did not converge",
        "the fit is singular" if (fitted.vcomp < SINGULAR * fitted.scale).any() else "",
    ]
    return Analysis(
        analysis=MIXED,
        effect=effect,
        low=low,
        high=high,
        p_value=verdicts.p_difference(over),
        n=n,
        note="; ".join(part for part in notes if part),
    )


def _obstacle(parts: Parts, frame: pd.DataFrame, design: pd.DataFrame) -> str:
    """Why no mixed model can be fitted; empty when one can."""
    models = frame["model"].nunique()
    if any(len(part.strata) == 1 for part in parts.values()):
        return "matched groups have no covariate left: their difference is the effect"
    if models < max(FEWEST_MODELS, design.shape[1] + 2):
        return f"{models} models are too few, expected {max(FEWEST_MODELS, design.shape[1] + 2)} or more"
    if not estimate(list(parts.values())).df > 0:
        return "all values are equal"
    if np.linalg.matrix_rank(design.to_numpy()) < design.shape[1]:
        return "a covariate is confounded with the contrast"
    return ""


def _fitted(frame: pd.DataFrame, design: pd.DataFrame) -> MixedLMResults:
    """Fit by restricted maximum likelihood, with crossed random intercepts of models and datasets."""
    components = {"model": "0 + C(model)", "dataset": "0 + C(dataset)"}
    data = pd.concat([frame[["value", "model", "dataset"]], design], axis=1).assign(everything=1)
    formula = f"value ~ 0 + {' + '.join(f'Q({name!r})' for name in design)}"
    with warnings.catch_warnings():
        # The warnings take any variance below 0.01 for zero, but for an accuracy that is a large variance.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MixedLM.from_formula(formula, data, groups="everything", vc_formula=components)
        # The default, a search by gradient, stops short of the maximum where a variance is small.
        return model.fit(method="nm")


def _means(parts: Parts, models: Cards) -> pd.DataFrame:
    """Mean of every model on every dataset, with its covariates, which matched groups don't have."""
    rows = [
        {"dataset": dataset, "model": unit, "treatment": float(stratum.sign > 0), "value": float(mean)}
        | _covariates(_cards_of(unit, models))
        for dataset, part in parts.items()
        for stratum in part.strata
        for unit, mean in zip(stratum.units, stratum.observations.mean(axis=(1, 2)), strict=True)
    ]
    return pd.DataFrame(rows)


def _cards_of(unit: str, models: Cards) -> list[ModelCard]:
    """Cards of the models that a unit is the mean of: one model, or those of a family, by its name."""
    if unit in models:
        return [models[unit]]
    return [card for card in models.values() if card.family and unit.startswith(f"{card.family} (")]


def _covariates(cards: list[ModelCard]) -> dict[str, object]:
    """Mean log10 size of the training data, and the network: the model's group, or else its architecture.

    Names of timm's architectures end in the name of their weights, which is left out.
    """
    if not cards:
        return {"architecture": "", "size": 0.0}
    networks = sorted({card.group or card.architecture.partition(".")[0] for card in cards})
    sizes = [np.log10(max(card.pretraining_images, 1)) for card in cards]
    return {"architecture": " and ".join(networks), "size": float(np.mean(sizes))}


def _design(frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Columns for constant, contrast and covariates that vary, and a note on covariates that don't."""
    design = pd.DataFrame({"constant": 1.0, "treatment": frame["treatment"]})
    missing = []
    if len(set(frame["size"])) > 1:
        design["log size"] = frame["size"] - frame["size"].mean()
    else:
        missing.append("pretraining size")
    if len(set(frame["architecture"])) > 1:
        dummies = pd.get_dummies(frame["architecture"], drop_first=True, dtype=float)
        design = pd.concat([design, dummies], axis=1)
    else:
        missing.append("architecture")
    return design, f"the same for all: {', '.join(missing)}" if missing else ""
