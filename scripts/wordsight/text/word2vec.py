"""Word vectors in the binary format of word2vec, as of GoogleNews-vectors-negative300.bin.gz.

The file is a line with the number of words and the width, then for each word its bytes, a space, and the
vector as little-endian float32. Some writers end a vector with a line break. Frequent words come first.

Reference: Mikolov et al., 2013, https://arxiv.org/abs/1310.4546, section 4 (phrases joined by underscores)
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from safetensors import SafetensorError, safe_open

from wordsight.config import Word2vecText, Wording
from wordsight.errors import DataError
from wordsight.storage import atomic, sha256
from wordsight.text import origin
from wordsight.text.card import TextCard
from wordsight.text.encoder import Phrase
from wordsight.text.models import TOKENIZER, WEIGHTS, Fetched

EXPECTED = "word vectors in the binary format of word2vec"
WORDS = "words.txt"  # one a line, in the order of the vectors
HEADER = re.compile(rb"([1-9]\d{0,9}) ([1-9]\d{0,4})\s*\n")
CHUNK = 1 << 20  # bytes
LONGEST_WORD = 2000  # bytes; GoogleNews has phrases of some hundred


def fetch(section: Word2vecText, directory: Path) -> Fetched:
    """Write vectors and words, of which one chunk of the file is in memory at a time."""
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
        origin=section.url or str(path),
        sha256=sha256(path),
        size=size,
        words=count,
    )


def read(
    directory: Path, card: TextCard, phrases: Sequence[Phrase], wording: Wording, device: str
) -> tuple[np.ndarray, list[str]]:
    """Vectors (n, d) of class names, and the words that have none.

    A name that is in the vocabulary as one phrase has its vector. Any other name has the mean of those of its
    words that are known, and zeros when none is.
    """
    names = [phrase.name for phrase in phrases]
    wanted = {form for name in names for part in (name, *_parts(name)) for form in _forms(part)}
    rows = _rows(directory / TOKENIZER / WORDS, {form.encode() for form in wanted})
    path = directory / WEIGHTS
    try:
        with safe_open(path, framework="numpy") as file:
            vectors = file.get_slice("vectors")
            found = {word: vectors[row : row + 1][0] for word, row in rows.items()}
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: expected word vectors ({error})") from None

    def look_up(text: str) -> np.ndarray | None:
        return next((found[form.encode()] for form in _forms(text) if form.encode() in found), None)

    means, unknown = np.zeros((len(names), card.size), dtype=np.float32), []
    for row, name in enumerate(names):
        whole = look_up(name)
        if whole is not None:
            means[row] = whole
            continue
        parts = {part: look_up(part) for part in _parts(name)}
        unknown += [part for part, vector in parts.items() if vector is None]
        known = [vector for vector in parts.values() if vector is not None]
        if known:
            means[row] = np.mean(known, axis=0)
    return means, sorted(set(unknown))


def _parts(name: str) -> list[str]:
    """Words of a name without their punctuation."""
    return re.findall(r"\w+(?:['’.]\w+)*", name)


def _forms(text: str) -> list[str]:
    """Spellings to look a text up by, the first that is there counts: words of the file have capitals."""
    joined = "_".join(re.split(r"[\s-]+", text))
    dashed = "_".join(text.split())
    forms = [dashed, joined, dashed.lower(), joined.lower(), "_".join(map(str.capitalize, joined.split("_")))]
    return list(dict.fromkeys(forms))


def _rows(path: Path, wanted: set[bytes]) -> dict[bytes, int]:
    """Place of each wanted word that is in the vocabulary; of a word that is there twice, the first."""
    rows: dict[bytes, int] = {}
    with path.open("rb") as file:
        for row, line in enumerate(file):
            word = line.removesuffix(b"\n")
            if word in wanted:
                rows.setdefault(word, row)
    return rows


def _header(file: BinaryIO, path: Path) -> tuple[int, int]:
    """Number of words and width."""
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
    with _readable(path):  # to the end, where gzip has its checksum
        rest = buffer[place:] + file.read(CHUNK)
    if rest.strip():
        raise DataError(f"{path}: expected {total} words of {size} numbers, found more")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Name the file when its compressed bytes are damaged."""
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
