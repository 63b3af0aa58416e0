# Shared by all rules: the checked configuration, the wildcards, and helpers that need Snakemake.
import re
import sys
from pathlib import Path

sys.path.insert(0, f"{workflow.basedir}/scripts")

from wordsight.catalogue import figures
from wordsight.config.load import load, read
from wordsight.errors import ConfigError, show
from wordsight.workflow import (
    allocator,
    inputs,
    memory,
    own_files,
    params,
    provenance,
    targets,
)
from wordsight.workflow.pairing import resolve


def checked(function, *arguments):
    """Call a function; a ConfigError ends the run with one line in place of a traceback."""
    try:
        return function(*arguments)
    except ConfigError as error:
        sys.exit(f"wordsight: error: {error}")


# Snakemake's own reader of YAML keeps one of two equal keys, and says nothing.
if workflow.is_main_process:
    for path in workflow.configfiles:
        checked(read, path)

allocator.keep_freed()
settings = checked(load, config)
comparisons = checked(resolve, settings)


# Some steps have several rules, and an option that names a step means all of them.
for options, option in (
    (workflow.resource_settings, "overwrite_resources"),
    (workflow.resource_settings, "overwrite_threads"),
    (workflow.group_settings, "overwrite_groups"),
):
    given = getattr(options, option)
    cuts = [*targets.cuts(settings), *targets.cuts_of_features(settings)]
    meant = {cut.rule(step): given[step] for cut in cuts for step in given}
    setattr(options, option, {**meant, **given})


def any_of(names):
    """Regular expression that matches each of the names; without names, it matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    dataset=any_of(settings.datasets),
    model=any_of(settings.models),
    text_model=any_of(settings.text_models),
    corpus=any_of(settings.corpora),
    epoch=r"\d+",
    figure=any_of(targets.figure_names(settings)),


def per_job(function, *arguments):
    """Input or param that depends on the job: Snakemake calls function(settings, wildcards, *arguments)."""
    return lambda w: checked(function, settings, w, *arguments)


def growing(mem_mb):
    """Memory in MB: what was measured and some room. Each retry doubles it, up to what a machine has."""
    return lambda _, attempt, rulename: memory.asked_for(
        mem_mb, attempt, rulename, partition(rulename)
    )


def partition(rule):
    """Partition of SLURM in which jobs of a rule run; None if they run on this machine."""
    if workflow.local_exec:
        return None
    named = workflow.get_rule(rule).resources.get("slurm_partition")
    return memory.ANY if named is None else str(named.raw)


def code(script, *modules):
    """Digest of a script and all it imports; modules are those it imports by a name in the configuration."""
    return provenance.memory().code_digest(
        script, *(f"wordsight.{module}" for module in modules)
    )


def encoder_code(_, w, script, cut):
    """Digest of a script that runs the encoders of a job's models."""
    return code(script, *params.network_modules(settings, cut.covered(w)))


def prefer(name, step):
    """Prefer the rule of a step that covers several models or datasets, where a file is among those it makes."""
    if name != step:
        workflow.ruleorder(name, step)


def step_digests(_):
    """Code digest of every step, for the report."""
    scripts = sorted(Path(workflow.basedir, "scripts").glob("*.py"))
    return {script.stem: code(script.name) for script in scripts}


def own_content(path):
    """Digest of a file or folder of the project."""
    return checked(own_files.content, f"{workflow.basedir}/{path}", path)
