"""The base class of all sections of the configuration, and types of values that several sections use."""

import difflib
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WrapValidator, model_validator
from pydantic_core import PydanticCustomError

from wordsight.errors import masked

NAME, DIGEST = r"^[a-z0-9][a-z0-9._-]*$", r"^[0-9a-f]{8,64}$"
MOST = 10**18  # columns of tables hold 64 bits


def _sound(value: Any, validated: Callable[[Any], Any]) -> Any:
    """Refuse true and false as numbers, which they are for Python, and numbers that no table can hold."""
    if isinstance(value, bool):
        raise PydanticCustomError("truth", "expected a number, not {value}", {"value": str(value).lower()})
    number = validated(value)
    if not math.isfinite(number):
        raise PydanticCustomError("finite", "expected a finite number, not {value}", {"value": str(number)})
    if abs(number) > MOST:
        raise PydanticCustomError("large", "expected a number of at most {most}", {"most": f"{MOST:,}"})
    return number


def _not_periodic(name: str) -> str:
    """Refuse a name that Snakemake takes for a rule that calls itself again and again."""
    if re.search(r"(.+?)\1{19,}$", name):
        raise PydanticCustomError("periodic", "the name ends in 20 or more repetitions; choose another one")
    return name


def _at_home(path: str) -> str:
    """Path with the user's folder in the place of ``~``."""
    try:
        return str(Path(path).expanduser()) if path.startswith("~") else path
    except RuntimeError:
        raise PydanticCustomError("home", "no such user has a folder; write the path without ~") from None


def _address(url: str) -> str:
    """Refuse an address that can't be asked, or that would put a password or a token into files."""
    if problem := _problem_of(url):
        raise PydanticCustomError("address", "{problem}", {"problem": problem})
    return url


def _problem_of(url: str) -> str:
    if re.search(r"[\s\x00-\x1f\x7f]", url):
        return "an address has no spaces or line breaks; write %20 for a space"
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        named = False
    if not named:
        return "expected an address with https:// or http://, a host and, if it has one, a port up to 65535"
    if masked(url) == url:
        return ""
    if "@" in parts.netloc:
        return "addresses are kept in files that others read; put user and password into ~/.netrc"
    return (
        "addresses are kept in files that others read, and this one has a password or a token; download the "
        "file yourself and set path"
    )


Name = Annotated[str, Field(pattern=NAME, max_length=60), AfterValidator(_not_periodic)]
Text = Annotated[str, Field(min_length=1)]
LocalPath = Annotated[str, Field(min_length=1), AfterValidator(_at_home)]
Address = Annotated[str, Field(min_length=1), AfterValidator(_address)]
SOUND = WrapValidator(_sound)  # comes last, so that the bounds before it reach the schema
Whole = Annotated[int, SOUND]
Number = Annotated[float, SOUND]
Fraction = Annotated[float, Field(gt=0, lt=1), SOUND]
Count = Annotated[int, Field(ge=1), SOUND]
Seed = Annotated[int, Field(ge=0), SOUND]
Share = Annotated[float, Field(ge=0, lt=1), SOUND]
Positive = Annotated[float, Field(gt=0), SOUND]
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

    url: Address | Annotated[list[Address], Field(min_length=1)] | None = Field(
        default=None,
        description=(
            "Address of the file, which is downloaded, or several addresses of the same file, tried in "
            "order; this or `path` is required."
        ),
    )
    path: LocalPath | None = Field(
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
