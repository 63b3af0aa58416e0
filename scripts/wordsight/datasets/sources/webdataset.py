"""Captioned or labelled images in the shards of a WebDataset: tar files with a run of files for each sample.

The files of a sample share their path up to the first dot of the file name, which is the sample's key; the
part after the dot says what a file holds. Only images, ``.txt``, ``.cls`` and ``.json`` are read, so that
nothing is unpickled. Nothing is unpacked to disk either: a shard is read once for its texts and for the
positions of its images.

Source: Aizman et al. 2019, "High performance I/O for large scale deep learning", and the library webdataset.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from wordsight.config.datasets import WebDataset
from wordsight.datasets.archives import Extent, tar_entries
from wordsight.datasets.shards import find_shards
from wordsight.datasets.source import NO_LABEL, USERS_OWN, Item, Source, as_text, class_names
from wordsight.datasets.splitting import hold_out
from wordsight.errors import DataError
from wordsight.files.signatures import describe_start
from wordsight.logs import progress

IMAGES = ("jpg", "jpeg", "png", "webp")
TEXTS = ("txt", "cls", "json")
MEMBER = re.compile(r"((?:.*/)?[^./]+)\.([^/]*)", re.DOTALL)


class Member(NamedTuple):
    """A file in a shard: its ``size`` bytes start at ``offset``."""

    key: str
    extension: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Sample:
    """An image and its texts in the shard; a missing text is empty."""

    key: str
    image: Extent
    caption: str
    label: str
    concept: str
    style: str


def load(section: WebDataset) -> Source:
    """Index the shards that ``section.splits`` names.

    Raises
    ------
    DataError
        When a pattern leads out of ``section.path`` or matches nothing, a shard isn't a complete tar file or
        is in both splits, a sample doesn't have exactly one image or has neither a caption nor a label, a key
        occurs twice, or only some of the samples have a label. Files that aren't images are found when they
        are read.
    """
    root = Path(section.path)
    files = find_shards(root, {str(split): pattern for split, pattern in section.splits.items()})
    samples: dict[str, list[Sample]] = {"train": [], "test": []}
    for shard, split in progress(files.items(), len(files), f"shards of {root}"):
        samples[split] += read_shard(shard)
    classes = _classes([*samples["train"], *samples["test"]])
    numbers = {name: number for number, name in enumerate(classes)}
    items = {
        split: [_item(root, sample, numbers) for sample in samples.pop(split)] for split in ("train", "test")
    }
    train = hold_out(items["train"], section.validation, root.absolute().name)
    return Source(section.path, USERS_OWN, classes, train, items["test"])


def read_shard(shard: Path) -> Iterator[Sample]:
    """Samples of a tar file, in order.

    Raises
    ------
    DataError
        As in :func:`load`. The error names the shard and the key.
    """
    seen: set[str] = set()
    try:
        with shard.open("rb") as file:
            for key, members in groupby(_members(file, shard), key=lambda member: member.key):
                where = f"{shard}: {key}"
                if key in seen:
                    raise DataError(f"{where}: the files of this sample are not next to each other")
                seen.add(key)
                image, texts = _parts(file, members, where)
                yield Sample(key, Extent(shard, image.offset, image.size), *_texts(texts, where))
    except OSError as error:
        raise DataError(f"{shard}: cannot be read ({error.strerror})") from None
    if not seen:
        raise DataError(f"{shard}: has no samples")


def _members(file: BinaryIO, shard: Path) -> Iterator[Member]:
    """Members that belong to a sample: regular files with a dot in their name."""
    end = os.fstat(file.fileno()).st_size
    if problem := describe_start(file.read(512)):
        raise DataError(f"{shard}: expected a tar file, found {problem}")
    file.seek(0)
    for entry in tar_entries(file, shard, end):
        if found := MEMBER.fullmatch(entry.name):
            yield Member(found[1], found[2].lower(), entry.offset, entry.size)


def _parts(file: BinaryIO, members: Iterable[Member], where: str) -> tuple[Member, dict[str, bytes]]:
    """The image of a sample, and the contents of its texts by extension."""
    parts: dict[str, Member] = {}
    for member in members:
        if member.extension in parts:
            raise DataError(f"{where}: has two files .{member.extension}")
        parts[member.extension] = member
    images = [extension for extension in IMAGES if extension in parts]
    if len(images) != 1:
        raise DataError(f"{where}: expected one image (.{', .'.join(IMAGES)}), found .{', .'.join(parts)}")
    texts = {}
    for extension in TEXTS:
        if extension in parts:
            file.seek(parts[extension].offset)
            texts[extension] = file.read(parts[extension].size)
    return parts[images[0]], texts


def _texts(contents: dict[str, bytes], where: str) -> tuple[str, str, str, str]:
    """Caption, label, concept and style; a separate file takes precedence over an entry in ``.json``."""
    values = _json(contents["json"], where) if "json" in contents else {}
    for name, extension in (("caption", "txt"), ("label", "cls")):
        if extension in contents:
            values[name] = _decode(contents[extension], extension, where)
    caption, label, concept, style = (
        as_text(values.get(name), name, where) for name in ("caption", "label", "concept", "style")
    )
    if "cls" in contents and not label:
        raise DataError(f"{where}: its .cls is empty")
    if not (caption or label):
        raise DataError(
            f"{where}: has neither a caption (in .txt, or as `caption` in .json) nor a label (in .cls, or as "
            "`label` in .json)"
        )
    return caption, label, concept, style


def _json(content: bytes, where: str) -> dict[str, Any]:
    try:
        values = json.loads(_decode(content, "json", where), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: its .json is not valid JSON ({error})") from None
    if not isinstance(values, dict):
        raise DataError(f"{where}: expected an object in its .json, found {type(values).__name__}")
    return values


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Object of JSON; of two equal keys, Python's reader would keep the last and say nothing."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return values


def _decode(content: bytes, extension: str, where: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: its .{extension} is not valid UTF-8 ({error.reason})") from None


def _classes(samples: list[Sample]) -> list[str]:
    """Names of the classes; empty if no sample has a label."""
    unlabelled = [sample for sample in samples if not sample.label]
    if unlabelled and len(unlabelled) < len(samples):
        first = unlabelled[0]
        raise DataError(
            f"{first.image.path}: {first.key}: has no label, neither in .cls nor as `label` in .json, "
            "but other samples have one"
        )
    return (
        []
        if unlabelled
        else class_names((sample.label for sample in samples), str(samples[0].image.path.parent))
    )


def _item(root: Path, sample: Sample, numbers: dict[str, int]) -> Item:
    shard = sample.image.path.relative_to(root).with_suffix("").as_posix()
    return Item(
        id=f"{shard}/{sample.key}",
        label=numbers[sample.label] if numbers else NO_LABEL,
        read=sample.image.read,
        caption=sample.caption,
        concept=sample.concept,
        style=sample.style,
    )
