# Shared by all rules - the checked configuration, the wildcards, and the digests that decide what reruns.
import re
import sys
from pathlib import Path

sys.path.insert(0, f"{workflow.basedir}/scripts")

from wordsight import provenance
from wordsight.config import Traits, load
from wordsight.errors import ConfigError
from wordsight.statistics.pairs import resolve
from wordsight.targets import (
    evaluated_datasets,
    figure_names,
    protocol_results,
    targets,
)


def checked(function, *arguments):
    """Result of a function; what is wrong with the configuration ends the run in one line."""
    try:
        return function(*arguments)
    except ConfigError as error:
        sys.exit(f"wordsight: error: {error}")


settings = checked(load, config)
comparisons = checked(resolve, settings)


wildcard_constraints:
    dataset="|".join(map(re.escape, settings.datasets)),
    model="|".join(map(re.escape, settings.models)),
    epoch=r"\d+",
    figure="|".join(figure_names(settings)),


def growing(mem_mb):
    """Memory of a rule, as measured with room; each retry of the profile doubles it."""
    return lambda _, attempt: mem_mb * 2 ** (attempt - 1)


def code(script, *modules):
    """Digest of a script and of all that it imports; modules are those it imports by a configured name."""
    return provenance.code_digest(
        script, *(f"wordsight.{module}" for module in modules)
    )


def section(*path):
    """Values of one section of the configuration, as its step reads them."""
    value = settings
    for key in path:
        value = value[key] if isinstance(value, dict) else getattr(value, key)
    return value.model_dump(mode="json")


def network(model):
    """Values of a model's section that decide its weights."""
    return settings.models[model].model_dump(
        mode="json", exclude=set(Traits.model_fields)
    )


def traits(model):
    """Values of a model's section that say what it learned from."""
    return settings.models[model].model_dump(
        mode="json", include=set(Traits.model_fields)
    )


def parameters(protocol):
    """What the steps of a protocol read of its section: not where it runs, so that a new dataset reruns none."""
    section = getattr(settings.protocols, protocol)
    return section.model_dump(mode="json", exclude={"datasets", "models", "mode"})


def user_content(*path):
    """Digest of the file or folder that a section names as the user's own; empty when it names none."""
    own = section(*path).get("path")
    return own and checked(provenance.content_digest, own, ".".join((*path, "path")))


def model_modules(model):
    """Modules that fetch and build a model: its source's, and its architecture's."""
    family = settings.architecture(model).split("/")[0]
    return sorted({f"models.{settings.models[model].source}", f"models.{family}"})


def dataset_cards():
    """Cards of the datasets that some protocol runs on."""
    return expand(
        "resources/datasets/{dataset}/card.json", dataset=evaluated_datasets(settings)
    )


def step_digests(_):
    """Code digest of every step, for the report."""
    scripts = sorted(Path(workflow.basedir, "scripts").glob("*.py"))
    return {script.stem: code(script.name) for script in scripts}


def augmented_views(w):
    """Training features of each epoch, which only the paper's probe reads."""
    epochs = (
        settings.protocols.transfer.epochs
        if settings.protocol_mode("transfer") == "paper"
        else 0
    )
    return expand(
        "results/features/{{model}}/{{dataset}}/augmented/{epoch}.safetensors",
        epoch=range(epochs),
    )


def head_features(w):
    """Features that the attacked head is fitted on; the model's own classifier needs none."""
    fitted = settings.protocols.robustness.datasets[w.dataset].head == "fitted"
    return f"results/features/{w.model}/{w.dataset}/train.safetensors" if fitted else []
