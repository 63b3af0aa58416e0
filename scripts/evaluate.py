"""Measure one model by a protocol that reads features, on one dataset or several."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    import importlib

    from wordsight.config.load import protocol_parameters
    from wordsight.datasets.reading import open_split, read_card
    from wordsight.files.feature_sets import read_features
    from wordsight.protocols.rows import of_dataset, write_rows
    from wordsight.protocols.task import Task

    files, params = snakemake.input, snakemake.params
    protocol = importlib.import_module(f"wordsight.protocols.{params.protocol}")
    section = protocol_parameters(params.protocol, params.parameters)
    folders = [Path(card).parent for card in files.dataset]
    views = len(files.get("views", [])) // len(folders)
    for index, folder in enumerate(folders):
        card = read_card(folder)
        task = Task(params.protocol, snakemake.wildcards.model, card.name, params.mode, params.seed)
        data = {split: read_features(files[split][index]) for split in ("train", "test") if files.get(split)}
        if views:
            data["views"] = [read_features(path) for path in files.views[views * index : views * (index + 1)]]
        if files.get("train_images"):
            data["splits"] = (open_split(folder, "train"), open_split(folder, "test"))
        else:
            data["classes"] = len(card.classes)
        outputs = snakemake.output if len(folders) == 1 else [snakemake.output[index]]
        rows = protocol.evaluate(task, section, **data)
        for output in outputs:
            write_rows(output, of_dataset(rows, Path(output).stem))
