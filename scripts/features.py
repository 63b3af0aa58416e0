"""Pass the images of one dataset or several through one encoder or several."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step


def as_list(paths):
    """Paths of a named output as a list; Snakemake gives a string if there is only one."""
    return [paths] if isinstance(paths, str) else paths


with step(snakemake):
    from wordsight.config.experiment import FeaturesSection
    from wordsight.config.load import validate
    from wordsight.datasets.reading import open_split
    from wordsight.extraction import extract_all
    from wordsight.files.feature_sets import write_features
    from wordsight.models.reading import load_all, readings

    params = snakemake.params
    section = validate(FeaturesSection, params.section)
    encoders = load_all(readings(snakemake.input.weights, params.models, params.places), section.device)
    folders = [Path(card).parent for card in snakemake.input.dataset]
    epoch = snakemake.wildcards.get("epoch")
    view = "plain" if epoch is None else f"augmented-{epoch}"
    for split, paths in snakemake.output.items():
        for place, folder in enumerate(folders):
            images = open_split(folder, split)
            found = extract_all(encoders, images, section.batch_size, view=view, seed=params.seed)
            # Paths are by model, then by dataset.
            for path, features in zip(as_list(paths)[place :: len(folders)], found, strict=True):
                features.metadata["code"] = params.code
                write_features(path, features)
