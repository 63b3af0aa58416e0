"""Turn a dump into a corpus of plain text."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config import Corpus, revive
    from wordsight.text.wikipedia import prepare

    section = revive(Corpus, snakemake.params.section)
    prepare(section, snakemake.wildcards.corpus, Path(snakemake.output.card).parent)
