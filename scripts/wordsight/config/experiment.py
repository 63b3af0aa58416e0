"""The whole configuration: its keys, and what is asked of all of them together."""

from typing import Annotated, Literal

from pydantic import Field

from wordsight.catalogue.architectures import architecture_of
from wordsight.catalogue.protocols.record import Mode
from wordsight.catalogue.section import Count, Name, Section
from wordsight.config.contrasts import Contrast
from wordsight.config.datasets import Dataset
from wordsight.config.models import Model
from wordsight.config.pretraining import PretrainingSection
from wordsight.config.protocols import ProtocolsSection
from wordsight.config.selector import Selector
from wordsight.config.statistics import StatisticsSection
from wordsight.config.text import Corpus, TextModel


class FeaturesSection(Section):
    """How images pass through the encoders."""

    batch_size: Count = 32
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"


class Config(Section):
    """The whole configuration."""

    title: str = "wordsight"
    seed: Annotated[int, Field(ge=0)] = 0
    mode: Mode = "sound"
    jobs_by: Literal["dataset", "model"] = "dataset"
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)]
    models: dict[Name, Model] = {}
    text_models: dict[Name, TextModel] = {}
    corpora: dict[Name, Corpus] = {}
    pretraining: PretrainingSection | None = None
    features: FeaturesSection = FeaturesSection()
    protocols: ProtocolsSection
    contrasts: dict[Name, Contrast] = {}
    statistics: StatisticsSection = StatisticsSection()

    def protocol_mode(self, protocol: str) -> Mode:
        """Mode of a protocol: its own, or the configuration's."""
        return self.protocols.running[protocol].mode or self.mode

    def architecture(self, model: str) -> str:
        """Architecture of a model as ``family/name``."""
        return architecture_of(self.models[model])

    def select(self, selector: Selector) -> list[str]:
        """Names of the models that match every key of ``selector``."""

        def matches(name: str) -> bool:
            traits = {
                **self.models[name].model_dump(),
                "architecture": self.architecture(name),
                "models": name,
            }
            wanted = selector.model_dump(exclude_none=True)
            return all(
                traits.get(key) in (value if isinstance(value, list) else [value])
                for key, value in wanted.items()
            )

        return [name for name in self.models if matches(name)]
