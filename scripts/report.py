"""Write the report, and the verdicts that the terminal shows."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from pathlib import Path

    from wordsight.config.load import validate
    from wordsight.datasets import card as dataset_card
    from wordsight.files.disk import read_json
    from wordsight.models import card as model_card
    from wordsight.report.page import Figure, download, write_report, write_verdicts
    from wordsight.report.run import Run
    from wordsight.statistics.comparison import Comparison
    from wordsight.tables.csv import read_csv

    TABLES = ("results", "objectives", "contrasts", "sensitivity", "conclusions")
    run = Run(
        results=read_csv(snakemake.input.results),
        contrasts=read_csv(snakemake.input.contrasts),
        models=model_card.read_cards(snakemake.input.models),
        datasets=dataset_card.read_cards(snakemake.input.datasets),
        comparisons=[validate(Comparison, values) for values in snakemake.params.comparisons],
        config=snakemake.params.config,
        objectives=read_csv(snakemake.input.objectives),
        sensitivity=read_csv(snakemake.input.sensitivity),
        conclusions=read_csv(snakemake.input.conclusions),
    )
    figures = [
        Figure(name, caption, Path(svg).read_text(encoding="utf-8"), read_json(chart), Path(pdf).read_bytes())
        for (name, caption), svg, chart, pdf in zip(
            snakemake.params.captions.items(),
            snakemake.input.svgs,
            snakemake.input.charts,
            snakemake.input.pdfs,
            strict=True,
        )
    ]
    write_report(
        snakemake.output.html,
        run,
        figures,
        [download(snakemake.input[table]) for table in TABLES],
        benchmarks=snakemake.params.benchmarks,
        digests=snakemake.params.digests,
    )
    write_verdicts(snakemake.output.verdicts, run, snakemake.output.html)
