"""How jobs allocate memory: what a tensor frees stays with the process, for its next tensors.

The C library gives blocks of more than 128 kB back to the system as soon as they are freed, until it has
learned not to. A small network that trains or is attacked on a CPU frees such blocks in every layer, and the
system clears their pages again each time. Other C libraries than glibc ignore these settings.

Reference: ``mallopt(3)``
"""

import os
import platform


def _version() -> tuple[int, ...]:
    """Version of glibc; empty with another C library."""
    library, version = platform.libc_ver()
    return tuple(map(int, version.split("."))) if library == "glibc" else ()


SETTINGS = {
    # Bytes up to which a block stays. Versions that ignore a larger value than 32 MiB keep nothing then.
    "MALLOC_MMAP_THRESHOLD_": 2**28 if _version() >= (2, 36) else 2**25,
    "MALLOC_TRIM_THRESHOLD_": 2**30,  # bytes that may stay free
}


def keep_freed() -> None:
    """Set it for the processes that this one starts, where the user's environment doesn't say otherwise."""
    for name, size in SETTINGS.items():
        os.environ.setdefault(name, str(size))
