"""A full disk, for a moment."""

import resource
import signal
from contextlib import contextmanager


@contextmanager
def full_disk(left):
    """No file of this process can grow beyond some bytes. Nor could pytest's own report, so be brief."""
    handler, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (left, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
