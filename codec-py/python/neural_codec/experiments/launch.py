"""Workers on the nodes of a Ray cluster, as long-lived actors that do what `experiments work` does.

```text
launcher -> an actor a worker, on any node -> the store and its queue -> jobs
```
Ray starts actors and starts them again where a process or a node was lost. It knows nothing of jobs: those that a lost worker held come
back by their lease, as from any other worker.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from . import ExperimentError, needed
from .config import Config

logger = logging.getLogger("neural_codec.experiments.launch")
# What an actor may take to let go of its job when it is told to stop.
STOP_S = 30.0
# After so long it is said how many workers wait for a processor.
START_S = 60.0


class WorkerActor:
    """One worker in a process of Ray's."""

    def __init__(self, config: Config) -> None:
        from .services import open_services
        from .worker import Worker

        self.worker = Worker(open_services(config))

    def work(self, until_empty: bool) -> int:
        """Works until it is told to stop; the exit status of `experiments work`."""
        from .queue import UnknownProtocol
        from .worker import EXIT_UNKNOWN_PROTOCOL

        try:
            self.worker.run(until_empty=until_empty)
        except UnknownProtocol as error:
            logger.error("a worker stops: %s", error)
            return EXIT_UNKNOWN_PROTOCOL
        return 0

    def told(self) -> dict[str, Any]:
        """What others may know of this worker."""
        return {"worker": self.worker.name, **self.worker.told()}

    def stop(self) -> None:
        """Ends the work; a job that is under way goes back to the queue."""
        self.worker.stop()


class Launch:
    """So many workers on a cluster; `run` returns when they have ended, or were told to by `stop`."""

    def __init__(self, config: Config, address: str, workers: int, cpus: float = 1.0) -> None:
        if workers < 1:
            raise ExperimentError(f"workers: expected at least 1, found {workers}")
        self.config = config.model_copy(update={"data": config.data.resolve()})
        self.address, self.workers, self.cpus = address, workers, cpus
        self.stopping = threading.Event()
        self.actors: list[Any] = []

    def run(self, *, until_empty: bool = False) -> int:
        """Starts the workers and waits. Raises ExperimentError without Ray, without a cluster, or with parts that nodes cannot share."""
        ray = needed("ray", "ray")
        is_own = not ray.is_initialized()
        if is_own:
            try:
                ray.init(address=None if self.address == "local" else self.address, logging_level="error", log_to_driver=True)
            except (ConnectionError, RuntimeError, ValueError) as error:
                found = " ".join(str(error).split())
                raise ExperimentError(f"ray: expected a cluster at {self.address}, found {found}; start one with `ray start --head`") from None
        try:
            self._check_parts(ray)
            return self._run(ray, until_empty)
        finally:
            if is_own:
                ray.shutdown()

    def stop(self) -> None:
        self.stopping.set()

    def _check_parts(self, ray: Any) -> None:
        """Files of one machine are no store for several."""
        hosts = {node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
        urls = {"store": self.config.store_url, "artefacts": self.config.artefacts_url}
        local = [f"{name} {url}" for name, url in urls.items() if url.startswith(("sqlite:", "file:"))]
        if len(hosts) > 1 and local:
            raise ExperimentError(
                f"launch: expected parts that all of {len(hosts)} machines reach (dynamodb://, sqs://, s3://), found {' and '.join(local)}"
            )

    def _run(self, ray: Any, until_empty: bool) -> int:
        # An actor is started again wherever it was lost, and so is its one call; while it works another thread answers.
        made = ray.remote(num_cpus=self.cpus, max_restarts=-1, max_task_retries=-1, max_concurrency=3)(WorkerActor)
        self.actors = [made.remote(self.config) for _ in range(self.workers)]
        running = {actor.work.remote(until_empty): actor for actor in self.actors}
        ready = [actor.told.remote() for actor in self.actors]
        began, is_told = time.monotonic(), False
        status = 0
        while running and not self.stopping.is_set():
            finished, _ = ray.wait(list(running), timeout=0.5)
            for task in finished:
                running.pop(task)
                status = max(status, self._status(ray, task))
            if status:
                break
            count = 0 if is_told else len(ray.wait(ready, num_returns=len(ready), timeout=0)[0])
            if not is_told and (count == len(ready) or time.monotonic() - began > START_S):
                is_told = True
                logger.info("%d of %d workers work%s", count, self.workers, "" if count == self.workers else "; the others wait for processors")
        self._end(ray, running)
        return status

    def _status(self, ray: Any, task: Any) -> int:
        try:
            found: int = ray.get(task)
        except ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines()
            raise ExperimentError(f"launch: a worker could not be started: {lines[-1] if lines else error!r}") from None
        return found

    def _end(self, ray: Any, running: dict[Any, Any]) -> None:
        for actor in self.actors:
            actor.stop.remote()
        if running:
            ray.wait(list(running), num_returns=len(running), timeout=STOP_S)
        for actor in self.actors:
            ray.kill(actor, no_restart=True)
