"""Names of unfinished files and folders: no two processes share one, and those of dead processes are removed.

A name says which process writes under it. So nobody takes away what another process is about to finish, and a
process that was killed leaves nothing for long: whoever writes the same file next removes it.
"""

import glob
import hashlib
import os
import secrets
import shutil
import socket
from contextlib import suppress
from pathlib import Path

ENDING = ".partial"


def name_for(path: Path) -> Path:
    """New name beside a path to write to, until the whole can be renamed to the path."""
    return path.with_name(f".{path.name}.{_machine()}-{os.getpid()}-{secrets.token_hex(4)}{ENDING}")


def remove_abandoned(path: Path) -> None:
    """Remove what dead processes of this machine left unfinished at a path."""
    for found in path.parent.glob(f".{glob.escape(path.name)}.*{ENDING}"):
        machine, _, rest = found.name.removesuffix(ENDING).rpartition(".")[2].partition("-")
        number = rest.partition("-")[0]
        if machine == _machine() and number.isdigit() and not _is_alive(int(number)):
            remove(found)


def remove(path: Path) -> None:
    """Remove a file or folder, if it can be removed."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _machine() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to another user
        return True
    return True
