"""Test images that have a twin in the training split.

A twin makes a test image easier for what was fitted on its sibling, by memory and not by generalisation.
Exact twins have equal pixels. Near twins have perceptual hashes (pHash: the signs of the 64 lowest
frequencies of the cosine transform of the luminance, against their median) that differ in few bits. Such
hashes ignore colour and fine detail: the count is too high on drawings and digits, which differ in little
else, and too low on crops.

Source: Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, as in ImageHash.
"""

import hashlib

import numpy as np
from PIL import Image

from wordsight.datasets.card import Duplicates

# Within 4 bits lie all of 20 photographs and 200 faces after JPEG at quality 30, halving or brightening by a
# fifth (2 bits: 90 to 100%), and no two different people among 40,000 pairs of faces.
THRESHOLD = 4
PAIRS_PER_BLOCK = 1 << 22  # 38 MB of differences at a time


class Signatures:
    """Signatures of the images of one split, gathered one at a time: about 100 bytes an image."""

    def __init__(self) -> None:
        self.digests: list[bytes] = []
        self.hashes: list[int] = []

    def add(self, image: Image.Image) -> None:
        """Take in an RGB image."""
        self.digests.append(pixel_digest(image))
        self.hashes.append(perceptual_hash(image))


def pixel_digest(image: Image.Image) -> bytes:
    """16 bytes that two RGB images share when size and pixels are equal."""
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).digest()[:16]


def perceptual_hash(image: Image.Image) -> int:
    """64-bit pHash of an image."""
    import imagehash  # Preparing a dataset needs it, reading one does not.

    return int.from_bytes(np.packbits(imagehash.phash(image).hash.ravel()).tobytes(), "big")


def count_duplicates(train: Signatures, test: Signatures, threshold: int = THRESHOLD) -> Duplicates:
    """Count the test images that have an exact, or else a near, twin in training."""
    known = set(train.digests)
    exact = np.array([digest in known for digest in test.digests], dtype=bool)
    distances = nearest_distances(
        np.array(test.hashes, dtype=np.uint64), np.array(train.hashes, dtype=np.uint64)
    )
    near = ~exact & (distances <= threshold)
    return Duplicates(exact=int(exact.sum()), near=int(near.sum()), threshold=threshold)


def nearest_distances(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Hamming distance of each query to its nearest reference.

    Parameters
    ----------
    queries : uint64 array of shape (m,)
    references : uint64 array of shape (n,)

    Returns
    -------
    uint8 array of shape (m,)
        Bits; 65 where there is no reference. Memory is bounded by ``PAIRS_PER_BLOCK``, whatever m and n.
    """
    references = np.unique(references)
    nearest = np.full(len(queries), 65, dtype=np.uint8)
    width = min(len(references), PAIRS_PER_BLOCK)
    height = PAIRS_PER_BLOCK // max(width, 1)
    for top in range(0, len(queries), height):
        rows = slice(top, top + height)
        for left in range(0, len(references), max(width, 1)):
            differences = queries[rows, None] ^ references[None, left : left + width]
            nearest[rows] = np.minimum(nearest[rows], np.bitwise_count(differences).min(axis=1))
    return nearest
