"""Types of values that only the configuration checks: no step reads them, so an edit here reruns none."""

import re
from collections import Counter
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError


def _repository(name: str) -> str:
    """Refuse what names no repository of the hub; it becomes a path of the cache and a line of a file."""
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name, re.ASCII) or ".." in name:
        raise PydanticCustomError(
            "repository", "expected the name of a repository on the hub, such as someone/flickr"
        )
    return name


def _revision(name: str) -> str:
    """Refuse what names no state of a repository, for the same reasons."""
    if not re.fullmatch(r"\w[\w./-]*", name, re.ASCII) or ".." in name:
        raise PydanticCustomError("revision", "expected a branch, a tag or a commit of the repository")
    return name


def _refuse_twice(values: list[Any]) -> list[Any]:
    for value, times in Counter(values).items():
        if times > 1:
            raise PydanticCustomError("twice", "{value} is there twice; remove one", {"value": f"{value}"})
    return values


UNIQUE = AfterValidator(_refuse_twice)  # of lists in which each value counts once
Repository = Annotated[str, Field(min_length=1), AfterValidator(_repository)]
Revision = Annotated[str, Field(min_length=1), AfterValidator(_revision)]
