"""Networks that the user's own Python file builds.

The function decorated with :func:`wordsight.models.python.encoder` takes the path of the weights, or None,
and returns the network. Every step that uses the model calls it again. The weights are then replaced by those
in the model's own file. The file may import modules from its own folder.
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
from wordsight.files import python_imports
from wordsight.models.encoder import Backbone
from wordsight.models.own_imports import Imports, imported_from
from wordsight.models.python import Build

MAX_MESSAGE = 240  # characters that are kept of an error in the user's file


def build(name: str, configuration: dict[str, Any] | None = None) -> tuple[Backbone, PreprocessingSection]:
    """Network of the function ``name`` of a user's file, and the preprocessing of its decorator.

    Parameters
    ----------
    name : of the function
    configuration : ``path`` and ``sha256`` of the file, and ``weights``, the argument of the function; of a
        fetched model also ``beside``, the SHA-256 of each file that it imports from beside it
    """
    if configuration is None:
        raise ConfigError(f"config: models: python/{name} needs the source python, with the path of a file")
    path, source = configuration["path"], _source(configuration)
    with imported_from(Path(path).resolve().parent) as imports:
        with _errors_of(path, imports):
            module = _run(path, source)
        function = _function(module, name, path)
        preprocessing: PreprocessingSection = function.preprocessing  # type: ignore[attr-defined]
        size = preprocessing.image_size
        with _errors_of(path, imports):
            network = function(configuration["weights"])
        if not isinstance(network, nn.Module):
            raise ConfigError(
                f"{path}: {name}: expected a torch.nn.Module to be returned, found {type(network).__name__}"
            )
        # What a network converts or makes in inference mode could never have a gradient.
        with _errors_of(path, imports), torch.no_grad():
            features = network.float().eval()(torch.zeros(1, 3, size, size))
    shape = tuple(features.shape) if isinstance(features, torch.Tensor) else type(features).__name__
    if not isinstance(shape, tuple) or len(shape) != 2 or shape[0] != 1:
        raise ConfigError(f"{path}: {name}: expected features of shape (b, d) for b images, found {shape}")
    _check_imports(path, imports.digests, configuration.get("beside"))
    return Backbone(
        network, shape[1], configuration={**configuration, "beside": imports.digests}
    ), preprocessing


def _source(configuration: dict[str, Any]) -> bytes:
    """Contents of the file; ConfigError unless it is the file that the model was fetched from."""
    path, expected = configuration["path"], configuration["sha256"]
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: can't read the model's Python file ({first_line(error)})") from None
    if (found := hashlib.sha256(source).hexdigest()) != expected:
        raise ConfigError(f"{path}: expected SHA-256 {expected}, as the model's card says, found {found}")
    return source


def _check_imports(path: str, found: dict[str, str], expected: dict[str, str] | None) -> None:
    """Refuse files beside the model's own that aren't those of its card, or that nobody could foresee."""
    folder = Path(path).parent
    if expected is None:
        unseen = sorted(found.keys() - python_imports.beside(Path(path)).keys())
        if unseen:
            raise ConfigError(
                f"{folder / unseen[0]}: an edit of it would go unnoticed, since {path} names it only when it "
                "runs; import it by a statement"
            )
        return
    for file, digest in found.items():
        if expected.get(file) != digest:
            stated = expected.get(file, "(none)")
            raise ConfigError(
                f"{folder / file}: expected SHA-256 {stated}, as the model's card says, found {digest}"
            )


def _run(path: str, source: bytes) -> ModuleType:
    """Run a file as a module, from the bytes that were checked and not from a cached version."""
    spec = importlib.util.spec_from_file_location(f"wordsight_user_{Path(path).stem}", path)
    if spec is None:
        raise ConfigError(f"{path}: expected a Python file, whose name ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look up their module
    exec(compile(source, path, "exec"), module.__dict__)  # noqa: S102, the user asks to run this file
    return module


def _function(module: ModuleType, name: str, path: str) -> Build:
    valid = [
        key
        for key, value in vars(module).items()
        if isinstance(getattr(value, "preprocessing", None), PreprocessingSection)
    ]
    if name not in valid:
        hint = nearest(name, valid)
        raise ConfigError(f"{path}: expected a function {name!r} decorated with @encoder(...); {hint}")
    return vars(module)[name]


@contextmanager
def _errors_of(path: str, imports: Imports) -> Iterator[None]:
    """Turn an error in the user's code into one line that says where in which of its files it arose."""
    try:
        yield
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        names = {str(imports.folder / file): str(Path(path).parent / file) for file in imports.digests}
        names[path] = path
        found = [(getattr(error, "filename", path), getattr(error, "lineno", None))]  # of a SyntaxError
        found += [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)[::-1]]
        file, line = next(
            ((names[file], line) for file, line in found if file in names and line), (path, None)
        )
        where = f"{file}, line {line}" if line else path
        kind = type(error).__name__
        # All lines: torch's second one says which tensors do not fit.
        message = " ".join(str(error).split())[:MAX_MESSAGE]
        raise ConfigError(f"{where}: {kind}{': ' + message if message else ''}") from None
