"""Turn a dump of Wikipedia into a corpus of plain text."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.load import validate
    from wordsight.config.text import Corpus
    from wordsight.text.wikipedia import prepare

    section = validate(Corpus, snakemake.params.section)
    prepare(section, snakemake.wildcards.corpus, Path(snakemake.output.card).parent)
