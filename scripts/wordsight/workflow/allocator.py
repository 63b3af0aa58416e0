"""How jobs allocate memory: what a tensor frees stays with the process, for its next tensors.

The C library gives blocks of more than 128 kB back to the system as soon as they are freed, until it has
learned not to. A small network that trains or is attacked on a CPU frees such blocks in every layer, and the
system clears their pages again each time. Other C libraries than glibc ignore these settings.

Reference: ``mallopt(3)``
"""

import os

SETTINGS = {
    "MALLOC_MMAP_THRESHOLD_": 2**25,  # bytes; the largest value that every glibc takes
    "MALLOC_TRIM_THRESHOLD_": 2**30,  # bytes that may stay free
}


def keep_freed() -> None:
    """Set it for the processes that this one starts, where the user's environment doesn't say otherwise."""
    for name, size in SETTINGS.items():
        os.environ.setdefault(name, str(size))
