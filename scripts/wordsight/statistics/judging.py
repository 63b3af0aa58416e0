"""Which rows decide, how they are corrected together, and what each of them claims."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from wordsight.catalogue.cells import ALL_NEW, across_cells
from wordsight.config.statistics import StatisticsSection
from wordsight.statistics import looks, planning, verdicts
from wordsight.statistics.components import Estimate
from wordsight.statistics.verdicts import OF_ENCODERS, Encoders, Verdict

OVERLAP = "overlap"  # the interval allows differences on either side of the margin
TOO_FEW = "too few models"
OTHERS = ", other protocols"  # after the name of a family, for its protocols that are not primary
REST = "all others"  # the family of the contrasts that the configuration puts into none


@dataclass(frozen=True)
class Found:
    """What a row was estimated to be.

    Attributes
    ----------
    training : of encoders trained like these
    encoders : of these encoders
    by_dataset : p of an effect of the same sign on each dataset that was pooled
    identical : whether all observations of both sides are the same
    design : what its variance is made of; None where a side has one replicate
    looks : numbers of replicates at which it may be tested; none if it is tested once
    """

    training: Estimate
    encoders: Estimate
    by_dataset: list[float]
    identical: bool
    design: planning.Design | None
    looks: list[int]

    def look(self, replicates: int) -> str:
        """Say which look it is, such as ``2 of 3``; nothing if it is tested once."""
        return f"{looks.number(replicates, self.looks)} of {len(self.looks)}" if self.looks else ""


def judged(
    frame: pd.DataFrame, found: Sequence[Found], baselines: Sequence[str], section: StatisticsSection
) -> pd.DataFrame:
    """Say which rows decide, adjust their p within their family, judge every row, and say what it lacks.

    What a row that decides can detect is counted at alpha divided by the number of comparisons of its family.

    Parameters
    ----------
    frame : rows with their ``reason``, which is why no test can judge one, or nothing
    found : of each row
    baselines : contrasts with untrained encoders, which have intervals and no verdicts
    """
    main = _main(frame)
    baseline = frame["contrast"].isin(baselines)
    decides = main & ~baseline
    named = {name: family for family, names in section.families.items() for name in names}
    families = frame["contrast"].map(lambda name: named.get(name, REST))
    if section.primary:
        families = families.where(frame["protocol"].isin(section.primary), families + OTHERS)
    families = families.where(decides, "")
    comparisons = {
        "training": _sizes(families, decides & (frame["reason"] == "") & frame["p_value"].notna()),
        "encoders": _sizes(families, decides & frame["encoders_p"].notna()),
    }
    frame = frame.assign(
        main=main,
        decides=decides,
        family=families,
        comparisons=comparisons["training"],
        p_adjusted=_adjusted(frame["p_value"], comparisons["training"], decides),
        p_equivalence_adjusted=_adjusted(frame["p_equivalence"], comparisons["training"], decides),
    )
    rows = [
        _claims(*row, section=section)
        for row in zip(
            frame["reason"],
            frame["margin"],
            frame["replicates"],
            found,
            comparisons["training"],
            comparisons["encoders"],
            strict=True,
        )
    ]
    claims = pd.DataFrame(rows, index=frame.index, columns=CLAIMS)
    frame = frame.assign(**{name: claims[name] for name in CLAIMS})
    counts = [
        verdicts.found_in(one.by_dataset, level / size) if one.by_dataset else float("nan")
        for one, level, size in zip(found, frame["level"], comparisons["training"], strict=True)
    ]
    frame = frame.assign(datasets_found=counts)
    # An effect over untrained encoders is no claim.
    return frame.assign(
        **{name: frame[name].where(~baseline, "") for name in ("verdict", "reason", "encoders_verdict")}
    )


CLAIMS = [
    *("look", "level", "verdict", "reason", "encoders_verdict", "minimum_detectable", "more_replicates"),
]


def _main(frame: pd.DataFrame) -> pd.Series:
    """Whether each row stands for its contrast and protocol."""
    chosen = (frame["dataset"] == ALL_NEW) | (~across_cells(frame) & (frame["scope"] == "pooled"))
    largest = frame[chosen].groupby(["contrast", "protocol"])["setting"].transform("max")
    return chosen & (frame["setting"] == largest.reindex(frame.index))


def _sizes(families: pd.Series, tested: pd.Series) -> pd.Series:
    """Number of comparisons with a test in the family of each row; 1 for a row of none."""
    return families.map(families[tested].value_counts()).fillna(1).clip(lower=1).astype(int)


def _adjusted(p: pd.Series, comparisons: pd.Series, decides: pd.Series) -> pd.Series:
    adjusted = [verdicts.bonferroni(one, size) for one, size in zip(p, comparisons, strict=True)]
    return pd.Series(adjusted, p.index, dtype=float).where(decides)


def _claims(
    reason: str,
    margin: float,
    replicates: int,
    found: Found,
    size: int,
    of_encoders: int,
    *,
    section: StatisticsSection,
) -> tuple[object, ...]:
    """Values of :data:`CLAIMS` of one row."""
    alpha = 1 - section.confidence
    level = looks.level(replicates, found.looks, alpha / size)
    of_these = _of_encoders(found, margin, alpha / of_encoders)
    detectable = verdicts.minimum_detectable(found.training.stderr, found.training.df, level, section.power)
    verdict, unknown = Verdict.UNDECIDED, float("nan")
    if found.identical:
        verdict, reason, more = Verdict.IDENTICAL, "", unknown
    elif reason:
        more = float(2 - replicates) if reason == TOO_FEW else unknown
    else:
        verdict = _verdict(found.training, margin, level)
        reason = OVERLAP if verdict is Verdict.UNDECIDED else ""
        aim = planning.aim_of(margin, replicates, size, found.looks, section)
        more = planning.more_replicates(found.design, aim) if reason else unknown
    return found.look(replicates), level * size, verdict.value, reason, of_these, detectable, more


def _verdict(found: Estimate, margin: float, alpha: float) -> Verdict:
    p = verdicts.p_difference(found), verdicts.p_equivalence(found, margin)
    return verdicts.judge(found.effect, *p, alpha)


def _of_encoders(found: Found, margin: float, alpha: float) -> str:
    if found.identical:
        return Encoders.IDENTICAL.value
    return OF_ENCODERS[_verdict(found.encoders, margin, alpha)].value
