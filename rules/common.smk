# Shared by all rules - the checked configuration, the wildcards, and the digests that decide what reruns.
import re
import sys
from pathlib import Path

sys.path.insert(0, f"{workflow.basedir}/scripts")

from wordsight import provenance
from wordsight.cells import CELLS
from wordsight.config import (
    READS_SENTENCES,
    PretrainNetwork,
    TrainingSection,
    Traits,
    Wording,
    load,
    nearest,
)
from wordsight.errors import ConfigError
from wordsight.rule_graph import rule_graph
from wordsight.statistics.pairs import resolve
from wordsight.targets import (
    confused,
    crossed_inputs,
    embedded_dataset,
    embedded_models,
    evaluated_datasets,
    example_names,
    figure_names,
    models_by_job,
    passed_by_all,
    pictured_datasets,
    protocol_results,
    targets,
    trained_models,
)


def checked(function, *arguments, **options):
    """Result of a function; what is wrong with the configuration ends the run in one line."""
    try:
        return function(*arguments, **options)
    except ConfigError as error:
        sys.exit(f"wordsight: error: {error}")


settings = checked(load, config)
comparisons = checked(resolve, settings)
# Where encoders or image sets are small and many, starting a job costs more than its images do.
together = models_by_job(settings)


def any_of(names):
    """Pattern of one of some names, or of nothing where there is none."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    dataset=any_of(settings.datasets),
    model=any_of(settings.models),
    epoch=r"\d+",
    figure=any_of(figure_names(settings)),


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


# Where it is said what has to lie at a path.
LAYOUTS = {"datasets": "docs/add-a-dataset.md says what has to lie there"}


def user_content(*path):
    """Digests of the files and folders that a section names as the user's own; empty when it names none.

    A file that also has an address need not be there.
    """
    values = section(*path)
    # Weights of torchvision are a name; those for a function of the user's are a file.
    keys = ["path", "weights"] if values["source"] == "python" else ["path"]
    return [
        checked(
            provenance.content_digest,
            values[key],
            ".".join((*path, key)),
            by_hand=values.get("by_hand") or LAYOUTS.get(path[0]),
        )
        for key in keys
        if values.get(key) and (Path(values[key]).exists() or not values.get("url"))
    ]


def of_known_model(file):
    """File of the model that a target names; one that is not configured ends the run in one line."""
    return lambda w: f"resources/models/{checked(known_model, w.model)}/{file}"


def known_model(name):
    """Name of a model, refused when there is none."""
    if name not in settings.models:
        hint = nearest(name, list(settings.models))
        raise ConfigError(f"config: models: unknown model {name!r}; {hint}")
    return name


def model_modules(model):
    """Modules that fetch and build a model: its source's, and its architecture's."""
    family = settings.architecture(model).split("/")[0]
    return sorted({f"models.{settings.models[model].source}", f"models.{family}"})


def text_network(text_model):
    """Values of a text model's section that decide its files, which is all but the wording."""
    return settings.text_models[text_model].model_dump(
        mode="json", exclude=set(Wording.model_fields)
    )


def wording(text_model):
    """Values of a text model's section that say how class names are put to it."""
    return settings.text_models[text_model].model_dump(
        mode="json", include=set(Wording.model_fields)
    )


def text_module(text_model):
    """Module that fetches and reads a text model."""
    return f"text.{settings.text_models[text_model].source}"


def training():
    """What all trainings share: the section without the objectives and the search, which a job has its own of."""
    return settings.pretraining.model_dump(
        mode="json", include=set(TrainingSection.model_fields)
    )


def image_set(file):
    """File of the dataset that encoders are trained on."""
    return f"resources/datasets/{settings.pretraining.images}/{file}"


def sentences(objective):
    """Vectors of captions and class names, for the objectives that read them."""
    read = objective in READS_SENTENCES
    return (
        [f"resources/sentences/{settings.pretraining.images}.safetensors"]
        if read
        else []
    )


def training_modules(objective):
    """Modules that a training imports by a configured name."""
    family = settings.pretraining.architecture.split("/")[0]
    asked = [] if objective == "untrained" else [f"pretraining.objectives.{objective}"]
    return [f"models.{family}", *asked]


def candidate(objective, learning_rate):
    """Network of a search for the learning rate."""
    return PretrainNetwork(
        source="pretrain",
        architecture=settings.pretraining.architecture,
        objective=objective,
        seed=settings.pretraining.search.seed,
        learning_rate=learning_rate,
    ).model_dump(mode="json")


def searched():
    """Results for every objective and learning rate to choose from."""
    if settings.pretraining is None:
        return []
    return expand(
        "results/search/{objective}/{learning_rate}.json",
        objective=[
            name for name in settings.pretraining.objectives if name != "untrained"
        ],
        learning_rate=settings.pretraining.search.learning_rates,
    )


def dataset_cards():
    """Cards of the datasets that some protocol runs on."""
    return expand(
        "resources/datasets/{dataset}/card.json", dataset=evaluated_datasets(settings)
    )


def step_digests(_):
    """Code digest of every step, for the report."""
    scripts = sorted(Path(workflow.basedir, "scripts").glob("*.py"))
    return {script.stem: code(script.name) for script in scripts}


def citation():
    """Digest of how wordsight is cited, which the tables' descriptor and the report repeat."""
    return checked(
        provenance.content_digest, f"{workflow.basedir}/CITATION.cff", "CITATION.cff"
    )


def rules_of_report(_):
    """Rules that the report needs and what they read, for its picture; known once all jobs are."""
    return rule_graph(workflow.dag.jobs, workflow.dag.job_dependencies, "report")


def augmented_views(w):
    """Training features of each epoch, which only the paper's probe reads: those of one dataset after another."""
    epochs = (
        settings.protocols.transfer.epochs
        if settings.protocol_mode("transfer") == "paper"
        else 0
    )
    return [
        f"results/features/{w.model}/{dataset}/augmented/{epoch}.safetensors"
        for dataset in covered(w, "transfer")
        for epoch in range(epochs)
    ]


def images_for(file):
    """File of every dataset that a job of features covers."""
    return lambda w: expand(
        "resources/datasets/{dataset}/{file}",
        dataset=[w.dataset] if w.get("dataset") else passed_by_all(settings),
        file=file,
    )


def features_together(split):
    """Features of a split of all datasets that every trained encoder passes through, for one model."""
    return expand(
        "results/features/{{model}}/{dataset}/{split}.safetensors",
        dataset=passed_by_all(settings),
        split=split,
    )


def covered(w, protocol):
    """Datasets of a job of a protocol: the one of its wildcard, or all that the protocol runs on."""
    one = w.get("dataset")
    return [one] if one else list(getattr(settings.protocols, protocol).datasets)


def features_for(protocol, split):
    """Features of a split of every dataset that a job of a protocol covers."""
    return lambda w: expand(
        "results/features/{model}/{dataset}/{split}.safetensors",
        model=w.model,
        dataset=covered(w, protocol),
        split=split,
    )


def cards_for(protocol):
    """Card of every dataset that a job of a protocol covers."""
    return lambda w: expand(
        "resources/datasets/{dataset}/card.json", dataset=covered(w, protocol)
    )


def results_together(protocol):
    """Results of a protocol on all its datasets, for one model."""
    section = getattr(settings.protocols, protocol)
    return expand(
        f"results/{protocol}/{{model}}/{{dataset}}.parquet",
        dataset=list(section.datasets) if section else [],
        allow_missing=True,
    )


def learning_curves(w):
    """Learning curves of the models that the workflow trains, which one figure shows."""
    shown = trained_models(settings) if w.figure == "training" else []
    return expand("resources/models/{model}/training.csv", model=shown)


def head_features(w):
    """Features that the attacked head is fitted on; the model's own classifier needs none."""
    fitted = settings.protocols.robustness.datasets[w.dataset].head == "fitted"
    return f"results/features/{w.model}/{w.dataset}/train.safetensors" if fitted else []


def caption(figure):
    """What a figure shows, in words."""
    return Path(workflow.basedir, "report", f"{figure}.rst").read_text(encoding="utf-8")


def figure_examples(w):
    """Data of the images that a figure shows; most figures show none."""
    shown = w.figure in example_names(settings)
    return f"results/figures/data/{w.figure}.json" if shown else []


def embedded_features():
    """Test features of the encoders that are shown in the plane."""
    return expand(
        "results/features/{model}/{dataset}/test.safetensors",
        model=embedded_models(settings),
        dataset=embedded_dataset(settings) or [],
    )


def attacked_results():
    """Results of robustness for every model and dataset."""
    return [
        path
        for path in protocol_results(settings)
        if path.startswith("results/robustness/")
    ]


def confused_results():
    """Results of transfer of the models on the sides of the contrasts whose confusions are shown."""
    shown = confused(settings)
    return expand(
        "results/transfer/{model}/{dataset}.parquet",
        model=sorted(
            {m for contrast in shown for pair in contrast.pairs for m in pair}
        ),
        dataset=settings.protocols.transfer.datasets if shown else [],
    )


def pictured(file):
    """File of every dataset whose images or classes the figures of single images show."""
    return expand(
        "resources/datasets/{dataset}/{file}",
        dataset=pictured_datasets(settings),
        file=file,
    )
