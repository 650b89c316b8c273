"""How the jobs of a campaign come to workers and their outcomes back: by the store and its queue, or by HTTP (carrier_http.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .alerts import Liveness, window_of
from .model import ENDED, Job
from .services import Services


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    state: str
    result: dict[str, Any] | None
    error: str
    is_lost: bool = False
    """Whether it ended through no fault of the job: somebody cancelled it, or no worker lived through it."""

    @property
    def is_completed(self) -> bool:
        return self.state == "completed" and self.result is not None


def outcome_of(state: str, result: dict[str, Any] | None, error: dict[str, Any]) -> Outcome:
    """The outcome of an experiment that ended, from what a store or a worker tells of it."""
    is_lost = state == "cancelled" or error.get("kind") == "dead"
    return Outcome(state, result if state == "completed" else None, str(error.get("message", "")), is_lost)


class Carrier(Protocol):
    """Sending the same job again changes nothing, so whoever resumes sends all that have no outcome."""

    def check(self) -> None:
        """Raises ExperimentError where no job could be carried."""

    def send(self, job: Job) -> None:
        """Hands a job over."""

    def outcome(self, job: Job) -> Outcome | None:
        """How a job ended; None while it waits or runs."""

    def workers(self) -> list[dict[str, Any]]:
        """Workers as they are now: `worker`, `live`, and `jobs` that they hold where that is known."""


def attempt_of(carrier: Carrier, jobs: Sequence[Job], is_final: Callable[[Outcome], bool]) -> list[Job]:
    """Jobs that are tried together, under the names of their first attempt of which no outcome has to be tried again.

    Whoever begins or resumes asks once, so that what failed before is sent anew and what fails now ends the work.
    """
    attempt, number = list(jobs), 1
    while not all(outcome is None or is_final(outcome) for outcome in map(carrier.outcome, attempt)):
        number += 1
        attempt = [job.model_copy(update={"experiment_id": f"{job.experiment_id}-try{number}"}) for job in jobs]
    return attempt


class QueueCarrier:
    """The store that workers share, and their queue."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.liveness = Liveness(window_of(services.config))

    def check(self) -> None:
        # A store that was opened answers; workers may still come.
        self.services.store.revision()

    def send(self, job: Job) -> None:
        row = self.services.store.get(job.experiment_id, job.timestamp)
        if row is None or row.state == "queued":
            # A second message of the same row is harmless, a row without one would wait for ever.
            self.services.submit(job)

    def outcome(self, job: Job) -> Outcome | None:
        row = self.services.store.get(job.experiment_id, job.timestamp)
        if row is None or row.state not in ENDED:
            return None
        return outcome_of(row.state, row.result, row.error or {})

    def workers(self) -> list[dict[str, Any]]:
        known = self.services.store.workers()
        live = self.liveness.check(known)
        return [{"worker": each["worker"], "live": live[each["worker"]], "jobs": []} for each in known]
