"""Which shards of a WebDataset belong to which split.

Only the standard library is imported, because the Snakefile imports this module in Snakemake's environment.
"""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from wordsight.errors import DataError
from wordsight.files.listing import matching

BRACES = re.compile(r"\{([^{}]*)\}")
RANGE = re.compile(r"(\d{1,9})\.\.(\d{1,9})")
MOST = 100_000  # numbers in a range


def find_shards(root: Path, splits: Mapping[str, str]) -> dict[Path, str]:
    """Split of each shard; the patterns of ``splits`` are relative to ``root``, with braces and globs.

    Raises
    ------
    DataError
        When a pattern leads out of ``root`` or matches nothing, or a shard is in both splits, also by a link.
    """
    shards: dict[Path, str] = {}
    real: dict[Path, str] = {}
    for split, pattern in splits.items():
        where = f"{root}: splits.{split}"
        if not pattern or PurePosixPath(pattern).is_absolute() or ".." in PurePosixPath(pattern).parts:
            raise DataError(f"{where}: expected a pattern for files below {root}, not {pattern!r}")
        for name in expand(pattern, where):
            found = matching(root, name)
            if not found:
                raise DataError(f"{where}: there is no shard {name}")
            for shard in found:
                first = shards.get(shard) or real.setdefault(shard.resolve(), split)
                if shard in shards or first != split:
                    raise DataError(f"{where}: the shard {shard} is in splits.{first} too")
                shards[shard] = split
    return shards


def expand(pattern: str, where: str) -> list[str]:
    """Expand the braces of a pattern: ``{a,b}``, and ``{00..12}`` with its leading zeros.

    Raises
    ------
    DataError
        When braces contain anything else, or a range that ends before it starts. The error begins with
        ``where``.
    """
    found = BRACES.search(pattern)
    if not found:
        return [pattern]
    before, after = pattern[: found.start()], pattern[found.end() :]
    if ends := RANGE.fullmatch(found[1]):
        width = max(map(len, ends.groups())) if any(end.startswith("0") for end in ends.groups()) else 1
        numbers = range(int(ends[1]), int(ends[2]) + 1)
        if len(numbers) > MOST:
            raise DataError(f"{where}: expected a range of at most {MOST:,} numbers, not {found[0]}")
        choices = [f"{number:0{width}d}" for number in numbers]
    else:
        choices = found[1].split(",") if "," in found[1] else []
    if not choices:
        raise DataError(f"{where}: expected a rising range {{00..12}} or a list {{a,b}}, not {found[0]}")
    names = (name for choice in choices for name in expand(before + choice + after, where))
    return list(dict.fromkeys(names))  # braces within braces name some twice
