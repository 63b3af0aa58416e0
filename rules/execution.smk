# How jobs run where Snakemake's scheduler or an executor would do something else than a run needs.
from wordsight.workflow import running


def prepare(run):
    """Prepare the run of a workflow: watch what it queues, or let one machine go on without waiting."""
    if not run.local_exec:
        running.watch_queue(Path.cwd())
        if run.executor_plugin.name == "slurm":
            read_states_alone()
            remember_job_age()
    elif run.scheduling_settings:  # None where nothing runs, as with `--containerize`
        # Cores limit jobs here. Snakemake's limit per timespan starts a timer after each job, and a run that has
        # nothing left to do waits for the last of them.
        run.scheduling_settings.max_jobs_per_timespan = None


def read_states_alone():
    """Tell the executor for SLURM a job's state without the rest: it would wait for one `CANCELLED by 1000`."""
    import snakemake_executor_plugin_slurm as slurm

    asked = slurm.query_job_status

    async def states(command, logger):
        found, seconds = await asked(command, logger)
        return (
            found and {job: state.partition(" ")[0] for job, state in found.items()},
            seconds,
        )

    slurm.query_job_status = states


def remember_job_age():
    """Let the executor for SLURM know how long the queue has ended jobs, also while its daemon restarts.

    It asks before it looks at its jobs. Without an answer, it looks for them in accounts, for hours where none are kept.
    """
    import snakemake_executor_plugin_slurm as slurm

    known = slurm.get_min_job_age()
    if known is not None:
        slurm.get_min_job_age = lambda: known
