"""Reduce the observations of every objective to a mean over its seeds, with a confidence interval."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.load import validate
    from wordsight.config.statistics import StatisticsSection
    from wordsight.datasets.item_clusters import concepts_by_dataset
    from wordsight.files.parquet import write_frame
    from wordsight.statistics.group_means import describe
    from wordsight.statistics.measures import Measure

    measures = {name: validate(Measure, values) for name, values in snakemake.params.measures.items()}
    params = snakemake.params
    section = validate(StatisticsSection, params.statistics)
    clusters = concepts_by_dataset(snakemake.input.get("test_splits", []))
    rows = snakemake.input.rows
    frame = describe(rows, params.groups, section, params.seed, measures, clusters)
    write_frame(snakemake.output[0], frame)
