"""Import libraries of networks without torch's compiler, whose import takes longer than the rest of a step.

While it is imported, torchvision asks a module of the compiler what it supports, for the operator RoI align,
and timm marks a function that the compiler has to skip. No encoder here is compiled. Libraries that need the
compiler, such as transformers, can still import it afterwards.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

COMPILER_UTILS = "torch._dynamo.utils"


def _unchanged(function: Any) -> Any:
    return function


@contextmanager
def without_compiler() -> Iterator[None]:
    """Within the block, a small module replaces the compiler and says that it compiles nothing."""
    if COMPILER_UTILS in sys.modules:
        yield
        return
    stand_in = ModuleType(COMPILER_UTILS)
    stand_in.is_compile_supported = lambda device: False  # type: ignore[attr-defined]
    sys.modules[COMPILER_UTILS] = stand_in
    disable = torch.compiler.disable
    torch.compiler.disable = _unchanged  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compiler.disable = disable
        if sys.modules.get(COMPILER_UTILS) is stand_in:
            del sys.modules[COMPILER_UTILS]
