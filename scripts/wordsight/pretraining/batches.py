"""Load the pixels of planned batches, from memory if all images fit there, otherwise from the file."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from wordsight.config.models import PreprocessingSection
from wordsight.config.pretraining import TrainingSection
from wordsight.datasets.reading import Split
from wordsight.files.pixels import decode
from wordsight.logs import logger
from wordsight.models.preprocessing import resize_and_crop, to_tensor
from wordsight.pretraining import augmentation
from wordsight.pretraining.augmentation import View
from wordsight.seeds import derive_seed

# Images in memory are kept larger than a view, so that a crop is not blurred by enlarging it.
MARGIN = 1.5
GROUPS_AT_ONCE = 16  # row groups that are shuffled together, and that a loading process keeps in memory


@dataclass(frozen=True)
class Plan:
    """One batch: rows of the split, and the random numbers of their views."""

    places: np.ndarray
    views: Sequence[View]


class MemoryPixels:
    """Images of some rows, decoded once and kept in memory as squares of 8-bit values."""

    def __init__(self, split: Split, places: np.ndarray, size: int) -> None:
        kept = round(size * MARGIN)
        self.size = size
        self.rows = {int(place): row for row, place in enumerate(places)}
        self.pixels = torch.empty(len(places), 3, kept, kept, dtype=torch.uint8)
        square = _square(kept)
        for row, (_, image) in enumerate(split.images(set(self.rows))):
            self.pixels[row] = _to_bytes(resize_and_crop(image, square))

    def load(self, plan: Plan) -> list[torch.Tensor]:
        """Crops (b, 3, size, size) in [0, 1] of each view."""
        rows = torch.tensor([self.rows[int(place)] for place in plan.places])
        images = self.pixels.index_select(0, rows).float().div_(255)
        return [augmentation.crop(images, view, self.size) for view in plan.views]


class FilePixels:
    """Images of a Parquet file, decoded each time they are needed."""

    def __init__(self, split: Split, size: int) -> None:
        self.path, self.name, self.size = split.path, split.card.name, size
        with pq.ParquetFile(split.path) as file:
            counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        self._groups: OrderedDict[int, pa.Table] = OrderedDict()

    def load(self, plan: Plan) -> list[torch.Tensor]:
        """Crops (b, 3, size, size) in [0, 1] of each view."""
        images = [self._image(int(place)) for place in plan.places]
        return [
            torch.stack([self._crop(image, view, row) for row, image in enumerate(images)])
            for view in plan.views
        ]

    def _crop(self, image: Image.Image, view: View, row: int) -> torch.Tensor:
        x, y, w, h = view.boxes[row].tolist()
        box = (
            (x - w / 2) * image.width,
            (y - h / 2) * image.height,
            (x + w / 2) * image.width,
            (y + h / 2) * image.height,
        )
        inside = (max(box[0], 0), max(box[1], 0), min(box[2], image.width), min(box[3], image.height))
        crop = to_tensor(image.resize((self.size, self.size), Image.Resampling.BICUBIC, box=inside))
        return crop.flip(2) if view.flips[row] else crop

    def _image(self, place: int) -> Image.Image:
        group = int(np.searchsorted(self.starts, place, side="right")) - 1
        if group not in self._groups:
            with pq.ParquetFile(self.path) as file:
                self._groups[group] = file.read_row_group(group, columns=["id", "image"])
        self._groups.move_to_end(group)
        while len(self._groups) > GROUPS_AT_ONCE:
            self._groups.popitem(last=False)
        row = place - int(self.starts[group])
        table = self._groups[group]
        image = decode(table["image"][row].as_py(), f"{self.name}: {table['id'][row].as_py()}")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        return image.crop((left, top, left + side, top + side))


Pixels = MemoryPixels | FilePixels


def open_pixels(split: Split, places: np.ndarray, section: TrainingSection) -> Pixels:
    """Pixels of some rows, in memory if they fit into ``memory_mb``."""
    size = section.resolution
    needed = len(places) * 3 * round(size * MARGIN) ** 2 / 1e6
    if needed <= section.memory_mb:
        return _in_memory(split, tuple(places.tolist()), size)
    logger.info(
        "%.0f MB of pixels exceed memory_mb, %d MB: each epoch decodes its images", needed, section.memory_mb
    )
    return FilePixels(split, size)


@lru_cache(maxsize=1)
def _in_memory(split: Split, places: tuple[int, ...], size: int) -> MemoryPixels:
    """Decoded images, kept for the next training on the same ones."""
    return MemoryPixels(split, np.array(places), size)


def plain(split: Split, places: np.ndarray, preprocessing: PreprocessingSection) -> torch.Tensor:
    """Images (n, 3, size, size) in [0, 1] as an evaluation sees them."""
    images = split.images({int(place) for place in places})
    return torch.stack([to_tensor(resize_and_crop(image, preprocessing)) for _, image in images])


def plans(
    places: np.ndarray, pixels: Pixels, section: TrainingSection, seed: int, epoch: int, views: int
) -> Iterator[Plan]:
    """Batches of an epoch. Rows, order and views depend only on seed and epoch, not on the objective.

    The last images of an epoch are left out if they are too few for a batch.
    """
    order = _order(places, pixels, derive_seed(seed, "order", epoch))
    for step in range(len(order) // section.batch_size):
        chosen = order[step * section.batch_size : (step + 1) * section.batch_size]
        yield Plan(
            chosen,
            [
                augmentation.draw(
                    len(chosen), section.augmentation, derive_seed(seed, "view", epoch, step, view)
                )
                for view in range(views)
            ],
        )


def _order(places: np.ndarray, pixels: Pixels, seed: int) -> np.ndarray:
    """Random order of the rows.

    From a file, the row groups are shuffled, then the rows of ``GROUPS_AT_ONCE`` groups at a time.
    """
    generator = np.random.default_rng(seed)
    if isinstance(pixels, MemoryPixels):
        return generator.permutation(places)
    members = np.split(places, np.searchsorted(places, pixels.starts[1:-1]))
    parts = [members[group] for group in generator.permutation(len(members))]
    return np.concatenate(
        [
            generator.permutation(np.concatenate(parts[start : start + GROUPS_AT_ONCE]))
            for start in range(0, len(parts), GROUPS_AT_ONCE)
        ]
    )


class _Batches(Dataset):
    def __init__(self, pixels: Pixels, plans: list[Plan]) -> None:
        self.pixels, self.plans = pixels, plans

    def __len__(self) -> int:
        return len(self.plans)

    def __getitem__(self, step: int) -> list[torch.Tensor]:
        return self.pixels.load(self.plans[step])


def load_all(pixels: Pixels, planned: list[Plan], workers: int) -> Iterator[tuple[Plan, list[torch.Tensor]]]:
    """Plans with their crops, loaded ahead by ``workers`` processes, each a batch at a time."""
    loader = DataLoader(_Batches(pixels, planned), batch_size=None, num_workers=workers)
    return zip(planned, loader, strict=True)


def _square(size: int) -> PreprocessingSection:
    return PreprocessingSection(image_size=size, resize=size, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def _to_bytes(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1)
