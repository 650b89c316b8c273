"""Alerts: told once when they begin and once when they end, by whoever sees it first, and never ended by who knows less."""

from __future__ import annotations

import http.server
import json
import threading
import time

import httpx
import pytest
from .conftest import until
from .fakes import campaign
from neural_codec.experiments import alerts
from neural_codec.experiments.alerts import NEWS_S, Liveness, Watch, window_of
from neural_codec.experiments.ledger import Ledger
from neural_codec.experiments.wire import job_of
from neural_codec.experiments.worker import Worker

SETTINGS = {"kind": "settings", "payload": {"settings": {"effort": 0, "quantizer": 40}}}
SELF = {"version": "1", "began": "", "finished": 0, "running": None}


@pytest.fixture
def hook():
    """A webhook: its address, what it was told, and an event that its answers wait for."""
    got: list[dict] = []
    free = threading.Event()
    free.set()

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            free.wait(60)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *given):
            pass

    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{serving.server_port}/", got, free
    free.set()
    serving.shutdown()


def told(got: list[dict]) -> list[tuple[str, str]]:
    return [(each["alert"].partition(":")[0], each["state"]) for each in got]


def test_an_alert_reaches_a_webhook_once_and_when_it_is_over(server, services, hook):
    url, got, _ = hook
    opened = services(webhook=url)
    watches = [Watch(opened), Watch(services(webhook=url))]
    opened.submit(job_of({"experiment_id": "a", **SETTINGS}))
    for watch in watches:
        watch.liveness.first -= 60
        watch.check()
        watch.check()
    assert told(got) == [("no live worker", "open")]
    # A server that looks too may be the first to see the end, and tells it then: it is configured as the others are.
    shown = server(workers=0, webhook=url)
    assert "no worker lives" in httpx.get(f"{shown.url}/", timeout=60).text
    opened.store.hello("w", SELF)
    for watch in watches:
        watch.check()
    until(lambda: len(got) == 2)
    shown.stop()
    assert told(got) == [("no live worker", "open"), ("no live worker", "over")]
    full = Watch(services(webhook=url, least_free_mb=1 << 40))
    full.check()
    full.check()
    assert told(got[2:]) == [("disk full", "open")]


def test_who_comes_late_ends_no_alert_for_a_worker_that_it_only_found(services):
    opened = services()
    opened.store.hello("gone", SELF)
    patient = Watch(opened)
    opened.submit(job_of({"experiment_id": "a", **SETTINGS}))
    patient.check()
    assert opened.store.alerts() == [], "it may live"
    patient.liveness.first -= 60
    patient.liveness.seen = {name: (beat, since - 60) for name, (beat, since) in patient.liveness.seen.items()}
    patient.check()
    late = Watch(services())
    for watch in (late, late, patient):
        watch.check()
    assert [each["name"] for each in opened.store.alerts()] == ["no live worker"]
    # A word of it while somebody looks is another thing.
    opened.store.hello("gone", SELF)
    late.check()
    assert opened.store.alerts() == []


def test_no_machine_ends_the_alert_of_another_ones_disk(services, monkeypatch):
    opened = services(least_free_mb=1 << 40)
    Watch(opened).check()
    (alert,) = opened.store.alerts()
    monkeypatch.setattr(alerts.socket, "gethostname", lambda: "another")
    other = Watch(services())
    other.check()
    assert opened.store.alerts() == [alert] and alert["name"].startswith("disk full: ")
    now = time.time()
    monkeypatch.setattr(alerts.time, "time", lambda: now + NEWS_S + 1)
    other.check()
    assert opened.store.alerts() == [], "a machine that is gone says nothing any more"


@pytest.mark.parametrize("kind", ["campaign degraded", "campaign without workers"])
def test_what_a_campaign_told_is_over_when_nobody_runs_it(services, kind, monkeypatch):
    opened = services()
    watch, ledger = Watch(opened), Ledger(opened.store, "first")
    ledger.begin(campaign())
    for end in ("stopped", "finished"):
        ledger.move("running")
        watch.tell(f"{kind}: first", "so it is")
        watch.check()
        assert [each["name"] for each in opened.store.alerts()] == [f"{kind}: first"]
        ledger.move(end)
        watch.check()
        assert opened.store.alerts() == []
    ledger.move("running")
    watch.tell(f"{kind}: first", "and its process was killed")
    now = time.time()
    monkeypatch.setattr(alerts.time, "time", lambda: now + NEWS_S + 1)
    watch.check()
    assert opened.store.alerts() == []


def test_a_silent_worker_is_seen_within_half_a_minute(services):
    config = services(lease_s=60.0, beat_s=15.0).config
    window = window_of(config)
    # Its last word is seen at the next look, and its silence at the one after the window.
    assert window + 2 * min(5.0, config.beat_s / 3) <= 30 and window > config.beat_s
    liveness = Liveness(window)
    worker = {"worker": "w", "beat": 1}
    assert liveness.check([worker]) == {"w": True} and not liveness.heard
    liveness.seen["w"] = (1, time.monotonic() - window)
    assert liveness.check([worker]) == {"w": False}
    assert liveness.check([{**worker, "beat": 2}]) == {"w": True} and liveness.heard == {"w"}


def test_a_webhook_that_does_not_answer_costs_no_worker_its_claim(services, hook, monkeypatch):
    url, got, free = hook
    free.clear()
    opened = services(webhook=url, least_free_mb=1 << 40)
    opened.submit(job_of({"experiment_id": "slow", **SETTINGS}))
    gate = threading.Event()
    monkeypatch.setattr("neural_codec.experiments.worker.run", lambda run, folder: gate.wait(60) and {})
    thread = threading.Thread(target=lambda: Worker(opened).run(until_empty=True))
    thread.start()
    until(lambda: got)
    before = until(lambda: services().store.get("slow")).beat
    until(lambda: services().store.get("slow").beat >= before + 3)
    assert told(got) == [("disk full", "open")], "it still waits for an answer"
    gate.set()
    free.set()
    thread.join(60)
    assert services().store.get("slow").state == "completed" and services().store.get("slow").claims == 1


def test_health_knows_of_a_silent_worker_without_having_been_asked_before(server, services, monkeypatch):
    monkeypatch.setattr(alerts, "LIVE_S", 1.0)
    opened, started = services(), server(workers=0)
    opened.store.hello("gone", SELF)
    liveness = started.served.liveness
    until(lambda: "gone" in liveness.seen)
    since = liveness.seen["gone"][1]
    until(lambda: time.monotonic() - since > 1.0)
    answer = httpx.get(f"{started.url}/health", timeout=60)
    assert answer.status_code == 503 and answer.json()["workers"] == {"gone": False}
