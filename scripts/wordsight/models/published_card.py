"""What the publisher of weights states beside them, compared with what the installed library states."""

import math
from collections.abc import Mapping
from typing import Any

from wordsight.downloads import hub
from wordsight.errors import ConfigError, DownloadError
from wordsight.files.disk import read_json


def of_hub(repository: str, file: str) -> dict[str, Any]:
    """The card of a repository of the hub; empty if it has none, or if it can't be had."""
    try:
        card: Any = read_json(hub.from_hub(repository, file))
    except DownloadError:  # a copy of the hub may have the weights alone
        return {}
    return card if isinstance(card, dict) else {}


def agree(name: str, library: str, stated: Mapping[str, Any], installed: Mapping[str, Any]) -> None:
    """Refuse weights whose card contradicts the library; what only one of them states is no contradiction.

    Parameters
    ----------
    name : of the network, in the library
    stated, installed : values of the card and of the library, by the card's keys

    Raises
    ------
    ConfigError
        With the first key of which both state values of one type that differ.
    """
    for key, value in installed.items():
        found = stated.get(key)
        if found is not None and type(found) is type(value) and not _same(found, value):
            raise ConfigError(
                f"config: models: {name} of {library}: the card of the weights states {key} {found}, and the "
                f"installed {library} {value}; install the {library} that the weights were published for, or "
                "use `path`"
            )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return len(one) == len(other) and all(
            math.isclose(a, b, abs_tol=1e-3) for a, b in zip(one, other, strict=True)
        )
    return bool(one == other)
