"""Compare the two sides of every contrast, with intervals."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config import StatisticsSection, revive
    from wordsight.statistics.contrasts import compare
    from wordsight.statistics.pairs import Comparison
    from wordsight.storage import write_frame

    comparisons = [revive(Comparison, values) for values in snakemake.params.comparisons]
    section = revive(StatisticsSection, snakemake.params.statistics)
    write_frame(snakemake.output[0], compare(snakemake.input, comparisons, section, snakemake.params.seed))
