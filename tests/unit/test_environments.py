"""The virtual environment and the conda environments come from one lock."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from modules import module_of

ROOT = Path(__file__).resolve().parents[2]

export = module_of("envs/export.py")


@pytest.mark.parametrize("path", sorted(export.files()), ids=lambda path: path.name)
def test_derived_files_are_those_of_the_lock(path):
    assert path.read_text() == export.files()[path], f"{path.name} differs from uv.lock: run `make lock`"


@pytest.mark.parametrize("group", export.GROUPS)
def test_every_pin_of_a_conda_environment_is_in_the_lock(group):
    locked = {
        (package["name"], package.get("version"))
        for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }
    pins = yaml.safe_load((ROOT / f"envs/{group}.yaml").read_text())["dependencies"][-1]["pip"]
    assert len(pins) > 10
    for pin in pins:
        name, version = pin.split(";")[0].strip().split("==")
        assert (name.split("[")[0], version) in locked


# What `snakemake --lint` does not ask for: without a digest of its code, a step would not run again after an edit.
ASKED = ("benchmark:", "threads:", "mem_mb=", "runtime=", "code=")


@pytest.mark.parametrize("file", sorted((ROOT / "rules").glob("*.smk")), ids=lambda file: file.stem)
def test_every_rule_with_a_script_has_a_digest_of_its_code_a_benchmark_and_resources(file):
    blocks = re.split(r"^ *rule\b.*:$", file.read_text(), flags=re.MULTILINE)[1:]
    assert all("script:" in block for block in blocks)
    assert not [(directive, block) for block in blocks for directive in ASKED if directive not in block]
