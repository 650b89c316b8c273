"""Looks at everything that a job will need, before the first job, and names the remedy for what is wrong."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import neural_codec

from .cgroup import memory_group
from .config import Config
from .jail import Call, bubblewrap, call
from .services import open_services
from .store import open_store

# Clocks that are apart by more mislead who reads times; leases do not depend on them.
_MOST_SKEW_S = 30.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True
    """Whether jobs fail without it."""


def examine(config: Config, *, worker: bool = True) -> list[Finding]:
    """Every finding; none raises."""
    checks: list[tuple[str, str, bool, Callable[[], str]]] = [
        ("codec", "install neural-codec anew, and see python -m neural_codec selftest", True, _codec),
        ("store", "check the store of the configuration, its place, rights and region", True, lambda: _store(config)),
        ("queue", "check the queue of the configuration, its name, rights and region", True, lambda: _queue(config)),
        (
            "artefacts",
            "check the artefacts of the configuration, their place, rights and region",
            True,
            lambda: _artefacts(config),
        ),
        # One that is configured has to be there.
        ("clip", "name a video file by --clip, or a clip in each job", config.clip is not None, lambda: _clip(config)),
        ("clips", "name folders that are there by --clips", True, lambda: _clips(config)),
        (
            "sandbox",
            "apt-get install bubblewrap, and allow user namespaces where this is not root: agents are refused until then",
            False,
            _sandbox,
        ),
        (
            "memory group",
            "let this process make cgroups (systemd: Delegate=yes); without, memory is limited by process",
            False,
            _group,
        ),
        ("disk", "free space in the data folder", True, lambda: _disk(config)),
        ("clock", "set the clock by NTP", False, lambda: _clock(config)),
    ]
    if worker:
        checks.append(
            ("worker", "start one with neural-codec experiments serve, or name it by --url", False, lambda: _worker(config))
        )
    findings = []
    for name, remedy, needed, check in checks:
        try:
            findings.append(Finding(name, True, check(), needed=needed))
        except Exception as error:
            findings.append(Finding(name, False, " ".join(str(error).split())[:300] or type(error).__name__, remedy, needed))
    return findings


def _codec() -> str:
    video = neural_codec.versions()
    return ", ".join(
        f"{name} {value}" for name, value in (video.to_dict() if hasattr(video, "to_dict") else dict(video)).items()
    )[:300]


def _store(config: Config) -> str:
    store = open_store(config.store_url)
    name = f"doctor-{time.time_ns()}"
    store.hello(name, {"doctor": True})
    store.goodbye(name)
    return f"{config.store_url}: writes and reads, {sum(store.counts().values())} rows"


def _queue(config: Config) -> str:
    services = open_services(config)
    length = getattr(services.queue, "length", None)
    return "the store itself" if length is None else f"{config.queue_url}: {length()} messages wait"


def _artefacts(config: Config) -> str:
    services = open_services(config)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"doctor")
        file.flush()
        sha256 = services.artefacts.put(Path(file.name))
    if b"".join(services.artefacts.read(sha256)) != b"doctor":
        raise OSError("what was written is not what is read")
    return f"{config.artefacts_url}: writes and reads"


def _clip(config: Config) -> str:
    if config.clip is None:
        raise OSError("none is configured")
    return f"{config.clip.name}: {neural_codec.info(config.clip).video.width}x{neural_codec.info(config.clip).video.height}"


def _clips(config: Config) -> str:
    open_services(config.model_copy(update={"clip": None})).clips.check()
    return ", ".join(map(str, config.clips)) or "no folders"


def _sandbox() -> str:
    began = time.monotonic()
    answer = call(Call({"mode": "decide", "code": "def decide(p, t, probe): return [1]", "profiles": [], "target": None}))
    if answer.get("value") != [1]:
        raise OSError(f"expected an answer, found {answer}")
    return f"{bubblewrap()}: a call takes {1000 * (time.monotonic() - began):.0f} ms"


def _group() -> str:
    with memory_group(64 << 20) as group:
        if group is None:
            raise OSError("none can be made")
    return "can be made"


def _disk(config: Config) -> str:
    place = config.data if config.data.exists() else Path()
    free = shutil.disk_usage(place).free >> 20
    if free < config.least_free_mb:
        raise OSError(f"{free} MiB are free, {config.least_free_mb} are to be")
    return f"{free} MiB are free"


def _clock(config: Config) -> str:

    if not any(
        url.startswith(("dynamodb:", "s3:", "sqs:")) for url in (config.store_url, config.artefacts_url, config.queue_url or "")
    ):
        return "all services are of this machine"
    from .aws import client

    answer = client("sts").get_caller_identity()
    told: Any = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    skew = time.time() - parsedate_to_datetime(told).timestamp()
    if abs(skew) > _MOST_SKEW_S:
        raise OSError(f"apart from the services' by {skew:.0f} s")
    return f"apart from the services' by {skew:.0f} s"


def _worker(config: Config) -> str:
    from .client import Client

    health = Client(config).call("GET", "/health", accept=(200, 503))
    if health.get("status") != "healthy":
        raise OSError(f"{config.worker_url}: {health.get('status')}")
    return f"{config.worker_url}: version {health['version']}, protocol {health['protocol']}"
