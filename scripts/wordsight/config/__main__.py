"""``python -m wordsight.config FILE...`` checks configurations, and prints one line about the first mistake.

``make`` runs it before Snakemake, which takes seconds to start and doesn't name the file or the line of a
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
