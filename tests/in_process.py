"""Scripts of rules, run in this process as Snakemake runs them in theirs."""

import runpy
from pathlib import Path
from types import SimpleNamespace

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


def run(script, folder, outputs, wildcards, **params):
    """Run a script of a rule without inputs; the outputs are named after their files."""
    snakemake = SimpleNamespace(
        scriptdir=str(SCRIPTS),
        log=[folder / "logs/it.log"],
        threads=1,
        input=SimpleNamespace(),
        output=SimpleNamespace(**{Path(name).stem: str(folder / "out" / name) for name in outputs}),
        params=SimpleNamespace(**params),
        wildcards=SimpleNamespace(**wildcards),
    )
    runpy.run_path(str(SCRIPTS / script), {"snakemake": snakemake})
