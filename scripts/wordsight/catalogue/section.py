"""The base class of all sections of the configuration, and types of values that several sections use."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

NAME, DIGEST = r"^[a-z0-9][a-z0-9._-]*$", r"^[0-9a-f]{8,64}$"
Name = Annotated[str, Field(pattern=NAME, max_length=60)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
# A whole SHA-256 in hexadecimal, or its first digits as publishers put them into the names of files.
Digest = Annotated[str, Field(pattern=DIGEST)]
Language = Literal["none", "labels", "captions"]


def nearest(name: str, valid: list[str], most: int = 20) -> str:
    """Suggest the closest valid name, and list the valid ones, or the first ``most`` of them.

    >>> nearest("sed", ["seed", "mode"])
    "did you mean 'seed'? valid: seed, mode"
    """
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    more = f" and {len(valid) - most} more" if len(valid) > most else ""
    return f"{hint}valid: {', '.join(valid[:most]) or 'none'}{more}"


class Section(BaseModel):
    """A section of the configuration: frozen, and closed to unknown keys."""

    # Most steps read only a few of the many sections, so the validator of each is built at its first use.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            valid = [field.alias or name for name, field in cls.model_fields.items()]
            for key in value:
                if key not in valid:
                    raise PydanticCustomError(
                        "unknown_key",
                        "unknown key {key}; {hint}",
                        {"key": repr(key), "hint": nearest(str(key), valid)},
                    )
        return value


class Origin(Section):
    """Where a file comes from: addresses, a local path, or both."""

    url: str | Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None,
        description=(
            "Address of the file, which is downloaded, or several addresses of the same file, tried in "
            "order; this or `path` is required."
        ),
    )
    path: str | None = Field(
        default=None, description="Local file; if it exists, it is used instead of the download."
    )
    by_hand: str | None = Field(
        default=None, description="How to get the file by hand, for the error when it can't be found."
    )

    @property
    def addresses(self) -> list[str]:
        """Addresses of the file, in the order in which they are tried; the first one names it."""
        return [self.url] if isinstance(self.url, str) else self.url or []

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        if self.url is None and self.path is None:
            raise PydanticCustomError("no_origin", "set url, path or both")
        return self
