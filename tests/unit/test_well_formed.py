"""A configuration that is no YAML is named with the line."""

import subprocess
import sys
from pathlib import Path

import pytest

from wordsight.config.well_formed import check
from wordsight.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"datasets:\n  a: {source: packaged\nmodels: {}\n", ", line 3: expected YAML (expected ',' or '}', but got ':')"),
        (b"datasets:\n\ta: 1\n", ", line 2: expected YAML (found character '\\t' that cannot start any token)"),
        (b"title: a\x00b\n", ": expected YAML (unacceptable character #x0000"),
        (b"title: \xff\n", ": expected YAML in UTF-8"),
        (b"- datasets\n", ": expected YAML with keys at its top level"),
        (b"", ": expected YAML with keys at its top level"),
        (None, ": expected a configuration (No such file or directory)"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_configuration_is_one_line(tmp_path, content, line):
    path = tmp_path / "my.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        check(path)
    assert str(caught.value).startswith(f"{path}{line}")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not (ROOT / ".venv/bin/python").exists(), reason="make runs what is in .venv")
@pytest.mark.parametrize("target", ["report", "why"])
def test_make_asks_before_snakemake_does(tmp_path, target):
    (tmp_path / "my.yaml").write_text("datasets:\n\ta: 1\n")
    # What is in .venv is taken to be up to date.
    command = ["make", "--old-file=.venv/report", target, f"CONFIG={tmp_path}/my.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode
    assert f"{tmp_path}/my.yaml, line 2: " in done.stderr
    assert "snakemake" not in done.stderr.lower()


def run(*files):
    command = [sys.executable, "-m", "wordsight.config.well_formed", *files]
    return subprocess.run(command, cwd=ROOT / "scripts", capture_output=True, text=True, check=False)


def test_as_a_program(tmp_path):
    done = run(ROOT / "config/config.yaml", ROOT / "config/paper.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run(ROOT / "config/config.yaml", tmp_path / "gone.yaml")
    assert done.returncode == 1
    assert done.stderr == (
        f"wordsight: error: {tmp_path}/gone.yaml: expected a configuration (No such file or directory)\n"
    )
