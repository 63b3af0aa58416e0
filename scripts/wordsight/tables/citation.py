"""How to cite wordsight, from ``CITATION.cff``."""

from typing import Any

import yaml

from wordsight.errors import DataError
from wordsight.files.project import CITATION


def read_citation() -> dict[str, Any]:
    """Values of ``CITATION.cff``; raises :class:`DataError` when it can't be read."""
    try:
        return dict(yaml.safe_load(CITATION.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"{CITATION}: cannot be read ({error}); restore it from the repository") from None
