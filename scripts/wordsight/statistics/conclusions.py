"""What several contrasts show together: captions help more than labels and more than shuffled captions, say.

A conclusion holds if every one of its contrasts does what it needs: the treatment helps (and isn't
equivalent), or both sides are equivalent within the margin. By the intersection-union test (Berger 1982,
"Multiparameter hypothesis testing and acceptance sampling", doi:10.1080/00401706.1982.10487790), its p is the
largest of theirs, and the number of contrasts needs no correction. The number of conclusions and protocols
does, by Bonferroni's method. Where looks are declared, the level is that of the contrast that has reached the
fewest of them.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from wordsight.config.contrasts import Conclusion
from wordsight.config.statistics import StatisticsSection
from wordsight.statistics import looks, verdicts
from wordsight.statistics.records import ContrastRow, records

SHOWN, NOT_SHOWN = "shown", "not shown"
SETTING = ["protocol", "mode", "metric", "parameter", "setting"]
COLUMNS = [
    *("conclusion", "question", *SETTING),
    *("verdict", "weakest", "p_value", "comparisons", "p_adjusted", "level"),
]


def conclude(
    frame: pd.DataFrame, conclusions: Mapping[str, Conclusion], section: StatisticsSection
) -> pd.DataFrame:
    """Test every conclusion on every protocol that all of its contrasts have results of.

    Parameters
    ----------
    frame : rows of the contrasts
    conclusions : by name
    section : its confidence is the probability that no conclusion is wrongly shown, at any look

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, which ``docs/results.md`` describes, in the order of the configuration.
    """
    main = records(frame[frame["main"]], ContrastRow)
    rows = [
        row
        for name, conclusion in conclusions.items()
        for row in _by_protocol(name, conclusion, main, frame["protocol"].unique())
    ]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "replicates"]).astype({"p_value": float})
    tests = max(int(table["p_value"].notna().sum()), 1)
    adjusted = [verdicts.bonferroni(p, tests) for p in table["p_value"]]
    alpha = 1 - section.confidence
    levels = [
        tests * looks.level(int(replicates), section.looks, alpha / tests) if replicates else alpha
        for replicates in table["replicates"]
    ]
    shown = np.array(adjusted, dtype=float) <= np.array(levels)
    table = table.assign(
        comparisons=tests,
        p_adjusted=adjusted,
        level=levels,
        verdict=np.where(shown, SHOWN, NOT_SHOWN).astype(object),
    )
    return table[COLUMNS]


def _by_protocol(
    name: str, conclusion: Conclusion, rows: Iterable[ContrastRow], protocols: Iterable[str]
) -> Iterable[dict[str, object]]:
    needed = [*conclusion.helps, *conclusion.equivalent]
    for protocol in protocols:
        found = {row.contrast: row for row in rows if row.protocol == protocol and row.contrast in needed}
        if len(found) < len(set(needed)):
            continue
        p = {contrast: _p_helps(found[contrast]) for contrast in conclusion.helps}
        p |= {contrast: found[contrast].p_equivalence for contrast in conclusion.equivalent}
        unknown = [contrast for contrast, value in p.items() if value is None]
        weakest = unknown[0] if unknown else max(p, key=lambda contrast: p[contrast] or 0.0)
        first = found[needed[0]]
        yield {
            "conclusion": name,
            "question": conclusion.question,
            **{column: getattr(first, column) for column in SETTING},
            "weakest": weakest,
            "p_value": p[weakest],
            # 0 where all are tested once
            "replicates": min((row.replicates for row in found.values() if row.look), default=0),
        }


def _p_helps(row: ContrastRow) -> float | None:
    """P of no difference, or 1 where the treatment is worse or equivalent; None where there is no test."""
    if row.p_value is None:
        return None
    return row.p_value if row.effect > 0 and row.verdict != "equivalent" else 1.0
