"""The loop of a worker: hear of a job, claim it, run it, keep the claim alive, finish it once, and only then let go of it."""

from __future__ import annotations

import contextlib
import contextvars
import logging
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import neural_codec

from ..errors import NeuralCodecError
from .alerts import Watch
from .aside import job_folder
from .faults import is_of_machine
from .jail import JailTimeout
from .model import ENDED, PROTOCOL, Claim, State, job_from
from .queue import Delivery, UnknownProtocol
from .run import run
from .services import Run, Services, utc
from .store import Observer

logger = logging.getLogger("neural_codec.experiments")
Outcome = tuple[State, "dict[str, Any] | None", "dict[str, Any] | None"]
# The exit status of a worker that met a protocol it does not speak: EX_CONFIG of sysexits.h.
EXIT_UNKNOWN_PROTOCOL = 78
# So often in the time of a beat a worker says that it lives and looks after the others: what a silent one held is given back at
# most two thirds of a beat after its lease.
LOOKS = 3
# The alert where jobs need what no worker has.
_NO_GPU = "no worker with a GPU"
# What a worker waits after a fault of the machine is doubled at most so often: 8 minutes by the default.
_MOST_DOUBLINGS = 5


class Worker:
    """One worker; `run` returns when it is told to stop, or raises UnknownProtocol."""

    def __init__(self, services: Services, name: str | None = None) -> None:
        self.services = services
        self.name = name or f"{socket.gethostname()[:24]}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self.observer = Observer(services.store, services.config.lease_s)
        self.watch = Watch(services)
        self.current: tuple[Run, Delivery, float] | None = None
        self.began, self.finished = utc(), 0
        # Jobs in a row that failed by a fault of the machine.
        self.faults = 0

    def run(self, *, until_empty: bool = False) -> None:
        """Works until the services stop, or until there is nothing to do."""
        self._loop(lambda worked: until_empty and not worked)

    def run_until(self, enough: Callable[[], bool]) -> None:
        """Works until the services stop, or a condition holds between two jobs."""
        self._loop(lambda _: enough())

    def _loop(self, enough: Callable[[bool], bool]) -> None:
        # What looks after others may wait for a store or a webhook; the claim is kept alive all the same.
        threads = [threading.Thread(target=each, name=each.__name__, daemon=True) for each in (self._beats, self._looks)]
        self._guarded(self.services.sweep)
        for each in threads:
            each.start()
        try:
            while not self.services.stopping.is_set():
                if enough(self._next()):
                    break
        finally:
            self.services.stopping.set()
            for each in threads:
                each.join(5)
            with contextlib.suppress(Exception):
                self.services.store.goodbye(self.name)

    def stop(self) -> None:
        """Ends the work; a job that is under way goes back to the queue."""
        self.services.stopping.set()
        current = self.current
        if current is not None:
            current[0].give_up("stopping")

    def _next(self) -> bool:
        try:
            delivery = self.services.queue.receive(self.services.config.poll_s)
            return delivery is not None and self._take(delivery)
        except UnknownProtocol:
            raise
        except Exception:
            # A store or a queue that cannot be reached now may be reached later; it is told, never passed over.
            logger.exception("worker %s cannot reach its queue or store", self.name)
            self.services.stopping.wait(2.0)
            return True

    def _take(self, delivery: Delivery) -> bool:
        row = self.services.store.get(*delivery.key)
        if row is None:
            raise NeuralCodecError(f"{delivery.key}: a message without a row in the store")
        if row.job.get("protocol") != PROTOCOL:
            delivery.back()
            raise UnknownProtocol(f"{row.experiment_id}: expected protocol {PROTOCOL}, found {row.job.get('protocol')!r}")
        needs = row.job.get("needs")
        if isinstance(needs, dict) and needs.get("gpu") is True and not self.services.has_gpu:
            # A worker with one finds it among the rows, or hears of it after a lease.
            delivery.extend()
            return True
        claim = self.services.store.claim(delivery.key, self.name)
        if claim is None:
            self._settle(delivery)
            return True
        self._work(claim, row.job, delivery)
        return True

    def _work(self, claim: Claim, values: dict[str, Any], delivery: Delivery) -> None:
        store = self.services.store
        broken = delivery.broken
        outcome: Outcome | None = ("queued", None, {"message": broken})
        if not broken:
            outcome = self._outcome(claim, values, delivery)
        if outcome is None:
            self._settle(delivery)
            return
        state, result, error = outcome
        if state == "queued":
            text = "its worker was told to stop" if error is None else str(error.get("message"))
            after = store.release(claim, text, counted=error is not None)
            logger.warning("%s given back (%s): %s", claim.experiment_id, after, text)
            if after == "failed":
                self.watch.dead(claim.experiment_id, text)
                self.services.queue.bury(claim.key, text)
                delivery.done()
            elif after == "queued":
                delivery.back()
        elif store.finish(claim, state, result, error):
            self.finished += 1
            logger.info("%s %s", claim.experiment_id, state)
            delivery.done()
        else:
            logger.warning("%s: result refused, as claim %d is void", claim.experiment_id, claim.fence)
            self._settle(delivery)

    def _settle(self, delivery: Delivery) -> None:
        """Lets go of a job of somebody else: its message goes only where its row has ended."""
        row = self.services.store.get(*delivery.key)
        if row is not None and row.state in ENDED:
            delivery.done()
        elif row is not None and row.state == "queued":
            delivery.back()

    def _outcome(self, claim: Claim, values: dict[str, Any], delivery: Delivery) -> Outcome | None:
        """State, result and error; None where the claim is void, and `queued` where somebody is to try again."""
        try:
            job = job_from(values)
        except NeuralCodecError as error:
            return "queued", None, {"message": f"unreadable job: {error}"}
        this = Run(claim, job, self.services)
        self.current = (this, delivery, time.monotonic() + job.budget.wall_s)
        try:
            outcome = self._tried(this)
            if outcome is not None and outcome[0] != "queued":
                self.faults = 0
            elif outcome is not None and outcome[2] is not None:
                self._pause(this, delivery)
            return outcome
        finally:
            self.current = None

    def _pause(self, this: Run, delivery: Delivery) -> None:
        """Keeps a claim for a while after a fault of the machine, longer after each in a row: an outage is not to use up the tries
        of every job that waits."""
        self.current = (this, delivery, math.inf)
        this.stop.wait(self.services.config.retry_s * 2 ** min(self.faults, _MOST_DOUBLINGS))
        self.faults += 1

    def _tried(self, this: Run) -> Outcome | None:
        """Runs a job in a folder of its own, which goes with it."""
        try:
            with job_folder(self.services.scratch) as folder:
                return self._ran(this, folder)
        except Exception as error:
            return self._given_back(this, error)

    def _ran(self, this: Run, folder: Path) -> Outcome | None:
        try:
            return "completed", contextvars.copy_context().run(run, this, folder), None
        except Exception as error:
            if this.why in ("void", "stopping") or is_of_machine(error):
                return self._given_back(this, error)
            late = this.why == "deadline" or isinstance(error, JailTimeout)
            return "timed_out" if late else "failed", None, self._error(this, error, folder)

    def _given_back(self, this: Run, error: Exception) -> Outcome | None:
        """The outcome of a try that says nothing of the job."""
        if this.why == "void":
            return None
        if this.why == "stopping":
            return "queued", None, None
        logger.error("%s failed in the worker", this.claim.experiment_id, exc_info=error)
        return "queued", None, {"message": f"{type(error).__name__}: {error}"}

    def _error(self, this: Run, error: Exception, folder: Path) -> dict[str, Any]:
        """What became of a job that failed; what its code printed is kept."""
        told: dict[str, Any] = {
            "kind": type(error).__name__,
            "message": str(error)[:2000],
            "phase": this.phase,
            "phases": this.phases,
        }
        log = getattr(error, "log", "")
        if log:
            path = folder / "crash.txt"
            path.write_text(log)
            sha256 = self.services.artefacts.put(path)
            told["log"] = {"sha256": sha256, "bytes": path.stat().st_size, "name": "crash.txt"}
        return told

    def _beats(self) -> None:
        """Says that this worker lives, and keeps its claim alive, until it stops."""
        config, stopping = self.services.config, self.services.stopping
        word, beat = 0.0, 0.0
        while True:
            current, now = self.current, time.monotonic()
            if current is not None and now > current[2]:
                current[0].give_up("deadline")
            if now >= beat:
                beat = now + config.beat_s
                self._guarded(lambda: self._beat(current))
            if now >= word:
                word = now + config.beat_s / LOOKS
                self._guarded(lambda: self.services.store.hello(self.name, self.told()))
            if stopping.wait(min(0.5, config.beat_s / LOOKS)):
                return

    def _beat(self, current: tuple[Run, Delivery, float] | None) -> None:
        if current is None:
            return
        this, delivery, _ = current
        if self.services.store.beat(this.claim, this.phase, this.phases):
            delivery.extend()
        else:
            this.give_up("void")

    def _looks(self) -> None:
        """Looks after silent workers, and for what somebody should know of, until this worker stops."""
        while True:
            self._guarded(self._reap)
            self._guarded(self.watch.check)
            self._guarded(self._unserved)
            if self.services.stopping.wait(self.services.config.beat_s / LOOKS):
                return

    def _unserved(self) -> None:
        """Tells where jobs wait for a GPU that no worker has, which lives."""
        store = self.services.store
        workers = store.workers()
        live = self.watch.liveness.check(workers)
        served = any(live[each["worker"]] and each["told"].get("gpu") for each in workers)
        if not served and store.queued(1, gpu=True):
            self.watch.tell(_NO_GPU, "jobs wait that need a GPU, and no worker that lives has one")
        else:
            self.watch.end(_NO_GPU)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            logger.exception("worker %s: a beat, a look or a sweep failed", self.name)

    def _reap(self) -> None:
        """Gives back what silent workers hold."""
        for row, state in self.observer.check():
            logger.warning("%s: lease of %s lapsed, now %s", row.experiment_id, row.worker, state)
            self.watch.lapsed(row)
            whole = self.services.store.get(*row.key)
            if whole is not None and state == "queued" and whole.job.get("protocol") == PROTOCOL:
                self.services.queue.send(job_from(whole.job))
            elif state == "failed":
                self.services.queue.bury(row.key, "its workers fell silent")

    def told(self) -> dict[str, Any]:
        """What others may know of this worker."""
        running = self.current
        return {
            "version": neural_codec.__version__, "protocol": PROTOCOL, "host": socket.gethostname(), "pid": os.getpid(),
            "began": self.began, "finished": self.finished, "gpu": self.services.has_gpu, "running": None if running is None else running[0].claim.experiment_id,
        }  # fmt: skip
