"""What every store does: keep experiments, give each to one worker at a time, and take one result.

A claim raises the row's fencing number; only who holds the highest may finish it. Leases are seen, not stamped: an observer
that finds a row's `beat` unchanged for the length of a lease by its own monotonic clock lets it lapse, so that clocks of
machines do not matter. `lapse` and `release` return a row to the queue, or bury it once it was claimed `MOST_CLAIMS` times.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol

from . import ExperimentError
from .model import Claim, Job, Row, State

MOST_CLAIMS = 3
Key = tuple[str, int]


@dataclass(frozen=True)
class StoredRecord:
    """A record beside the experiments, such as a slot of a campaign."""

    group: str
    name: str
    value: dict[str, Any]
    version: int


class Store(Protocol):
    """Experiments, workers and alerts; every change is conditional and gives whether it took place."""

    def add(self, job: Job) -> Row:
        """The new row; the row that is there where the same job was added before."""

    def get(self, experiment_id: str, timestamp: int | None = None) -> Row | None:
        """One row; the latest of that name where no timestamp is given."""

    def queued(self, limit: int = 16, *, gpu: bool | None = None) -> list[Key]:
        """Keys of the rows that wait longest; where `gpu` is given, of those alone that need one, or that need none."""

    def claim(self, key: Key, worker: str) -> Claim | None:
        """The right to run a queued row; None where it is not queued."""

    def beat(self, claim: Claim, phase: str, phases: list[dict[str, Any]]) -> bool:
        """Extends a lease and tells the phase; False where the claim is void."""

    def finish(self, claim: Claim, state: State, result: dict[str, Any] | None, error: dict[str, Any] | None) -> bool:
        """Ends a row; False, and nothing changed, where the claim is void."""

    def release(self, claim: Claim, reason: str, *, counted: bool = True) -> State | None:
        """Gives a row back unfinished: `queued`, or `failed` where it was the last try; None where the claim is void.
        Not `counted` is a try that ended through no fault of the job."""

    def running(self) -> list[Row]:
        """Rows under way, without job and result."""

    def lapse(self, key: Key, fence: int, beat: int) -> State | None:
        """As `release`, for a worker that fell silent: only where neither fence nor beat moved."""

    def cancel(self, key: Key) -> bool:
        """Ends a row that is queued or under way; its worker learns of it by its next beat."""

    def page(
        self, states: tuple[State, ...] = (), *, order: str = "created", down: bool = True, text: str = "",
        tests: bool = False, limit: int = 100, offset: int = 0,
    ) -> list[Row]:  # fmt: skip
        """Rows by state, whose name, kind or campaign contains the text, without their jobs; of a result at least `metrics`, and `clip`
        and `base_encoder` where it has them."""

    def counts(self) -> dict[str, int]:
        """Rows by state, tests apart, under `tests`, and `dead` among the failed."""

    def changes(self, after: int, limit: int = 200) -> list[Row]:
        """Rows whose revision is above, oldest change first, without their jobs."""

    def revision(self) -> int:
        """The highest revision given out."""

    def hello(self, worker: str, told: dict[str, Any]) -> None:
        """Records that a worker lives; raises its counter."""

    def goodbye(self, worker: str) -> None:
        """Forgets a worker."""

    def workers(self) -> list[dict[str, Any]]:
        """Workers: `worker`, `beat`, `told`."""

    def open_alert(self, name: str, text: str) -> bool:
        """True for the first to open it."""

    def close_alert(self, name: str) -> bool:
        """True for the first to close it."""

    def alerts(self) -> list[dict[str, Any]]:
        """Open alerts: `name`, `text`, `opened`."""

    def keep(self, group: str, name: str, value: dict[str, Any]) -> bool:
        """True for the first to write a record; the others change nothing."""

    def change(self, kept: StoredRecord, value: dict[str, Any]) -> bool:
        """Writes a record anew, where nobody has since it was read."""

    def kept(self, group: str, name: str) -> StoredRecord | None:
        """A record as it is now."""

    def all_kept(self, group: str) -> list[StoredRecord]:
        """The records of a group, by name; of a store on many machines, those of the last second may be missing."""


ORDERS = ("created", "finished", "experiment_id", "bytes", "psnr_db", "ssim", "bitrate_mbps")


def after_claim(claims: int, reason: str) -> tuple[State, dict[str, Any] | None]:
    """The state of a row that was given back, and its error."""
    if claims < MOST_CLAIMS:
        return "queued", None
    text = f"claimed {claims} times without a result; the last time: {reason}"
    return "failed", {"kind": "dead", "message": text}


def same_job(row: Row, job: Job) -> bool:
    """Whether a row holds this very job."""
    return row.job == job.model_dump(mode="json")


class Observer:
    """Lets leases lapse whose beat did not move for `lease` seconds of this process's own clock."""

    def __init__(self, store: Store, lease: float) -> None:
        self.store, self.lease = store, lease
        self.seen: dict[Key, tuple[int, int, float]] = {}

    def check(self) -> list[tuple[Row, State]]:
        """Rows that lapsed now, each with its new state."""
        lapsed: list[tuple[Row, State]] = []
        now, rows = time.monotonic(), self.store.running()
        kept: dict[Key, tuple[int, int, float]] = {}
        for row in rows:
            fence, beat, since = self.seen.get(row.key, (-1, -1, now))
            if (fence, beat) != (row.fence, row.beat):
                kept[row.key] = (row.fence, row.beat, now)
            elif now - since < self.lease:
                kept[row.key] = (fence, beat, since)
            else:
                state = self.store.lapse(row.key, fence, beat)
                if state is not None:
                    lapsed.append((row, state))
        self.seen = kept
        return lapsed


def open_store(url: str) -> Store:
    """The store of a URL: `sqlite:///path` or `dynamodb://table`."""
    scheme, _, place = url.partition("://")
    if scheme == "sqlite" and place.startswith("/"):
        from .store_sqlite import SqliteStore

        return SqliteStore(place)
    if scheme == "dynamodb" and place:
        from .store_dynamo import DynamoStore

        return DynamoStore(place)
    raise ExperimentError(f"store: expected sqlite:///path or dynamodb://table, found {url!r}")
