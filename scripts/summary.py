"""Reduce the observations of every protocol to means with standard errors, also of each class."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.load import validate
    from wordsight.files.parquet import write_frame
    from wordsight.statistics.measures import Measure
    from wordsight.statistics.model_means import summarise
    from wordsight.statistics.recall import recalls

    measures = {name: validate(Measure, values) for name, values in snakemake.params.measures.items()}
    write_frame(snakemake.output.summary, summarise(snakemake.input, measures))
    write_frame(snakemake.output.recall, recalls(snakemake.input, measures))
