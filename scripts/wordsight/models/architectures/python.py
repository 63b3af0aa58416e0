"""Networks that a Python file of the user builds.

The function under :func:`wordsight.models.python.encoder` takes the path of the weights, or None, and returns
the network. It is called whenever the network is built again, and gets its weights from the model's own file
then.
"""

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from wordsight.catalogue.section import nearest
from wordsight.config.models import PreprocessingSection
from wordsight.errors import ConfigError, first_line
from wordsight.models.encoder import Backbone
from wordsight.models.python import Build

LONGEST = 240  # characters of an error of the user's file


def build(name: str, configuration: dict[str, Any] | None = None) -> tuple[Backbone, PreprocessingSection]:
    """Network of the function ``name`` of a user's file, and the preprocessing of its decorator.

    Parameters
    ----------
    name : of the function
    configuration : the file's ``path``, its ``sha256``, and ``weights``: what the function is called with
    """
    if configuration is None:
        raise ConfigError(f"config: models: python/{name}: expected source python, with the path of its file")
    path, source = configuration["path"], _source(configuration)
    with _blaming(path):
        module = _run(path, source)
    function = _function(module, name, path)
    preprocessing: PreprocessingSection = function.preprocessing  # type: ignore[attr-defined]
    size = preprocessing.image_size
    with _blaming(path):
        network = function(configuration["weights"])
    if not isinstance(network, nn.Module):
        raise ConfigError(
            f"{path}: {name}: expected a torch.nn.Module to be returned, found {type(network).__name__}"
        )
    with _blaming(path), torch.inference_mode():
        features = network.float().eval()(torch.zeros(1, 3, size, size))
    shape = tuple(features.shape) if isinstance(features, torch.Tensor) else type(features).__name__
    if not isinstance(shape, tuple) or len(shape) != 2 or shape[0] != 1:
        raise ConfigError(f"{path}: {name}: expected features of shape (b, d) for b images, found {shape}")
    return Backbone(network, shape[1], configuration=configuration), preprocessing


def _source(configuration: dict[str, Any]) -> bytes:
    """What the file says, refused when it is not what the model was made from."""
    path, expected = configuration["path"], configuration["sha256"]
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: expected the file that builds a model ({first_line(error)})") from None
    if (found := hashlib.sha256(source).hexdigest()) != expected:
        raise ConfigError(f"{path}: expected SHA-256 {expected}, as the model's card says, found {found}")
    return source


def _run(path: str, source: bytes) -> ModuleType:
    """Run a file as a module of its own name, from the bytes that were checked and not from a cache."""
    spec = importlib.util.spec_from_file_location(f"wordsight_user_{Path(path).stem}", path)
    if spec is None:
        raise ConfigError(f"{path}: expected a Python file, whose name ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their module up
    exec(compile(source, path, "exec"), module.__dict__)  # noqa: S102, the user's own code is what is asked for
    return module


def _function(module: ModuleType, name: str, path: str) -> Build:
    valid = [
        key
        for key, value in vars(module).items()
        if isinstance(getattr(value, "preprocessing", None), PreprocessingSection)
    ]
    if name not in valid:
        raise ConfigError(f"{path}: expected a function {name!r} under @encoder(...); {nearest(name, valid)}")
    return vars(module)[name]


@contextmanager
def _blaming(path: str) -> Iterator[None]:
    """Say in one line where in the user's file an error arose."""
    try:
        yield
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        line = frames[-1].lineno if frames else getattr(error, "lineno", None)
        where = f"{path}, line {line}" if line else path
        kind = type(error).__name__
        said = " ".join(str(error).split())[
            :LONGEST
        ]  # torch says in its second line which tensors do not fit
        raise ConfigError(f"{where}: {kind}{': ' + said if said else ''}") from None
