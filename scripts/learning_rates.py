"""Tabulate how well each learning rate does on held-out concepts, and which is best for each objective."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from wordsight.files.disk import read_json
    from wordsight.tables.csv import write_csv

    columns = ["objective", "learning_rate", "held_out_loss", "held_out_accuracy", "best"]
    columns += ["final_loss", "measured", "chance"]
    frame = pd.DataFrame([read_json(path) for path in snakemake.input])
    frame["best"] = frame["held_out_loss"] == frame.groupby("objective")["held_out_loss"].transform("min")
    write_csv(snakemake.output[0], frame[columns])
