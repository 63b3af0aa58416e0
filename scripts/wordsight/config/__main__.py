"""``python -m wordsight.config FILE...`` checks configurations: it is silent, or ends in one line.

``make`` runs it before Snakemake, which takes seconds to start and names neither the file nor the line of a
mistake in YAML.
"""

import sys

from wordsight.config.load import load, read
from wordsight.errors import ConfigError

if __name__ == "__main__":
    try:
        for file in sys.argv[1:]:
            load(read(file))
    except ConfigError as error:
        sys.exit(f"wordsight: error: {error}")
