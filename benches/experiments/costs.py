"""What the system costs beside the codec: an experiment, a call of the sandbox, the page, an event."""

from __future__ import annotations

import asyncio
import resource
import statistics
import tempfile
import time
from pathlib import Path

import httpx
from numbers_of import SETTINGS, Number, end, opened, processor_seconds, start

import neural_codec
from neural_codec.experiments import jail, measure
from neural_codec.experiments.model import Row
from neural_codec.experiments.wire import job_of
from neural_codec.experiments.worker import Worker

FLED = """
import os, signal, time
def decide(profiles, target, probe):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True:
                    pass
            time.sleep(600)
    return [1] if HOW == "returns" else time.sleep(600)
"""


def _own_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    server = getattr(measure._LOCAL, "server", None)
    return used.ru_utime + used.ru_stime + (processor_seconds(server.pid) if server is not None else 0.0)


def overhead(clip, pairs=15):
    """Processor time of a `settings` experiment beyond that of the same calls of the library, one after the other, as loads change."""
    with tempfile.TemporaryDirectory() as folder:
        services, stream, video = opened(folder, clip), Path(folder, "x.nvc"), Path(folder, "x.mkv")
        worker = Worker(services)

        def experiment(name):
            services.submit(job_of({"experiment_id": name, **SETTINGS}))
            before = _own_seconds()
            worker._next()
            return _own_seconds() - before

        def alone():
            before = _own_seconds()
            neural_codec.encode(str(clip), str(stream), effort=0, quantizer=40)
            neural_codec.decode(str(stream), str(video))
            neural_codec.compare(str(clip), str(video))
            return _own_seconds() - before

        experiment("warm"), alone()
        times = [(experiment(f"e{index}"), alone()) for index in range(pairs)]
        assert services.store.counts()["completed"] == pairs + 1
    beside = [1000 * (whole - library) for whole, library in times]
    found = f"median {statistics.median(beside):.0f} ms of {pairs} pairs; the library alone {1000 * statistics.median(each for _, each in times):.0f} ms"
    return [Number("processor time of a `settings` experiment beside encode, decode and compare", found, "50 ms", statistics.median(beside) <= 50)]


def sandbox(clip, runs=20):
    """A call of the sandbox, Python started."""
    call = jail.Call({"mode": "decide", "code": "def decide(p, t, probe): return [1]", "profiles": [], "target": None})
    times = []
    for _ in range(runs):
        began = time.monotonic()
        jail.call(call)
        times.append(1000 * (time.monotonic() - began))
    times.sort()
    found = f"{times[0]:.0f} ms at best, median {times[runs // 2]:.0f} ms"
    return [Number("a call of the sandbox, Python started", found, "100 ms, idle", times[0] <= 100)]


def outlive(clip, runs=5):
    """What jailed code left behind to run on, after its call has ended: by a return, and by the limit of time."""
    worst = 0.0
    for how in ("returns", "sleeps") * runs:
        before = _of_sandboxes()
        request = {"mode": "decide", "code": f"HOW = {how!r}\n{FLED}", "profiles": [], "target": None}
        try:
            jail.call(jail.Call(request, jail.Limits(wall_s=1.5)))
        except jail.JailError:
            pass
        began = time.monotonic()
        while _of_sandboxes() - before:
            assert time.monotonic() < began + 20
        worst = max(worst, time.monotonic() - began)
    found = f"{1000 * worst:.0f} ms at most, {2 * runs} calls with 4 daemons each"
    return [Number("what jailed code started, after the end of its call", found, "1 s", worst <= 1)]


def _of_sandboxes():
    found = set()
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"/child.py" in each.read_bytes():
                found.add(each.parent.name)
        except OSError:
            continue
    return found


def page(clip, rows=10_000):
    """The page over many experiments."""
    from neural_codec.experiments.serve import app

    with tempfile.TemporaryDirectory() as folder:
        services = opened(folder, clip)
        job = job_of({"experiment_id": "e", **SETTINGS}).model_dump_json()
        with services.store._change() as db:
            for index in range(rows):
                row = Row(f"e{index}", index, "settings", "completed", {}, float(index))
                db.execute("UPDATE counter SET value = value + 1")
                db.execute(
                    "INSERT INTO experiments (experiment_id, timestamp, kind, campaign, state, job, created, revision, bytes, psnr_db)"
                    " VALUES (?, ?, 'settings', '', 'completed', ?, ?, (SELECT value FROM counter), ?, 40)",
                    (row.experiment_id, index, job, row.created, index),
                )

        async def views():
            transport, times, size = httpx.ASGITransport(app(services)), [], 0
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                await client.get("/")
                for query in ("/", "/?tab=successful", "/?tab=successful&order=bytes&down=0", "/?tab=successful&text=e99"):
                    began = time.monotonic()
                    answer = await client.get(query)
                    times.append(time.monotonic() - began)
                    size = max(size, len(answer.content))
            return max(times), size

        slowest, size = asyncio.run(views())
    holds = slowest <= 0.5 and size <= 200_000
    return [Number(f"the page over {rows:,} experiments, slowest of four views", f"{1000 * slowest:.0f} ms, {size:,} bytes", "500 ms, 200,000 bytes", holds)]


def events(clip, runs=10):
    """From a job that is sent to the event that an open page hears."""
    url = "http://127.0.0.1:18089"
    with tempfile.TemporaryDirectory() as folder:
        services = opened(folder, clip)
        server = start(folder, clip, "serve", "--workers", "0", "--port", "18089")
        times = []
        try:
            answers(url)
            with httpx.stream("GET", f"{url}/events?after=0", timeout=60) as answer:
                lines = answer.iter_lines()
                for index in range(runs):
                    began = time.monotonic()
                    services.store.add(job_of({"experiment_id": f"seen{index}", **SETTINGS}))
                    while not any(f'"seen{index}"' in line for line in [next(lines)]):
                        pass
                    times.append(1000 * (time.monotonic() - began))
        finally:
            end(server)
    times.sort()
    found = f"median {times[runs // 2]:.0f} ms, at most {times[-1]:.0f} ms"
    return [Number("a job that is sent, to the event that an open page hears", found, "1 s", times[-1] <= 1000)]


def answers(url):
    """Waits until a server does."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return httpx.get(f"{url}/health", timeout=10)
        except httpx.HTTPError:
            assert time.monotonic() < deadline, "no server came up"
            time.sleep(0.1)
