"""Attack one model's classifier on one dataset."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config import FeaturesSection, RobustnessDataset, RobustnessParameters, revive
    from wordsight.datasets import open_split
    from wordsight.models import load
    from wordsight.protocols import robustness
    from wordsight.rows import write_rows
    from wordsight.storage import read_features

    device = revive(FeaturesSection, snakemake.params.features).device
    attacked = revive(RobustnessDataset, snakemake.params.attacked)
    rows = robustness.evaluate_encoder(
        encoder=load(Path(snakemake.input.weights).parent, device),
        test=open_split(Path(snakemake.input.dataset).parent, "test"),
        images=attacked.images,
        train=read_features(snakemake.input.train) if attacked.head == "fitted" else None,
        section=revive(RobustnessParameters, snakemake.params.parameters),
        mode=snakemake.params.mode,
        seed=snakemake.params.seed,
    )
    write_rows(snakemake.output[0], rows)
