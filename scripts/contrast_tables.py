"""Flag reasons to doubt a contrast, write the checked tables about contrasts, and describe all tables."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.load import validate
    from wordsight.datasets import card as dataset_card
    from wordsight.files.disk import write_json
    from wordsight.files.parquet import read_frame
    from wordsight.models import card as model_card
    from wordsight.statistics.audit import Evidence, audited
    from wordsight.statistics.comparison import Comparison
    from wordsight.statistics.measures import Measure
    from wordsight.tables.citation import read_citation
    from wordsight.tables.csv import write_tables
    from wordsight.tables.schema import descriptor
    from wordsight.tables.schemas import SCHEMAS

    names = ("contrasts", "sensitivity", "conclusions", "plan")
    frames = {name: read_frame(snakemake.input[name]) for name in names}
    comparisons = [validate(Comparison, values) for values in snakemake.params.comparisons]
    evidence = Evidence(
        read_frame(snakemake.input.summary),
        frames["sensitivity"],
        {comparison.name: comparison for comparison in comparisons},
        model_card.read_cards(snakemake.input.models),
        dataset_card.read_cards(snakemake.input.datasets),
        {name: validate(Measure, values) for name, values in snakemake.params.measures.items()},
    )
    frames["contrasts"] = audited(frames["contrasts"], evidence)
    write_tables(frames, snakemake.output)
    folder = Path(snakemake.output.descriptor).parent
    write_json(snakemake.output.descriptor, descriptor(SCHEMAS.values(), folder, read_citation()))
