# What Snakemake keeps of earlier runs, and what it can't know by that: whether results are what their steps would make
# now, and whether something works in this folder. Snakemake asks nobody else.
from contextlib import contextmanager

from snakemake import workflow as engine
from snakemake.dag import DAG
from snakemake.logging import logger
from snakemake.persistence import NO_PARAMS_CHANGE, ParamsChange
from snakemake.persistence.file import FilePersistence

from wordsight.files import stamps
from wordsight.workflow import freshness, killed, running


class Records(FilePersistence):
    """Snakemake's records, and before them the stamps of results."""

    def __init__(self, *arguments, nolock=False, warn_only=False, **options):
        super().__init__(*arguments, nolock=nolock, warn_only=warn_only, **options)
        self.checks = freshness.Checks(own_files.memory())
        self.holder = Path(self._lockdir, "run.json")
        self.told = Path(self.path, "wordsight-told")
        # Stamps have the digests of inputs. Snakemake would read all inputs of a job again for each of its outputs.
        self.max_checksum_file_size = 0
        if not nolock and not warn_only:
            self.enter(unlock="--unlock" in sys.argv)

    def enter(self, unlock):
        """Go on where a run was killed, or say why that can't be."""
        locked = any(self._read_locks())
        refused = running.refusal(Path.cwd(), self.holder, locked=locked)
        if refused and not (unlock and refused.endswith("make unlock")):
            sys.exit(f"wordsight: error: {refused}")
        queue = not self.dag.workflow.local_exec
        if unlock:
            try:
                if found := running.leftovers(Path.cwd(), queue=True):
                    running.say(f"a run that was stopped left jobs that go on: {found}")
            except running.NoAnswerError as error:
                running.say(f"SLURM doesn't say what is in its queue; squeue: {error}")
            return
        running.wait_for_leftovers(Path.cwd(), queue=queue)
        if locked:
            self._delete_locks()
            Path(self._lockdir).mkdir()  # Snakemake deletes it with the locks
            running.say("the last run here was killed; this one goes on where it was")

    @contextmanager
    def lock(self):
        self.tell()
        self.told.touch()
        with super().lock():
            running.Run.of_this_process().write(self.holder)
            prepare(self.dag.workflow)
            yield

    @contextmanager
    def lock_warn_only(self):
        self.tell()
        with super().lock_warn_only():
            yield

    def tell(self):
        """Say which results aren't what they seem, now that all have been looked at."""
        if self.checks.unrecorded and not self.told.exists():
            running.say(
                "Snakemake's records (.snakemake) are gone; results are compared with their stamps"
            )
        for line in self.checks.lines():
            running.say(line)
        own_files.memory().keep()
        provenance.memory().keep()

    def problem(self, job):
        """Why the results of a job aren't what it would make now."""
        return self.checks.problem(
            job.output,
            job.input,
            dict(job.params.items()),
            recorded=super().has_metadata(job),
        )

    def _clear_cache(self):
        """Forget what a job changes: Snakemake calls this when one starts and when it ends."""
        self.checks.forget()
        super()._clear_cache()

    def has_metadata(self, job):
        return True

    def params_changed(self, job, file=None):
        problem = self.problem(job)
        if not problem:
            return NO_PARAMS_CHANGE
        # Where Snakemake has a record, it can say what the values were.
        changed = super().params_changed(job, file=file)
        return changed or ParamsChange(only_old={problem}, files=set(job.output))

    def _input_changed(self, job, file):
        return stamps.read(file) is None and super()._input_changed(job, file)

    def input_checksums(self, job, input_path):
        found = [
            stamp.inputs.get(input_path)
            for stamp in map(stamps.read, job.output)
            if stamp
        ]
        return {f"sha256:{sha256}" if sha256 else None for sha256 in found}

    async def incomplete(self, job):
        """What a job completed after its run was killed is complete."""
        found = await super().incomplete(job)
        return found if found and self.problem(job) else []


async def at_any_time(dag, job, outputs):
    """Let results be older than what they were made from: stamps tell that, and clocks may be wrong or differ."""


engine.FilePersistence = Records
DAG.check_output_mtime = at_any_time
logger.addHandler(killed.Watch(running.say))
