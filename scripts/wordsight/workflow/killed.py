"""A job that was killed says nothing itself. What Snakemake says of it is found, and a likely cause named."""

import logging
import sys
from collections.abc import Callable

KILLED = ("Signals.SIGKILL", "OUT_OF_MEMORY")
JOBS = "--target-jobs"


class Watch(logging.Handler):
    """Watches Snakemake's messages for a job that was killed, and says once what can be done."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self.say = say
        self.said = False

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one message."""
        if not self.said and any(sign in record.getMessage() for sign in KILLED):
            self.said = True
            self.say(advice(sys.argv))


def advice(arguments: list[str]) -> str:
    """Say why a job was killed and what to do; ``arguments`` are those of the process that ran it."""
    after = arguments[arguments.index(JOBS) + 1 :] if JOBS in arguments else []
    job = after[0] if after else "a job"
    rule = job.partition(":")[0] if after else "RULE"
    return (
        f"{job} was killed, most often because memory ran out; run fewer jobs at once (make report CORES=1), "
        f"or let it ask for more: --set-resources {rule}:mem_mb=8000; docs/reliability.md says more"
    )
