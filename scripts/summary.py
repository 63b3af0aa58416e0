"""Reduce the observations of every protocol to means with standard errors."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.statistics.summary import summarise
    from wordsight.storage import write_frame

    write_frame(snakemake.output[0], summarise(snakemake.input))
