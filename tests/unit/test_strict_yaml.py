"""YAML that would lose a key, become another type, or never end is refused in one line, in a second."""

import time
from itertools import pairwise

import pytest

from wordsight.config.strict_yaml import StrictError, parse

LETTERS = "abcdefghij"


def multiplied(first, each):
    """Ten lists, each of nine aliases of the one before it: a billion values."""
    lines = [f"{now}: &{now} {each(before)}" for before, now in pairwise(LETTERS)]
    return "\n".join([f"a: &a {first}", *lines])


CASES = {
    # the text, the line that is named, and words
    "a key twice": ("models:\n  a: 1\n  b: 2\n  a: 3\n", 4, ["'a'", "lines 2 and 4"]),
    "a section twice": ("seed: 1\nmodels: {}\nseed: 2\n", 3, ["'seed'", "lines 1 and 3"]),
    "a key twice on a line": ("a: {b: 1, b: 2}", 1, ["'b'"]),
    "a key twice, once quoted": ('a: {b: 1, "b": 2}', 1, ["'b'"]),
    "no as a key": ("models:\n  no: 1", 2, ["no", "False", '"no"']),
    "a number as a key": ("models:\n  50: 1", 2, ['"50"']),
    "nothing as a key": ("~: 1", 1, ['"~"']),
    "a list as a key": ("? [a, b]\n: 1", 1, ["text"]),
    "octal": ("seed: 010", 1, ["010", "8"]),
    "hexadecimal": ("seed: 0x1F", 1, ["0x1F", "31"]),
    "base 60": ("seed: 1:30", 1, ["1:30", "90"]),
    "base 60 with a fraction": ("seed: 1:30.5", 1, ["1:30.5", "90.5"]),
    "a number of 5,000 digits": (f"a: 1\nseed: {'9' * 5000}", 2, ["999...", "int"]),
    "no such date": ("a: 2024-13-45", 1, ["2024-13-45", "quote"]),
    "a tag for Python": ("a: !!python/object/apply:os.system [id]", 1, ["!!python/object/apply:os.system"]),
    "a tag that does not fit": ("a: !!float x", 1, ["x", "float"]),
    "an empty number": ("a: !!int ''", 1, ["int"]),
    "itself": ("a: &a [1, *a]", 1, ["itself"]),
    "itself as a key's value": ("a: &a {b: *a}", 1, ["itself"]),
    "lists that multiply": (multiplied("[x, x]", lambda a: f"[{', '.join([f'*{a}'] * 9)}]"), None, ["100,000"]),
    "merges twice": ("a:\n  b: 1\n  <<: {c: 1}\n  <<: {c: 2}\n", 4, ["<<", "twice"]),
    "merges that differ": ("a:\n  b: 1\n  <<: [{c: 1, d: 1}, {c: 2}]\n", 3, ["'c'"]),
    "merges that multiply": (multiplied("{x: 1}", lambda a: f"{{<<: [{', '.join([f'*{a}'] * 9)}]}}"), None, ["100,000"]),
    "3,000 brackets": (f"a: {'[' * 3000}", 1, ["deep"]),
    "3,000 braces": (f"a: {'{b: ' * 3000}", 1, ["deep"]),
    "3,000 dashes": (f"a:\n  {'- ' * 3000}x", None, ["deep"]),
    "a long file": ("a: " + "x" * 1_000_000, None, ["1,000,000"]),
    "two documents": ("a: 1\n---\nb: 2", 2, ["document"]),
    "a control character": ("a: 1\nb: \x07", 2, ["special"]),
    "an alias of nothing": ("a: *b", 1, ["'b'"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_at_its_line_and_at_once(name):
    text, line, words = CASES[name]
    started = time.process_time()
    with pytest.raises(StrictError) as caught:
        parse(text)
    assert time.process_time() - started < 1
    assert line is None or caught.value.line == line
    assert [word for word in words if word not in str(caught.value)] == []


def test_what_is_plain_is_read_as_yaml_reads_it():
    text = 'base: &base {a: 1, b: [x, 1_000, +5, 1.5, .5, 1e-3]}\nmore: {<<: *base, a: 2}\n"no": "010"\n'
    base = {"a": 1, "b": ["x", 1000, 5, 1.5, 0.5, "1e-3"]}
    assert parse(text) == {"base": base, "more": {**base, "a": 2}, "no": "010"}
    assert parse("") is None
    assert parse('{"a": [true, null]}') == {"a": [True, None]}
