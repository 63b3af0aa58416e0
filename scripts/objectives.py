"""Reduce the observations of every objective to a mean over its seeds, with an interval."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config import StatisticsSection, revive
    from wordsight.statistics.objectives import describe
    from wordsight.storage import write_frame

    params = snakemake.params
    section = revive(StatisticsSection, params.statistics)
    write_frame(snakemake.output[0], describe(snakemake.input, params.groups, section, params.seed))
