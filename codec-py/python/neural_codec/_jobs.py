"""Drives work of the native module: feeds frames, passes results on, and answers Ctrl-C in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from threading import Event
from typing import Union

from . import _native
from ._frames import Passed
from ._progress import bar_for
from .errors import Cancelled
from .records import Progress

ProgressArgument = Union[Callable[[Progress], object], bool, None]

# Seconds of one wait in the native module; Python's signal handlers run after each.
WAIT = 0.03
# Seconds that a call which failed or was interrupted waits for its thread. The thread holds no file and ends on its
# own; tearing an encoder down takes longer than Ctrl-C may.
PATIENCE = 0.0

# Raised by who waits for the work from elsewhere, such as `neural_codec.aio`, to end it.
STOP: ContextVar[Event | None] = ContextVar("neural_codec_stop", default=None)

Feed = tuple[_native.Feeder, Iterator[Passed]]


def check_stop() -> None:
    """Errors: Cancelled once who waits for the work wants it no longer."""
    stop = STOP.get()
    if stop is not None and stop.is_set():
        raise Cancelled("cancelled by who waited for it")


class Drive:
    """A job and what happens with its events."""

    def __init__(
        self,
        job: _native.Job,
        feeders: Sequence[_native.Feeder] = (),
        write: Callable[[bytes], object] | None = None,
        progress: Callable[[Progress], object] | None = None,
        patience: float = PATIENCE,
        lost: Callable[[str], object] | None = None,
    ) -> None:
        self._lost = lost
        self._job = job
        self._feeders = feeders
        self._write = write
        self.progress = progress
        self._patience = patience
        self.result: str | None = None

    def put(self, feeder: _native.Feeder, frame: Passed) -> None:
        """Hands a frame to the job, waiting for a place."""
        feeder.put(frame)
        while not feeder.flush(WAIT):
            self.take(0.0)
        self.take(0.0)

    def take(self, seconds: float) -> bool:
        """Handles the events that are there, waiting for the first; says whether there was one."""
        check_stop()
        event = None if self.result is not None else self._job.poll(seconds)
        found = event is not None
        while event is not None:
            if event[0] == "bytes":
                if self._write is not None:
                    self._write(event[1])
            elif event[0] == "lost":
                if self._lost is not None:
                    self._lost(event[1])
            elif event[0] == "progress":
                if self.progress is not None and self.progress(Progress(*event[1][0], *event[1][1:])) is False:
                    raise Cancelled("cancelled by the progress callback")
            else:
                self.result = event[1]
            event = None if self.result is not None else self._job.poll(0.0)
        return found

    def wait(self) -> str:
        """Waits for the end of the job and gives its result."""
        while self.result is None:
            self.take(WAIT)
        return self.result

    def close(self) -> None:
        """Cancels what is still at work."""
        self._job.close(0.0)
        for feeder in self._feeders:
            feeder.finish()
        self._job.close(self._patience)


def drive(
    job: _native.Job,
    feeds: Sequence[Feed] = (),
    write: Callable[[bytes], object] | None = None,
    progress: ProgressArgument = None,
    patience: float = PATIENCE,
    lost: Callable[[str], object] | None = None,
) -> str:
    """Runs a job to its end, frames of its feeds taken in turn, and gives its result."""
    with ExitStack() as stack:
        run = Drive(job, [feeder for feeder, _ in feeds], write, None, patience, lost)
        stack.callback(run.close)
        run.progress = stack.enter_context(bar_for(progress))
        waiting = list(feeds)
        while waiting and run.result is None:
            for feed in list(waiting):
                feeder, frames = feed
                frame = next(frames, None)
                if frame is None:
                    feeder.finish()
                    waiting.remove(feed)
                else:
                    run.put(feeder, frame)
        return run.wait()
