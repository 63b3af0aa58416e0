"""Whatever a configuration holds, it is accepted or refused in one line."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from wordsight.config.load import load
from wordsight.errors import ConfigError

DEFAULT = yaml.safe_load((Path(__file__).resolve().parents[2] / "config/config.yaml").read_text())

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def paths(section, prefix=()):
    """Every path to a value of a nested dictionary."""
    for key, value in section.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from paths(value, (*prefix, key))


def assert_accepted_or_refused_in_one_line(config):
    line = None
    try:
        load(config)
    except ConfigError as error:
        line = str(error)
    assert line is None or (line.startswith("config: ") and len(line.splitlines()) == 1)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(paths(DEFAULT))), values)
def test_any_value_anywhere_is_accepted_or_refused_in_one_line(path, value):
    config = deepcopy(DEFAULT)
    section = config
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    assert_accepted_or_refused_in_one_line(config)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(max_size=8), values, max_size=4))
def test_any_dictionary_is_refused_in_one_line(config):
    assert_accepted_or_refused_in_one_line(config)
