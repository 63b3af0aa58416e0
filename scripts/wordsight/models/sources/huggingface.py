"""Image encoders of the Hugging Face hub, or of a folder in its layout.

Weights are safetensors, or tensors of an older file of PyTorch, which is never unpickled. Code that comes
with a model is never run.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers
import yaml

from wordsight.config.models import HuggingfaceNetwork, PreprocessingSection
from wordsight.downloads import hub
from wordsight.errors import ConfigError, WordsightError, first_line
from wordsight.files.disk import read_json
from wordsight.models.architectures.huggingface import configuration_of, parts_of
from wordsight.models.foreign import weights
from wordsight.models.pretrained import Pretrained
from wordsight.models.quiet import quiet
from wordsight.models.tensors import Tensors

NETWORK, IMAGES = "config.json", "preprocessor_config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first one that there is, as transformers chooses

# Class names can be longer than everything else; the other keys do not describe the network.
OMITTED_KEYS = ("id2label", "label2id", "_name_or_path", "architectures", "transformers_version")


def acquire(section: HuggingfaceNetwork) -> Pretrained:
    """Read the local folder, or download the model's files."""
    name, revision = section.name, section.revision
    if section.path:
        files = {file: Path(section.path) / file for file in (NETWORK, IMAGES)}
        found = (Path(section.path) / file for file in WEIGHTS)
        path = next((file for file in found if file.exists()), Path(section.path) / WEIGHTS[0])
    else:
        files = {file: hub.from_hub(name, file, revision=revision) for file in (NETWORK, IMAGES)}
        path = hub.first_of(name, WEIGHTS, revision=revision)
    configuration = describe(files, name)
    sha256 = weights.verify(path, section.sha256)
    return Pretrained(
        tensors=_with_current_names(weights.tensors(path), configuration["network"], name),
        origin=section.path or f"https://huggingface.co/{name}" + (f"/tree/{revision}" if revision else ""),
        licence="unknown" if section.path else _licence(name, revision),
        sha256=sha256,
        preprocessing=PreprocessingSection.model_validate(configuration["preprocessing"]),
        configuration=configuration,
    )


def configuration(name: str) -> dict[str, Any]:
    """Settings that a model on the hub is built from, out of its two small files."""
    return describe({file: hub.from_hub(name, file) for file in (NETWORK, IMAGES)}, name)


def describe(files: dict[str, Path], name: str) -> dict[str, Any]:
    """Settings that a model is built from, as plain values for its card, out of its two files of settings."""
    network, images = read_json(files[NETWORK]), read_json(files[IMAGES])
    for file, values in ((NETWORK, network), (IMAGES, images)):
        if not isinstance(values, dict):
            raise ConfigError(f"{files[file]}: expected a JSON object, found a {type(values).__name__}")
    config = configuration_of(network, name)
    kept = {key: value for key, value in config.to_dict().items() if key not in OMITTED_KEYS}
    preprocessing = _preprocessing(network, images, name)
    return {"network": kept, "preprocessing": preprocessing.model_dump(mode="json")}


def _with_current_names(tensors: Tensors, values: dict[str, Any], name: str) -> Tensors:
    """Tensors by their names in the installed transformers, which itself renames those of older files.

    Tensors that the file lacks are left out, and those that do not fit the network are kept, so that
    :func:`wordsight.models.tensors.fit` refuses both.
    """
    kind, config, family = parts_of(values, name)
    with quiet():
        loaded, found = kind.from_pretrained(
            None,
            config=config,
            state_dict=tensors,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **family.options,
        )
    fitting = {key: value for key, value in loaded.state_dict().items() if key not in found["missing_keys"]}
    fitting |= {key: torch.empty(shape) for key, shape, _ in found["mismatched_keys"]}
    return fitting | {key: torch.empty(0) for key in found["unexpected_keys"]}


def _preprocessing(network: dict[str, Any], images: dict[str, Any], name: str) -> PreprocessingSection:
    """Preprocessing that transformers reads from the two files; ConfigError if it is no resize and crop."""
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
            "mean": _per_channel(processor.image_mean),
            "std": _per_channel(processor.image_std),
        }
    )


def _processor(network: dict[str, Any], images: dict[str, Any], name: str) -> Any:
    with tempfile.TemporaryDirectory() as folder, quiet():
        # Either file may name the class of the processor. transformers looks for them by these names.
        for file, values in ((NETWORK, network), (IMAGES, images)):
            Path(folder, file).write_text(json.dumps(values), encoding="utf-8")
        try:
            return transformers.AutoImageProcessor.from_pretrained(folder, trust_remote_code=False)
        except Exception as error:  # transformers lets errors of every type through
            reason = first_line(error).replace(folder, IMAGES)
            raise ConfigError(
                f"config: models: {name} of Hugging Face: transformers can't build its image processor "
                f"({reason})"
            ) from None


def _sizes(processor: Any, where: str) -> tuple[int, int, bool]:
    """Length to resize to, side of the central square, and whether to squash the image."""
    size = {key: value for key, value in dict(processor.size).items() if value}
    crop = dict(processor.crop_size or {}) if getattr(processor, "do_center_crop", False) else {}
    if size.keys() == {"shortest_edge"}:
        resize, squash = size["shortest_edge"], False
        if (crop_fraction := getattr(processor, "crop_pct", None)) is not None:
            # As for ConvNeXt: images of 384 pixels or more are squashed, smaller ones are cropped.
            if resize >= 384:
                return resize, resize, True
            return int(resize / crop_fraction), resize, False
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


def _per_channel(value: float | list[float]) -> list[float]:
    return [value] * 3 if isinstance(value, int | float) else list(value)


def _licence(name: str, revision: str | None) -> str:
    """Licence that the head of the model's page states, or ``unknown``."""
    try:
        page = hub.from_hub(name, "README.md", revision=revision).read_text(encoding="utf-8")
        head = yaml.safe_load(page.split("---")[1]) if page.startswith("---") else {}
        return str(head.get("license", "unknown"))
    except (WordsightError, OSError, ValueError, AttributeError, IndexError, yaml.YAMLError):
        return "unknown"  # a missing or malformed page is no reason to reject the model
