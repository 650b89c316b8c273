"""What a worker works with, opened from its configuration."""

from __future__ import annotations

import contextlib
import glob
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .artefacts import Artefacts, Folder, open_artefacts
from .aside import sweep, sweep_folders
from .clips import Clips
from .config import Config
from .model import Claim, Job
from .queue import Queue, open_queue
from .store import Store, open_store


@dataclass
class Services:
    """The parts that a configuration names."""

    config: Config
    store: Store
    artefacts: Artefacts
    clips: Clips
    queue: Queue
    has_gpu: bool = False
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def scratch(self) -> Path:
        return self.config.data / "work"

    def sweep(self) -> None:
        """Removes what workers that were killed left under way in the folder of this one."""
        sweep_folders(self.scratch)
        kept = [self.artefacts.root] if isinstance(self.artefacts, Folder) else []
        for folder in (self.clips.cache.root, self.config.data / "results", self.config.data / "profiles", *kept):
            sweep(folder)

    def submit(self, job: Job) -> None:
        """The row first, then the message: a message never speaks of a row that is not there."""
        self.store.add(job)
        self.queue.send(job)


def open_services(config: Config) -> Services:
    """Opens store, artefacts, clips and queue. Raises ExperimentError that names which cannot be opened."""
    stopping = threading.Event()
    store, artefacts = open_store(config.store_url), open_artefacts(config.artefacts_url)
    clips = Clips(config.data / "clips", artefacts, config.clip, config.clips, config.buckets)
    gpu = has_gpu()
    queue = open_queue(config.queue_url, store, stopping.wait, config.lease_s, has_gpu=gpu)
    return Services(config, store, artefacts, clips, queue, gpu, stopping)


def has_gpu() -> bool:
    """Whether this machine has devices of a GPU that jobs can be given."""
    return bool(glob.glob("/dev/nvidia[0-9]*"))


def utc() -> str:
    """Now, in UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


@dataclass
class Run:
    """One try of one experiment: who may finish it, how far it is, and whether it is still wanted."""

    claim: Claim
    job: Job
    services: Services
    stop: threading.Event = field(default_factory=threading.Event)
    phase: str = "received"
    phases: list[dict[str, Any]] = field(default_factory=list)
    why: str = ""
    """Why `stop` was set: `void`, `deadline` or `stopping`."""

    @contextlib.contextmanager
    def step(self, phase: str) -> Iterator[None]:
        """A phase: told to the store as it begins."""
        self.phase = phase
        entry: dict[str, Any] = {"phase": phase, "began": utc(), "ended": None}
        self.phases.append(entry)
        if self.job.kind != "test" and not self.services.store.beat(self.claim, phase, self.phases):
            self.give_up("void")
        yield
        entry["ended"] = utc()

    def give_up(self, why: str) -> None:
        """Ends the work at its next chance."""
        if not self.stop.is_set():
            self.why = why
            self.stop.set()

    @property
    def stopped(self) -> bool:
        return self.stop.is_set()
