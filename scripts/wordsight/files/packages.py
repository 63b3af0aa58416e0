"""Files that ship inside installed packages."""

import importlib.util
from importlib.metadata import version
from pathlib import Path

from wordsight.errors import DataError


def package_folder(package: str) -> Path:
    """Folder of an installed package, found without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            f"package {package} is not installed here; run `make report`, or use the environments in envs/"
        )
    return Path(spec.submodule_search_locations[0])


def package_file(package: str, place: str) -> Path:
    """Path of a file or folder at ``place`` in an installed package."""
    path = package_folder(package) / place
    if not path.exists():
        raise DataError(f"package {package}: expected {place} in it, found nothing; is it another version?")
    return path


def origin(*distributions: str) -> str:
    """``name==version`` of each distribution."""
    return ", ".join(f"{name}=={version(name)}" for name in distributions)
