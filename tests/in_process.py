"""Scripts of rules, run in this process as Snakemake runs them in theirs."""

import runpy
from pathlib import Path
from types import SimpleNamespace

from snakemake.iocontainers import Namedlist

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


def job(script, folder, outputs=(), wildcards=None, **params):
    """What Snakemake hands to a script of a rule without inputs; the outputs are named after their files."""
    return SimpleNamespace(
        rule=Path(script).stem,
        scriptdir=str(SCRIPTS),
        log=[folder / "logs/it.log"],
        threads=1,
        input=Namedlist(),
        output=Namedlist(fromdict={Path(name).stem: str(folder / "out" / name) for name in outputs}),
        params=Namedlist(fromdict=params),
        wildcards=Namedlist(fromdict=wildcards or {}),
    )


def run(script, folder, outputs, wildcards, **params):
    """Run a script of a rule without inputs."""
    snakemake = job(script, folder, outputs, wildcards, **params)
    runpy.run_path(str(SCRIPTS / script), {"snakemake": snakemake})
