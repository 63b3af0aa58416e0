# Does training with language make an image encoder generalise better?
#
#   snakemake --cores 8 --use-conda                                    the embedded default
#   snakemake --cores 8 --use-conda --configfile config/my.yaml        another experiment
#
# Snakemake reads profiles/default by itself; README.md says how to run on a cluster.
from snakemake.utils import min_version

min_version("9.27")


# A configuration given on the command line replaces the default; it is not merged into it.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/execution.smk"
include: "rules/records.smk"
include: "rules/datasets.smk"
include: "rules/models.smk"
include: "rules/pretraining.smk"
include: "rules/features.smk"
include: "rules/corruptions.smk"
include: "rules/text.smk"
include: "rules/evaluation.smk"
include: "rules/robustness.smk"
include: "rules/statistics.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        targets.targets(settings),


# Print the verdicts at the end of a run that wrote the report.
onsuccess:
    if any(job.rule.name == "report" for job in workflow.dag.jobs):
        show(Path("results/verdicts.txt").read_text(encoding="utf-8"))
