"""The calendar: what happens by the clock and not by the block. APScheduler keeps it.

Due work is always derived from the ledger, never from a job store: a job that was missed is
simply done at the next time (grace None, coalesced, one instance). A job that fails is told and
tried again at its next time; it never takes the daemon with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A named deed and the seconds between two of them."""

    name: str
    deed: Callable[[], object]
    every_s: float


class Calendar:
    """Runs jobs in a thread of their own."""

    def __init__(self, jobs: tuple[Job, ...]) -> None:
        """Note the jobs; nothing runs before `start`."""
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        for job in jobs:
            trigger = IntervalTrigger(seconds=max(1, round(job.every_s)), timezone=UTC)
            self._scheduler.add_job(_guarded(job), trigger, id=job.name)

    def start(self) -> None:
        """Begin to keep the calendar."""
        self._scheduler.start()

    def stop(self) -> None:
        """Let the running job finish, then end."""
        self._scheduler.shutdown(wait=True)


def _guarded(job: Job) -> Callable[[], None]:
    def run() -> None:
        try:
            job.deed()
        except Exception:
            log.exception("calendar_job_failed", job=job.name)

    return run
