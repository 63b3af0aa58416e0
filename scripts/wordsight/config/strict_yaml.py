"""YAML without surprises: no key is lost, none is read as another type, and nothing explodes.

YAML itself allows a key twice, of which readers keep one; it reads the name ``no`` as false, 010 as 8 and
1:30 as 90; and it lets a few lines stand for billions of values, or for a value that contains itself.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

LARGEST = 1_000_000  # characters of a configuration
MOST_VALUES = 100_000  # with every alias counted as often as it is used
DEEPEST = 50  # levels
MERGE = "tag:yaml.org,2002:merge"


TOO_DEEP = f"values are nested too deeply; {DEEPEST} levels are allowed"


class StrictError(Exception):
    """YAML that a configuration may not have; the message says why.

    Attributes
    ----------
    line : line of the text, from 1; None where there is no such place
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def parse(text: str) -> Any:
    """Plain values of a text in YAML.

    Raises
    ------
    StrictError
        When the text isn't valid YAML or too large, a key is there twice or isn't text, a value can't be
        read, or values contain themselves or too many others.
    """
    if len(text) > LARGEST:
        raise StrictError(f"the file has {len(text):,} characters, more than {LARGEST:,}")
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        _check_size(root, {}, ())
        for node in _nodes(root):
            _check_node(node, loader)
        return loader.construct_document(root)
    except RecursionError:
        raise StrictError(TOO_DEEP) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise StrictError(f"this isn't valid YAML: {error.reason}", line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise StrictError(_problem(error), mark.line + 1 if mark else None) from None
    finally:
        if loader is not None:
            loader.dispose()


class _Loader(yaml.SafeLoader):
    """Stops at too many brackets, before the time that they take grows with the square of their number."""

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803, the base's name
        if self.flow_level >= DEEPEST:
            raise StrictError(TOO_DEEP, self.line + 1)
        super().fetch_flow_collection_start(TokenClass)


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "?"
    tag = re.search(r"constructor for the tag '(?:tag:yaml\.org,2002:)?([^']*)'", problem)
    return f"the tag !!{tag[1]} isn't allowed; remove it" if tag else f"this isn't valid YAML: {problem}"


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _children(node: Any) -> list[Any]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _check_size(node: Any, sizes: dict[int, int], above: tuple[int, ...]) -> int:
    """Number of values below a node, with a node that is there twice counted twice."""
    if id(node) in above:
        raise StrictError("this value contains itself", _line(node))
    if len(above) > DEEPEST:
        raise StrictError(TOO_DEEP, _line(node))
    if id(node) not in sizes:
        inside = (*above, id(node))
        sizes[id(node)] = 1 + sum(_check_size(child, sizes, inside) for child in _children(node))
    if sizes[id(node)] > MOST_VALUES:
        raise StrictError(f"there are more than {MOST_VALUES:,} values, aliases included", _line(node))
    return sizes[id(node)]


def _nodes(root: Any) -> Iterator[Any]:
    """All nodes, each once."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting += reversed(_children(node))


def _check_node(node: Any, loader: yaml.SafeLoader) -> None:
    """Refuse a key that isn't text or is there twice, and a value that YAML itself can't read."""
    if isinstance(node, yaml.ScalarNode) and node.tag != MERGE:
        _value(node, loader)
    if isinstance(node, yaml.MappingNode):
        _check_merges([value for key, value in node.value if key.tag == MERGE])
        lines: dict[str, int] = {}
        for name, line in (_key(key, loader) for key, _ in node.value if key.tag != MERGE):
            if name in lines:
                raise StrictError(
                    f"the key {name!r} is there twice, in lines {lines[name]} and {line}; remove one", line
                )
            lines[name] = line


def _check_merges(merged: list[Any]) -> None:
    """Refuse merges of which one would silently win over another."""
    if len(merged) > 1:
        raise StrictError("<< is there twice; give it one list", _line(merged[1]))
    seen: set[str] = set()
    for node in _children(merged[0]) if merged and isinstance(merged[0], yaml.SequenceNode) else ():
        keys = {str(key.value) for key, _ in node.value} if isinstance(node, yaml.MappingNode) else set()
        if both := sorted(seen & keys):
            raise StrictError(
                f"several values that are merged have the key {both[0]!r}; write it out", _line(node)
            )
        seen |= keys


def _key(node: Any, loader: yaml.SafeLoader) -> tuple[str, int]:
    """A key and its line."""
    if not isinstance(node, yaml.ScalarNode):
        raise StrictError("a key must be text, but this one has values of its own", _line(node))
    name = _value(node, loader)
    if not isinstance(name, str):
        raise StrictError(f'the key {node.value} is read as {name!r}; quote it: "{node.value}"', _line(node))
    return name, _line(node)


def _value(node: yaml.ScalarNode, loader: yaml.SafeLoader) -> Any:
    kind = node.tag.rpartition(":")[2]
    shown = node.value if len(node.value) <= 30 else f"{node.value[:30]}..."
    try:
        value = loader.construct_object(node)
    except yaml.MarkedYAMLError:
        raise
    except Exception:  # the reader of each type lets errors of its own through
        raise StrictError(f"{shown} can't be read as {kind}; quote it if it is text", _line(node)) from None
    plain = str(value) == node.value.replace("_", "").lstrip("+")
    if (kind == "int" and not plain) or (kind == "float" and ":" in node.value):
        raise StrictError(f"{shown} is read as {value}; write that, or quote it if it is text", _line(node))
    return value
