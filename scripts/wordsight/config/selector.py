"""Which models a protocol measures, or a side of a contrast has."""

from pydantic import Field

from wordsight.catalogue.objectives import ObjectiveName
from wordsight.catalogue.places import ReadOut
from wordsight.catalogue.section import Language, Name, Section, Whole


class Selector(Section):
    """The models that match every key; a key that is left out matches all."""

    language: Language | list[Language] | None = Field(
        default=None, description="What the encoder learned from."
    )
    robust: bool | None = Field(
        default=None, description="Whether it was trained against adversarial examples."
    )
    source: str | list[str] | None = Field(
        default=None, description="Source of the model; `pretrain` for those that the workflow trains."
    )
    architecture: str | list[str] | None = Field(
        default=None, description="Architecture, `family/name`; for most sources, it is `source/name`."
    )
    group: str | list[str] | None = Field(default=None, description="Group that the model names.")
    features: ReadOut | list[ReadOut] | None = Field(
        default=None,
        description=(
            "Where features are read. Without this key and `models`, the sides of a contrast have the first "
            "place of each model."
        ),
    )
    objective: ObjectiveName | list[ObjectiveName] | None = Field(
        default=None, description="Objective of `pretraining`."
    )
    seed: Whole | list[Whole] | None = Field(
        default=None, description="Seed of the training, or of an untrained network's initial values."
    )
    models: list[Name] | None = Field(default=None, description="Names of the models themselves.")
