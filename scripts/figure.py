"""Draw one figure from the tables, in every format."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from pathlib import Path

    import pandas as pd

    from wordsight.datasets.card import read_cards
    from wordsight.figures.drawing import draw
    from wordsight.figures.export import save
    from wordsight.files.disk import read_json
    from wordsight.tables.csv import read_csv
    from wordsight.tables.reading import Tables, read_training

    groups = snakemake.params.groups
    curves = {Path(path).parent.name: path for path in snakemake.input.get("training", [])}
    cards = read_cards(snakemake.input.datasets)
    contrasts, sensitivity = (
        next(map(read_csv, snakemake.input.get(name, [])), None) for name in ("contrasts", "sensitivity")
    )
    tables = Tables(
        results=read_csv(snakemake.input.results),
        contrasts=pd.DataFrame() if contrasts is None else contrasts,
        classes={name: len(card.classes) for name, card in cards.items()},
        models=list(groups),
        objectives=read_csv(snakemake.input.objectives),
        training=read_training(curves, groups),
        sensitivity=sensitivity,
        questions=dict(snakemake.params.questions),
        examples=next(map(read_json, snakemake.input.get("examples", [])), None),
        guessing={name: card.guessing for name, card in cards.items() if card.guessing is not None},
    )
    save(draw(snakemake.wildcards.figure, tables), **dict(snakemake.output.items()))
