"""The key ``protocols``: which measurements run, and where. A protocol's parameters are in its record."""

from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.protocols.record import Mode, Protocol
from wordsight.catalogue.section import Name, Section
from wordsight.catalogue.values import UNIQUE
from wordsight.config.selector import Selector

OneMode = Literal["sound"]
ONE_MODE: Any = Field(default="sound", description="Always `sound`, since the paper has no such protocol.")


class ProtocolSection(Section):
    """Where a protocol runs."""

    models: Selector = Field(
        default=Selector(), description="Models that are measured; all of them when left out."
    )
    mode: Mode | None = Field(
        default=None,
        description="`sound`, or `paper` for the authors' choices; that of the top level when left out.",
    )

    @property
    def covered(self) -> list[str]:
        """Names of the datasets that the protocol runs on."""
        raise NotImplementedError


class DatasetsSection(ProtocolSection):
    """A protocol that runs on one dataset at a time."""

    datasets: Annotated[list[Name], Field(min_length=1), UNIQUE] = Field(description="Datasets to run on.")

    @property
    def covered(self) -> list[str]:
        """Names of the datasets that the protocol runs on."""
        return list(self.datasets)


class CellsSection(ProtocolSection):
    """A protocol that runs in the four cells of a dataset of concepts in several styles."""

    dataset: Name = Field(description="Dataset of concepts in several styles.")
    mode: OneMode = ONE_MODE

    @property
    def covered(self) -> list[str]:
        """Names of the datasets that the protocol runs on."""
        return [self.dataset]


def section_of(record: Protocol) -> type[ProtocolSection]:
    """Type of a protocol's section: its parameters, and where it runs."""
    bases: tuple[Any, ...] = (record.parameters, CellsSection if record.cells else DatasetsSection)
    fields: dict[str, Any] = {}
    if record.per_dataset is not None:
        fields["datasets"] = (
            Annotated[dict[Name, record.per_dataset], Field(min_length=1)],  # type: ignore[name-defined]
            Field(description="Datasets to run on, by name."),
        )
    if record.sound_only:
        fields["mode"] = (OneMode, ONE_MODE)
    return create_model(
        f"{record.name.title().replace('_', '')}Section",
        __base__=bases,
        __doc__=record.heading,
        **fields,
    )


class _Protocols(Section):
    @property
    def running(self) -> dict[str, ProtocolSection]:
        """Sections of the protocols that run, in the order of the report."""
        sections = {name: getattr(self, name) for name in PROTOCOLS}
        return {name: section for name, section in sections.items() if section is not None}


ProtocolsSection = create_model(
    "ProtocolsSection",
    __base__=_Protocols,
    __doc__="The protocols to run; one that is left out does not run.",
    **{  # type: ignore[call-overload]
        name: (section_of(record) | None, Field(default=None, description=record.question))
        for name, record in PROTOCOLS.items()
    },
)
