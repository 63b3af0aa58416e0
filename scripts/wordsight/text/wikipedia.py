"""Dumps of Wikipedia, turned into one line of plain text per article.

A dump, such as ``enwiki-latest-pages-articles.xml.bz2``, is one XML document in MediaWiki's export format, in
one or more bzip2 streams. It is read while it is unpacked, with one page in memory at a time.

Reference: https://www.mediawiki.org/xml/export-0.11.xsd
"""

import bz2
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from wordsight.config.text import WikipediaCorpus
from wordsight.errors import DataError
from wordsight.files.disk import atomic, write_json
from wordsight.files.hashing import sha256
from wordsight.text import origin
from wordsight.text.card import CorpusCard
from wordsight.text.wikitext import plain

EXPECTED = "a dump of Wikipedia"
CHUNK = 1 << 20  # bytes
# Elements of a page that are kept, as (parent, element), and the fields of Page that hold them.
FIELDS = {("page", "ns"): "namespace", ("revision", "model"): "model", ("revision", "text"): "text"}
ROOT = re.compile(r"http://www\.mediawiki\.org/xml/export-0\.\d+/ mediawiki")
REDIRECT = re.compile(r"\s*#\s*redirect\b", re.IGNORECASE)


@dataclass
class Page:
    """A page of a dump, with its newest revision; its namespace is 0 when it is an article."""

    namespace: str = ""
    model: str = "wikitext"
    text: str = ""
    redirects: bool = False


def prepare(section: WikipediaCorpus, name: str, directory: Path | str) -> CorpusCard:
    """Write ``articles.txt.gz``, UTF-8 with one article a line, and ``card.json``.

    The same dump gives the same bytes.

    Raises
    ------
    DataError
        When the file is missing, truncated or not a dump, or has no articles.
    """
    directory = Path(directory)
    path = origin.locate(section, EXPECTED)
    articles = characters = redirects = other_pages = empty = 0
    with (
        atomic(directory / "articles.txt.gz") as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file,
    ):
        for page in pages(path):
            if page.namespace != "0" or page.model != "wikitext":
                other_pages += 1
            elif page.redirects or REDIRECT.match(page.text):
                redirects += 1
            elif not (text := plain(page.text)):
                empty += 1
            else:
                file.write(text.encode("utf-8", "replace") + b"\n")
                articles, characters = articles + 1, characters + len(text)
            if articles == section.limit:
                break
        if not articles:
            raise DataError(f"{path}: expected articles in the dump, found none")
    card = CorpusCard(
        name=name,
        source=section.source,
        origin=next(iter(section.addresses), str(path)),
        licence=section.licence,
        sha256=sha256(path),
        text_sha256=sha256(directory / "articles.txt.gz"),
        articles=articles,
        characters=characters,
        redirects=redirects,
        other_pages=other_pages,
        empty=empty,
    )
    write_json(directory / "card.json", card.model_dump(mode="json"))
    return card


def pages(path: Path) -> Iterator[Page]:
    """Pages of a dump, in its order.

    Raises
    ------
    DataError
        When the file is not a dump, ends early, or declares a document type. The entities of such a type
        could expand a few bytes until the disk is full.
    """
    compressed = origin.start_of(path, EXPECTED).startswith(b"BZh")
    reader = _Reader(path)
    with bz2.open(path) if compressed else path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK):
                reader.parser.Parse(chunk, False)
                yield from reader.taken()
            reader.parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise DataError(f"{path}: truncated or damaged XML ({error})") from None
        except (EOFError, OSError) as error:
            raise DataError(f"{path}: truncated or damaged ({error})") from None


class _Reader:
    """Collects the pages that expat reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._refuse_document_type
        self.elements: list[str] = []
        self.pieces: list[str] = []
        self.page = Page()
        self.done: list[Page] = []

    def taken(self) -> list[Page]:
        """Pages that were completed since the last call."""
        done, self.done = self.done, []
        return done

    def _refuse_document_type(self, *_: object) -> None:
        raise DataError(f"{self.path}: expected {EXPECTED}, but it declares a document type")

    def _start(self, name: str, _: dict[str, str]) -> None:
        if not self.elements and not ROOT.fullmatch(name):
            raise DataError(f"{self.path}: expected {EXPECTED}, found XML with the root {name!r}")
        element = name.rpartition(" ")[2]
        if element == "page":
            self.page = Page()
        elif element == "redirect":
            self.page.redirects = True
        self.elements.append(element)
        self.pieces.clear()

    def _end(self, _: str) -> None:
        field = FIELDS.get((self.elements[-2], self.elements[-1])) if len(self.elements) > 1 else None
        if field:
            setattr(self.page, field, "".join(self.pieces))
        if self.elements.pop() == "page":
            self.done.append(self.page)

    def _characters(self, text: str) -> None:
        # Text outside the fields, such as comments of editors, is dropped.
        if tuple(self.elements[-2:]) in FIELDS:
            self.pieces.append(text)
