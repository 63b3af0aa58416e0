"""The virtual environment and the conda environments come from one lock."""

import importlib.util
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

specification = importlib.util.spec_from_file_location("export", ROOT / "envs/export.py")
export = importlib.util.module_from_spec(specification)
specification.loader.exec_module(export)


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


def test_every_rule_has_log_benchmark_conda_threads_and_resources():
    for file in (ROOT / "rules").glob("*.smk"):
        for rule in file.read_text().split("\nrule ")[1:]:
            name = rule.split(":")[0]
            directives = (
                "log:",
                "benchmark:",
                "conda:",
                "threads:",
                "mem_mb=",
                "runtime=",
                "code=",
                "script:",
            )
            missing = [directive for directive in directives if directive not in rule]
            assert not missing, f"rule {name} of {file.name} lacks {missing}"
