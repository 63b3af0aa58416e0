"""Compare the two sides of every contrast, in other ways too, and look for reasons not to believe it."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config import StatisticsSection, revive
    from wordsight.statistics.audit import Evidence, audited
    from wordsight.statistics.contrasts import compare
    from wordsight.statistics.pairs import Comparison
    from wordsight.statistics.sensitivity import sensitivities
    from wordsight.storage import read_cards, read_frame, write_frame

    comparisons = [revive(Comparison, values) for values in snakemake.params.comparisons]
    section = revive(StatisticsSection, snakemake.params.statistics)
    models, datasets = (read_cards(paths) for paths in (snakemake.input.models, snakemake.input.datasets))
    frame, parts = compare(snakemake.input.rows, comparisons, section, snakemake.params.seed)
    sensitivity = sensitivities(frame, parts, section, models)
    evidence = Evidence(
        read_frame(snakemake.input.summary),
        sensitivity,
        {comparison.name: comparison for comparison in comparisons},
        models,
        datasets,
    )
    write_frame(snakemake.output.sensitivity, sensitivity)
    write_frame(snakemake.output.contrasts, audited(frame, evidence))
