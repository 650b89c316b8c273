"""How the jobs of a campaign come to workers and their outcomes back: by the store and its queue, or by HTTP (carrier_http.py)."""

from __future__ import annotations

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

    @property
    def is_completed(self) -> bool:
        return self.state == "completed" and self.result is not None


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
        return Outcome(row.state, row.result, str((row.error or {}).get("message", "")))

    def workers(self) -> list[dict[str, Any]]:
        known = self.services.store.workers()
        live = self.liveness.check(known)
        return [{"worker": each["worker"], "live": live[each["worker"]], "jobs": []} for each in known]
