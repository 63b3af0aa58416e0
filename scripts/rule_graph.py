"""Draw which rule of the workflow reads what another makes."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.report.rule_graph import as_svg
    from wordsight.storage import write_text

    write_text(snakemake.output[0], as_svg(snakemake.params.graph))
