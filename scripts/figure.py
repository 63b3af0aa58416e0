"""Draw one figure from the tables, in every format."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    import importlib
    from pathlib import Path

    from wordsight.figures.data import Tables, read_training
    from wordsight.figures.export import save
    from wordsight.storage import read_cards, read_json
    from wordsight.tables import read_csv

    groups = snakemake.params.groups
    curves = {Path(path).parent.name: path for path in snakemake.input.get("training", [])}
    examples = snakemake.input.get("examples")
    cards = read_cards(snakemake.input.datasets)
    tables = Tables(
        results=read_csv(snakemake.input.results),
        contrasts=read_csv(snakemake.input.contrasts),
        classes={name: len(card["classes"]) for name, card in cards.items()},
        models=list(groups),
        objectives=read_csv(snakemake.input.objectives),
        training=read_training(curves, groups),
        sensitivity=read_csv(snakemake.input.sensitivity),
        examples=read_json(examples) if examples else None,
    )
    figure = importlib.import_module(f"wordsight.figures.{snakemake.wildcards.figure}")
    save(figure.draw(tables), **dict(snakemake.output.items()))
