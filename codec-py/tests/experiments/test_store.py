"""Stores: one suite for every kind. One claim at a time, one result, nothing lost."""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
import threading

import pytest
from neural_codec.experiments import ExperimentError
from neural_codec.experiments.migrations import migrate
from neural_codec.experiments.model import Job, job_from
from neural_codec.experiments.store import MOST_CLAIMS, StoredRecord, Observer, Store, open_store
from neural_codec.experiments.store_sqlite import SqliteStore


def job(name: str = "a", timestamp: int = 1, **more) -> Job:
    return job_from(
        {"experiment_id": name, "timestamp": timestamp, "kind": "settings", "payload": {"settings": {"effort": 0}}, **more}
    )


def result(psnr: float = 40.0, size: int = 1000) -> dict:
    return {"metrics": {"bytes": size, "psnr_db": psnr, "ssim": 0.9, "bitrate_mbps": 0.5}, "phases": [{"phase": "shown"}]}


def test_a_job_comes_back_as_it_was_sent(store: Store):
    sent = job(campaign="first", target={"kind": "min_psnr_y", "value": 38.5})
    row = store.add(sent)
    assert row.state == "queued" and row.job == sent.model_dump(mode="json")
    assert store.get("a", 1) == row and store.get("a") == row and store.get("b") is None


def test_the_same_job_twice_is_one_row_and_another_under_its_key_is_refused(store: Store):
    assert store.add(job()) == store.add(job())
    with pytest.raises(ExperimentError, match="another job"):
        store.add(job(campaign="other"))
    store.add(job(timestamp=2, campaign="other"))
    latest = store.get("a")
    assert latest is not None and latest.timestamp == 2


def test_of_many_that_claim_one_wins(store: Store):
    store.add(job())
    claims = []
    threads = [threading.Thread(target=lambda name=name: claims.append(store.claim(("a", 1), name))) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (claim,) = [each for each in claims if each]
    assert len(claims) == 8 and claim.fence == 1 and claim.claims == 1


def test_the_one_result_is_that_of_the_highest_claim(store: Store):
    store.add(job())
    old = store.claim(("a", 1), "zombie")
    assert old is not None and store.lapse(old.key, old.fence, 0) == "queued"
    new = store.claim(("a", 1), "second")
    assert new is not None and new.fence == old.fence + 1 and new.claims == 2
    assert not store.finish(old, "completed", result(99.0), None) and not store.beat(old, "encoded", [])
    assert store.release(old, "late") is None
    assert store.finish(new, "completed", result(40.0), None)
    assert not store.finish(new, "failed", None, {"kind": "x"}), "a row ends once"
    row = store.get("a")
    assert row is not None and row.state == "completed" and row.result == result(40.0) and row.phase == "shown"


def test_a_beat_tells_the_phase_and_keeps_the_lease(store: Store):
    store.add(job())
    claim = store.claim(("a", 1), "w")
    assert claim is not None and store.beat(claim, "encoded", [{"phase": "received"}, {"phase": "encoded"}])
    (row,) = store.running()
    assert row.phase == "encoded" and row.beat == 1 and row.worker == "w" and len(row.phases) == 2
    assert store.lapse(claim.key, claim.fence, 0) is None, "it moved since"
    assert store.lapse(claim.key, claim.fence, 1) == "queued"


def test_a_job_is_dead_after_as_many_claims_as_are_counted_in_the_store(store: Store):
    store.add(job())
    states = []
    for _ in range(MOST_CLAIMS):
        claim = store.claim(("a", 1), "w")
        assert claim is not None
        states.append(store.lapse(claim.key, claim.fence, 0))
    assert states == ["queued"] * (MOST_CLAIMS - 1) + ["failed"]
    row = store.get("a")
    assert row is not None and row.dead and row.error is not None and row.error["kind"] == "dead"
    assert store.claim(("a", 1), "w") is None and store.counts()["dead"] == 1


def test_a_worker_that_is_told_to_stop_costs_no_try(store: Store):
    store.add(job())
    for _ in range(MOST_CLAIMS + 2):
        claim = store.claim(("a", 1), "w")
        assert claim is not None and claim.claims == 1 and store.release(claim, "stopped", counted=False) == "queued"


def test_what_is_cancelled_takes_no_result(store: Store):
    store.add(job())
    claim = store.claim(("a", 1), "w")
    assert claim is not None and store.cancel(("a", 1)) and not store.cancel(("a", 1))
    assert not store.beat(claim, "encoded", []) and not store.finish(claim, "completed", result(), None)
    store.add(job("b"))
    assert store.cancel(("b", 1)) and store.claim(("b", 1), "w") is None and store.queued() == []


def test_leases_lapse_by_the_observers_own_clock(store: Store, monkeypatch):
    clock, hours = [100.0], itertools.cycle((0, 3600, -3600))
    monkeypatch.setattr("neural_codec.experiments.store.time.monotonic", lambda: clock[0])
    # The clock on the wall jumps by an hour, back and forth, each time that somebody reads it.
    monkeypatch.setattr("time.time", lambda: 1.7e9 + next(hours))
    store.add(job())
    claim = store.claim(("a", 1), "w")
    observer = Observer(store, 60)
    for _ in range(4):
        assert observer.check() == []
        clock[0] += 59
        assert claim is not None and store.beat(claim, "encoded", [])
    assert observer.check() == []
    clock[0] += 61
    ((row, state),) = observer.check()
    assert row.key == ("a", 1) and state == "queued" and observer.check() == []


def test_rows_are_listed_by_state_order_and_text(store: Store):
    for index in range(5):
        store.add(job(f"e{index}", index, campaign="odd" if index % 2 else "even"))
    for index in (1, 3):
        claim = store.claim((f"e{index}", index), "w")
        assert claim is not None and store.finish(claim, "completed", result(30.0 + index, 100 * index), None)
    store.add(job_from({"experiment_id": "t", "timestamp": 9, "kind": "test"}))
    assert [row.experiment_id for row in store.page(("completed",), order="psnr_db")] == ["e3", "e1"]
    assert [row.experiment_id for row in store.page(("completed",), order="bytes", down=False)] == ["e1", "e3"]
    assert [row.experiment_id for row in store.page(("queued",), order="experiment_id", down=False, text="even")] == [
        "e0",
        "e2",
        "e4",
    ]
    assert [row.experiment_id for row in store.page(order="experiment_id", down=False, limit=2, offset=2)] == ["e2", "e3"]
    assert [row.experiment_id for row in store.page(tests=True)] == ["t"]
    first = store.page(("completed",))[0]
    assert first.result is not None and first.result["metrics"]["ssim"] == 0.9
    counts = store.counts()
    assert counts["queued"] == 3 and counts["completed"] == 2 and counts["tests"] == 1
    with pytest.raises(ExperimentError, match="order"):
        store.page(order="revision; DROP TABLE experiments")


def test_rows_that_wait_are_told_apart_by_their_need_of_a_gpu(store: Store):
    for index in range(3):
        store.add(job(f"gpu{index}", index, needs={"gpu": True}))
        store.add(job(f"cpu{index}", index))
    assert store.queued(2, gpu=False) == [("cpu0", 0), ("cpu1", 1)] and store.queued(1, gpu=True) == [("gpu0", 0)]
    assert store.queued() == [(f"{kind}{index}", index) for index in range(3) for kind in ("gpu", "cpu")]


def test_every_change_can_be_followed(store: Store):
    store.add(job("a"))
    seen = store.revision()
    store.add(job("b"))
    claim = store.claim(("a", 1), "w")
    assert claim is not None
    changes = store.changes(seen)
    assert [(row.experiment_id, row.state) for row in changes] == [("b", "queued"), ("a", "running")]
    assert store.changes(changes[-1].revision) == []


def test_workers_and_alerts_are_told_once(store: Store):
    store.hello("w1", {"version": "1"})
    store.hello("w1", {"version": "2"})
    assert store.workers() == [{"worker": "w1", "beat": 2, "told": {"version": "2"}}]
    store.goodbye("w1")
    assert store.workers() == []
    assert store.open_alert("disk full", "1 MiB") and not store.open_alert("disk full", "0 MiB")
    assert [each["text"] for each in store.alerts()] == ["1 MiB"]
    assert store.close_alert("disk full") and not store.close_alert("disk full") and store.alerts() == []


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    path = str(tmp_path / "store.db")
    SqliteStore(path).add(job())
    SqliteStore(path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(ExperimentError, match="version"):
        SqliteStore(path)


@pytest.mark.parametrize("url", ["", "sqlite:store", "mysql://x", "dynamodb://", "sqlite://relative"])
def test_a_url_of_no_store_is_named(url):
    with pytest.raises(ExperimentError, match="store: expected"):
        open_store(url)


def test_a_record_is_written_once_and_changed_by_who_has_read_it(store: Store):
    assert store.kept("slots/a", "1") is None and store.all_kept("slots/a") == []
    assert store.keep("slots/a", "2", {"x": 2}) and store.keep("slots/a", "1", {"x": [1.5, "ü"]})
    assert not store.keep("slots/a", "1", {"x": 9}), "the first stays"
    read = store.kept("slots/a", "1")
    assert read == StoredRecord("slots/a", "1", {"x": [1.5, "ü"]}, 1)
    assert store.change(read, {"x": 3}) and not store.change(read, {"x": 4}), "who read before the change is refused"
    assert [(each.name, each.value) for each in store.all_kept("slots/a")] == [("1", {"x": 3}), ("2", {"x": 2})]
    assert store.all_kept("slots") == [] and store.page() == [] and sum(store.counts().values()) == 0


def test_of_many_that_write_a_record_one_is_first(store: Store):
    first = []
    threads = [threading.Thread(target=lambda n=n: first.append(store.keep("slots/a", "1", {"by": n}))) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(first) == [False] * 5 + [True]


def test_a_store_of_the_first_version_loses_nothing_and_gets_records(tmp_path):
    """The steps of a version are those that were released: the file is made by the first alone."""
    path = str(tmp_path / "store.db")
    with contextlib.closing(sqlite3.connect(path)) as db:
        migrate(db, path, 1)
        assert {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")} == {
            "experiments", "counter", "workers", "alerts",
        }  # fmt: skip
        db.execute("UPDATE counter SET value = 7")
        db.execute(
            "INSERT INTO experiments (experiment_id, timestamp, kind, campaign, state, job, created, revision)"
            " VALUES ('old', 5, 'settings', 'first', 'queued', ?, 1.5, 7)",
            (job("old", 5, campaign="first").model_dump_json(),),
        )
        db.execute("INSERT INTO alerts VALUES ('disk full', 'x', 2.5)")
        db.commit()
    store = SqliteStore(path)
    row = store.get("old")
    assert row is not None and row.state == "queued" and row.job == job("old", 5, campaign="first").model_dump(mode="json")
    assert store.revision() == 7 and [each["name"] for each in store.alerts()] == ["disk full"]
    assert store.keep("slots/a", "1", {}) and store.claim(("old", 5), "w") is not None
    assert SqliteStore(path).kept("slots/a", "1") is not None, "a second opening changes nothing"


def test_results_of_the_second_version_are_listed_with_their_clip_and_encoder(tmp_path):
    path = str(tmp_path / "store.db")
    whole = {**result(), "clip": {"sha256": "a" * 64, "name": "a.mp4"}, "base_encoder": "SVT-AV1 4.2.0"}
    with contextlib.closing(sqlite3.connect(path)) as db:
        migrate(db, path, 2)
        for name, told in (("old", whole), ("agents", result()), ("waits", None)):
            db.execute("UPDATE counter SET value = value + 1")
            db.execute(
                "INSERT INTO experiments (experiment_id, timestamp, kind, campaign, state, job, created, revision, result, bytes)"
                " VALUES (?, 5, 'settings', '', ?, '{}', 1.5, (SELECT value FROM counter), ?, ?)",
                (name, "completed" if told else "queued", json.dumps(told) if told else None, told and told["metrics"]["bytes"]),
            )
        db.commit()
    store = SqliteStore(path)
    found = {row.experiment_id: row.result for row in store.page()}
    assert found["old"]["clip"] == whole["clip"] and found["old"]["base_encoder"] == whole["base_encoder"]
    assert set(found["agents"]) == {"metrics"} and found["waits"] is None
    assert store.get("old").result == whole


def test_only_what_must_not_be_forgotten_waits_for_the_disk(tmp_path):
    store = SqliteStore(str(tmp_path / "store.db"))
    said: list[str] = []
    store._db().set_trace_callback(said.append)

    def waits(work) -> bool:
        said.clear()
        work()
        assert any(each.startswith("BEGIN") for each in said)
        return "PRAGMA synchronous = FULL" in said

    claims: list = []
    assert waits(lambda: store.add(job())) and waits(lambda: claims.append(store.claim(("a", 1), "w")))
    assert not waits(lambda: store.beat(claims[0], "received", [])) and not waits(lambda: store.hello("w", {}))
    assert not waits(lambda: store.open_alert("x", "y")) and waits(lambda: store.keep("g", "n", {}))
    assert waits(lambda: store.finish(claims[0], "completed", {}, None))
