"""Measure one model or several by a protocol that reads features, on one dataset or several."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    import importlib

    from wordsight.config.load import protocol_parameters
    from wordsight.datasets.reading import open_split, read_card
    from wordsight.files.feature_sets import read_features
    from wordsight.files.parquet import read_table
    from wordsight.protocols.rows import of_dataset, write_rows
    from wordsight.protocols.task import Task

    files, params = snakemake.input, snakemake.params
    protocol = importlib.import_module(f"wordsight.protocols.{params.protocol}")
    section = protocol_parameters(params.protocol, params.parameters)
    folders = [Path(card).parent for card in files.dataset]

    def part(paths, index):
        """Share of one model and dataset in paths that are by model and then by dataset."""
        count = len(paths) // (len(params.models) * len(folders))
        return paths[count * index : count * (index + 1)]

    for place, folder in enumerate(folders):
        card = read_card(folder)
        if files.get("train_images"):
            about = {"splits": (open_split(folder, "train"), open_split(folder, "test"))}
        else:
            about = {"classes": len(card.classes)}
        for number, model in enumerate(params.models):
            index = number * len(folders) + place
            task = Task(params.protocol, model, card.name, params.mode, params.seed, tuple(card.classes))
            data = {
                split: read_features(path)
                for split in ("train", "test", "corrupted")
                for path in part(files.get(split, []), index)
            }
            if files.get("baseline"):
                data["baseline"] = read_table(part(files.baseline, index)[0])
            if files.get("views"):
                data["views"] = [read_features(path) for path in part(files.views, index)]
            rows = protocol.evaluate(task, section, **data, **about)
            for output in part(snakemake.output, index):
                write_rows(output, of_dataset(rows, Path(output).stem))
