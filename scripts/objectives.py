"""Reduce the observations of every objective to a mean over its seeds, with a confidence interval."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.load import validate
    from wordsight.config.statistics import StatisticsSection
    from wordsight.files.parquet import write_frame
    from wordsight.statistics.group_means import describe
    from wordsight.statistics.measures import Measure

    measures = {name: validate(Measure, values) for name, values in snakemake.params.measures.items()}
    params = snakemake.params
    section = validate(StatisticsSection, params.statistics)
    write_frame(snakemake.output[0], describe(snakemake.input, params.groups, section, params.seed, measures))
