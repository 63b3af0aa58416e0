"""Describe the keys of a configuration as rows of tables, from its JSON schema."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from wordsight.catalogue.prose import join

Schema = Mapping[str, Any]

# Sections with a table of their own, which other tables link to.
APART = {"Selector": "[keys that select models](#selecting-models)"}
WORDS = {"boolean": "`true` or `false`", "integer": "whole number", "number": "number", "string": "text"}
RANGE = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "up to", "exclusiveMaximum": "below"}


class Row(NamedTuple):
    """A key: its name, the values that it allows, its default, and its meaning."""

    key: str
    value: str
    default: str
    meaning: str


class Keys:
    """The sections of a configuration, looked up in the definitions of its JSON schema."""

    def __init__(self, schema: Schema) -> None:
        self._definitions: Schema = schema["$defs"]

    def section(self, key: Schema) -> Schema:
        """Section that a key holds, or that each of its entries is."""
        return self._definitions[_section(key)]

    def sources(self, key: Schema) -> dict[str, Schema]:
        """Section of each source, for a key whose entries name a source."""
        sections = [self.section(reference) for reference in _entry(key)["oneOf"]]
        return {section["properties"]["source"]["const"]: section for section in sections}

    def rows(self, keys: Mapping[str, Schema], prefix: str = "") -> Iterator[Row]:
        """Rows of keys, required ones first, each followed by the keys of the section that it holds."""
        for name, key in sorted(keys.items(), key=lambda item: not item[1]["required"]):
            yield self.row(prefix + name, key)
            if _section(key) and _section(key) not in APART:
                each = "" if _entry(key) is key else "<name>."
                yield from self.rows(keys_of(self.section(key)), f"{prefix}{name}.{each}")

    def row(self, name: str, key: Schema) -> Row:
        """Row of one key, without the keys of a section that it holds."""
        value = " or ".join(_value(kind) for kind in _kinds(key))
        # pydantic leaves out a description that the section has as well.
        meaning = key.get("description") or self.section(key)["description"]
        return Row(f"`{name}`", value, _default(key), meaning)


def keys_of(section: Schema) -> dict[str, Schema]:
    """Keys of a section, each marked as ``required`` or not; without the ``source`` that selects it."""
    required = section.get("required", [])
    return {
        name: {**key, "required": name in required}
        for name, key in section.get("properties", {}).items()
        if name != "source" or "description" in key
    }


def shared(sections: list[Schema]) -> dict[str, Schema]:
    """Keys that all sections have, in the form that more than half of the sections agree on."""
    all_keys = [keys_of(section) for section in sections]
    common = {}
    for name in set.intersection(*map(set, all_keys)):
        forms = [keys[name] for keys in all_keys]
        usual = max(forms, key=forms.count)
        if forms.count(usual) > len(sections) / 2:
            common[name] = usual
    return {name: common[name] for name in all_keys[0] if name in common}


def own(section: Schema, common: Mapping[str, Schema]) -> dict[str, Schema]:
    """Keys of a section that are not among the common ones, or differ from them."""
    return {name: key for name, key in keys_of(section).items() if common.get(name) != key}


def _entry(key: Schema) -> Schema:
    """Schema of the entries of a key that holds entries by name; for other keys, the key's own schema."""
    by_pattern: Schema = key.get("patternProperties", {})
    return next(iter(by_pattern.values()), key.get("additionalProperties", key))


def _kinds(key: Schema) -> list[Schema]:
    """Schemas of the types that a key allows, without null."""
    return [kind for kind in key.get("anyOf", [key]) if kind.get("type") != "null"]


def _section(key: Schema) -> str:
    """Name of the section that a key holds, or that each of its entries is; empty for other keys."""
    references = [kind["$ref"] for kind in _kinds(_entry(key)) if "$ref" in kind]
    return references[0].rpartition("/")[2] if references else ""


def _value(kind: Schema, many: bool = False) -> str:
    """Describe the values that a key allows."""
    if "$ref" in kind or "oneOf" in kind:
        return APART.get(_section(kind), "keys below")
    if "anyOf" in kind:
        return join([_value(one) for one in _kinds(kind)], "or")
    if "const" in kind or "enum" in kind:
        return join([f"`{word}`" for word in kind.get("enum", [kind.get("const")])], "or")
    if kind["type"] == "array":
        parts = kind.get("prefixItems", [])
        number = f"{len(parts)} " if parts else ""
        return f"list of {number}{_value((*parts, kind.get('items'))[0], many=True)}"
    if kind["type"] == "object":
        names = kind.get("propertyNames", {}).get("enum", [])
        return f"{_value(_entry(kind))} for {join([f'`{name}`' for name in names]) or 'each name'}"
    plural = "s" if many and kind["type"] in ("integer", "number") else ""
    ends = " and ".join(f"{words} {kind[end]:g}" for end, words in RANGE.items() if end in kind)
    return f"{WORDS[kind['type']]}{plural} {ends}".rstrip()


def _default(key: Schema) -> str:
    """Describe a key's default; empty for a section, whose own keys have defaults."""
    if key["required"]:
        return "required"
    if "$ref" in key:
        return ""
    if key["default"] in (None, "", [], {}):
        return "none"
    text = yaml.safe_dump(key["default"], default_flow_style=True, sort_keys=False, width=1000)
    return f"`{text.splitlines()[0]}`"
