"""Compare the accuracy of one encoder's own classifier with the published one."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.checking.check_model import verdict
    from wordsight.checking.check_top1 import check

    params = snakemake.params
    report, card = check(
        Path(snakemake.input.network).parent,
        Path(snakemake.input.dataset).parent,
        params.published,
        params.device,
        params.seed,
    )
    verdict(card.name, report)
    report.write(snakemake.output.findings, card)
