"""How much an effect that decides depends on one model or one dataset, and what other analyses find.

Each unit (matched group, or model of a side) and each dataset is left out in turn, and the effect is
estimated again. With several datasets, a random-effects meta-analysis estimates the mean effect on datasets
like these (DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2, with the interval of Hartung and Knapp
2001, doi:10.1002/sim.791); I squared is the share of the variance between datasets that their standard errors
don't explain. A mixed model estimates the effect adjusted for log pretraining size and architecture, with
datasets and models as random effects.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMResults
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from wordsight.config.statistics import StatisticsSection
from wordsight.models.card import ModelCard
from wordsight.statistics import verdicts
from wordsight.statistics.analyses import KEYS, META, MIXED, WITHOUT_DATASET, WITHOUT_MODEL
from wordsight.statistics.components import Estimate, Part, estimate
from wordsight.statistics.records import ContrastRow, records

FEWEST_MODELS = 6  # a mixed model needs these to tell contrast, covariates and variance of models apart
SINGULAR = 1e-3  # a random effect with a smaller share of the residual variance counts as zero

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
    frame: pd.DataFrame, parts: Sequence[Parts], section: StatisticsSection, models: Cards
) -> pd.DataFrame:
    """Estimate again, in other ways, every effect that decides.

    Parameters
    ----------
    frame, parts : as :func:`wordsight.statistics.effects.compare` gives them
    models : cards by name

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, which ``docs/results.md`` describes.
    """
    rows = [
        {key: getattr(row, key) for key in KEYS} | asdict(found)
        for row, by_dataset in zip(records(frame, ContrastRow), parts, strict=True)
        if row.decides
        for found in _of_row(row, by_dataset, section, models)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_row(row: ContrastRow, parts: Parts, section: StatisticsSection, models: Cards) -> Iterator[Analysis]:
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
    """Effect without one unit or dataset, judged without correction because it belongs to no family."""
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
    """Mean effect on datasets like these, and how much the datasets disagree."""
    found = [estimate([part]) for part in parts.values()]
    effects, variances = np.array([e.effect for e in found]), np.array([e.stderr**2 for e in found])
    if not (variances > 0).all():
        return Analysis(analysis=META, n=len(parts), note="a dataset has no standard error")
    mean, stderr, heterogeneity = random_effects(effects, variances)
    over = Estimate(mean, stderr, df=len(parts) - 1, unit_variance=float("nan"))
    low, high = verdicts.interval(over, section.confidence)
    return Analysis(
        analysis=META,
        effect=mean,
        low=low,
        high=high,
        p_value=verdicts.p_difference(over),
        heterogeneity=heterogeneity,
        n=len(parts),
    )


def random_effects(effects: np.ndarray, variances: np.ndarray) -> tuple[float, float, float]:
    """Mean effect when the true effects differ, its standard error, and I squared.

    The standard error is Hartung and Knapp's, but never below the one that the weights alone give.

    Parameters
    ----------
    effects, variances : arrays of shape (datasets,), two or more
    """
    weights = 1 / variances
    fixed = weights @ effects / weights.sum()
    q, df = float(weights @ (effects - fixed) ** 2), len(effects) - 1
    between = max(0.0, (q - df) / float(weights.sum() - (weights**2).sum() / weights.sum()))
    weights = 1 / (variances + between)
    mean = float(weights @ effects / weights.sum())
    scale = max(1.0, float(weights @ (effects - mean) ** 2) / df)
    return mean, float(np.sqrt(scale / weights.sum())), max(0.0, (q - df) / q) if q > 0 else 0.0


def _mixed(parts: Parts, section: StatisticsSection, models: Cards) -> Analysis:
    """Effect in a linear mixed model of the models' means, or a note that says why none was fitted."""
    frame = _means(parts, models)
    design, note = _design(frame)
    obstacle = _obstacle(parts, frame, design)
    n = frame["model"].nunique()
    if obstacle:
        return Analysis(analysis=MIXED, n=n, note=obstacle)
    fitted = _fitted(frame, design)
    low, high = fitted.conf_int(1 - section.confidence).iloc[1]
    notes = [
        note,
        "" if fitted.converged else "the fit did not converge",
        "the fit is singular" if (fitted.vcomp < SINGULAR * fitted.scale).any() else "",
    ]
    return Analysis(
        analysis=MIXED,
        effect=float(fitted.fe_params.iloc[1]),
        low=float(low),
        high=float(high),
        p_value=float(fitted.pvalues.iloc[1]),
        n=n,
        note="; ".join(part for part in notes if part),
    )


def _obstacle(parts: Parts, frame: pd.DataFrame, design: pd.DataFrame) -> str:
    """Why no mixed model can be fitted; empty when one can."""
    models = frame["model"].nunique()
    if any(len(part.strata) == 1 for part in parts.values()):
        return "matched groups have no covariate left: their difference is the effect"
    if models < FEWEST_MODELS:
        return f"{models} models are too few, expected {FEWEST_MODELS} or more"
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
        | _covariates(models.get(unit))
        for dataset, part in parts.items()
        for stratum in part.strata
        for unit, mean in zip(stratum.units, stratum.observations.mean(axis=(1, 2)), strict=True)
    ]
    return pd.DataFrame(rows)


def _covariates(card: ModelCard | None) -> dict[str, object]:
    """Log10 size of the training data, and the network: the model's group, or else its architecture.

    Names of timm's architectures end in the name of their weights, which is left out.
    """
    if card is None:
        return {"architecture": "", "size": 0.0}
    network = card.group or card.architecture.partition(".")[0]
    return {"architecture": network, "size": np.log10(max(card.pretraining_images, 1))}


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
