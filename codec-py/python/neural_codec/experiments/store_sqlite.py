"""The store in one SQLite file, for one machine: nothing to install, nothing to start.

Every change is one transaction with its condition in the statement, so that threads and processes may share the file.
What jobs are, who claimed them and how they ended is on the disk before a call returns; beats, workers and alerts are written without
waiting for it: a machine that loses its power may forget the last of them, a process that is killed loses none.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import ExperimentError
from .migrations import migrate
from .model import ENDED, Claim, Job, Row, State
from .store import ORDERS, StoredRecord, Key, after_claim, same_job

_SHORT = (
    "experiment_id, timestamp, kind, campaign, state, created, phase, phases, fence, claims, beat, worker, started, finished,"
    " error, dead, revision, bytes, psnr_db, ssim, bitrate_mbps, clip_sha256, clip_name, base_encoder"
)
_FIGURES = ("bytes", "psnr_db", "ssim", "bitrate_mbps")
_NEXT = "revision = (SELECT value FROM counter)"
_MINE = "experiment_id = ? AND timestamp = ? AND fence = ? AND state = 'running'"


class SqliteStore:
    """See `store.Store`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._local = threading.local()
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with self._change() as db:
            migrate(db, path)

    def _db(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode = WAL")
            self._local.db = db
        return db

    @contextmanager
    def _change(self, *, passing: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction; what is `passing` does not wait for the disk."""
        db = self._db()
        db.execute(f"PRAGMA synchronous = {'NORMAL' if passing else 'FULL'}")
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _update(self, what: str, condition: str, values: tuple[Any, ...], *, passing: bool = False) -> bool:
        with self._change(passing=passing) as db:
            db.execute("UPDATE counter SET value = value + 1")
            return db.execute(f"UPDATE experiments SET {what}, {_NEXT} WHERE {condition}", values).rowcount == 1

    def add(self, job: Job) -> Row:
        values = job.model_dump(mode="json")
        now = time.time()
        with self._change() as db:
            db.execute("UPDATE counter SET value = value + 1")
            db.execute(
                "INSERT INTO experiments (experiment_id, timestamp, kind, campaign, state, job, created, revision)"
                " VALUES (?, ?, ?, ?, 'queued', ?, ?, (SELECT value FROM counter)) ON CONFLICT DO NOTHING",
                (job.experiment_id, job.timestamp, job.kind, job.campaign, json.dumps(values), now),
            )
        row = self.get(job.experiment_id, job.timestamp)
        assert row is not None
        if not same_job(row, job):
            raise ExperimentError(f"{job.experiment_id}: expected a new key, found another job of timestamp {job.timestamp}")
        return row

    def get(self, experiment_id: str, timestamp: int | None = None) -> Row | None:
        at, values = ("", (experiment_id,)) if timestamp is None else (" AND timestamp = ?", (experiment_id, timestamp))
        sql = f"SELECT * FROM experiments WHERE experiment_id = ?{at} ORDER BY timestamp DESC LIMIT 1"
        found = self._db().execute(sql, values).fetchone()
        return None if found is None else _row(found)

    def queued(self, limit: int = 16, *, gpu: bool | None = None) -> list[Key]:
        need = "" if gpu is None else f" AND json_extract(job, '$.needs.gpu') IS {'' if gpu else 'NOT '}1"
        sql = f"SELECT experiment_id, timestamp FROM experiments WHERE state = 'queued'{need} ORDER BY created LIMIT ?"
        return [(each[0], each[1]) for each in self._db().execute(sql, (limit,))]

    def claim(self, key: Key, worker: str) -> Claim | None:
        with self._change() as db:
            db.execute("UPDATE counter SET value = value + 1")
            found = db.execute(
                "UPDATE experiments SET state = 'running', fence = fence + 1, claims = claims + 1, beat = 0, worker = ?,"
                f" started = ?, phase = 'received', phases = '[]', {_NEXT}"
                " WHERE experiment_id = ? AND timestamp = ? AND state = 'queued' RETURNING fence, claims",
                (worker, time.time(), *key),
            ).fetchone()
        return None if found is None else Claim(*key, found[0], found[1], worker)

    def beat(self, claim: Claim, phase: str, phases: list[dict[str, Any]]) -> bool:
        values = (phase, json.dumps(phases), *claim.key, claim.fence)
        return self._update("beat = beat + 1, phase = ?, phases = ?", _MINE, values, passing=True)

    def finish(self, claim: Claim, state: State, result: dict[str, Any] | None, error: dict[str, Any] | None) -> bool:
        found = result or {}
        metrics, clip = found.get("metrics", {}), found.get("clip", {})
        told = (*(metrics.get(name) for name in _FIGURES), clip.get("sha256"), clip.get("name"), found.get("base_encoder"))
        phases = json.dumps(found.get("phases") or (error or {}).get("phases") or [])
        return self._update(
            "state = ?, result = ?, error = ?, finished = ?, phases = ?, phase = CASE ? WHEN 'completed' THEN 'shown' ELSE phase END,"
            " bytes = ?, psnr_db = ?, ssim = ?, bitrate_mbps = ?, clip_sha256 = ?, clip_name = ?, base_encoder = ?",
            _MINE,
            (state, _json(result), _json(error), time.time(), phases, state, *told, *claim.key, claim.fence),
        )

    def release(self, claim: Claim, reason: str, *, counted: bool = True) -> State | None:
        if not counted:
            back = self._update("state = 'queued', claims = claims - 1", _MINE, (*claim.key, claim.fence))
            return "queued" if back else None
        return self._give_back(_MINE, (*claim.key, claim.fence), reason)

    def lapse(self, key: Key, fence: int, beat: int) -> State | None:
        return self._give_back(f"{_MINE} AND beat = ?", (*key, fence, beat), "its worker fell silent")

    def _give_back(self, condition: str, values: tuple[Any, ...], reason: str) -> State | None:
        with self._change() as db:
            found = db.execute(f"SELECT claims FROM experiments WHERE {condition}", values).fetchone()
            if found is None:
                return None
            state, error = after_claim(found[0], reason)
            ended = time.time() if state in ENDED else None
            db.execute("UPDATE counter SET value = value + 1")
            db.execute(
                f"UPDATE experiments SET state = ?, error = ?, finished = ?, dead = ?, {_NEXT} WHERE {condition}",
                (state, _json(error), ended, int(state == "failed"), *values),
            )
        return state

    def running(self) -> list[Row]:
        return [_row(each) for each in self._db().execute(f"SELECT {_SHORT} FROM experiments WHERE state = 'running'")]

    def cancel(self, key: Key) -> bool:
        condition = "experiment_id = ? AND timestamp = ? AND state IN ('queued', 'running')"
        return self._update("state = 'cancelled', finished = ?", condition, (time.time(), *key))

    def page(
        self, states: tuple[State, ...] = (), *, order: str = "created", down: bool = True, text: str = "",
        tests: bool = False, limit: int = 100, offset: int = 0,
    ) -> list[Row]:  # fmt: skip
        if order not in ORDERS:
            raise ExperimentError(f"order: expected one of {', '.join(ORDERS)}, found {order!r}")
        conditions, values = ["kind = 'test'" if tests else "kind <> 'test'"], list[Any]()
        if states:
            conditions.append(f"state IN ({', '.join('?' * len(states))})")
            values += states
        if text:
            conditions.append("(instr(experiment_id, ?) OR instr(kind, ?) OR instr(campaign, ?))")
            values += [text] * 3
        way = "DESC" if down else "ASC"
        sql = f"SELECT {_SHORT} FROM experiments WHERE {' AND '.join(conditions)} ORDER BY {order} {way}, experiment_id LIMIT ? OFFSET ?"
        return [_row(each) for each in self._db().execute(sql, (*values, limit, offset))]

    def counts(self) -> dict[str, int]:
        sql = "SELECT state, kind = 'test', dead, count(*) FROM experiments GROUP BY 1, 2, 3"
        return counted((each[0], bool(each[1]), bool(each[2]), each[3]) for each in self._db().execute(sql))

    def changes(self, after: int, limit: int = 200) -> list[Row]:
        sql = f"SELECT {_SHORT} FROM experiments WHERE revision > ? ORDER BY revision LIMIT ?"
        return [_row(each) for each in self._db().execute(sql, (after, limit))]

    def revision(self) -> int:
        return int(self._db().execute("SELECT value FROM counter").fetchone()[0])

    def hello(self, worker: str, told: dict[str, Any]) -> None:
        with self._change(passing=True) as db:
            db.execute(
                "INSERT INTO workers VALUES (?, 1, ?) ON CONFLICT DO UPDATE SET beat = beat + 1, told = excluded.told",
                (worker, json.dumps(told)),
            )

    def goodbye(self, worker: str) -> None:
        with self._change(passing=True) as db:
            db.execute("DELETE FROM workers WHERE worker = ?", (worker,))

    def workers(self) -> list[dict[str, Any]]:
        rows = self._db().execute("SELECT worker, beat, told FROM workers ORDER BY worker")
        return [{"worker": each[0], "beat": each[1], "told": json.loads(each[2])} for each in rows]

    def open_alert(self, name: str, text: str) -> bool:
        with self._change(passing=True) as db:
            sql = "INSERT INTO alerts VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
            return db.execute(sql, (name, text, time.time())).rowcount == 1

    def close_alert(self, name: str) -> bool:
        with self._change(passing=True) as db:
            return db.execute("DELETE FROM alerts WHERE name = ?", (name,)).rowcount == 1

    def alerts(self) -> list[dict[str, Any]]:
        return [dict(each) for each in self._db().execute("SELECT name, text, opened FROM alerts ORDER BY opened")]

    def keep(self, group: str, name: str, value: dict[str, Any]) -> bool:
        with self._change() as db:
            sql = "INSERT INTO records VALUES (?, ?, ?, 1) ON CONFLICT DO NOTHING"
            return db.execute(sql, (group, name, _json(value))).rowcount == 1

    def change(self, kept: StoredRecord, value: dict[str, Any]) -> bool:
        with self._change() as db:
            sql = 'UPDATE records SET value = ?, version = version + 1 WHERE "group" = ? AND name = ? AND version = ?'
            return db.execute(sql, (_json(value), kept.group, kept.name, kept.version)).rowcount == 1

    def kept(self, group: str, name: str) -> StoredRecord | None:
        sql = 'SELECT value, version FROM records WHERE "group" = ? AND name = ?'
        found = self._db().execute(sql, (group, name)).fetchone()
        return None if found is None else StoredRecord(group, name, json.loads(found[0]), found[1])

    def all_kept(self, group: str) -> list[StoredRecord]:
        rows = self._db().execute('SELECT name, value, version FROM records WHERE "group" = ? ORDER BY name', (group,))
        return [StoredRecord(group, each[0], json.loads(each[1]), each[2]) for each in rows]


def counted(groups: Any) -> dict[str, int]:
    """Counts by state from groups `(state, is a test, is dead, rows)`."""
    counts = dict.fromkeys(("queued", "running", *ENDED, "dead", "tests"), 0)
    for state, test, dead, rows in groups:
        if test:
            counts["tests"] += rows
        else:
            counts[state] += rows
            counts["dead"] += rows if dead else 0
    return counts


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, allow_nan=False)


def _row(found: sqlite3.Row) -> Row:
    values = dict(found)
    figures = {name: values.pop(name) for name in _FIGURES}
    clip, base_encoder = {name: values.pop(f"clip_{name}") for name in ("sha256", "name")}, values.pop("base_encoder")
    for name in ("job", "phases", "result", "error"):
        text = values.get(name)
        values[name] = None if text is None else json.loads(text)
    values["job"] = values["job"] or {}
    values["dead"] = bool(values["dead"])
    if values["result"] is None and figures["bytes"] is not None:
        known = {"metrics": figures, "clip": clip if clip["sha256"] else None, "base_encoder": base_encoder}
        values["result"] = {name: value for name, value in known.items() if value is not None}
    return Row(**values)
