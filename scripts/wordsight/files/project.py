"""The project's own files: where they are, and the versions in its lock.

Only the standard library is imported, because the Snakefile imports this module in Snakemake's environment.
"""

import tomllib
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2]
LOCK = SCRIPTS.parent / "uv.lock"
CITATION = SCRIPTS.parent / "CITATION.cff"


@cache
def locked_versions(lock: Path = LOCK) -> dict[str, str]:
    """Version of every distribution in the lock, or its versions if they differ by platform."""
    versions: dict[str, list[str]] = {}
    for package in tomllib.loads(lock.read_text(encoding="utf-8"))["package"]:
        versions.setdefault(package["name"], []).append(package.get("version", ""))
    return {name: " ".join(sorted(found)) for name, found in versions.items()}
