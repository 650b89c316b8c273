"""What somebody should know of: told once when it begins, once when it ends, however many workers see it.

An alert is a row of the store; who adds or removes the row tells of it, in the log and wherever the configuration says.
"""

from __future__ import annotations

import json
import logging
import shutil
import socket
import threading
import time
from typing import Any

from .config import Config
from .ledger import state_of
from .model import Row
from .services import Services, utc

logger = logging.getLogger("neural_codec.experiments.alerts")
# Without a word for so long, a worker counts as gone; it speaks three times a beat, so that with the default beat it is seen within 30 s.
LIVE_S = 18.0
# So long after it fell silent, a worker is no longer listed; so long after it was found, a poison job is no longer news.
FORGOTTEN_S = 600.0
NEWS_S = 86400.0
# What the loop of a campaign tells, with its name.
DEGRADED, WITHOUT_WORKERS = "campaign degraded", "campaign without workers"


class Liveness:
    """Which workers live, by their counters and this process's own clock."""

    def __init__(self, window: float) -> None:
        self.window = window
        self.seen: dict[str, tuple[int, float]] = {}
        # Those that were heard, and not only found in the store as somebody left them.
        self.heard: set[str] = set()
        self.first = time.monotonic()
        self.checked = False
        self.lock = threading.Lock()

    def check(self, workers: list[dict[str, Any]]) -> dict[str, bool]:
        """Each worker, and whether it lives. One that was there before this process counts until the window is over."""
        with self.lock:
            return self._check(workers)

    def _check(self, workers: list[dict[str, Any]]) -> dict[str, bool]:
        now, before = time.monotonic(), self.seen
        self.seen = {
            each["worker"]: seen
            if (seen := self.seen.get(each["worker"])) is not None and seen[0] == each["beat"]
            else (each["beat"], now)
            for each in workers
        }
        told = {name for name, seen in self.seen.items() if self.checked and seen != before.get(name)}
        self.heard, self.checked = (self.heard | told) & set(self.seen), True
        return {name: now - since < self.window for name, (_, since) in self.seen.items()}


def window_of(config: Config) -> float:
    """Seconds of silence after which a worker of this configuration counts as gone."""
    return max(LIVE_S, 1.2 * config.beat_s)


class Watch:
    """Looks for what is wrong, and tells."""

    def __init__(self, services: Services, liveness: Liveness | None = None) -> None:
        self.services = services
        self.liveness = liveness or Liveness(window_of(services.config))
        place = services.config.data.resolve()
        # Each machine has a disk of its own, whose alert no other machine may end.
        self.disk = f"disk full: {socket.gethostname()}:{place}"

    def check(self) -> None:
        """One look at workers, disk, and alerts that may be over."""
        store, config = self.services.store, self.services.config
        live = self.liveness.check(store.workers())
        for name, (_, since) in self.liveness.seen.items():
            if time.monotonic() - since > max(FORGOTTEN_S, 10 * self.liveness.window):
                store.goodbye(name)
        waiting = bool(store.queued(1))
        aware = time.monotonic() - self.liveness.first >= min(5.0, self.liveness.window)
        if waiting and not any(live.values()):
            if aware:
                self.tell("no live worker", "jobs wait, and no worker lives")
        elif not waiting or any(live[name] for name in self.liveness.heard):
            # A worker that was only found in the store may be long gone: it ends no alert that somebody with more patience opened.
            self.end("no live worker")
        free = shutil.disk_usage(config.data if config.data.exists() else ".").free >> 20
        text = f"{free} MiB are free in the data folder, and {config.least_free_mb} are to be"
        self._state(self.disk, free < config.least_free_mb, text)
        for each in store.alerts():
            self._over(each["name"], each["opened"])

    def lapsed(self, row: Row) -> None:
        """A worker fell silent over a job; where it was the last try, the job is dead."""
        self.tell(f"lease lost: {row.experiment_id}", f"worker {row.worker} fell silent in phase {row.phase}")
        after = self.services.store.get(*row.key)
        if after is not None and after.dead:
            self.dead(row.experiment_id, str((after.error or {}).get("message")))

    def dead(self, experiment_id: str, text: str) -> None:
        """A job was claimed as often as may be, without a result."""
        self.tell(f"poison job: {experiment_id}", text)

    def _over(self, name: str, opened: float) -> None:
        """A lost lease is over once the job has ended; a poison job, once it was sent anew and completed, or after a day; what its loop
        says of a campaign, once that is stopped or finished, or after a day, as a loop that was killed ends nothing."""
        kind, _, experiment_id = name.partition(": ")
        if kind in (DEGRADED, WITHOUT_WORKERS):
            if state_of(self.services.store, experiment_id) not in ("running", "stopping") or time.time() - opened > NEWS_S:
                self.end(name)
            return
        if kind == "disk full" and name != self.disk and time.time() - opened > NEWS_S:
            # Its machine says neither that it is full nor that it is not.
            self.end(name)
        if kind not in ("lease lost", "poison job"):
            return
        row = self.services.store.get(experiment_id)
        ended = row is None or row.finished is not None
        old = time.time() - opened > NEWS_S
        if ended and (kind == "lease lost" or row is None or row.state == "completed" or old):
            self.end(name)

    def _state(self, name: str, holds: bool, text: str) -> None:
        if holds:
            self.tell(name, text)
        else:
            self.end(name)

    def tell(self, name: str, text: str) -> None:
        """Begins an alert, unless it is open."""
        if self.services.store.open_alert(name, text):
            self._send({"alert": name, "state": "open", "text": text, "time": utc()})

    def end(self, name: str) -> None:
        """Ends an alert that is open."""
        if self.services.store.close_alert(name):
            self._send({"alert": name, "state": "over", "text": "", "time": utc()})

    def _send(self, event: dict[str, Any]) -> None:
        config = self.services.config
        (logger.error if event["state"] == "open" else logger.info)(json.dumps(event))
        for address, send in (
            (config.webhook, self._webhook), (config.sns_topic, self._sns), (config.cloudwatch_namespace, self._cloudwatch)
        ):  # fmt: skip
            if address is not None:
                try:
                    send(event)
                except Exception:
                    # One way to tell that fails must not keep the others from telling.
                    logger.exception("an alert could not be sent")

    def _webhook(self, event: dict[str, Any]) -> None:
        import httpx

        assert self.services.config.webhook is not None
        httpx.post(self.services.config.webhook.get_secret_value(), json=event, timeout=10).raise_for_status()

    def _sns(self, event: dict[str, Any]) -> None:
        from .aws import client

        subject = f"neural-codec: {event['alert']} ({event['state']})"[:100]
        client("sns").publish(TopicArn=self.services.config.sns_topic, Subject=subject, Message=json.dumps(event))

    def _cloudwatch(self, event: dict[str, Any]) -> None:
        from .aws import client

        name = event["alert"].partition(":")[0]
        datum = {"MetricName": name, "Value": 1.0 if event["state"] == "open" else 0.0, "Unit": "Count"}
        client("cloudwatch").put_metric_data(Namespace=self.services.config.cloudwatch_namespace, MetricData=[datum])
