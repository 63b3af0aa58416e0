"""Reading a card: the JSON file in which a dataset, a model or a text model says what it is."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from wordsight.errors import DataError
from wordsight.files.disk import read_json

Card = TypeVar("Card", bound=BaseModel)


def read(path: Path | str, kind: type[Card], expected: str) -> Card:
    """Read a card; :class:`DataError` names a file that is none, as ``expected``, and the first wrong key."""
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise DataError(f"{path}: is not {expected} ({key}: {first['msg']})") from None
