"""Reading a card: the JSON file that describes a dataset, a model or a text model."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from wordsight.errors import DataError
from wordsight.files.disk import read_json

Card = TypeVar("Card", bound=BaseModel)


def read(path: Path | str, kind: type[Card], expected: str) -> Card:
    """Read a card.

    Parameters
    ----------
    path : JSON file
    kind : type of the card
    expected : what the card is, for errors: "the card of a dataset"

    Raises
    ------
    DataError
        When the file is missing or isn't such a card. The error names the file and the first wrong key.
    """
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise DataError(f"{path}: is not {expected} ({key}: {first['msg']})") from None
