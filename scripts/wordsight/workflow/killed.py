"""A job that was killed says nothing itself: the cause is found in what Snakemake and SLURM say of it."""

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

MEMORY = ("Signals.SIGKILL", "OUT_OF_MEMORY", "exceeded memory limit", "oom_kill", "oom-kill")
TIME = ("DUE TO TIME LIMIT", "'TIMEOUT'")
JOBS = "--target-jobs"
LOGS_OF_SLURM = "/.snakemake/slurm_logs/"
LOG_END = 20_000  # bytes at the end of a log that are looked at


class Watch(logging.Handler):
    """Watches for messages about jobs that were killed, and says once for each cause what can be done."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self.say = say
        self.said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one message."""
        text = "\n".join(_parts(record))
        for signs, advice in ((MEMORY, of_memory), (TIME, of_time)):
            if advice.__name__ not in self.said and any(sign in text for sign in signs):
                self.said.add(advice.__name__)
                self.say(advice(*job_of(record, sys.argv)))


def _parts(record: logging.LogRecord) -> Iterator[str]:
    """What a message says, and the ends of the logs of SLURM that it names: they say why a job ended."""
    yield record.getMessage()
    yield str(getattr(record, "rule_msg", None) or "")
    for path in (*(getattr(record, "log", None) or ()), *(getattr(record, "aux_logs", None) or ())):
        if LOGS_OF_SLURM in str(path):
            try:
                yield Path(path).read_bytes()[-LOG_END:].decode(errors="replace")
            except OSError:
                continue


def job_of(record: logging.LogRecord, arguments: list[str]) -> tuple[str, str]:
    """Job that a message is about, and its rule; ``arguments`` are those of the process that wrote it."""
    after = arguments[arguments.index(JOBS) + 1 :] if JOBS in arguments else []
    if after:
        return after[0], after[0].partition(":")[0]
    rule = getattr(record, "rule_name", None)
    return (rule, rule) if rule else ("a job", "RULE")


def of_memory(job: str, rule: str) -> str:
    """Say that memory ran out, and what to do."""
    return (
        f"{job} was killed, most often because memory ran out; run fewer jobs at once (make report CORES=1), "
        f"or let it ask for more: --set-resources {rule}:mem_mb=8000; docs/reliability.md says more"
    )


def of_time(job: str, rule: str) -> str:
    """Say that time ran out, and what to do."""
    return (
        f"{job} was stopped because the time was over that it had asked SLURM for; let it ask for more "
        f"minutes: --set-resources {rule}:runtime=1440"
    )
