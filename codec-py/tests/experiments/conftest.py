"""Workers, stores and a server of AWS's interfaces that the tests of experiments share."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import neural_codec
import numpy as np
import pytest

pytest.importorskip("pydantic", reason="the extra [experiments] is not installed: experiments are not tried")

from neural_codec.experiments import aws
from neural_codec.experiments import config as configuration
from neural_codec.experiments.services import Services, open_services
from neural_codec.experiments.store import Store
from neural_codec.experiments.store_sqlite import SqliteStore
from neural_codec.experiments.wire import job_of
from neural_codec.experiments.worker import Worker

HERE = Path(__file__).parent
UNITS = Path(neural_codec.__file__).parent / "experiments" / "units"
QUICK = {"lease_s": 1.5, "beat_s": 0.3, "poll_s": 0.2, "retry_s": 0.02}


def fixture(name: str) -> dict[str, Any]:
    return json.loads((HERE / "fixtures" / name).read_text())


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of 96x64 that move, as a stream, which is a clip like any other."""
    random = np.random.default_rng(1)
    picture = random.integers(0, 256, (6, 6, 3)).repeat(16, 0).repeat(24, 1).astype(np.uint8)
    frames = np.stack([picture[t : t + 64, t : t + 96] for t in range(12)])
    path = tmp_path_factory.mktemp("clip") / "small.nvc"
    neural_codec.encode(frames, path, fps=24, quantizer=5, effort=0)
    return path


@pytest.fixture
def services(tmp_path: Path, small_clip: Path) -> Callable[..., Services]:
    """Services over one folder; each call opens them anew, as another process would."""

    def opened(**more: Any) -> Services:
        given = {"data": tmp_path / "data", "clip": small_clip, "least_free_mb": 0, **QUICK, **more}
        return open_services(configuration.load(None, given, {}))

    return opened


@pytest.fixture
def done(services: Callable[..., Services]) -> Callable[..., Any]:
    """Runs one job to its end; gives its row."""

    def run(body: dict[str, Any], **more: Any) -> Any:
        opened = services(**more)
        job = job_of(body)
        opened.submit(job)
        Worker(opened).run(until_empty=True)
        row = opened.store.get(*(job.experiment_id, job.timestamp))
        assert row is not None
        return row

    return run


def needs_bwrap() -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed: the sandbox is not tried")


@pytest.fixture
def sandbox() -> None:
    needs_bwrap()


@pytest.fixture(scope="session")
def amazon() -> Iterator[None]:
    """A server of AWS's interfaces on this machine, in memory; the environment leads there."""
    pytest.importorskip("moto", reason="moto is not installed: the parts for AWS are not tried")
    pytest.importorskip("boto3", reason="boto3 is not installed: the parts for AWS are not tried")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # One request at a time: conditional writes are to be as indivisible as those of the real service.
    code = (
        "import sys; from moto.server import DomainDispatcherApplication, create_backend_app; from werkzeug.serving import run_simple;"
        " run_simple('127.0.0.1', int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patch = pytest.MonkeyPatch()
    names = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "eu-central-1"}
    for name, value in {**names, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
        patch.setenv(name, value)
    aws.client.cache_clear()
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield
    finally:
        aws.client.cache_clear()
        patch.undo()
        process.kill()
        process.wait()


def new_table() -> str:
    table = json.loads((UNITS / "dynamodb-table.json").read_text())
    name = f"experiments-{uuid.uuid4().hex[:8]}"
    aws.client("dynamodb").create_table(**{**table, "TableName": name})
    return name


def new_queue() -> str:
    queue = json.loads((UNITS / "sqs-queue.json").read_text())
    name = f"jobs-{uuid.uuid4().hex[:8]}-v2"
    for each in (name, f"{name}-dead"):
        aws.client("sqs").create_queue(**{**queue, "QueueName": each})
    return name


@pytest.fixture(params=["sqlite", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each store there is, empty."""
    if request.param == "sqlite":
        return SqliteStore(str(tmp_path / "store.db"))
    request.getfixturevalue("amazon")
    from neural_codec.experiments.store_dynamo import DynamoStore

    return DynamoStore(new_table())


class Server:
    """A server with a worker, on a port of its own, in threads."""

    def __init__(self, opened: Services, workers: int = 1) -> None:
        from neural_codec.experiments.serve import Served

        self.services, self.served = opened, Served(opened, workers)
        self.served.server.install_signal_handlers = lambda: None
        self.thread = threading.Thread(target=self.served.run, daemon=True)
        self.thread.start()
        deadline = time.monotonic() + 60
        while not self.served.server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        self.port = self.served.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.served.server.should_exit = True
        self.thread.join(60)


@pytest.fixture
def server(services: Callable[..., Services]) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(workers: int = 1, **more: Any) -> Server:
        started.append(Server(services(port=0, **more), workers))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What the condition gives, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.03)
    raise AssertionError(f"not within {seconds:g} s")
