r"""Corrupted versions of test images, by the kinds and severities of Hendrycks and Dietterich.

The library ``imagecorruptions`` has the parameters of ImageNet-C, which are lengths in pixels of images whose
shorter side was scaled to 256. So images of every dataset are scaled alike, as ImageNet's were before they
were cropped; the encoder's own preprocessing crops them afterwards.

Its elastic transform isn't that of ImageNet-C, so this one is our own. It moves the corners of a triangle by
up to c pixels, and then each pixel by a smooth random field,

.. math:: d = \alpha \, (G_\sigma * u), \qquad u \sim \mathrm{Uniform}(-1, 1),

for both directions, with bilinear interpolation and reflection at the border.

A version depends on the seed, the dataset, the image, the kind and the severity alone. So it is the same for
every encoder, whichever other versions are made.

References: Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and
perturbations, 2019, https://arxiv.org/abs/1903.12261 ; https://github.com/hendrycks/robustness ; Michaelis
et al., Benchmarking robustness in object detection, 2019, https://arxiv.org/abs/1907.07484 (the library)
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import imagecorruptions
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from wordsight.datasets.card import SplitCard, Splits
from wordsight.datasets.reading import Split
from wordsight.datasets.versions import CLEAN, version_id
from wordsight.datasets.writing import replacing, write_split
from wordsight.errors import DataError
from wordsight.files.disk import write_json
from wordsight.files.hashing import sha256
from wordsight.files.pixels import encode
from wordsight.logs import progress
from wordsight.seeds import derive_seed

MOST_ELONGATED = 8  # longer side over the shorter one; scaling a longer strip would need gigabytes
OWN_SEED = {"glass_blur", "impulse_noise"}  # kinds that don't draw from NumPy's global generator
# Alpha, sigma and c by severity, as shares of ELASTIC_SIDE pixels (the authors' 244, where they meant 224).
ELASTIC = [(2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)]
ELASTIC_SIDE, REFERENCE_SIDE = 244, 224


def render(
    split: Split,
    directory: Path | str,
    *,
    kinds: Sequence[str],
    severities: Sequence[int],
    images: int,
    pixels: int,
    seed: int,
) -> None:
    """Write corrupted versions of a draw of images as a dataset whose test split they are.

    One image and one row group are in memory at a time. Pixels are stored without loss. The same arguments
    give the same bytes.

    Parameters
    ----------
    split : test images
    directory : folder for the three files
    kinds, severities : what is done to each image; one version of it is only scaled
    images : how many are drawn, the same ones for every kind; all if there are fewer
    pixels : shorter side that images are scaled to

    Raises
    ------
    DataError
        When an image is damaged, or much longer in one direction than in the other.
    """
    drawn = np.random.default_rng(derive_seed(seed, "corruptions", split.card.name, "images"))
    places = np.sort(drawn.permutation(len(split))[:images])
    versions = [(CLEAN, 0), *((kind, severity) for kind in kinds for severity in severities)]
    with replacing(Path(directory)) as folder:
        write_split(folder / "train.parquet", [])
        write_split(folder / "test.parquet", _rows(split, places, versions, pixels, seed))
        labels = split.labels[places]
        counts = np.bincount(labels[labels >= 0], minlength=len(split.classes)) * len(versions)
        splits = Splits(
            train=SplitCard(items=0, sha256=sha256(folder / "train.parquet")),
            test=SplitCard(
                items=len(places) * len(versions),
                sha256=sha256(folder / "test.parquet"),
                images_per_class=counts.tolist(),
            ),
        )
        write_json(folder / "card.json", split.card.model_copy(update={"splits": splits}).model_dump())


def _rows(
    split: Split, places: np.ndarray, versions: Sequence[tuple[str, int]], pixels: int, seed: int
) -> Iterator[dict[str, Any]]:
    drawn = zip(places, split.images(set(places.tolist())), strict=True)
    for place, (item, image) in progress(drawn, len(places), f"images of {split.card.name}"):
        scaled = scale(image, pixels, f"{split.card.name}: {item}")
        for kind, severity in versions:
            stream = derive_seed(seed, "corruptions", split.card.name, kind, severity, item)
            changed = np.asarray(scaled) if kind == CLEAN else corrupt(scaled, kind, severity, stream)
            yield {
                "id": version_id(kind, severity, item),
                "label": int(split.labels[place]),
                "caption": split.captions[place],
                "concept": split.concepts[place],
                "style": split.styles[place],
                "held_out": bool(split.held_out[place]),
                "image": encode(changed),
            }


def scale(image: Image.Image, pixels: int, where: str) -> Image.Image:
    """Scale the shorter side to ``pixels`` by bilinear interpolation, as ImageNet-C does.

    Raises
    ------
    DataError
        When one side is more than ``MOST_ELONGATED`` times as long as the other.
    """
    shorter, longer = sorted(image.size)
    if longer > MOST_ELONGATED * shorter:
        raise DataError(
            f"{where}: has {image.width} x {image.height} pixels; to be corrupted, no side may be more than "
            f"{MOST_ELONGATED} times as long as the other, so crop the image or leave it out"
        )
    width, height = (round(side * pixels / shorter) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def corrupt(image: Image.Image, kind: str, severity: int, seed: int) -> np.ndarray:
    """Corrupt an image.

    Parameters
    ----------
    image : RGB, with at least 32 pixels on each side
    kind : one of the 19 kinds
    severity : 1 to 5
    seed : of all random choices

    Returns
    -------
    uint8 array of shape (h, w, 3)
    """
    function = KINDS[kind]
    seeded = {"seed": seed} if kind in OWN_SEED else {}
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.asarray(function(image, severity, **seeded), dtype=np.float64)
    finally:
        np.random.set_state(before)  # noqa: NPY002
    # Where no drop falls on a small image, spatter divides zero by zero.
    return np.where(np.isnan(found), np.asarray(image), found).astype(np.uint8)


def elastic_transform(image: Image.Image, severity: int) -> np.ndarray:
    """Elastic transform of ImageNet-C; its lengths shrink with images whose shorter side is below 224 pixels.

    Returns
    -------
    float array of shape (h, w, 3) in [0, 255]
    """
    pixels = np.asarray(image, dtype=np.float32) / 255
    height, width = pixels.shape[:2]
    side = ELASTIC_SIDE * min(min(height, width) / REFERENCE_SIDE, 1)
    alpha, sigma, jitter = (share * side for share in ELASTIC[severity - 1])
    uniform = np.random.uniform
    centre, arm = np.array([height // 2, width // 2]), min(height, width) // 3
    corners = (centre + arm * np.array([[1, 1], [1, -1], [-1, -1]])).astype(np.float32)
    moved = corners + uniform(-jitter, jitter, corners.shape).astype(np.float32)
    turned = cv2.warpAffine(
        pixels, cv2.getAffineTransform(corners, moved), (width, height), borderMode=cv2.BORDER_REFLECT_101
    )
    across, down = (
        (gaussian_filter(uniform(-1, 1, (height, width)), sigma, mode="reflect", truncate=3) * alpha).astype(
            np.float32
        )
        for _ in range(2)
    )
    rows, columns = np.mgrid[:height, :width]
    places = [rows + down, columns + across]
    channels = [map_coordinates(turned[..., one], places, order=1, mode="reflect") for one in range(3)]
    return np.clip(np.stack(channels, axis=-1), 0, 1) * 255


KINDS: dict[str, Callable[..., Any]] = {
    **imagecorruptions.corruption_dict,
    "elastic_transform": elastic_transform,
}
