"""Test images that have a twin in the training split.

A classifier that was fitted on the twin can recognise the test image from memory, without generalising. Exact
twins have equal pixels. Near twins have perceptual hashes that differ in few bits (pHash: whether each of the
64 lowest frequencies of the luminance's cosine transform is above their median). These hashes ignore colour
and fine detail, so the count is too high for drawings and digits, which differ in little else, and too low
for crops.

Source: Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, as in ImageHash.
"""

import hashlib

import numpy as np
from PIL import Image

from wordsight.datasets.card import Duplicates

# Of 20 photographs and 200 faces, all stay within 4 bits when saved as JPEG at quality 30, halved in size or
# brightened by a fifth (within 2 bits: 90 to 100%). None of 40,000 pairs of faces of different people does.
THRESHOLD = 4
PAIRS_PER_BLOCK = 1 << 22  # 38 MB of differences at a time


class Signatures:
    """Signatures of the images of one split, gathered one at a time; they take about 100 bytes per image."""

    def __init__(self) -> None:
        self.digests: list[bytes] = []
        self.hashes: list[int] = []

    def add(self, image: Image.Image) -> None:
        """Add an RGB image."""
        self.digests.append(pixel_digest(image))
        self.hashes.append(perceptual_hash(image))


def pixel_digest(image: Image.Image) -> bytes:
    """16 bytes that are equal for two RGB images of equal size and pixels."""
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).digest()[:16]


def perceptual_hash(image: Image.Image) -> int:
    """64-bit pHash of an image."""
    import imagehash  # Only preparing a dataset needs it, not reading one.

    return int.from_bytes(np.packbits(imagehash.phash(image).hash.ravel()).tobytes(), "big")


def count_duplicates(train: Signatures, test: Signatures, threshold: int = THRESHOLD) -> Duplicates:
    """Count the test images with an exact twin among the training images, and others with a near twin."""
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
        Number of bits; 65 if there are no references. ``PAIRS_PER_BLOCK`` limits memory for any m and n.
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
