"""Seeds: every random choice is a function of the configured seed and of what is being drawn."""

import hashlib


def derive_seed(seed: int, *names: str | int) -> int:
    """Seed in [0, 2**32) for the stream called ``names``, independent of every other stream.

    Two models that ask for the same names get the same draws, which is what makes comparisons paired.
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
