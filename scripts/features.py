"""Pass the images of one dataset through one encoder."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step


def as_list(paths):
    """Paths of a named output as a list; Snakemake gives a string if there is only one."""
    return [paths] if isinstance(paths, str) else paths


with step(snakemake.log[0], snakemake.threads):
    from wordsight.config.experiment import FeaturesSection
    from wordsight.config.load import validate
    from wordsight.datasets.reading import open_split
    from wordsight.extraction import extract
    from wordsight.files.feature_sets import write_features
    from wordsight.models.reading import load

    section = validate(FeaturesSection, snakemake.params.section)
    encoder = load(Path(snakemake.input.weights).parent, section.device)
    epoch = snakemake.wildcards.get("epoch")
    view = "plain" if epoch is None else f"augmented-{epoch}"
    for split, paths in snakemake.output.items():
        for card, path in zip(snakemake.input.dataset, as_list(paths), strict=True):
            images = open_split(Path(card).parent, split)
            features = extract(encoder, images, section.batch_size, view=view, seed=snakemake.params.seed)
            features.metadata["code"] = snakemake.params.code
            write_features(path, features)
