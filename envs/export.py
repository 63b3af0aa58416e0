"""Write the pinned environments from ``uv.lock``, so that conda and the virtual environment agree.

``make lock`` runs this script; a test checks that the files are up to date.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")
GROUPS = ("analysis", "encoders")

HEADER = "# Derived from uv.lock by `make lock`. Do not edit.\n"


def exported(*arguments: str) -> str:
    """Requirements that uv exports from the lock."""
    command = [str(UV), "export", "--frozen", "--quiet", "--no-header", "--no-annotate", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def conda_environment(group: str) -> str:
    """Conda environment with the packages of one dependency group, at the versions in the lock."""
    pins = exported("--no-hashes", "--only-group", group).splitlines()
    lines = [
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        "  - python=3.11",
        "  - pip",
        "  - pip:",
    ]
    return HEADER + "\n".join([*lines, *(f'      - "{pin}"' for pin in pins)]) + "\n"


def uv_requirement() -> str:
    """Requirement of only uv, with its hashes."""
    match = re.search(r"^uv==.*?(?=^\S|\Z)", exported("--no-default-groups"), flags=re.MULTILINE | re.DOTALL)
    assert match, "uv is a dependency of the project"
    return HEADER + match.group()


def files() -> dict[Path, str]:
    """Path and text of every file to write."""
    environments = {ROOT / f"envs/{group}.yaml": conda_environment(group) for group in GROUPS}
    return {**environments, ROOT / "envs/uv.txt": uv_requirement()}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
