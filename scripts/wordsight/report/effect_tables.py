"""The tables of effects: one for each contrast, and those of the sensitivity analyses."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence

import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS, across_cells
from wordsight.catalogue.numbers import UNKNOWN, percent, points, probability, span
from wordsight.catalogue.prose import counted
from wordsight.report import phrases
from wordsight.report.concluded import Concluded, concluded
from wordsight.report.run import Run
from wordsight.report.table import Link, Table, behind, tabulated
from wordsight.statistics.analyses import ELSEWHERE
from wordsight.statistics.records import ContrastRow, SensitivityRow, records

MOST_EFFECTS = 300  # most effects by dataset in all tables of contrasts together


def contrast_tables(run: Run) -> list[Table]:
    """For each contrast its effects in percentage points: over all datasets, then by dataset.

    If there are many effects, those by dataset are only in the CSV file; cells stay, as they are not pooled.
    """
    rows = run.contrasts
    crossed = across_cells(rows)
    by_dataset = (rows["scope"] == "dataset") | (~crossed & (rows["n_datasets"] > 1))
    if by_dataset.sum() > MOST_EFFECTS:
        by_dataset = crossed == (rows["scope"] == "dataset")
    order = {name: place for place, name in enumerate(["", *run.datasets, *CELLS])}
    rows = rows[by_dataset]
    rows = rows.assign(place=rows["dataset"].map(order), part=_parts(rows))
    return [
        _contrast_table(records(part.sort_values(["part", "place"], kind="stable"), ContrastRow), run)
        for _, part in rows.groupby("contrast", sort=False)
    ]


def _contrast_table(rows: Sequence[ContrastRow], run: Run) -> Table:
    links: dict[Link, str] = {}
    for place, row in enumerate(rows):
        wanted, datasets = {"contrast": row.contrast}, row.dataset or _pooled(row, run)
        links |= {
            (place, 2): behind(row, datasets, **wanted, side="treatment"),
            (place, 3): behind(row, datasets, **wanted, side="control"),
            (place, 4): behind(row, datasets, **wanted),
        }
    caption = f"Contrast {rows[0].contrast}: treatment minus control, in percentage points"
    return tabulated(caption, EFFECT, rows, links)


def _pooled(row: ContrastRow, run: Run) -> list[str]:
    """Datasets over which a pooled effect is the mean."""
    rows = run.contrasts
    same = rows["scope"] == "dataset"
    for key in ("contrast", "protocol", "metric", "setting"):
        same &= rows[key] == getattr(row, key)
    return list(rows.loc[same, "dataset"])


def sides(run: Run) -> dict[str, dict[str, list[str]]]:
    """Models on each side of each contrast, for links that give a ``side``."""
    return {
        comparison.name: dict(zip(("treatment", "control"), comparison.sides, strict=True))
        for comparison in run.comparisons
        if comparison.pairs
    }


def _parts(rows: pd.DataFrame) -> pd.Series:
    """For each row the number of its contrast, protocol and setting, counted in the order of the rows."""
    return rows.groupby(["contrast", "protocol", "parameter", "setting"], sort=False).ngroup()


def _remarks(row: ContrastRow) -> str:
    """Whether the effect decides, an unusual reason for being undecided, and its flags."""
    decides = "decides, corrected" if row.decides else ""
    reason = "" if row.reason == "overlap" else display.REASONS[row.reason]
    return "; ".join(filter(None, (decides, reason, *phrases.flags(row)))) or UNKNOWN


# Columns of the table of a contrast.
EFFECT: dict[str, Callable[[ContrastRow], str]] = {
    "protocol": phrases.heading,
    "dataset": lambda row: display.dataset(row.dataset) or "all datasets",
    "treatment": lambda row: points(row.treatment),
    "control": lambda row: points(row.control),
    "effect": lambda row: points(row.effect, sign=True),
    "interval": lambda row: span(row.interval),
    "over datasets like these": lambda row: span(row.over_datasets),
    "verdict": lambda row: row.verdict,
    "margin": lambda row: points(row.margin),
    "smallest margin": lambda row: points(row.smallest_margin),
    "detectable": lambda row: points(row.minimum_detectable),
    "p, difference": lambda row: probability(row.judged_p[0]),
    "p, equivalence": lambda row: probability(row.judged_p[1]),
    "% of gain over untrained": lambda row: percent(row.relative, sign=True).removesuffix("%"),
    "replicates": lambda row: counted(row.replicates, row.replicate.removesuffix("s")),
    "more needed": lambda row: display.more_needed(row.more_replicates) or UNKNOWN,
    "images": lambda row: f"{row.n_items:,}",
    "remarks": _remarks,
}


def conclusion_tables(run: Run) -> list[Table]:
    """What several contrasts show together, in one table with a row for each conclusion and protocol."""
    found = concluded(run)
    if not found:
        return []
    return [tabulated("Conclusions from several contrasts together", CONCLUSION, found)]


def _because(one: Concluded) -> str:
    """The contrasts that contradict a conclusion, or that show it least."""
    if one.contrary:
        return "; ".join(f"{contrast}: {verdict}" for contrast, verdict in one.contrary.items())
    weakest = one.row.weakest
    return f"{weakest} has no test" if one.row.p_value is None else f"weakest: {weakest}"


# Columns of the table of conclusions.
CONCLUSION: dict[str, Callable[[Concluded], str]] = {
    "conclusion": lambda one: one.row.conclusion,
    "protocol": lambda one: phrases.heading(one.row),
    "verdict": lambda one: one.state,
    "because": _because,
    "p, corrected": lambda one: probability(one.row.p_adjusted),
}


def sensitivity_tables(run: Run) -> list[Table]:
    """Other estimates of the effects that decide, from ``sensitivity.csv``: one table for each analysis."""
    rows = run.sensitivity
    if rows is None:
        return []
    found = []
    for analysis, part in rows.groupby("analysis", sort=False):
        kept = records(part, SensitivityRow)
        if analysis == ELSEWHERE:
            body, titles, numeric = [_read_elsewhere(row) for row in kept], READ_ELSEWHERE, {3, 4, 5}
        elif any(row.left_out for row in kept):
            by_effect = _grouped(kept, lambda row: (row.contrast, row.protocol, row.setting))
            body = [_leaving_one_out(group) for group in by_effect]
            titles, numeric = LEAVE_ONE_OUT, {2, 3, 4}
        else:
            body = [_estimate(row) for row in kept if row.effect is not None]
            body += [
                _not_estimated(group)
                for group in _grouped([row for row in kept if row.effect is None], lambda row: row.note)
            ]
            titles, numeric = ESTIMATE, {2, 3, 4, 5, 6}
        caption = f"{str(analysis).capitalize()}: effects in percentage points"
        found.append(Table(caption, ["contrast", "protocol", *titles], body, numeric))
    return found


LEAVE_ONE_OUT = ["times", "lowest (without)", "highest (without)", "verdicts"]
READ_ELSEWHERE = ["read at", "effect", "interval", "p, difference", "verdict"]
ESTIMATE = ["effect", "interval", "p, difference", "I², %", "n", "remarks"]


def _grouped(
    rows: Iterable[SensitivityRow], key: Callable[[SensitivityRow], Hashable]
) -> list[list[SensitivityRow]]:
    """Groups of rows with equal keys, in the order of their first rows."""
    found: dict[Hashable, list[SensitivityRow]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return list(found.values())


def _leaving_one_out(rows: Sequence[SensitivityRow]) -> list[str]:
    """Lowest and highest effect with the unit left out, and how often each verdict came out."""
    ordered = sorted(rows, key=lambda row: row.effect or 0.0)
    ends = [f"{points(row.effect, sign=True)} ({row.left_out})" for row in (ordered[0], ordered[-1])]
    verdicts = ", ".join(f"{n} {verdict}" for verdict, n in Counter(row.verdict for row in rows).items())
    return [rows[0].contrast, phrases.heading(rows[0]), str(len(rows)), *ends, verdicts]


def _read_elsewhere(row: SensitivityRow) -> list[str]:
    """Cells of one effect of features from another place."""
    start = [row.contrast, phrases.heading(row), row.left_out]
    return [*start, points(row.effect, sign=True), span(row.interval), probability(row.p_value), row.verdict]


def _estimate(row: SensitivityRow, contrast: str = "", heading: str = "", n: str = "") -> list[str]:
    """Cells of one estimate; for several in one row, give their contrast, heading and number."""
    return [
        contrast or row.contrast,
        heading or phrases.heading(row),
        points(row.effect, sign=True),
        span(row.interval),
        probability(row.p_value),
        percent(row.heterogeneity).removesuffix("%"),
        n or str(row.n),
        row.note or UNKNOWN,
    ]


def _not_estimated(rows: Sequence[SensitivityRow]) -> list[str]:
    """One row for all effects that could not be estimated for the same reason."""
    names = {row.contrast for row in rows}
    numbers = [row.n for row in rows]
    if len(rows) == 1:
        return _estimate(rows[0])
    return _estimate(
        rows[0],
        counted(len(names), "contrast") if len(names) > 1 else "",
        counted(len(rows), "comparison"),
        f"{min(numbers)} to {max(numbers)}" if len(set(numbers)) > 1 else "",
    )
