"""Word vectors in the binary format of word2vec, such as GoogleNews-vectors-negative300.bin.gz.

The file starts with a line that has the number of words and the width. For each word follow its bytes, a
space, and the vector as little-endian float32. Some writers end a vector with a line break. Frequent words
come first.

Reference: Mikolov et al., 2013, https://arxiv.org/abs/1310.4546, section 4 (phrases joined by underscores)
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from wordsight.config.text import Word2vecText
from wordsight.errors import DataError
from wordsight.files.disk import atomic
from wordsight.files.hashing import sha256
from wordsight.text import origin
from wordsight.text.building import Fetched
from wordsight.text.card import TOKENIZER, WEIGHTS
from wordsight.text.readers.word2vec import WORDS

EXPECTED = "word vectors in the binary format of word2vec"

HEADER = re.compile(rb"([1-9]\d{0,9}) ([1-9]\d{0,4})\s*\n")

CHUNK = 1 << 20  # bytes

LONGEST_WORD = 2000  # bytes; GoogleNews has phrases of some hundred bytes


def fetch(section: Word2vecText, directory: Path) -> Fetched:
    """Write vectors and words, with one chunk of the file in memory at a time."""
    path = origin.locate(section, EXPECTED)
    compressed = origin.start_of(path, EXPECTED).startswith(b"\x1f\x8b")
    with gzip.open(path) if compressed else path.open("rb") as opened:
        file = cast(BinaryIO, opened)
        total, size = _header(file, path)
        count = min(total, section.limit or total)
        words = _write(directory / WEIGHTS, _entries(file, path, total, count, size), count, size)
    with atomic(directory / TOKENIZER / WORDS) as temporary:
        temporary.write_bytes(b"\n".join(words) + b"\n")
    return Fetched(
        architecture="word2vec",
        origin=next(iter(section.addresses), str(path)),
        sha256=sha256(path),
        size=size,
        words=count,
    )


def _header(file: BinaryIO, path: Path) -> tuple[int, int]:
    """Number of words and width of the vectors."""
    with _readable(path):
        line = file.readline(64)
    match = HEADER.fullmatch(line)
    if match is None:
        raise DataError(f"{path}: expected {EXPECTED}, whose first line is two numbers, found {line[:40]!r}")
    return int(match[1]), int(match[2])


def _entries(file: BinaryIO, path: Path, total: int, count: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The first ``count`` of ``total`` words and the bytes of their vectors."""
    buffer, place, width = b"", 0, 4 * size
    for number in range(1, count + 1):
        space = buffer.find(b" ", place)
        while space < 0 or len(buffer) < space + 1 + width:
            if space < 0 and len(buffer) - place > LONGEST_WORD:
                raise DataError(f"{path}: expected a word before vector {number}, found {LONGEST_WORD} bytes")
            with _readable(path):
                more = file.read(CHUNK)
            if not more:
                raise DataError(f"{path}: expected {total} words, but the file ends within word {number}")
            buffer, place = buffer[place:] + more, 0
            space = buffer.find(b" ")
        word = buffer[place:space].lstrip(b"\n")
        if not word or b"\n" in word or len(word) > LONGEST_WORD:
            raise DataError(f"{path}: expected a word before vector {number}, found {word[:40]!r}")
        yield word, buffer[space + 1 : space + 1 + width]
        place = space + 1 + width
    if count < total:
        return
    with _readable(path):  # read to the end, where gzip has its checksum
        rest = buffer[place:] + file.read(CHUNK)
    if rest.strip():
        raise DataError(f"{path}: the file does not end after its {total} words of {size} numbers")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raise DataError with the path if the compressed bytes are damaged."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: truncated or damaged ({error})") from None


def _write(path: Path, entries: Iterator[tuple[bytes, bytes]], count: int, size: int) -> list[bytes]:
    """Write vectors as safetensors while they are read, and return their words."""
    shape = {"dtype": "F32", "shape": [count, size], "data_offsets": [0, 4 * count * size]}
    header = json.dumps({"vectors": shape}).encode()
    header += b" " * (-len(header) % 8)
    words = []
    with atomic(path) as temporary, temporary.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for word, vector in entries:
            file.write(vector)
            words.append(word)
    return words
