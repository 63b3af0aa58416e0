"""Write the tables that people read."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.models import read_card
    from wordsight.storage import read_frame
    from wordsight.tables import objectives_table, results_table, write_csv

    cards = [read_card(Path(path).parent) for path in snakemake.input.models]
    traits = {card.name: card.model_dump(mode="json") for card in cards}
    write_csv(snakemake.output.results, results_table(read_frame(snakemake.input.summary), traits))
    write_csv(snakemake.output.objectives, objectives_table(read_frame(snakemake.input.objectives), traits))
    write_csv(snakemake.output.contrasts, read_frame(snakemake.input.contrasts))
