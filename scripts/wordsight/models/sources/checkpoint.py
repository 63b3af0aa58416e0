"""A file of weights for a named architecture, from an address or a local path."""

from pathlib import Path

from wordsight.config.models import CheckpointNetwork
from wordsight.downloads import fetching
from wordsight.errors import WeightsError
from wordsight.models import pretrained
from wordsight.models.foreign import layouts, weights


def acquire(section: CheckpointNetwork) -> pretrained.Pretrained:
    """Find or download the file, and read its tensors in the layout that the section names."""
    path, origin = _file(section)
    sha256 = weights.verify(path, section.sha256)
    return pretrained.Pretrained(
        tensors=layouts.tensors(path, section),
        origin=origin,
        sha256=sha256,
        preprocessing=section.preprocessing,
    )


def _file(section: CheckpointNetwork) -> tuple[Path, str]:
    """Path of the local file if it exists, otherwise of the download; and its path or first address."""
    if section.path and Path(section.path).exists():
        return Path(section.path), section.path
    by_hand = f"; {section.by_hand}" if section.by_hand else ""
    if not section.addresses:
        raise WeightsError(f"{section.path}: expected weights, but there is no such file{by_hand}")
    try:
        path = fetching.fetch(section.addresses, sha256=section.sha256, expected="weights")
        return path, section.addresses[0]
    except fetching.DownloadError as error:
        raise fetching.DownloadError(f"{error}{by_hand}") from None
