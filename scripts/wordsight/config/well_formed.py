"""Is a configuration YAML? Snakemake says of a file that is none neither its name nor the line.

``python -m wordsight.config.well_formed FILE...`` is silent, or ends in one line.
"""

import sys
from pathlib import Path

import yaml

from wordsight.errors import ConfigError


def check(path: Path | str) -> None:
    """Refuse a file that is missing, no YAML, or without keys; what they say is for :mod:`.config` to judge.

    Raises
    ------
    ConfigError
        One line with the file and the place.
    """
    try:
        contents = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: expected a configuration ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected YAML in UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}{line}: expected YAML ({error.problem})") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: expected YAML ({error})") from None
    if not isinstance(contents, dict):
        raise ConfigError(f"{path}: expected YAML with keys at its top level")


if __name__ == "__main__":
    try:
        for file in sys.argv[1:]:
            check(file)
    except ConfigError as error:
        sys.exit(f"wordsight: error: {error}")
