"""Pass the images of one dataset through one encoder."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step


def each(paths):
    """Files of a named output, which is one path where the rule covers one dataset."""
    return [paths] if isinstance(paths, str) else paths


with step(snakemake.log[0], snakemake.threads):
    from wordsight.config import FeaturesSection, revive
    from wordsight.datasets import open_split
    from wordsight.features import extract
    from wordsight.models import load
    from wordsight.storage import write_features

    section = revive(FeaturesSection, snakemake.params.section)
    encoder = load(Path(snakemake.input.weights).parent, section.device)
    epoch = snakemake.wildcards.get("epoch")
    view = "plain" if epoch is None else f"augmented-{epoch}"
    for split, paths in snakemake.output.items():
        for card, path in zip(snakemake.input.dataset, each(paths), strict=True):
            images = open_split(Path(card).parent, split)
            features = extract(encoder, images, section.batch_size, view=view, seed=snakemake.params.seed)
            features.metadata["code"] = snakemake.params.code
            write_features(path, features)
