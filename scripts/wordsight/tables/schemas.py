"""What the tables hold that people read: every column with its unit, its meaning, and the values it may take.

This is the home of those descriptions: ``docs/results.md`` repeats them, and ``datapackage.json`` beside the
tables is made of them. :func:`checked` holds a table against them before it is written.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from pandas.api import types

from wordsight.catalogue import display
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.protocols.record import Mode
from wordsight.catalogue.section import Language
from wordsight.errors import DataError
from wordsight.files.hashing import sha256
from wordsight.statistics.analyses import ANALYSES

if TYPE_CHECKING:
    import pandera.pandas as pa

Kind = Literal["text", "number", "count", "truth"]
# As a Frictionless field names the kinds, as an error does, and how pandas tells them.
FIELD_TYPES: dict[Kind, str] = {
    "text": "string",
    "number": "number",
    "count": "integer",
    "truth": "boolean",
}
WORDS: dict[Kind, str] = {
    "text": "text",
    "number": "numbers",
    "count": "whole numbers",
    "truth": "True or False",
}
IS_KIND: dict[Kind, Callable[[pd.Series], bool]] = {
    "text": lambda column: bool(column.map(lambda value: isinstance(value, str)).all()),
    "number": types.is_numeric_dtype,
    "count": types.is_integer_dtype,
    "truth": types.is_bool_dtype,
}
ROUNDED = 2e-5  # what six significant digits leave of an equality


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    unit : empty for text and for plain numbers
    choices : all that a text may be; any text when there are none
    low, high : ends of the range of a number, which belong to it
    missing : whether a cell may be empty
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    low: float = -inf
    high: float = inf
    missing: bool = False

    @property
    def expected(self) -> str:
        """Words for what a single value must be.

        >>> Column("p", "number", "", low=0, high=1).expected
        'a number from 0 to 1'
        """
        if self.choices:
            return f"one of {', '.join(map(repr, self.choices))}"
        if self.kind == "text":
            return "a text that is not empty"
        name = {"number": "a number", "count": "a whole number", "truth": "True or False"}[self.kind]
        ends = (np.isfinite(self.low), np.isfinite(self.high))
        span = {
            (True, True): f" from {self.low:g} to {self.high:g}",
            (True, False): f" of at least {self.low:g}",
            (False, True): f" of at most {self.high:g}",
        }
        return name + span.get(ends, "")


@dataclass(frozen=True)
class Rule:
    """What columns of a row must agree in; ``holds`` gives one truth value a row."""

    expected: str
    holds: Callable[[pd.DataFrame], pd.Series]


@dataclass(frozen=True)
class Schema:
    """A table: its columns in order, the columns that name a row, and what columns must agree in."""

    name: str
    title: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rules: tuple[Rule, ...] = ()

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.name}.csv"

    @property
    def names(self) -> list[str]:
        """Names of its columns, in order."""
        return [column.name for column in self.columns]


def _text(name: str, meaning: str, choices: tuple[str, ...] = (), *, missing: bool = False) -> Column:
    return Column(name, "text", meaning, choices=choices, missing=missing)


def _number(
    name: str, unit: str, meaning: str, low: float = -inf, high: float = inf, *, missing: bool = False
) -> Column:
    return Column(name, "number", meaning, unit, low=low, high=high, missing=missing)


def _count(name: str, unit: str, meaning: str, low: float = 1, *, missing: bool = False) -> Column:
    return Column(name, "count", meaning, unit, low=low, missing=missing)


def _ordered(low: str, high: str) -> Rule:
    """One column is at most another, where both are known."""
    return Rule(f"{low} of at most {high}", lambda rows: ~(rows[low] > rows[high]))


MODES, LANGUAGES = get_args(Mode), get_args(Language)
METRIC, PARAMETER = "the metric's", "the parameter's"  # units
HOLDS_FOR = ("these models", "such models")
VERDICTS, REASONS, FLAGS = tuple(display.VERDICTS), tuple(display.REASONS), tuple(display.FLAGS)

RESULTS = Schema(
    "results",
    "One number a row: a metric of a model on a dataset at a setting",
    (
        _text(
            "protocol",
            "`clustering`, `few_shot`, `transfer`, `robustness`, `cross_style_few_shot`, "
            "`cross_style_probe` or `cross_style_retrieval`",
            tuple(PROTOCOLS),
        ),
        _text("model", "name in the configuration"),
        _text("dataset", "name in the configuration; of a protocol across styles, one of the four cells"),
        _text("mode", "`sound`, or `paper` for the authors' choices", MODES),
        _text("metric", "what was measured: see metrics"),
        _text(
            "parameter",
            "what varies inside the protocol: `shots` or `epsilon`; empty when nothing does",
            missing=True,
        ),
        _number("setting", PARAMETER, "the parameter's value; 0 when nothing varies", low=0),
        _number(
            "value",
            METRIC,
            "mean, or median, of the observations; `inf` for a median that no attack reaches",
        ),
        _number(
            "stderr",
            METRIC,
            "standard error of `value`, with images and trials both counted as draws; empty when it can't be "
            "known (a single observation, an infinite median)",
            low=0,
            missing=True,
        ),
        _count(
            "n",
            "`unit`",
            "images (across styles: concepts), or trials for a metric of the whole trial; each counts once "
            "in however many trials",
        ),
        _text("unit", "what `n` counts: `items` or `trials`", ("items", "trials")),
        _count(
            "trials", "trials", "repetitions: draws of shots, seeds of k-means, pairs of styles; 1 elsewhere"
        ),
        _count("seed", "", "seed of the configuration, from which all draws are derived", low=0),
        _text("statistic", "`mean` or `median`", ("mean", "median")),
        _text("source", "where the model's weights come from; `random` is untrained"),
        _text("architecture", "`family/name`, the same for trained and untrained networks"),
        _text("language", "what the encoder learned from: `none`, `labels` or `captions`", LANGUAGES),
        _text("pretraining_data", "name of the data it learned from"),
        _count(
            "pretraining_images",
            "images",
            "size of that data; of a training by the workflow, the images seen in all its steps",
            low=0,
        ),
        Column("robust", "truth", "`True` when it was trained against adversarial examples"),
        _text("objective", "what the workflow trained it on; empty for a model from elsewhere", missing=True),
        _count(
            "training_seed",
            "",
            "number of that training, from 0; empty for a model from elsewhere",
            low=0,
            missing=True,
        ),
    ),
    ("protocol", "model", "dataset", "mode", "metric", "parameter", "setting"),
    (
        Rule(
            "training_seed where there is an objective, and only there",
            lambda rows: rows["training_seed"].notna() == (rows["objective"] != ""),
        ),
    ),
)

# What an effect or a mean is of.
MEASURED = (
    _text("protocol", "as in results.csv", tuple(PROTOCOLS)),
    _text("mode", "as in results.csv", MODES),
    _text("metric", "the protocol's primary metric"),
    _text("parameter", "as in results.csv", missing=True),
    _number("setting", PARAMETER, "as in results.csv", low=0),
)

OBJECTIVES = Schema(
    "objectives",
    "One mean a row: an objective over its seeds, or another model, on a dataset at a setting",
    (
        *MEASURED,
        _text("dataset", "as in results.csv"),
        _text("group", "objective, or name of a model that the workflow did not train"),
        _number("value", METRIC, "mean over training seeds, trials and images"),
        _number(
            "low",
            METRIC,
            "lower end of the interval of `value`; empty where nothing varies",
            missing=True,
        ),
        _number("high", METRIC, "upper end", missing=True),
        _text(
            "holds_for",
            "`these models` when `seeds` is below 5, too few to tell of other training runs; else "
            "`such models`",
            HOLDS_FOR,
        ),
        _number("confidence", "of 1", "nominal coverage of the interval", low=0, high=1),
        _text("interval", "how the interval was made"),
        _text(
            "resampled",
            "what varies in the interval: `seeds` (training runs), `trials`, `items`; what isn't listed is "
            "held fixed",
            missing=True,
        ),
        _count("seed", "", "as in results.csv", low=0),
        _count("seeds", "models", "models in the group"),
        _count("n_trials", "trials", "as in results.csv"),
        _count("n_items", "images", "images, or concepts across styles"),
        _count(
            "learned",
            "models",
            "of the objective's training runs, those that ended above chance in its own measure; empty where "
            "none was to learn",
            low=0,
            missing=True,
        ),
    ),
    ("protocol", "mode", "metric", "parameter", "setting", "dataset", "group"),
    (_ordered("low", "high"), _ordered("learned", "seeds")),
)

CONTRASTS = Schema(
    "contrasts",
    "One effect a row: treatment minus control on a dataset at a setting, or over all datasets",
    (
        _text("contrast", "name in the configuration"),
        *MEASURED,
        _text(
            "scope",
            "`dataset`, or `pooled`: the mean over datasets, each of equal weight",
            ("dataset", "pooled"),
        ),
        _text("dataset", "name; empty when pooled", missing=True),
        _number("effect", METRIC, "`treatment` minus `control`, on the same images and draws"),
        _number(
            "low",
            METRIC,
            "lower end of the interval of `effect`; empty when a repetition would draw nothing anew",
            missing=True,
        ),
        _number("high", METRIC, "upper end", missing=True),
        _text(
            "verdict",
            "`helps`: the treatment scores higher; `hurts`: lower; `equivalent`: the same within `margin`; "
            "`undecided`: none of these could be shown, which isn't evidence of no effect",
            VERDICTS,
        ),
        _text(
            "reason",
            "why it is undecided: `too few models` (one on a side, or one group), `overlap` (the interval "
            "leaves room for a relevant effect and for none) or `constant` (all values equal); else empty",
            REASONS,
            missing=True,
        ),
        _text(
            "holds_for",
            "`these models` when `replicates` is below 5: the interval is about the models in the table "
            "only; else `such models`",
            HOLDS_FOR,
        ),
        _text(
            "flags",
            "reasons not to believe the verdict, separated by `; `: see flags; empty when none was found",
            missing=True,
        ),
        _number("treatment", METRIC, "mean of the treatment's models, matched groups in equal parts"),
        _number("control", METRIC, "the same of the control's models"),
        _number("chance", METRIC, "mean level of guessing; empty when not known", missing=True),
        _number(
            "untrained",
            METRIC,
            "mean of untrained encoders of the same architectures; empty when there is none",
            missing=True,
        ),
        _number(
            "relative",
            "of 1",
            "`effect` as a share of what the control gains over `untrained`; empty when that isn't known, or "
            "too small to divide by",
            missing=True,
        ),
        _number("stderr", METRIC, "standard error of `effect`; empty when not known", low=0, missing=True),
        _number(
            "df", "", "its degrees of freedom, by Satterthwaite; empty when not known", low=0, missing=True
        ),
        _number(
            "p_value",
            "of 1",
            "two-sided p of no difference; empty when not known",
            low=0,
            high=1,
            missing=True,
        ),
        _number("margin", METRIC, "largest difference that counts as none, from the configuration", low=0),
        _number(
            "p_equivalence",
            "of 1",
            "p of a difference as large as `margin`, by two one-sided tests; empty when not known",
            low=0,
            high=1,
            missing=True,
        ),
        _number(
            "smallest_margin",
            METRIC,
            "smallest margin within which the two would be equivalent, uncorrected; empty when not known",
            low=0,
            missing=True,
        ),
        _text(
            "family",
            "comparisons that are corrected together, by name; empty for a row that decides nothing: of a "
            "single dataset, or a smaller setting",
            missing=True,
        ),
        _number(
            "p_adjusted",
            "of 1",
            "`p_value` corrected for its family by Holm's method, which then decides; empty without a family",
            low=0,
            high=1,
            missing=True,
        ),
        _number("p_equivalence_adjusted", "of 1", "the same of `p_equivalence`", low=0, high=1, missing=True),
        _number(
            "minimum_detectable",
            METRIC,
            "effect that would be found with the configured power; empty when not known",
            low=0,
            missing=True,
        ),
        _number(
            "more_replicates",
            "`replicate`",
            "replicates to add until `minimum_detectable` is within `margin`; `inf` when no number would do, "
            "since images and trials alone are too uncertain; empty when not known, or not needed",
            low=0,
            missing=True,
        ),
        _number("confidence", "of 1", "nominal coverage of the interval", low=0, high=1),
        _text("interval", "how `low` and `high` were made"),
        _number(
            "bootstrap_low",
            METRIC,
            "lower end of the percentile interval of the hierarchical bootstrap, which decides nothing; "
            "empty when nothing was resampled",
            missing=True,
        ),
        _number("bootstrap_high", METRIC, "upper end", missing=True),
        _text(
            "resampled",
            "what varies in the intervals: `groups` (matched ones: architectures, seeds), `treatments`, "
            "`controls`, `trials`, `items`; what isn't listed is held fixed",
            missing=True,
        ),
        _count("resamples", "", "resamples of the bootstrap"),
        _count("seed", "", "as in results.csv", low=0),
        _count("n_pairs", "pairs", "pairs of a treatment and a control"),
        _count("n_treatments", "models", "models on the treatment's side"),
        _count("n_controls", "models", "models on the control's side"),
        _text(
            "replicate",
            "what a repetition would draw anew: `matched groups` where there are several, else `models`",
            ("matched groups", "models"),
        ),
        _count(
            "replicates",
            "`replicate`",
            "their number; of models, on the smaller side; pooled, the least of any dataset",
        ),
        _count("n_datasets", "datasets", "1, or the number that were pooled"),
        _count("n_trials", "trials", "as in results.csv; pooled, the least of any dataset"),
        _count("n_items", "images", "images, or concepts across styles; pooled, the sum over datasets"),
    ),
    ("contrast", "protocol", "mode", "metric", "parameter", "setting", "scope", "dataset"),
    (
        _ordered("low", "effect"),
        _ordered("effect", "high"),
        _ordered("bootstrap_low", "bootstrap_high"),
        Rule(
            "effect to be treatment minus control",
            lambda rows: (rows["treatment"] - rows["control"] - rows["effect"]).abs() <= ROUNDED,
        ),
        Rule(
            "a reason where the verdict is undecided, and only there",
            lambda rows: (rows["reason"] != "") == (rows["verdict"] == "undecided"),
        ),
        Rule(
            "a dataset, and none when pooled",
            lambda rows: (rows["dataset"] == "") == (rows["scope"] == "pooled"),
        ),
        Rule(
            "no p_adjusted without a family",
            lambda rows: (
                (rows["family"] != "") | (rows["p_adjusted"].isna() & rows["p_equivalence_adjusted"].isna())
            ),
        ),
        Rule(
            f"flags among {', '.join(map(repr, FLAGS))}",
            lambda rows: rows["flags"].map(lambda text: set(display.flags(text)) <= set(FLAGS)),
        ),
    ),
)

SENSITIVITY = Schema(
    "sensitivity",
    "One other estimate a row of an effect that decides: by another analysis, or with something left out",
    (
        _text("contrast", "name in the configuration"),
        *MEASURED,
        _text(
            "analysis",
            "`leave one model out`, `leave one dataset out`, `random effects over datasets` (meta-analysis) "
            "or `mixed model`",
            ANALYSES,
        ),
        _text("left_out", "model, matched group or dataset that was left out; else empty", missing=True),
        _number("effect", METRIC, "as in contrasts.csv; empty when it could not be estimated", missing=True),
        _number("low", METRIC, "lower end of the interval of `effect`; empty when not known", missing=True),
        _number("high", METRIC, "upper end", missing=True),
        _number(
            "p_value",
            "of 1",
            "two-sided p of no difference; empty when not known",
            low=0,
            high=1,
            missing=True,
        ),
        _text(
            "verdict",
            "as in contrasts.csv, by the analysis alone; empty when there is no estimate",
            ("", *VERDICTS),
            missing=True,
        ),
        _number(
            "heterogeneity",
            "of 1",
            "I², the share of the variance between datasets that their standard errors don't explain; random "
            "effects only",
            low=0,
            high=1,
            missing=True,
        ),
        _count("n", "", "replicates or datasets in it", low=0),
        _text(
            "note",
            "what to know of it: covariates of the mixed model, or why it could not be fitted; else empty",
            missing=True,
        ),
    ),
    ("contrast", "protocol", "mode", "metric", "parameter", "setting", "analysis", "left_out"),
    (
        _ordered("low", "effect"),
        _ordered("effect", "high"),
        Rule(
            "left_out where one is left out, and only there",
            lambda rows: (rows["left_out"] != "") == rows["analysis"].str.startswith("leave one"),
        ),
    ),
)

SCHEMAS = {schema.name: schema for schema in (RESULTS, OBJECTIVES, CONTRASTS, SENSITIVITY)}


def columns_of(kind: Kind) -> set[str]:
    """Names of the columns of a kind, in whatever table."""
    return {column.name for schema in SCHEMAS.values() for column in schema.columns if column.kind == kind}


def may_be_missing(kind: Kind) -> set[str]:
    """Names of the columns of a kind that may be empty in some table."""
    columns = (column for schema in SCHEMAS.values() for column in schema.columns)
    return {column.name for column in columns if column.kind == kind and column.missing}


def checked(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Check a table and put its columns in order.

    Raises
    ------
    DataError
        At the first violation: it names table, column, what was expected, what stands there, and the row.
    """
    import pandera.pandas as pa  # half a second, which only the step that writes the tables has to spend

    absent = [name for name in schema.names if name not in frame]
    unknown = [name for name in frame if name not in schema.names]
    if absent or unknown:
        words = f"a column {absent[0]!r}" if absent else f"no column {unknown[0]!r}"
        raise DataError(f"{schema.file}: expected {words}")
    frame = frame[schema.names].reset_index(drop=True)
    if len(frame):  # the columns of an empty table are of no kind
        try:
            as_pandera(schema).validate(frame, lazy=True)
        except pa.errors.SchemaErrors as error:
            raise DataError(_first(error.failure_cases, frame, schema)) from None
    return frame


def as_pandera(schema: Schema) -> "pa.DataFrameSchema":
    """Make the schema that pandera checks a data frame by."""
    import pandera.pandas as pa

    columns = {
        column.name: pa.Column(
            checks=[
                pa.Check(IS_KIND[column.kind], error=WORDS[column.kind], ignore_na=False),
                pa.Check(_allowed(column), error=column.expected),
            ],
            nullable=column.missing and column.kind != "text",
            description=column.meaning,
            metadata={"unit": column.unit},
        )
        for column in schema.columns
    }
    rules = [pa.Check(rule.holds, error=rule.expected, ignore_na=False) for rule in schema.rules]
    return pa.DataFrameSchema(columns, checks=rules, unique=list(schema.key), strict=True, ordered=True)


def _allowed(column: Column) -> Callable[[pd.Series], pd.Series]:
    """Whether each cell has a value that the column may hold; one of another kind is not judged here."""

    def allowed(cells: pd.Series) -> pd.Series:
        if column.choices:
            return cells.isin(column.choices)
        if column.kind == "text":
            return (cells != "") | column.missing
        if not types.is_numeric_dtype(cells):
            return pd.Series(True, cells.index)
        return (cells >= column.low) & (cells <= column.high)

    return allowed


def _first(cases: pd.DataFrame, frame: pd.DataFrame, schema: Schema) -> str:
    """Line for the first violation: of a column as a whole, else of a cell, else of a row."""

    def order(case: Mapping[Hashable, Any]) -> tuple[bool, bool, float, int]:
        whole = pd.isna(case["index"])
        return (
            case["schema_context"] != "Column",
            not whole,
            0 if whole else case["index"],
            place[case["column"]],
        )

    place = {name: index for index, name in enumerate(schema.names)}
    case = min(cases.to_dict("records"), key=order)
    column = schema.columns[place[case["column"]]]
    if pd.isna(case["index"]):
        return (
            f"{schema.file}: {column.name}: expected {case['check']}, but it holds {frame[column.name].dtype}"
        )
    row = frame.iloc[int(case["index"])]
    where = ", ".join(f"{name} {_shown(row[name])}" for name in schema.key)
    if case["check"] == "multiple_fields_uniqueness":
        return f"{schema.file}: expected one row of {where}"
    if case["schema_context"] != "Column":
        return f"{schema.file}: expected {case['check']} ({where})"
    return (
        f"{schema.file}: {column.name}: expected {column.expected}, not {_shown(row[column.name])} ({where})"
    )


def _shown(value: Any) -> str:
    if pd.isna(value):
        return "an empty cell"
    return repr(value) if isinstance(value, str) else str(value)


def descriptor(folder: Path | str, citation: Mapping[str, Any]) -> dict[str, Any]:
    """Frictionless Data Package of the tables in a folder, https://datapackage.org/standard/data-package/.

    Parameters
    ----------
    citation : values of ``CITATION.cff``

    Returns
    -------
    dict
        Values of ``datapackage.json``; the same for the same tables.
    """
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": f"{citation['title']}-results",
        "title": f"Results of {citation['title']}",
        "description": citation["abstract"].strip(),
        "version": str(citation["version"]),
        "licenses": [{"name": citation["license"]}],
        "resources": [_resource(Path(folder), schema) for schema in SCHEMAS.values()],
    }


def _resource(folder: Path, schema: Schema) -> dict[str, Any]:
    path = folder / schema.file
    return {
        "name": schema.name,
        "type": "table",
        "path": schema.file,
        "title": schema.title,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": path.stat().st_size,
        "hash": f"sha256:{sha256(path)}",
        "schema": {
            "fields": [_field(column) for column in schema.columns],
            "missingValues": [""],
            "primaryKey": list(schema.key),
        },
    }


def _field(column: Column) -> dict[str, Any]:
    """Field of a table's schema; an empty text is a value, and any other empty cell is missing."""
    limits = {"minimum": column.low, "maximum": column.high}
    constraints: dict[str, Any] = {name: limit for name, limit in limits.items() if np.isfinite(limit)}
    if column.kind == "text":
        constraints |= {"enum": list(column.choices)} if column.choices else {}
        constraints |= {} if column.missing or column.choices else {"minLength": 1}
    elif not column.missing:
        constraints |= {"required": True}
    return {
        "name": column.name,
        "type": FIELD_TYPES[column.kind],
        "description": column.meaning,
        **({"unit": column.unit} if column.unit else {}),
        **({"missingValues": []} if column.kind == "text" else {}),
        **({"constraints": constraints} if constraints else {}),
    }
