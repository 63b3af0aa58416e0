"""Tabulate how well each learning rate does on held-out concepts, and which is best for each objective."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.files.disk import read_json
    from wordsight.pretraining.search_table import search_table
    from wordsight.tables.csv import write_csv

    runs = [run for path in snakemake.input for run in read_json(path)]
    write_csv(snakemake.output[0], search_table(runs))
