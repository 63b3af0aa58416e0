"""The tables that people read: every column with its unit, its meaning, and the values it may take.

``docs/results.md`` and the ``datapackage.json`` next to the tables are generated from these descriptions, and
:func:`wordsight.tables.schema.checked` checks a table against them before it is written.
"""

from typing import get_args

from wordsight.catalogue import display
from wordsight.catalogue.prose import join
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.protocols.record import Mode
from wordsight.catalogue.section import Language
from wordsight.statistics.analyses import ANALYSES, ELSEWHERE
from wordsight.tables.schema import Column, Kind, Rule, Schema, count, number, ordered, text, truth

ROUNDED = 2e-5  # largest error that rounding to six significant digits causes in an equality
MODES, LANGUAGES = get_args(Mode), get_args(Language)
METRIC, PARAMETER = "the metric's", "the parameter's"  # units
HOLDS_FOR = ("these models", "such models")
VERDICTS, REASONS, FLAGS = tuple(display.VERDICTS), tuple(display.REASONS), tuple(display.FLAGS)
ENCODERS = tuple(display.ENCODERS)

RESULTS = Schema(
    "results",
    "One row for each number: a metric of a model on a dataset at a setting",
    (
        text(
            "protocol",
            join([f"`{name}`" for name in PROTOCOLS], "or"),
            tuple(PROTOCOLS),
        ),
        text("model", "name in the configuration"),
        text("dataset", "name in the configuration; for a protocol across styles, one of the four cells"),
        text("mode", "`sound`, or `paper` for the authors' choices", MODES),
        text("metric", "what was measured: see metrics"),
        text(
            "parameter",
            "what varies inside the protocol: `shots`, `epsilon` or `severity`, or the severity of a kind of "
            "corruption, which it names, or the attack that it names; empty when nothing does",
            missing=True,
        ),
        number("setting", PARAMETER, "the parameter's value; 0 when nothing varies", low=0),
        number(
            "value",
            METRIC,
            "mean, or median, of the observations; `inf` for a median that no attack reaches",
        ),
        number(
            "stderr",
            METRIC,
            "standard error of `value`, with images and trials both counted as draws; empty when it can't be "
            "known (a single observation, an infinite median)",
            low=0,
            missing=True,
        ),
        count(
            "n",
            "`unit`",
            "images (across styles: concepts), or trials for a metric of the whole trial; an image counts "
            "once, in however many trials it is tested",
        ),
        text("unit", "what `n` counts: `items` or `trials`", ("items", "trials")),
        count(
            "trials", "trials", "repetitions: draws of shots, seeds of k-means, pairs of styles; 1 elsewhere"
        ),
        count("seed", "", "seed of the configuration, from which all draws are derived", low=0),
        text("statistic", "`mean` or `median`", ("mean", "median")),
        text("source", "where the model's weights come from; `random` is untrained"),
        text("architecture", "`family/name`, the same for trained and untrained networks"),
        text("language", "what the encoder learned from: `none`, `labels` or `captions`", LANGUAGES),
        text("pretraining_data", "name of the data it learned from"),
        count(
            "pretraining_images",
            "images",
            "size of that data; for a model that the workflow trained, the images seen in all steps",
            low=0,
        ),
        truth("robust", "`True` when it was trained against adversarial examples"),
        text("objective", "what the workflow trained it on; empty for any other model", missing=True),
        count(
            "training_seed",
            "",
            "number of that training run, from 0; empty for any other model",
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


def measured(metric: str) -> tuple[Column, ...]:
    """Columns that say what an effect or a mean measures, with words for ``metric``."""
    return (
        text("protocol", "as in results.csv", tuple(PROTOCOLS)),
        text("mode", "as in results.csv", MODES),
        text("metric", metric),
        text("parameter", "as in results.csv", missing=True),
        number("setting", PARAMETER, "as in results.csv", low=0),
    )


MEASURED = measured("the protocol's primary metric, or the one that the contrast chose")

OBJECTIVES = Schema(
    "objectives",
    "One row for each mean: an objective over its seeds, or another model, on a dataset at a setting, or "
    "over datasets",
    (
        *measured("the protocol's primary metric, or the one of its curves"),
        text(
            "scope",
            "`dataset`, or `pooled`: the mean over the datasets that all groups of the protocol share, each "
            "of equal weight",
            ("dataset", "pooled"),
        ),
        text("dataset", "as in results.csv; empty when pooled", missing=True),
        text("group", "objective, or name of a model that the workflow did not train"),
        number("value", METRIC, "mean over training seeds, trials and images"),
        number(
            "low",
            METRIC,
            "lower end of the interval of `value`; empty where nothing varies",
            missing=True,
        ),
        number("high", METRIC, "upper end", missing=True),
        text(
            "holds_for",
            "`these models` when `seeds` is below 5, too few to say anything about other training runs; else "
            "`such models`",
            HOLDS_FOR,
        ),
        number("confidence", "of 1", "nominal coverage of the interval", low=0, high=1),
        text("interval", "how the interval was made"),
        text(
            "resampled",
            "what varies in the interval: `seeds` (training runs), `trials`, `items`; what isn't listed is "
            "held fixed",
            missing=True,
        ),
        count("seed", "", "as in results.csv", low=0),
        count("seeds", "models", "models in the group"),
        count("n_datasets", "datasets", "1, or the number that were pooled"),
        count("n_trials", "trials", "as in results.csv; pooled, the least of any dataset"),
        count("n_items", "images", "images, or concepts across styles; pooled, the sum over datasets"),
        count(
            "learned",
            "models",
            "how many of the objective's training runs ended above chance in its own measure; empty where "
            "that isn't measured",
            low=0,
            missing=True,
        ),
    ),
    ("protocol", "mode", "metric", "parameter", "setting", "scope", "dataset", "group"),
    (ordered("low", "high"), ordered("learned", "seeds")),
)

CONTRASTS = Schema(
    "contrasts",
    "One row for each effect: treatment minus control on a dataset at a setting, or over all datasets",
    (
        text("contrast", "name in the configuration"),
        *MEASURED,
        text(
            "scope",
            "`dataset`, or `pooled`: the mean over datasets, each of equal weight",
            ("dataset", "pooled"),
        ),
        text("dataset", "name; empty when pooled", missing=True),
        number("effect", METRIC, "`treatment` minus `control`, on the same images and draws"),
        number(
            "low",
            METRIC,
            "lower end of the interval of `effect`; empty when the standard error is unknown or zero",
            missing=True,
        ),
        number("high", METRIC, "upper end", missing=True),
        text(
            "verdict",
            "of training like this. `helps`: the treatment scores higher; `hurts`: lower; `equivalent`: the "
            "same within `margin`; `undecided`: none of these could be shown, which isn't evidence of no "
            "effect; `identical`: all observations of both sides are the same, so there is no test; empty "
            "for a baseline, whose effect over untrained encoders is no claim",
            ("", *VERDICTS),
            missing=True,
        ),
        text(
            "reason",
            "why it is undecided: `too few models` (one on a side, or one group), `overlap` (the interval "
            "allows both a relevant effect and none) or `constant` (all values equal); else empty",
            REASONS,
            missing=True,
        ),
        text(
            "holds_for",
            "`these models` when `replicates` is below 5: the interval is about the models in the table "
            "only; else `such models`",
            HOLDS_FOR,
        ),
        text(
            "flags",
            "reasons not to believe the verdict, separated by `; `: see flags; empty when none was found",
            missing=True,
        ),
        number("treatment", METRIC, "mean of the treatment's models; matched groups have equal weight"),
        number("control", METRIC, "the same for the control's models"),
        number("chance", METRIC, "mean level of guessing; empty when not known", missing=True),
        number(
            "untrained",
            METRIC,
            "mean of untrained encoders of the same architectures; empty when there is none",
            missing=True,
        ),
        number(
            "relative",
            "of 1",
            "`effect` as a share of what the control gains over `untrained`; empty when that isn't known, or "
            "too small to divide by",
            missing=True,
        ),
        number("stderr", METRIC, "standard error of `effect`; empty when not known", low=0, missing=True),
        number("df", "", "its degrees of freedom; empty when not known", low=0, missing=True),
        number(
            "p_value",
            "of 1",
            "two-sided p of no difference; empty when not known",
            low=0,
            high=1,
            missing=True,
        ),
        number(
            "margin",
            METRIC,
            "largest difference that counts as none: as configured, or a share of what all objectives gain "
            "over untrained encoders",
            low=0,
        ),
        number(
            "p_equivalence",
            "of 1",
            "p of a difference as large as `margin`, by two one-sided tests; empty when not known",
            low=0,
            high=1,
            missing=True,
        ),
        number(
            "smallest_margin",
            METRIC,
            "smallest margin within which the two would be equivalent, uncorrected; empty when not known",
            low=0,
            missing=True,
        ),
        *(
            number(
                name,
                "of 1",
                f"probability that the effect is {words}, by the same distribution as the interval; empty "
                "when not known",
                low=0,
                high=1,
                missing=True,
            )
            for name, words in (
                ("p_worse", "below minus `margin`"),
                ("p_equivalent", "within `margin`"),
                ("p_better", "above `margin`"),
            )
        ),
        number(
            "p_superior",
            "of 1",
            "share of pairs of a treatment and a control in which the treatment scores higher, with ties as "
            "halves; of matched groups, the share whose difference is above zero; empty when datasets have "
            "different models",
            low=0,
            high=1,
            missing=True,
        ),
        number(
            "encoders_stderr",
            METRIC,
            "standard error of `effect` with these encoders held fixed, so that only images and trials are "
            "drawn anew; empty when not known",
            low=0,
            missing=True,
        ),
        number("encoders_df", "", "its degrees of freedom; empty when not known", low=0, missing=True),
        number(
            "encoders_low",
            METRIC,
            "lower end of the interval of `effect` for these encoders; empty when not known",
            missing=True,
        ),
        number("encoders_high", METRIC, "upper end", missing=True),
        number(
            "encoders_p",
            "of 1",
            "two-sided p of no difference between these encoders; empty when not known",
            low=0,
            high=1,
            missing=True,
        ),
        number(
            "encoders_p_equivalence",
            "of 1",
            "p of a difference as large as `margin` between these encoders; empty when not known",
            low=0,
            high=1,
            missing=True,
        ),
        text(
            "encoders_verdict",
            "of these encoders on new images like these: `higher` (the treatment), `lower`, `equivalent`, "
            "`undecided` or `identical`; corrected for its family where the row decides; empty for a "
            "baseline",
            ("", *ENCODERS),
            missing=True,
        ),
        number(
            "over_datasets_low",
            METRIC,
            "lower end of the interval of the mean effect over datasets like these, by random effects; empty "
            "for one dataset and for cells",
            missing=True,
        ),
        number("over_datasets_high", METRIC, "upper end", missing=True),
        number(
            "datasets_found",
            "datasets",
            "number of the pooled datasets that have an effect of the same sign; too large with a "
            "probability of at most 1 minus `confidence`; empty when not pooled",
            low=0,
            missing=True,
        ),
        truth(
            "main",
            "`True` for the one row that stands for its contrast and protocol: at the largest setting, the "
            "mean over datasets; across styles, the cell where concepts and style are new",
        ),
        truth("decides", "`True` for a main row that gives a verdict: all but those of baselines"),
        text(
            "family",
            "name of its family, the comparisons that it is corrected with; empty for a row that doesn't "
            "decide",
            missing=True,
        ),
        count("comparisons", "comparisons", "comparisons of the family that have a test; 1 without a family"),
        number(
            "p_adjusted",
            "of 1",
            "`p_value` times `comparisons`, which the verdict goes by; empty for a row that doesn't decide",
            low=0,
            high=1,
            missing=True,
        ),
        number("p_equivalence_adjusted", "of 1", "the same for `p_equivalence`", low=0, high=1, missing=True),
        text(
            "look",
            "which of the declared looks it is, such as `2 of 3`; `0 of 3` before the first one, where "
            "nothing is decided; empty where none is declared",
            missing=True,
        ),
        number(
            "level",
            "of 1",
            "level of the verdict: `p_adjusted` and `p_equivalence_adjusted` are compared with it, or "
            "`p_value` and `p_equivalence` where the row doesn't decide; 1 minus `confidence`, unless looks "
            "are declared",
            low=0,
            high=1,
        ),
        number(
            "minimum_detectable",
            METRIC,
            "smallest effect that would be found with the configured power; empty when not known",
            low=0,
            missing=True,
        ),
        number(
            "more_replicates",
            "`replicate`",
            "replicates to add to the smaller side, and to the other those that it then lacks, until a "
            "difference as large as `margin` would be found, and no "
            "difference judged equivalent, with the configured power; with too few models, until there is a "
            "test; with looks, those to the next look that is enough; `inf` when no number would do, since "
            "images and trials alone are too uncertain; empty when not known, or not needed",
            low=0,
            missing=True,
        ),
        number("confidence", "of 1", "nominal coverage of the interval", low=0, high=1),
        text("interval", "how `low` and `high` were made"),
        number(
            "bootstrap_low",
            METRIC,
            "lower end of the percentile interval of the hierarchical bootstrap, which decides nothing; "
            "empty when nothing was resampled",
            missing=True,
        ),
        number("bootstrap_high", METRIC, "upper end", missing=True),
        text(
            "resampled",
            "what varies in the intervals: `groups` (matched ones: architectures, seeds), `treatments`, "
            "`controls`, `trials`, `items`; what isn't listed is held fixed",
            missing=True,
        ),
        count("resamples", "", "resamples of the bootstrap"),
        count("seed", "", "as in results.csv", low=0),
        count("n_pairs", "pairs", "pairs of a treatment and a control"),
        count("n_treatments", "models", "models on the treatment's side"),
        count("n_controls", "models", "models on the control's side"),
        text(
            "replicate",
            "what a repetition would draw anew: `matched groups` where there are several, else `models`, or "
            "`families` of models",
            ("matched groups", "models", "families"),
        ),
        count(
            "replicates",
            "`replicate`",
            "number of replicates; for models, on the smaller side; when pooled, the smallest of any dataset",
        ),
        text(
            "collapsed",
            "models whose seed scores far below the others of its objective, separated by `; `; else empty",
            missing=True,
        ),
        count("n_datasets", "datasets", "1, or the number that were pooled"),
        count("n_trials", "trials", "as in results.csv; pooled, the least of any dataset"),
        count("n_items", "images", "images, or concepts across styles; pooled, the sum over datasets"),
        count(
            "n_clusters", "clusters", "the same with images of one concept counted once, as the statistics do"
        ),
    ),
    ("contrast", "protocol", "mode", "metric", "parameter", "setting", "scope", "dataset"),
    (
        ordered("low", "effect"),
        ordered("effect", "high"),
        ordered("encoders_low", "encoders_high"),
        ordered("over_datasets_low", "over_datasets_high"),
        ordered("n_clusters", "n_items"),
        ordered("bootstrap_low", "bootstrap_high"),
        Rule(
            "effect to be treatment minus control",
            lambda rows: (rows["treatment"] - rows["control"] - rows["effect"]).abs() <= ROUNDED,
        ),
        Rule(
            "a reason where the verdict is undecided, and only there",
            lambda rows: (rows["reason"] != "") == (rows["verdict"] == "undecided"),
        ),
        Rule(
            "a dataset where the row isn't pooled, and only there",
            lambda rows: (rows["dataset"] == "") == (rows["scope"] == "pooled"),
        ),
        Rule(
            "a family where the row decides, and only there",
            lambda rows: (rows["family"] != "") == rows["decides"],
        ),
        Rule(
            "a main row where the row decides",
            lambda rows: rows["main"] | ~rows["decides"],
        ),
        Rule(
            "no p_adjusted where the row doesn't decide",
            lambda rows: (
                rows["decides"] | (rows["p_adjusted"].isna() & rows["p_equivalence_adjusted"].isna())
            ),
        ),
        Rule(
            f"no flags except {', '.join(map(repr, FLAGS))}",
            lambda rows: rows["flags"].map(lambda text: set(display.flags(text)) <= set(FLAGS)),
        ),
    ),
)

SENSITIVITY = Schema(
    "sensitivity",
    "One row for each further estimate of an effect that decides: by another analysis, or without one model "
    "or dataset",
    (
        text("contrast", "name in the configuration"),
        *MEASURED,
        text(
            "analysis",
            "`leave one model out`, `leave one dataset out`, `features read elsewhere`, `interquartile mean` "
            "(of the models of a side), `random effects over datasets` (meta-analysis) or `mixed model`",
            ANALYSES,
        ),
        text(
            "left_out",
            "model, matched group or dataset that was left out, or the place where features are read "
            "instead; else empty",
            missing=True,
        ),
        number("effect", METRIC, "as in contrasts.csv; empty when it could not be estimated", missing=True),
        number("low", METRIC, "lower end of the interval of `effect`; empty when not known", missing=True),
        number("high", METRIC, "upper end", missing=True),
        number(
            "p_value",
            "of 1",
            "two-sided p of no difference; empty when not known",
            low=0,
            high=1,
            missing=True,
        ),
        text(
            "verdict",
            "as in contrasts.csv, but without correction; empty for random effects and the mixed model",
            ("", *VERDICTS),
            missing=True,
        ),
        number(
            "heterogeneity",
            "of 1",
            "I², the share of the variance between datasets that their standard errors don't explain; random "
            "effects only",
            low=0,
            high=1,
            missing=True,
        ),
        count("n", "", "number of replicates, models or datasets that it uses", low=0),
        text(
            "note",
            "for a mixed model, covariates that are the same for all, or problems of the fit; for any "
            "analysis, why there is no estimate; else empty",
            missing=True,
        ),
    ),
    ("contrast", "protocol", "mode", "metric", "parameter", "setting", "analysis", "left_out"),
    (
        ordered("low", "effect"),
        ordered("effect", "high"),
        Rule(
            "left_out where the analysis leaves one out or reads elsewhere, and only there",
            lambda rows: (
                (rows["left_out"] != "")
                == (rows["analysis"].str.startswith("leave one") | (rows["analysis"] == ELSEWHERE))
            ),
        ),
    ),
)

CONCLUSIONS = Schema(
    "conclusions",
    "One row for each conclusion from several contrasts and each protocol that they all have results of",
    (
        text("conclusion", "name in the configuration"),
        text("question", "in words, as configured", missing=True),
        *MEASURED,
        text(
            "verdict",
            "`shown` if every contrast does what the conclusion needs (help, or be equivalent); else `not "
            "shown`, which isn't evidence of the contrary",
            ("shown", "not shown"),
        ),
        text("weakest", "the contrast that shows it least: the one with the largest p, or without a test"),
        number(
            "p_value",
            "of 1",
            "the largest p of its contrasts, of no difference or of a difference as large as the margin; "
            "empty when one of them has no test",
            low=0,
            high=1,
            missing=True,
        ),
        count("comparisons", "comparisons", "conclusions and protocols that have a test"),
        number(
            "p_adjusted",
            "of 1",
            "`p_value` times `comparisons`, which the verdict goes by",
            low=0,
            high=1,
            missing=True,
        ),
        number("level", "of 1", "level that `p_adjusted` is compared with", low=0, high=1),
    ),
    ("conclusion", "protocol"),
)

PLAN = Schema(
    "plan",
    "One row for each effect that decides: how many replicates and images it needs until it is decided with "
    "the configured power, whether there is no difference or one as large as the margin",
    (
        text("contrast", "name in the configuration"),
        *MEASURED,
        text("family", "as in contrasts.csv"),
        truth("primary", "`True` for a protocol that decides the question"),
        text("verdict", "as in contrasts.csv", VERDICTS),
        number("margin", METRIC, "as in contrasts.csv", low=0),
        text("replicate", "as in contrasts.csv"),
        count("replicates", "`replicate`", "as in contrasts.csv: the present number"),
        count("n_clusters", "images", "present number of images that count, as in contrasts.csv"),
        number(
            "power",
            "of 1",
            "probability of a verdict with the present replicates and images; empty when not known",
            low=0,
            high=1,
            missing=True,
        ),
        number(
            "needed",
            "`replicate`",
            "replicates that are enough with `images`, those that are there included; `inf` when no number "
            "is; empty when not known, as a side has one replicate",
            low=0,
            missing=True,
        ),
        number(
            "needed_low",
            "`replicate`",
            "lower end of the interval of `needed`: few replicates say little of how much they vary",
            low=0,
            missing=True,
        ),
        number("needed_high", "`replicate`", "upper end", low=0, missing=True),
        number(
            "images",
            "images",
            "images that `needed` counts on, over all datasets of the row: the present ones, or more where "
            "no number of replicates is enough with those",
            low=0,
            missing=True,
        ),
        number(
            "images_alone",
            "images",
            "images that are enough with the present replicates; `inf` when no number is",
            low=0,
            missing=True,
        ),
        number("confidence", "of 1", "nominal coverage of the interval", low=0, high=1),
    ),
    ("contrast", "protocol", "mode", "metric", "parameter", "setting"),
    (ordered("needed_low", "needed"), ordered("needed", "needed_high")),
)

RECALL = Schema(
    "recall",
    "One row for each class: the share of its test images that a model classifies right, by protocols that "
    "record the class of each image",
    (
        text("protocol", "as in results.csv", tuple(PROTOCOLS)),
        text("model", "name in the configuration"),
        text("dataset", "name in the configuration"),
        text("mode", "as in results.csv", MODES),
        text("parameter", "as in results.csv", missing=True),
        number("setting", PARAMETER, "as in results.csv", low=0),
        count("label", "", "index of the class, among the `classes` of the dataset's `card.json`", low=0),
        text("class", "its name"),
        number(
            "value",
            "of 1",
            "recall: the mean accuracy over the images of the class and the trials",
            low=0,
            high=1,
        ),
        number(
            "stderr",
            "of 1",
            "standard error of `value`, with images and trials both counted as draws; empty for a single "
            "observation",
            low=0,
            missing=True,
        ),
        count("n", "images", "test images of the class"),
        count("trials", "trials", "as in results.csv"),
    ),
    ("protocol", "model", "dataset", "mode", "parameter", "setting", "label"),
)

TABLES = (RESULTS, OBJECTIVES, CONTRASTS, SENSITIVITY, CONCLUSIONS, PLAN, RECALL)
SCHEMAS = {schema.name: schema for schema in TABLES}


def columns_of(kind: Kind) -> set[str]:
    """Names of the columns of a kind, in all tables."""
    return {column.name for schema in SCHEMAS.values() for column in schema.columns if column.kind == kind}


def may_be_missing(kind: Kind) -> set[str]:
    """Names of the columns of a kind that may be empty in some table."""
    columns = (column for schema in SCHEMAS.values() for column in schema.columns)
    return {column.name for column in columns if column.kind == kind and column.missing}
