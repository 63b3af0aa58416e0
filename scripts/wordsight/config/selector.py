"""Which models a protocol or a side of a contrast takes."""

from wordsight.catalogue.objectives import ObjectiveName
from wordsight.catalogue.section import Language, Name, Section


class Selector(Section):
    """The models whose traits all match; each key takes one value or a list of them."""

    language: Language | list[Language] | None = None
    robust: bool | None = None
    source: str | list[str] | None = None
    architecture: str | list[str] | None = None
    group: str | list[str] | None = None
    objective: ObjectiveName | list[ObjectiveName] | None = None
    seed: int | list[int] | None = None
    models: list[Name] | None = None
