"""Write the tables about contrasts, checked against their schemas, and a descriptor of all tables."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.files.disk import write_json
    from wordsight.files.parquet import read_frame
    from wordsight.tables.citation import read_citation
    from wordsight.tables.csv import write_tables
    from wordsight.tables.schema import descriptor
    from wordsight.tables.schemas import SCHEMAS

    names = ("contrasts", "sensitivity", "conclusions", "plan")
    write_tables({name: read_frame(snakemake.input[name]) for name in names}, snakemake.output)
    folder = Path(snakemake.output.descriptor).parent
    write_json(snakemake.output.descriptor, descriptor(SCHEMAS.values(), folder, read_citation()))
