"""Check one model and write what was found."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake) as logger:
    from wordsight.catalogue.places import ReadOut
    from wordsight.checking.check_model import check, verdict
    from wordsight.config.load import validate
    from wordsight.files.disk import write_text
    from wordsight.models.card import read_network

    folder = Path(snakemake.input.network).parent
    name, place = snakemake.wildcards.model, validate(ReadOut, snakemake.params.place)
    report = check(folder, name=name, place=place)
    logger.info("found\n%s", report.text())
    if report.problems:  # Snakemake removes the output of a failed job, so show the report on the terminal.
        print(report.text(), file=sys.stderr)
    verdict(name, report)
    write_text(snakemake.output.report, report.text())
    report.write(snakemake.output.findings, read_network(folder))
