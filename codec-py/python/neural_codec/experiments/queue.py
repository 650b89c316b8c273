"""Where a worker hears of jobs. A queue is a hint: the row in the store decides who runs one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from . import ExperimentError
from .model import Job
from .store import Key, Store


class UnknownProtocol(ExperimentError):
    """A message of a protocol that this version does not speak. It stays in the queue, and the worker stops."""


@dataclass(frozen=True)
class Delivery:
    """A job that might be run. At most one of `done` and `back` is called in the end; without, it comes again after a lease."""

    key: Key
    extend: Callable[[], None]
    """Nobody else hears of it for the length of a lease from now."""
    done: Callable[[], None]
    """Nothing is left to do for it."""
    back: Callable[[], None]
    """Somebody is to try again, soon."""
    broken: str = ""
    """Why it cannot be read; its tries count all the same."""


class Queue(Protocol):
    """See `Delivery`."""

    def send(self, job: Job) -> None:
        """Tells workers of a job whose row is in the store."""

    def receive(self, wait: float) -> Delivery | None:
        """The next job, waiting up to so many seconds. Raises UnknownProtocol."""

    def bury(self, key: Key, reason: str) -> None:
        """Puts a job among the dead letters."""


def _nothing(*_: object) -> None:
    return None


class TableQueue:
    """The store itself as queue: the rows that wait longest come first; dead ones are the failed rows marked dead. Without a GPU here,
    rows that need one are left to others."""

    def __init__(self, store: Store, pause: Callable[[float], object], has_gpu: bool) -> None:
        self.store, self.pause, self.gpu = store, pause, None if has_gpu else False

    def send(self, job: Job) -> None:
        return None

    def receive(self, wait: float) -> Delivery | None:
        keys = self.store.queued(1, gpu=self.gpu)
        if not keys and wait > 0:
            self.pause(min(wait, 0.2))
            keys = self.store.queued(1, gpu=self.gpu)
        return Delivery(keys[0], _nothing, _nothing, _nothing) if keys else None

    def bury(self, key: Key, reason: str) -> None:
        return None


def open_queue(
    url: str | None, store: Store, pause: Callable[[float], object], lease: float = 60.0, *, has_gpu: bool = True
) -> Queue:
    """The queue of a URL: None for the store's own, or `sqs://name`, with the dead letters in `name-dead`."""
    if url is None:
        return TableQueue(store, pause, has_gpu)
    scheme, _, name = url.partition("://")
    if scheme == "sqs" and name:
        from .queue_sqs import SqsQueue

        return SqsQueue(name, store, lease, has_gpu)
    raise ExperimentError(f"queue: expected sqs://name or none, found {url!r}")
