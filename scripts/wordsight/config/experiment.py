"""The whole configuration: its top-level keys, and what follows from several of them."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, SerializeAsAny

from wordsight.catalogue import places
from wordsight.catalogue.architectures import architecture_of
from wordsight.catalogue.places import ReadOut
from wordsight.catalogue.protocols.record import Mode
from wordsight.catalogue.section import SOUND, Count, Name, Section, Seed
from wordsight.config.contrasts import Conclusion, Contrast
from wordsight.config.datasets import Dataset
from wordsight.config.models import Model
from wordsight.config.pretraining import PretrainingSection
from wordsight.config.protocols import ProtocolsSection
from wordsight.config.selector import Selector
from wordsight.config.statistics import StatisticsSection
from wordsight.config.text import Corpus, TextModel


class FeaturesSection(Section):
    """How images pass through the encoders."""

    batch_size: Count = Field(
        default=32,
        description="Images of 224 × 224 pixels that pass together; of smaller images, more pass together.",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="Device of the encoders; `auto` takes a GPU where there is one."
    )


class Config(Section):
    """The whole configuration."""

    title: str = Field(default="wordsight", description="Heading of the report.")
    seed: Seed = Field(default=0, description="Seed that every random choice is derived from.")
    mode: Mode = Field(
        default="sound",
        description="`sound`, or `paper` for the authors' choices; a protocol can have its own.",
    )
    jobs_by: Literal["dataset", "model", "objective"] = Field(
        default="dataset",
        description=(
            "What a job covers: one model on one dataset; one model on all datasets; or, on all datasets, "
            "`seeds_per_job` models that `pretraining` trains on the same objective. Larger jobs are faster "
            "when starting a job takes longer than its images do, but adding a dataset then reruns the "
            "others. With `pretraining`, `model` holds only for the encoders that it trains."
        ),
    )
    seeds_per_job: Annotated[int, Field(ge=2), SOUND] = Field(
        default=5,
        description=(
            "Seeds of an objective that a job covers with `jobs_by: objective`. If the number of seeds grows "
            "from one multiple of this to another, only the new seeds are computed; for other numbers, see "
            "`job_ends` of the objectives."
        ),
    )
    images_per_job: Count | None = Field(
        default=None,
        description=(
            "Images of a dataset that a job of `robustness` attacks, so that jobs of one model can run on "
            "several machines at the same time. A job that joins them attacks a sample once more, for the "
            "self-checks. If the number of images grows from one multiple of this to another, only the new "
            "images are attacked. One job attacks all images when left out."
        ),
    )
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)] = Field(description="Image sets, by name.")
    # Models that the workflow trains are added after validation and have another type, hence SerializeAsAny.
    models: dict[Name, SerializeAsAny[Model]] = Field(
        default={},
        description="Encoders, by name. At least one is required, here or by `pretraining`.",
    )
    text_models: dict[Name, TextModel] = Field(
        default={},
        description=(
            "Language models and word vectors, by name. They give vectors to the class names of every "
            "dataset that a protocol runs on."
        ),
    )
    corpora: dict[Name, Corpus] = Field(default={}, description="Texts to prepare, by name.")
    pretraining: PretrainingSection | None = Field(
        default=None, description="Encoders to train, which differ in nothing but their objective."
    )
    features: FeaturesSection = Field(
        default=FeaturesSection(), description="How images pass through the encoders."
    )
    protocols: ProtocolsSection = Field(
        description="Evaluations to run, by name; one that is left out does not run."
    )
    contrasts: dict[Name, Contrast] = Field(default={}, description="Comparisons to make, by name.")
    conclusions: dict[Name, Conclusion] = Field(
        default={}, description="What several contrasts show together, by name."
    )
    statistics: StatisticsSection = Field(
        default=StatisticsSection(), description="Intervals, and what a verdict is judged by."
    )

    # Models whose network another entry fetches, and that entry's name. Loading adds them.
    _networks: dict[str, str] = PrivateAttr(default={})

    def reading(self, models: dict[str, Any], networks: dict[str, str]) -> Self:
        """The same with these models, some of which read the network of another one."""
        config = self.model_copy(update={"models": models})
        config._networks = networks
        return config

    def network(self, model: str) -> str:
        """Name of the entry that fetches a model's network, which may be read in several places."""
        return self._networks.get(model, model)

    def read_out(self, model: str) -> ReadOut:
        """Where a model's features are read."""
        place = self.models[model].features
        if isinstance(place, list):  # of an entry before its further places are models of their own
            place = place[0]
        return place or places.default(self.architecture(model))

    def readings(self, network: str) -> list[str]:
        """Models that read one network, in the order of its key `features`."""
        return [network, *(model for model, name in self._networks.items() if name == network)]

    def protocol_mode(self, protocol: str) -> Mode:
        """Mode of a protocol: its own, or the configuration's."""
        return self.protocols.running[protocol].mode or self.mode

    def architecture(self, model: str) -> str:
        """Architecture of a model as ``family/name``."""
        return architecture_of(self.models[model])

    def text_tower(self, model: str) -> str | None:
        """Text model whose vectors are in the space of a model's features: the other half of its network."""
        section = self.models[model]
        if section.source != "open_clip" or self.read_out(model) != "embedding":
            return None

        def weights(one: Any) -> tuple[str | None, ...]:
            return one.name, one.pretrained, one.path

        texts = [name for name, text in self.text_models.items() if text.source == "open_clip"]
        return next((name for name in texts if weights(self.text_models[name]) == weights(section)), None)

    def select(self, selector: Selector) -> list[str]:
        """Names of the models that match every key of ``selector``."""

        def matches(name: str) -> bool:
            traits = {
                **self.models[name].model_dump(),
                "architecture": self.architecture(name),
                "features": self.read_out(name),
                "models": name,
            }
            return all(traits.get(key) in values for key, values in wanted.items())

        wanted = {key: _several(value) for key, value in selector if value is not None}
        return [name for name in self.models if matches(name)]


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
