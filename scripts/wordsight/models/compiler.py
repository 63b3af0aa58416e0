"""Import libraries of networks without torch's compiler, whose import takes longer than the rest of a step.

torchvision asks the compiler's module, at import, what its operator RoI align may do, and timm marks a
function that the compiler has to leave alone. No encoder here is compiled, and the compiler stays importable
for whoever needs it, as transformers does.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

ASKED = "torch._dynamo.utils"


def _unchanged(function: Any) -> Any:
    return function


@contextmanager
def left_out() -> Iterator[None]:
    """While the block imports, the compiler answers that it compiles nothing."""
    if ASKED in sys.modules:
        yield
        return
    answer = ModuleType(ASKED)
    answer.is_compile_supported = lambda device: False  # type: ignore[attr-defined]
    sys.modules[ASKED] = answer
    disable = torch.compiler.disable
    torch.compiler.disable = _unchanged  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compiler.disable = disable
        if sys.modules.get(ASKED) is answer:
            del sys.modules[ASKED]
