"""The files below a folder: one list in one order, for what reads them and for what digests them.

Links to files and folders are followed. A folder that lies in itself by a link is left out there, so that
every list ends. Only the standard library is imported, because the Snakefile imports this module in
Snakemake's environment.
"""

import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from wordsight.errors import DataError

SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def below(folder: Path, *, hidden: bool = False, strict: bool = True) -> dict[str, Path]:
    """Files below a folder, at any depth, by their names with ``/``.

    The files of a folder are in the order of their names, and those of a folder in it stand at its name.

    Parameters
    ----------
    folder : that exists
    hidden : whether names that begin with a dot are listed
    strict : whether anything that can't be read is refused; otherwise it is left out

    Raises
    ------
    DataError
        When a name isn't UTF-8, or if ``strict``, for a link to nothing, a named pipe, a socket or a device.
        The error names it.
    """
    return {path.relative_to(folder).as_posix(): path for path in _walk(folder, hidden, strict)}


def matching(root: Path, pattern: str) -> list[Path]:
    """Files below a folder that match a pattern with ``*``, ``?``, ``[...]`` and ``**``, in order."""
    if "**" not in pattern:
        return sorted(path for path in root.glob(pattern) if path.is_file())
    parts = pattern.split("/")
    files = below(root, hidden=True, strict=False)
    return [path for name, path in files.items() if _fits(name.split("/"), parts)]


def entries(folder: Path, *, hidden: bool = False) -> list[Path]:
    """What lies in a folder, in the order of the names; raises :class:`DataError` if one isn't UTF-8."""
    found = sorted(path for path in folder.iterdir() if hidden or not path.name.startswith("."))
    for path in found:
        if not _is_utf8(path.name):
            raise DataError(f"{folder}/{_shown(path.name)}: the name is not UTF-8; rename it")
    return found


def linked_folder(folder: Path) -> Path | None:
    """First link to a folder below a folder, for libraries that don't follow it; None if there is none."""
    for parent, folders, _ in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = (Path(parent, name) for name in folders if Path(parent, name).is_symlink())
        if (link := next(links, None)) is not None:
            return link
    return None


def problem(path: Path) -> str:
    """Say why something can't be read as a file or folder; empty if it can."""
    try:
        return _special(path.stat().st_mode)
    except OSError as error:
        return _unreadable(path, error)


def _walk(folder: Path, hidden: bool, strict: bool) -> Iterator[Path]:
    """Files below a folder. Each folder is listed with the identities of those that it lies in."""
    pending: list[tuple[Path, tuple[tuple[int, int], ...]]] = [(folder, ())]
    while pending:
        path, above = pending.pop()
        try:
            found = path.stat()
            wrong = _special(found.st_mode)
        except OSError as error:
            wrong = _unreadable(path, error)
        if wrong:
            if strict:
                raise DataError(f"{path}: {wrong}")
        elif not stat.S_ISDIR(found.st_mode):
            yield path
        elif (identity := (found.st_dev, found.st_ino)) not in above:
            inside = entries(path, hidden=hidden)
            pending += [(entry, (*above, identity)) for entry in reversed(inside)]


def _special(mode: int) -> str:
    kind = SPECIAL.get(stat.S_IFMT(mode))
    return f"expected a file, found {kind}; remove it" if kind else ""


def _unreadable(path: Path, error: OSError) -> str:
    return "is a link to nothing; remove it" if path.is_symlink() else f"cannot be read ({error.strerror})"


def _fits(name: list[str], pattern: list[str]) -> bool:
    """Whether the parts of a name match those of a pattern, in which ``**`` is any number of folders."""
    if not pattern:
        return not name
    if pattern[0] == "**":
        return any(_fits(name[skipped:], pattern[1:]) for skipped in range(len(name) + 1))
    return bool(name) and fnmatchcase(name[0], pattern[0]) and _fits(name[1:], pattern[1:])


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(name: str) -> str:
    r"""Name with escapes for the bytes that aren't UTF-8.

    >>> _shown("caf\udce9.png")
    'caf\\xe9.png'
    """
    return os.fsencode(name).decode(errors="backslashreplace")
