"""Jobs of a campaign over HTTP, to one worker or several that need not share a store.

Which worker has a job is stored before it is sent. A worker that does not answer is shown as dead and keeps its jobs: they are asked
for again when it is back. Where it stays away for longer than the campaign says, they are sent to one that lives.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import ExperimentError
from .carrier import Outcome, outcome_of
from .client import Client, Unreachable
from .config import Config
from .ledger import Ledger
from .model import ENDED, Job

# A worker answers at once, or not at all.
_WAIT_S = 5.0
# How often workers are asked whether they live.
_HEALTH_S = 2.0


@dataclass
class _Worker:
    url: str
    client: Client
    live: bool = False
    why: str = "not asked yet"
    since: float = field(default_factory=time.monotonic)
    """By this process's clock: when it was last known to live, or first asked."""
    jobs: set[str] = field(default_factory=set)


class HttpCarrier:
    """See `carrier.Carrier`."""

    def __init__(self, config: Config, urls: Sequence[str], ledger: Ledger, move_after_s: float) -> None:
        self.ledger, self.move_after_s, self.checked = ledger, move_after_s, 0.0
        # Jobs that a worker would not take, and why: sent again they would be refused again.
        self.refused: dict[str, str] = {}
        self.known = {
            url: _Worker(url, Client(config.model_copy(update={"worker_url": url})))
            for url in dict.fromkeys(each.rstrip("/") for each in urls)
        }

    def check(self) -> None:
        self._check(now=True)
        if not any(each.live for each in self.known.values()):
            # What a worker is said to lack mostly begins with its address, and ends with how to start one.
            told = "; ".join(each.why if each.why.startswith(each.url) else f"{each.url}: {each.why}" for each in self.known.values())
            remedy = "" if "experiments serve" in told else "; 'neural-codec experiments serve' starts one"
            raise ExperimentError(f"workers: expected one that lives, found none: {told}{remedy}")

    def _check(self, now: bool = False) -> None:
        if not now and time.monotonic() - self.checked < _HEALTH_S:
            return
        for each in self.known.values():
            try:
                told = each.client.call("GET", "/health", wait=_WAIT_S, accept=(200, 503))
                status = str(told.get("status", "no status"))
                self._saw(each, status == "healthy", status)
            except ExperimentError as error:
                self._saw(each, False, str(error))
        self.checked = time.monotonic()

    @staticmethod
    def _saw(worker: _Worker, live: bool, why: str = "") -> None:
        worker.live, worker.why = live, "" if live else why[:200]
        if live:
            worker.since = time.monotonic()

    def send(self, job: Job) -> None:
        worker = self._holder(job) or self._give(job)
        if worker is not None:
            self._post(worker, job)

    def _place(self, job: Job) -> dict[str, Any] | None:
        """Where a job was sent last, and how often it was moved."""
        moves, found = 0, self.ledger.noted("sent", job.experiment_id)
        while found is not None:
            further = self.ledger.noted("sent", f"{job.experiment_id}.{moves + 1}")
            if further is None:
                return {**found, "moves": moves}
            moves, found = moves + 1, further
        return None

    def _holder(self, job: Job) -> _Worker | None:
        place = self._place(job)
        worker = None if place is None else self.known.get(place["url"])
        if worker is not None:
            worker.jobs.add(job.experiment_id)
        return worker

    def _give(self, job: Job) -> _Worker | None:
        """Stores which worker is to have a job: of those that live, the one with the fewest."""
        self._check()
        live = [each for each in self.known.values() if each.live]
        if not live:
            return None
        place = self._place(job)
        name = job.experiment_id if place is None else f"{job.experiment_id}.{place['moves'] + 1}"
        chosen = min(live, key=lambda each: len(each.jobs))
        self.ledger.note("sent", name, {"url": chosen.url})
        for each in self.known.values():
            each.jobs.discard(job.experiment_id)
        return self._holder(job)

    def _post(self, worker: _Worker, job: Job) -> None:
        try:
            worker.client.call("POST", "/experiment", job.model_dump(mode="json"), wait=_WAIT_S)
        except Unreachable as error:
            self._saw(worker, False, str(error))
        except ExperimentError as error:
            self.refused[job.experiment_id] = str(error)

    def outcome(self, job: Job) -> Outcome | None:
        self._check()
        if job.experiment_id in self.refused:
            return Outcome("failed", None, self.refused[job.experiment_id])
        worker = self._holder(job)
        if worker is None:
            # Never sent, as no worker lived; or its worker is no longer among the campaign's.
            self.send(job) if self._place(job) is None else self._move(job)
            return None
        if not worker.live and time.monotonic() - worker.since >= self.move_after_s and self._others_live(worker):
            self._move(job)
            return None
        try:
            told = worker.client.call(
                "GET", f"/experiment/{job.experiment_id}?timestamp={job.timestamp}", wait=_WAIT_S, accept=(200, 404)
            )
        except Unreachable as error:
            self._saw(worker, False, str(error))
            return None
        if "state" not in told:
            self._post(worker, job)
            return None
        if told["state"] not in ENDED:
            return None
        worker.jobs.discard(job.experiment_id)
        return outcome_of(told["state"], told, told.get("error") or {})

    def _others_live(self, worker: _Worker) -> bool:
        return any(each.live for each in self.known.values() if each is not worker)

    def _move(self, job: Job) -> None:
        worker = self._give(job)
        if worker is not None:
            self._post(worker, job)

    def workers(self) -> list[dict[str, Any]]:
        self._check()
        return [
            {"worker": each.url, "live": each.live, "why": each.why, "jobs": sorted(each.jobs)} for each in self.known.values()
        ]
