# Shared by all rules - the checked configuration, the wildcards, and what has to know Snakemake.
import re
import sys
from pathlib import Path

sys.path.insert(0, f"{workflow.basedir}/scripts")

from wordsight.catalogue import figures
from wordsight.config.load import load
from wordsight.errors import ConfigError
from wordsight.workflow import inputs, params, provenance, targets
from wordsight.workflow.pairing import resolve


def checked(function, *arguments):
    """Result of a function; what is wrong with the configuration ends the run in one line."""
    try:
        return function(*arguments)
    except ConfigError as error:
        sys.exit(f"wordsight: error: {error}")


settings = checked(load, config)
comparisons = checked(resolve, settings)
# Where encoders or image sets are small and many, starting a job costs more than its images do.
together = targets.models_by_job(settings)


def any_of(names):
    """Pattern of one of some names, or of nothing where there is none."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    dataset=any_of(settings.datasets),
    model=any_of(settings.models),
    text_model=any_of(settings.text_models),
    corpus=any_of(settings.corpora),
    epoch=r"\d+",
    figure=any_of(targets.figure_names(settings)),


def of(function, *given):
    """Input or param of a job - a function of the configuration, of the job's wildcards, and of what is given."""
    return lambda w: checked(function, settings, w, *given)


def growing(mem_mb):
    """Memory of a rule, as measured with room; each retry of the profile doubles it."""
    return lambda _, attempt: mem_mb * 2 ** (attempt - 1)


def code(script, *modules):
    """Digest of a script and of all that it imports; modules are those it imports by a configured name."""
    return provenance.code_digest(
        script, *(f"wordsight.{module}" for module in modules)
    )


def step_digests(_):
    """Code digest of every step, for the report."""
    scripts = sorted(Path(workflow.basedir, "scripts").glob("*.py"))
    return {script.stem: code(script.name) for script in scripts}


def own_content(path):
    """Digest of a file or folder of the project."""
    return checked(provenance.content_digest, f"{workflow.basedir}/{path}", path)
