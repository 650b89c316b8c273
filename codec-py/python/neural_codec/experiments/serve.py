"""The server and its workers in one process."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from .alerts import Liveness, Watch, window_of
from .api import Api
from .guard import Guard
from .live import Live
from .queue import UnknownProtocol
from .services import Services, open_services
from .worker import EXIT_UNKNOWN_PROTOCOL, Worker

logger = logging.getLogger("neural_codec.experiments")


def app(services: Services, liveness: Liveness | None = None) -> Starlette:
    """Every route, guarded."""
    liveness = liveness or Liveness(window_of(services.config))
    routes = [*Api(services, liveness).routes(), *Live(services, liveness).routes()]
    return Starlette(routes=routes, middleware=[Middleware(Guard, config=services.config)])


class _Announced(uvicorn.Server):
    """Says where it serves, once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"serving on http://{self.config.host}:{self.config.port}", file=sys.stderr, flush=True)


class Served:
    """A server with its workers; `run` returns the exit status."""

    def __init__(self, services: Services, workers: int = 1) -> None:
        self.services, self.status = services, 0
        config = services.config
        options: dict[str, Any] = {
            "log_level": "warning",
            "access_log": False,
            "timeout_graceful_shutdown": 3,
            "lifespan": "off",
        }
        # What is asked now and then knows what the watch, which looks all the time, has seen.
        self.liveness = Liveness(window_of(config))
        self.server = _Announced(uvicorn.Config(app(services, self.liveness), host=config.host, port=config.port, **options))
        # Each worker stops by services of its own, which share the file of the store.
        self.workers = [Worker(open_services(config)) for _ in range(workers)]
        self.threads = [threading.Thread(target=self._work, args=(each,), name=each.name, daemon=True) for each in self.workers]

    def run(self) -> int:
        """Serves until it is told to stop."""
        watching = threading.Thread(target=self._watch, name="watch", daemon=True)
        for thread in (*self.threads, watching):
            thread.start()
        try:
            self.server.run()
        finally:
            self.services.stopping.set()
            for worker in self.workers:
                worker.stop()
            for thread in self.threads:
                thread.join(10)
        return self.status

    def _work(self, worker: Worker) -> None:
        try:
            worker.run()
        except UnknownProtocol as error:
            logger.error("a worker stops: %s", error)
            self.status = EXIT_UNKNOWN_PROTOCOL
            self.server.should_exit = True

    def _watch(self) -> None:
        watch = Watch(self.services, self.liveness)
        while not self.services.stopping.wait(min(5.0, self.services.config.beat_s / 3)):
            try:
                watch.check()
            except Exception:
                logger.exception("a look for alerts failed")
