"""Digests of files and of plain values.

Only the standard library is imported, because the Snakefile imports this module in Snakemake's environment.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def sha256(path: Path | str) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(values: Mapping[str, Any], *digests: str) -> str:
    """Digest of plain values and of other digests; the order of the keys doesn't matter."""
    text = json.dumps([values, *digests], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
