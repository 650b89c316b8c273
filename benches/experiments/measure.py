"""What the experiment system costs, and whether it loses jobs: python benches/experiments/measure.py [NAME ...] [--clip CLIP]

Names: overhead, jail, queue, kills, takeover, page, events, scaling; default: all but takeover, which waits for a lease of its default length,
and scaling, which wants two idle processors.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clips import carphone

import neural_codec
from neural_codec.experiments import jail, measure
from neural_codec.experiments.config import load
from neural_codec.experiments.model import Row
from neural_codec.experiments.services import open_services
from neural_codec.experiments.wire import job_of
from neural_codec.experiments.worker import Worker

SETTINGS = {"kind": "settings", "fresh": True, "payload": {"settings": {"effort": 0, "quantizer": 40}}}


def opened(folder, clip, **more):
    return open_services(load(None, {"data": Path(folder), "clip": clip, "poll_s": 0.2, **more}, {}))


def processor_seconds():
    """Of this process, and of the server that decodes."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = used.ru_utime + used.ru_stime
    server = getattr(measure._LOCAL, "server", None)
    if server is not None:
        fields = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
        seconds += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return seconds


def overhead(clip, runs=10):
    """Processor time of a `settings` experiment beyond that of the same calls of the library."""
    with tempfile.TemporaryDirectory() as folder:
        services = opened(folder, clip)

        def work(names):
            for name in names:
                services.submit(job_of({"experiment_id": name, **SETTINGS}))
            services.stopping.clear()
            Worker(services).run(until_empty=True)

        work(["warm"])
        before = processor_seconds()
        work([f"e{index}" for index in range(runs)])
        whole = (processor_seconds() - before) / runs
        stream, video = Path(folder, "x.nvc"), Path(folder, "x.mkv")
        before = processor_seconds()
        for _ in range(runs):
            neural_codec.encode(str(clip), str(stream), effort=0, quantizer=40)
            neural_codec.decode(str(stream), str(video))
            neural_codec.compare(str(clip), str(video))
        alone = (processor_seconds() - before) / runs
        assert services.store.counts()["completed"] == runs + 1
    print(
        f"overhead: {1000 * (whole - alone):.0f} ms of processor time an experiment ({1000 * whole:.0f} against {1000 * alone:.0f}); bar 50"
    )


def sandbox(clip, runs=20):
    """A call of the sandbox, Python started."""
    call = jail.Call({"mode": "decide", "code": "def decide(p, t, probe): return [1]", "profiles": [], "target": None})
    times = []
    for _ in range(runs):
        began = time.monotonic()
        jail.call(call)
        times.append(time.monotonic() - began)
    times.sort()
    print(
        f"jail: {1000 * times[0]:.0f} ms at best, median {1000 * times[runs // 2]:.0f} ms at load {os.getloadavg()[0]:.1f}; bar 100 idle"
    )


def start(folder, clip, **more):
    names = {"DATA": folder, "CLIP": clip, "POLL_S": "0.2", **more}
    environment = {**os.environ, **{f"NEURAL_CODEC_EXPERIMENTS_{name}": str(value) for name, value in names.items()}}
    command = [sys.executable, "-m", "neural_codec", "experiments", "work"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def no_ops(clip, kill_every=None, jobs=1000):
    """Jobs that do nothing, two workers; with `kill_every`, one of them is killed that often and started anew."""
    short = {} if kill_every is None else {"LEASE_S": "3", "BEAT_S": "0.5"}
    with tempfile.TemporaryDirectory() as folder:
        store = opened(folder, clip).store
        for index in range(jobs):
            store.add(job_of({"experiment_id": f"n{index}", "timestamp": 1, "type": "test"}))
        began, killed, next_kill = time.monotonic(), 0, time.monotonic() + (kill_every or 1e9)
        workers = [start(folder, clip, **short) for _ in range(2)]
        while store.queued(1) or store.running():
            if time.monotonic() > next_kill:
                workers[killed % 2].send_signal(signal.SIGKILL)
                workers[killed % 2].wait()
                workers[killed % 2] = start(folder, clip, **short)
                killed, next_kill = killed + 1, time.monotonic() + (kill_every or 0)
            time.sleep(0.05)
        seconds = time.monotonic() - began
        for each in workers:
            each.kill()
            each.wait()
        rows = store.page(("completed",), tests=True, limit=2 * jobs)
        claims = sum(row.claims for row in rows)
    name = "queue" if kill_every is None else f"kills ({killed} of kill -9)"
    print(
        f"{name}: {len(rows)} of {jobs} completed once in {seconds:.1f} s, {claims} claims, load {os.getloadavg()[0]:.1f}; bar 60 s"
    )


def takeover(clip):
    """From kill -9 of a worker in an experiment to the result by another, at the default lease."""
    with tempfile.TemporaryDirectory() as folder:
        services = opened(folder, clip)
        for name in ("first", "second"):
            services.submit(
                job_of({"experiment_id": name, "fresh": True, "kind": "settings", "payload": {"settings": {"effort": 3, "min_psnr_y": 38}}})
            )
        worker = start(folder, clip)
        while not any(row.phase == "encoded" for row in services.store.running()):
            time.sleep(0.01)
        name = services.store.running()[0].experiment_id
        worker.kill()
        worker.wait()
        began, worker = time.monotonic(), start(folder, clip)
        while services.store.get(name).claims < 2:
            time.sleep(0.05)
        seconds = time.monotonic() - began
        while services.store.counts()["completed"] < 2:
            time.sleep(0.1)
        worker.kill()
        worker.wait()
        streams = {services.store.get(each).result["artefacts"]["stream"]["sha256"] for each in ("first", "second")}
    print(f"takeover: after {seconds:.1f} s, {'the same' if len(streams) == 1 else 'OTHER'} bytes; bar 75 s")


def page(clip, rows=10_000):
    """The page over many experiments."""
    import asyncio

    import httpx
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
            transport, times = httpx.ASGITransport(app(services)), []
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                await client.get("/")
                for query in ("/", "/?tab=successful", "/?tab=successful&order=bytes&down=0", "/?tab=successful&text=e99"):
                    began = time.monotonic()
                    answer = await client.get(query)
                    times.append(time.monotonic() - began)
            return times, answer

        times, answer = asyncio.run(views())
    print(
        f"page: {rows} rows, slowest view {1000 * max(times):.0f} ms, {len(answer.content)} bytes; bars 500 ms and 200,000 bytes"
    )


def events(clip, runs=10):
    """From a job that is sent to the event that an open page hears."""
    import httpx

    with tempfile.TemporaryDirectory() as folder:
        services = opened(folder, clip)
        command = [sys.executable, "-m", "neural_codec", "experiments", "serve", "--workers", "0", "--port", "18089", "--data", folder]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times = []
        try:
            while True:
                try:
                    httpx.get("http://127.0.0.1:18089/health")
                    break
                except httpx.HTTPError:
                    time.sleep(0.1)
            with httpx.stream("GET", "http://127.0.0.1:18089/events?after=0", timeout=30) as answer:
                lines = answer.iter_lines()
                for index in range(runs):
                    began = time.monotonic()
                    services.store.add(job_of({"experiment_id": f"seen{index}", **SETTINGS}))
                    while not any(f'"seen{index}"' in line for line in [next(lines)]):
                        pass
                    times.append(time.monotonic() - began)
        finally:
            server.kill()
            server.wait()
    times.sort()
    print(f"events: median {1000 * times[runs // 2]:.0f} ms, at most {1000 * times[-1]:.0f} ms at load {os.getloadavg()[0]:.1f}; bar 1000")


def scaling(clip, jobs=12):
    """Jobs of one worker against those of two, each worker on a processor of its own."""
    processors = sorted(os.sched_getaffinity(0))[:2]
    rates = []
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            store = opened(folder, clip).store
            for index in range(jobs * workers):
                store.add(job_of({"experiment_id": f"s{index}", **SETTINGS}))
            started = [start(folder, clip) for _ in range(workers)]
            for each, processor in zip(started, processors):
                os.sched_setaffinity(each.pid, {processor})
            # What starting takes is not counted.
            while len(store.page(("completed",))) < workers:
                time.sleep(0.02)
            began, done = time.monotonic(), len(store.page(("completed",)))
            while store.queued(1) or store.running():
                time.sleep(0.02)
            rates.append((jobs * workers - done) / (time.monotonic() - began))
            for each in started:
                each.kill()
                each.wait()
    print(f"scaling: two workers do {rates[1] / rates[0]:.2f} times what one does ({rates[0]:.2f} jobs/s) at load {os.getloadavg()[0]:.1f}; bar 1.9")


def main():
    works = {
        "overhead": overhead, "jail": sandbox, "queue": no_ops, "kills": lambda clip: no_ops(clip, 5.0), "takeover": takeover, "page": page,
        "events": events, "scaling": scaling,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*works, []], default=[name for name in works if name not in ("takeover", "scaling")])
    parser.add_argument("--clip", type=Path)
    options = parser.parse_args()
    clip = options.clip or carphone()
    for name in options.names:
        works[name](clip)


if __name__ == "__main__":
    main()
