"""Seeds: every random choice depends only on the configured seed and on what is being drawn."""

import hashlib


def derive_seed(seed: int, *names: str | int) -> int:
    """Seed in [0, 2**32) of the random stream called ``names``, independent of every other stream.

    Two models that use the same names get the same draws, so that they can be compared in pairs.
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
