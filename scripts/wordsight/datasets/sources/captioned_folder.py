"""Images in a folder, and a CSV file with a row for each: its split, caption, label, concept and style.

The table is UTF-8 with a header, quoted as in RFC 4180.
"""

import csv
import os
import stat
from collections.abc import Generator
from contextlib import closing
from functools import partial
from pathlib import Path, PurePosixPath

from wordsight.catalogue.section import nearest
from wordsight.config.datasets import CaptionedFolderDataset
from wordsight.datasets.source import NO_LABEL, USERS_OWN, Item, Source, class_names
from wordsight.datasets.splitting import hold_out
from wordsight.errors import DataError
from wordsight.files import listing
from wordsight.files.signatures import describe_start

REQUIRED = ("image", "split")
TEXTS = ("caption", "label")  # At least one of these columns is required; neither may have empty cells.
COLUMNS = (*REQUIRED, *TEXTS, "concept", "style")
SPLITS = ("train", "test")


def load(section: CaptionedFolderDataset) -> Source:
    """List the images that the table names; it is read twice, so that only its items are in memory.

    Raises
    ------
    DataError
        When the table is missing, isn't CSV in UTF-8, or has a wrong column or row; when an image is missing,
        in two rows, or outside ``section.path``. Files that aren't images are found when they are read.
    """
    root = Path(section.path)
    table = root / section.table
    folders = _Folders(root)
    if problem := folders.problem(section.table):
        raise DataError(f"{table}: table: {problem}")
    with closing(_rows(table)) as rows:
        classes = class_names((row["label"] for _, row in rows if "label" in row), str(table))
    numbers = {name: number for number, name in enumerate(classes)}
    splits: dict[str, list[Item]] = {split: [] for split in SPLITS}
    seen: set[str] = set()
    with closing(_rows(table)) as rows:
        for where, row in rows:
            name = PurePosixPath(row["image"]).as_posix()
            if problem := folders.problem(name):
                raise DataError(f"{where}: {row['image']}: {problem}")
            if name in seen:
                raise DataError(f"{where}: {name}: an earlier row has this image too")
            seen.add(name)
            splits[row["split"]].append(_item(root, name, row, numbers))
    train = hold_out(splits["train"], section.validation, root.absolute().name)
    return Source(section.path, USERS_OWN, classes, train, splits["test"])


class _Folders:
    """Checks that paths lead to files below a root. A folder is resolved only once for all of its images."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.real_root = root.resolve()
        self.inside: dict[str, bool] = {}

    def problem(self, name: str) -> str:
        """Say what is wrong with the path of a file, relative to the root; empty if nothing is."""
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            return f"expected a path below {self.root} without '..'"
        try:
            mode = os.lstat(self.root / path).st_mode
        except OSError as error:
            return f"cannot be found below {self.root} ({error.strerror})"
        folder = path if stat.S_ISLNK(mode) else path.parent
        if not self._is_inside(folder.as_posix()):
            return f"expected a file below {self.root}, found a symbolic link that leads out of it"
        if (self.root / path).is_dir():
            return "expected a file, found a folder"
        return listing.problem(self.root / path)

    def _is_inside(self, name: str) -> bool:
        if name not in self.inside:
            self.inside[name] = (self.root / name).resolve().is_relative_to(self.real_root)
        return self.inside[name]


def _item(root: Path, name: str, row: dict[str, str], numbers: dict[str, int]) -> Item:
    return Item(
        id=name,
        label=numbers[row["label"]] if numbers else NO_LABEL,
        read=partial(_read, root, name),
        caption=row.get("caption", ""),
        concept=row.get("concept", ""),
        style=row.get("style", ""),
    )


def _read(root: Path, name: str) -> bytes:
    return (root / name).read_bytes()


def _rows(table: Path) -> Generator[tuple[str, dict[str, str]]]:
    """Place of each row for errors (the line that it ends on), and its cells by column.

    Close it where reading ends early, so that the file is closed too.
    """
    with closing(_lines(table)) as lines:
        reader = csv.reader(lines, strict=True)
        try:
            columns = _columns(table, next(reader, []))
            for cells in reader:
                if cells:
                    where = f"{table}, line {reader.line_num}"
                    yield where, _cells(where, columns, cells)
        except csv.Error as error:
            raise DataError(f"{table}, line {reader.line_num}: is not valid CSV ({error})") from None


def _lines(table: Path) -> Generator[str]:
    """Lines with their line ends, decoded one by one, so that an error names the right line."""
    number = 0
    try:
        with table.open("rb") as file:
            if problem := describe_start(file.read(512)):
                raise DataError(f"{table}: expected a CSV file, found {problem}")
            file.seek(0)
            for number, line in enumerate(file, start=1):
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except OSError as error:
        raise DataError(f"{table}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{table}, line {number}: is not valid UTF-8 ({error.reason})") from None


def _columns(table: Path, header: list[str]) -> list[str]:
    where = f"{table}, line 1"
    columns = [name.strip() for name in header]
    for place, name in enumerate(columns):
        if name not in COLUMNS:
            raise DataError(f"{where}: unknown column {name[:60]!r}; {nearest(name[:60], list(COLUMNS))}")
        if name in columns[:place]:
            raise DataError(f"{where}: the column {name} appears twice")
    for name in REQUIRED:
        if name not in columns:
            raise DataError(f"{where}: expected a column {name}, found {', '.join(columns) or 'none'}")
    if not set(TEXTS) & set(columns):
        raise DataError(f"{where}: expected a column caption, label or both, found {', '.join(columns)}")
    return columns


def _cells(where: str, columns: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(columns):
        raise DataError(f"{where}: expected {len(columns)} cells, found {len(cells)}")
    row = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    for name in (*REQUIRED, *TEXTS):
        if row.get(name) == "":
            raise DataError(f"{where}: the column {name} is empty")
    if row["split"] not in SPLITS:
        raise DataError(f"{where}: unknown split {row['split']!r}; {nearest(row['split'], list(SPLITS))}")
    return row
