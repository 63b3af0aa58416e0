"""Image encoders of transformers, from the Hugging Face hub or from a folder in its layout.

Code that comes with a model is never run: networks are those of the installed transformers. Weights are
safetensors. What the network and its preprocessing were built from goes into the card, so that no later step
needs the hub.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers  # which asks torch's compiler for more than `compiler.left_out` answers
import yaml
from torch import nn

from wordsight import downloads
from wordsight.config import HuggingfaceNetwork, PreprocessingSection
from wordsight.errors import ConfigError, WordsightError, first_line
from wordsight.models import weights
from wordsight.models.encoder import Backbone
from wordsight.storage import read_json, sha256

FIRST_TOKEN, POOLED, EMBEDDING = "last_hidden_state", "pooler_output", "image_embeds"
NETWORK, IMAGES, WEIGHTS = "config.json", "preprocessor_config.json", "model.safetensors"


@dataclass(frozen=True)
class Family:
    """How a kind of model becomes an encoder.

    Attributes
    ----------
    network : class of transformers that reads images
    features : what of its output: the first token, the pooled map, or the embedding beside a text's
    width : key of the configuration with the width of the features
    configuration : class of the network's configuration where it is not the model's own
    options : of the network
    """

    network: str
    features: str
    width: str = "hidden_size"
    configuration: str = ""
    options: dict[str, Any] = field(default_factory=dict)


WITHOUT_POOLER = {"add_pooling_layer": False}
CLIP = Family("CLIPVisionModelWithProjection", EMBEDDING, "projection_dim")
SIGLIP = Family("SiglipVisionModel", POOLED)
# By the model type that config.json states. A masked autoencoder that masks nothing is a Vision Transformer.
FAMILIES = {
    "beit": Family("BeitModel", POOLED),
    "clip": CLIP,
    "clip_vision_model": CLIP,
    "convnext": Family("ConvNextModel", POOLED, "hidden_sizes"),
    "convnextv2": Family("ConvNextV2Model", POOLED, "hidden_sizes"),
    "deit": Family("DeiTModel", FIRST_TOKEN, options=WITHOUT_POOLER),
    "dinov2": Family("Dinov2Model", FIRST_TOKEN),
    "dinov2_with_registers": Family("Dinov2WithRegistersModel", FIRST_TOKEN),
    "dinov3_convnext": Family("DINOv3ConvNextModel", POOLED, "hidden_sizes"),
    "dinov3_vit": Family("DINOv3ViTModel", FIRST_TOKEN),
    "resnet": Family("ResNetModel", POOLED, "hidden_sizes"),
    "siglip": SIGLIP,
    "siglip_vision_model": SIGLIP,
    "swin": Family("SwinModel", POOLED),
    "swinv2": Family("Swinv2Model", POOLED),
    "vit": Family("ViTModel", FIRST_TOKEN, options=WITHOUT_POOLER),
    "vit_mae": Family("ViTModel", FIRST_TOKEN, configuration="ViTConfig", options=WITHOUT_POOLER),
}

# Parts of published models that no feature comes from: classifiers, text towers, decoders, masks, poolers.
UNUSED = (
    "classifier.",
    "cls_classifier.",
    "distillation_classifier.",
    "decoder.",
    "embeddings.mask_token",
    "head.",
    "lm_head.",
    "logit_bias",
    "logit_scale",
    "pooler.",
    "text_model.",
    "text_projection.",
)
# Names of the classes, which can be longer than all the rest, and what says nothing of the network.
LEFT_OUT = ("id2label", "label2id", "_name_or_path", "architectures", "transformers_version")


def build(name: str, configuration: dict[str, Any] | None = None) -> tuple[Backbone, PreprocessingSection]:
    """Network of a model, and its preprocessing.

    Parameters
    ----------
    name : of the model on the hub
    configuration : what an earlier call built from; without it, two small files come from the hub
    """
    if configuration is None:
        configuration = _describe({file: downloads.from_hub(name, file) for file in (NETWORK, IMAGES)}, name)
    kind, config, family = _parts(configuration["network"], name)
    width = getattr(config, family.width)
    backbone = Backbone(
        kind(config, **family.options),
        width[-1] if isinstance(width, list | tuple) else width,
        pool=_Features(family.features),
        unused=UNUSED,
        configuration=configuration,
    )
    return backbone, PreprocessingSection.model_validate(configuration["preprocessing"])


def acquire(section: HuggingfaceNetwork) -> weights.Pretrained:
    """Read the local folder, or download the model's files."""
    name, revision = section.name, section.revision
    if section.path:
        files = {file: Path(section.path) / file for file in (NETWORK, IMAGES, WEIGHTS)}
    else:
        files = {
            file: downloads.from_hub(name, file, revision=revision) for file in (NETWORK, IMAGES, WEIGHTS)
        }
    configuration = _describe(files, name)
    path = files[WEIGHTS]
    given = weights.state_dict(weights.read(path, section.sha256), path)
    return weights.Pretrained(
        tensors=_under_present_names(given, configuration["network"], name),
        origin=section.path or f"https://huggingface.co/{name}" + (f"/tree/{revision}" if revision else ""),
        licence="unknown" if section.path else _licence(name, revision),
        sha256=sha256(path),
        preprocessing=PreprocessingSection.model_validate(configuration["preprocessing"]),
        configuration=configuration,
    )


class _Features(nn.Module):
    """The feature in what a network of transformers returns."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, output: Any) -> torch.Tensor:
        """Shape (b, d)."""
        if self.kind == FIRST_TOKEN:
            return output.last_hidden_state[:, 0]
        return output[self.kind].flatten(1)


def _describe(files: dict[str, Path], name: str) -> dict[str, Any]:
    """What a model is built from, out of its two files of settings: plain values for its card."""
    network, images = read_json(files[NETWORK]), read_json(files[IMAGES])
    for file, values in ((NETWORK, network), (IMAGES, images)):
        if not isinstance(values, dict):
            raise ConfigError(f"{files[file]}: expected an object of JSON, found a {type(values).__name__}")
    config = _configuration(network, name)
    kept = {key: value for key, value in config.to_dict().items() if key not in LEFT_OUT}
    preprocessing = _preprocessing(network, images, name)
    return {"network": kept, "preprocessing": preprocessing.model_dump(mode="json")}


def _configuration(values: dict[str, Any], name: str) -> Any:
    """Configuration of the part of a model that reads images."""
    kind = values.get("model_type")
    if kind not in FAMILIES:
        raise ConfigError(
            f"config: models: {name} of Hugging Face: expected an image encoder among "
            f"{', '.join(FAMILIES)}, but its model type is {kind!r}"
        )
    if "quantization_config" in values:
        raise ConfigError(f"config: models: {name} of Hugging Face: expected weights that are not quantised")
    try:
        config = transformers.CONFIG_MAPPING[kind].from_dict(values)
    except Exception as error:  # transformers checks its configurations with errors of its own
        reason = first_line(error)
        raise ConfigError(
            f"config: models: {name} of Hugging Face: expected settings of a {kind}, found others ({reason})"
        ) from None
    if kind == "clip":
        config.vision_config.projection_dim = config.projection_dim
    config = getattr(config, "vision_config", config)
    if not getattr(config, "vision_use_head", True):
        raise ConfigError(f"config: models: {name} of Hugging Face: expected a model that pools its tokens")
    return config


def _parts(values: dict[str, Any], name: str) -> tuple[Any, Any, Family]:
    """Class of a network, what it is built from, and what is an encoder of it."""
    config = _configuration(values, name)
    family = FAMILIES[config.model_type]
    if family.configuration:
        settings = {key: value for key, value in config.to_dict().items() if key != "model_type"}
        config = getattr(transformers, family.configuration)(**settings)
    return getattr(transformers, family.network), config, family


def _under_present_names(given: weights.Tensors, values: dict[str, Any], name: str) -> weights.Tensors:
    """Tensors by their names in the installed transformers, which renames those of older files itself.

    What the file lacks is left out, and what the network has no place for stays, for :func:`.weights.fit` to
    refuse.
    """
    kind, config, family = _parts(values, name)
    with _quiet():
        loaded, found = kind.from_pretrained(
            None,
            config=config,
            state_dict=given,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **family.options,
        )
    tensors = {key: value for key, value in loaded.state_dict().items() if key not in found["missing_keys"]}
    tensors |= {key: torch.empty(shape) for key, shape, _ in found["mismatched_keys"]}
    return tensors | {key: torch.empty(0) for key in found["unexpected_keys"]}


@contextmanager
def _quiet() -> Iterator[None]:
    """While the block runs, transformers neither reports nor draws bars: errors say what is wrong."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _preprocessing(network: dict[str, Any], images: dict[str, Any], name: str) -> PreprocessingSection:
    """Preprocessing as transformers understands its two files, refused where it is no resize and crop."""
    processor = _processor(network, images, name)
    where = f"config: models: {name} of Hugging Face"
    wanted = {"do_resize": True, "do_rescale": True, "do_normalize": True, "do_pad": False}
    for key, value in wanted.items():
        if bool(getattr(processor, key, None)) != value:
            raise ConfigError(f"{where}: expected {key} to be {str(value).lower()} in {IMAGES}")
    if abs(processor.rescale_factor * 255 - 1) > 1e-6:
        raise ConfigError(f"{where}: expected rescale_factor 1/255, but it is {processor.rescale_factor}")
    resize, image_size, squash = _sizes(processor, where)
    interpolation = {0: "nearest", 2: "bilinear", 3: "bicubic"}.get(int(processor.resample))
    if interpolation is None:
        raise ConfigError(f"{where}: expected resample 0, 2 or 3, but it is {int(processor.resample)}")
    return PreprocessingSection.model_validate(
        {
            "image_size": image_size,
            "resize": resize,
            "interpolation": interpolation,
            "squash": squash,
            "mean": _three(processor.image_mean),
            "std": _three(processor.image_std),
        }
    )


def _processor(network: dict[str, Any], images: dict[str, Any], name: str) -> Any:
    with tempfile.TemporaryDirectory() as folder, _quiet():
        # The kind of processor follows from either file; both are written under the names that it looks for.
        for file, values in ((NETWORK, network), (IMAGES, images)):
            Path(folder, file).write_text(json.dumps(values), encoding="utf-8")
        try:
            return transformers.AutoImageProcessor.from_pretrained(folder, trust_remote_code=False)
        except Exception as error:  # transformers raises whatever its parts do
            reason = first_line(error).replace(folder, IMAGES)
            raise ConfigError(
                f"config: models: {name} of Hugging Face: expected an image processor of transformers "
                f"({reason})"
            ) from None


def _sizes(processor: Any, where: str) -> tuple[int, int, bool]:
    """Length to resize to, side of the central square, and whether the shape is given up."""
    size = {key: value for key, value in dict(processor.size).items() if value}
    crop = dict(processor.crop_size or {}) if getattr(processor, "do_center_crop", False) else {}
    if size.keys() == {"shortest_edge"}:
        resize, squash = size["shortest_edge"], False
        if (share := getattr(processor, "crop_pct", None)) is not None:
            # ConvNeXt's: smaller images are cut out of larger ones, those of 384 pixels and more squashed.
            if resize >= 384:
                return resize, resize, True
            return int(resize / share), resize, False
    elif size.keys() == {"height", "width"} and size["height"] == size["width"]:
        resize, squash = size["height"], True
    else:
        raise ConfigError(f"{where}: expected size with shortest_edge or a square in {IMAGES}, found {size}")
    if not crop and squash:
        return resize, resize, True
    if not crop or crop.get("height") != crop.get("width") or crop["height"] > resize:
        found = {key: value for key, value in crop.items() if value} or "none"
        raise ConfigError(f"{where}: expected a square crop_size of at most {resize} pixels, found {found}")
    return resize, crop["height"], squash


def _three(value: float | list[float]) -> list[float]:
    return [value] * 3 if isinstance(value, int | float) else list(value)


def _licence(name: str, revision: str | None) -> str:
    """Licence that the model's page states at its head."""
    try:
        page = downloads.from_hub(name, "README.md", revision=revision).read_text(encoding="utf-8")
        head = yaml.safe_load(page.split("---")[1]) if page.startswith("---") else {}
        return str(head.get("license", "unknown"))
    except (WordsightError, OSError, ValueError, AttributeError, IndexError, yaml.YAMLError):
        return "unknown"  # a page that is missing or malformed is no reason to go without the model
