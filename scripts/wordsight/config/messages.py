"""Describe a mistake in a configuration in one line: the key, and what was expected."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from wordsight.catalogue.architectures import FAMILIES
from wordsight.catalogue.section import DIGEST, NAME, nearest
from wordsight.config.models import ARCHITECTURE
from wordsight.config.text import TEMPLATE
from wordsight.errors import masked

# By pydantic's type of error; the braces are filled in from the context of the error.
EXPECTED = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    "finite_number": "a finite number",
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("list_type", "tuple_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "keys with values"),
    "string_type": "text",
    "string_too_short": "text",
    "string_too_long": "at most {max_length} characters",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "too_short": "{min_length} or more entries",
    "too_long": "{max_length} entries at most",
}
PATTERNS = {
    NAME: "a name of lower-case letters, digits, '.', '_' and '-' that begins with a letter or digit",
    DIGEST: "the first 8 to 64 hexadecimal digits of a SHA-256, in lower case",
    ARCHITECTURE: f"family/name, such as timm/resnet50, with one of the families {', '.join(FAMILIES)}",
    TEMPLATE: "a text with {class} in it once, and no other braces",
}
LONGEST = 60  # characters of a value that are shown


def one_line(error: ValidationError, values: Any) -> str:
    """Describe the first mistake in ``values``.

    If a key allows several types, pydantic reports a mistake for each; the one deepest in the section belongs
    to the type that was meant.
    """
    found = [(_path(mistake, values), mistake) for mistake in error.errors()]
    first = found[0][0]
    path, mistake = max(
        ((path, mistake) for path, mistake in found if path[: len(first)] == first),
        key=lambda pair: len(pair[0]),
    )
    return f"config: {'.'.join(path) or 'top level'}: {_message(mistake)}"


def _path(mistake: Mapping[str, Any], values: Any) -> list[str]:
    """Keys that lead to a mistake in the file, without the names of types that pydantic puts between them."""
    path = []
    for part in mistake["loc"]:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            continue
        path.append(str(part))
    if mistake["type"] == "missing":
        path.append(str(mistake["loc"][-1]))
    elif mistake["type"].startswith("union_tag"):
        path.append("source")
    return path


def _message(mistake: Mapping[str, Any]) -> str:
    kind, value, context = mistake["type"], mistake["input"], mistake.get("ctx", {})
    if kind in ("missing", "union_tag_not_found"):
        return "this key is required"
    if kind == "union_tag_invalid" and context["tag"] == "pretrain":
        return "'pretrain' can't be set here; name an objective under pretraining.objectives instead"
    if kind == "union_tag_invalid":
        return _unknown(value["source"], context["expected_tags"])
    if kind == "literal_error":
        return _unknown(value, str(context["expected"]).replace(" or ", ", "))
    if kind == "string_pattern_mismatch":
        return f"expected {PATTERNS[context['pattern']]}, {_not(value)}"
    if kind == "string_type" and isinstance(value, bool | int | float | date):
        return f'expected text, not {_shortened(value)}; quote it where it is written, like "no" or "1"'
    if kind in EXPECTED:
        return f"expected {EXPECTED[kind].format(**context)}, {_not(value)}"
    return str(mistake["msg"])


def _unknown(value: Any, valid: str) -> str:
    """Message for a value that isn't in the list ``valid``, which pydantic writes as ``'a', 'b'``."""
    names = [word.strip("' ") for word in valid.split(",")]
    if value is None:
        return f"expected one of {', '.join(names)}, but it is empty"
    return f"unknown value {_shortened(value)}; {nearest(str(value)[:LONGEST], names)}"


def _not(value: Any) -> str:
    return "but it is empty" if value in (None, "", [], {}) else f"not {_shortened(value)}"


def _shortened(value: Any) -> str:
    text = masked(str(value) if isinstance(value, date) else repr(value))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
