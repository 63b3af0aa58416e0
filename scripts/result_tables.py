"""Write the tables of models and of objectives, checked against their schemas."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.datasets import card as dataset_card
    from wordsight.files.parquet import read_frame
    from wordsight.models.card import read_cards
    from wordsight.tables.csv import write_tables
    from wordsight.tables.joined import objectives_table, recall_table, results_table

    cards = read_cards(snakemake.input.models)
    datasets = dataset_card.read_cards(snakemake.input.datasets)
    frames = {
        "results": results_table(read_frame(snakemake.input.summary), cards),
        "objectives": objectives_table(read_frame(snakemake.input.objectives), cards),
        "recall": recall_table(read_frame(snakemake.input.recall), datasets),
    }
    write_tables(frames, snakemake.output)
