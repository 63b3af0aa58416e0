"""Write the tables that people read, checked against their schemas, and a descriptor of them."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.datasets import card as dataset_card
    from wordsight.files.disk import write_json
    from wordsight.files.parquet import read_frame
    from wordsight.models.card import read_cards
    from wordsight.tables.citation import read_citation
    from wordsight.tables.csv import write_csv
    from wordsight.tables.joined import objectives_table, recall_table, results_table
    from wordsight.tables.schema import checked, descriptor
    from wordsight.tables.schemas import SCHEMAS

    cards = read_cards(snakemake.input.models)
    frames = {
        "results": results_table(read_frame(snakemake.input.summary), cards),
        "objectives": objectives_table(read_frame(snakemake.input.objectives), cards),
        "contrasts": read_frame(snakemake.input.contrasts),
        "sensitivity": read_frame(snakemake.input.sensitivity),
        "conclusions": read_frame(snakemake.input.conclusions),
        "plan": read_frame(snakemake.input.plan),
        "recall": recall_table(
            read_frame(snakemake.input.recall), dataset_card.read_cards(snakemake.input.datasets)
        ),
    }
    tables = {name: checked(frame, SCHEMAS[name]) for name, frame in frames.items()}
    for name, table in tables.items():
        write_csv(snakemake.output[name], table)
    folder = Path(snakemake.output.descriptor).parent
    write_json(snakemake.output.descriptor, descriptor(SCHEMAS.values(), folder, read_citation()))
