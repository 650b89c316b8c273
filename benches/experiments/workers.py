"""What workers do to jobs: how many a second, what is lost when they are killed, and how soon somebody knows."""

from __future__ import annotations

import http.server
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict

import httpx
from costs import answers
from numbers_of import SETTINGS, Number, end, opened, processor_seconds, start

from neural_codec.experiments.wire import job_of

SHORT = {"LEASE_S": "3", "BEAT_S": "0.5"}
PLAIN = """
import sys, tempfile, time, neural_codec
clip, runs, folder = sys.argv[1], int(sys.argv[2]), tempfile.mkdtemp()
def once():
    neural_codec.encode(clip, folder + "/x.nvc", effort=0, quantizer=40)
    neural_codec.decode(folder + "/x.nvc", folder + "/x.mkv")
    neural_codec.compare(clip, folder + "/x.mkv")
once()
print("ready", flush=True)
sys.stdin.readline()
ends = [time.time()]
for _ in range(runs):
    once()
    ends.append(time.time())
print(*ends, flush=True)
"""


def _no_ops(clip, kill_every=None, jobs=1000, kills_wanted=0):
    """So many jobs that do nothing, and as many again as often as it takes for so many kills: a fast machine is done before the first."""
    short, added = ({} if kill_every is None else SHORT), 0

    def add():
        for index in range(added, added + jobs):
            store.add(job_of({"experiment_id": f"n{index}", "timestamp": 1, "type": "test"}))
        return added + jobs

    with tempfile.TemporaryDirectory() as folder:
        store = opened(folder, clip).store
        added = add()
        began, killed, next_kill = time.monotonic(), 0, time.monotonic() + (kill_every or 1e9)
        workers = [start(folder, clip, **short) for _ in range(2)]
        before, done = None, 0
        while store.queued(1) or store.running() or killed < kills_wanted:
            if killed < kills_wanted and len(store.queued(jobs)) < jobs:
                added = add()
            if before is None and len(store.workers()) == 2:
                done, before = store.counts()["tests"] - len(store.page(("queued",), tests=True, limit=jobs)), [processor_seconds(each.pid) for each in workers]
            if time.monotonic() > next_kill:
                workers[killed % 2].send_signal(signal.SIGKILL)
                workers[killed % 2].wait()
                workers[killed % 2] = start(folder, clip, **short)
                killed, next_kill = killed + 1, time.monotonic() + (kill_every or 0)
            time.sleep(0.05)
        seconds = time.monotonic() - began
        used = 0.0 if kill_every else sum(processor_seconds(each.pid) for each in workers) - sum(before or [])
        end(*workers)
        rows = store.page(("completed",), tests=True, limit=2 * added)
    whole = len(rows) == added and len({row.experiment_id for row in rows}) == added
    return whole, len(rows), seconds, killed, sum(row.claims for row in rows), 1000 * used / max(1, jobs - done)


def queue(clip, jobs=1000):
    """Jobs that do nothing, two workers."""
    whole, rows, seconds, _, claims, each = _no_ops(clip, None, jobs)
    return [
        Number(f"{jobs:,} jobs that do nothing, 2 workers, their start in it", f"{rows:,} completed once in {seconds:.1f} s, {claims:,} claims", "60 s, none lost", whole and seconds <= 60),
        Number("processor time of a job that does nothing", f"{each:.1f} ms", "5 ms", each <= 5),
    ]


def kills(clip, jobs=3000, kills_wanted=8):
    """As many as take some kills, at a lease of 3 s, one worker killed every 5 s and started anew."""
    whole, rows, seconds, killed, claims, _ = _no_ops(clip, 5.0, jobs, kills_wanted)
    found = f"{rows:,} completed once in {seconds:.1f} s, {killed} killed, {claims:,} claims"
    return [Number(f"{rows:,} of them at a lease of 3 s, a worker killed by `kill -9` every 5 s", found, "none lost, none twice", whole and killed >= kills_wanted)]


def _holder(store, workers, claims):
    """A running row of its first claim, and the worker that has it."""
    for row in store.running():
        for each in workers:
            if row.claims < claims and f"-{each.pid}-" in row.worker:
                return row, each
    return None


def _requeued(store, row, began, limit):
    """Seconds until a row is taken from a worker that was killed; None where it had ended before."""
    while True:
        now = store.get(*row.key)
        if now.state == "completed" and now.fence == row.fence:
            return None
        if now.fence > row.fence or now.state != "running":
            return time.monotonic() - began
        assert time.monotonic() < began + limit, f"{row.experiment_id} is held by a dead worker"
        time.sleep(0.01)


def points(clip, kills_wanted=20, lease=3.0):
    """Workers killed at random moments of an experiment, another alive: when the job is given back, and what it comes to."""
    chance, seconds, phases = random.Random(20), [], []
    with tempfile.TemporaryDirectory() as folder:
        services = opened(folder, clip)
        store, count = services.store, 0
        services.submit(job_of({"experiment_id": "undisturbed", **SETTINGS}))
        worker = start(folder, clip)
        while store.get("undisturbed").state != "completed":
            time.sleep(0.05)
        end(worker)
        undisturbed = store.get("undisturbed").result
        workers = [start(folder, clip, **SHORT) for _ in range(2)]
        while len(seconds) < kills_wanted:
            if not store.queued(1):
                services.submit(job_of({"experiment_id": f"k{count}", **SETTINGS}))
                count += 1
            if _holder(store, workers, 2) is None:
                time.sleep(0.01)
                continue
            time.sleep(chance.random() * undisturbed["seconds"])
            found = _holder(store, workers, 2)
            if found is None:
                continue
            row, worker = found
            worker.kill()
            worker.wait()
            took = _requeued(store, row, time.monotonic(), 20 * lease)
            workers[workers.index(worker)] = start(folder, clip, **SHORT)
            if took is not None:
                seconds.append(took)
                phases.append(row.phase)
        while store.queued(1) or store.running():
            time.sleep(0.05)
        end(*workers)
        rows = [store.get(f"k{index}") for index in range(count)]
        wanted = undisturbed["artefacts"]["stream"]["sha256"]
        same = all(row.state == "completed" and row.result["artefacts"]["stream"]["sha256"] == wanted for row in rows)
        twice = sum(row.claims > 1 for row in rows)
    bar = lease * 75 / 60
    return [
        Number(
            f"`kill -9` at {len(seconds)} random points ({', '.join(sorted(set(phases)))}), lease {lease:g} s: until the job is given back",
            f"median {statistics.median(seconds):.2f} s, at most {max(seconds):.2f} s", f"{bar:g} s (75 s at a lease of 60 s)", max(seconds) <= bar,
        ),
        Number(
            "of these, results and bytes", f"{len(rows)} jobs, {twice} claimed again, {'each with one result and the bytes of an undisturbed run' if same else 'OTHER RESULTS'}",
            "one result, the same bytes", same and twice == len(seconds),
        ),
    ]  # fmt: skip


def takeover(clip):
    """From kill -9 of a worker in an experiment to another's claim, at the default lease; the other was there all along."""
    body = {"fresh": True, "kind": "settings", "payload": {"settings": {"effort": 3, "min_psnr_y": 38}}}
    with tempfile.TemporaryDirectory() as folder:
        services = opened(folder, clip)
        store, workers = services.store, [start(folder, clip) for _ in range(2)]
        while len(store.workers()) < 2:
            time.sleep(0.05)
        time.sleep(random.Random(7).random() * 15)
        services.submit(job_of({"experiment_id": "first", **body}))
        while store.get("first").phase != "encoded":
            time.sleep(0.01)
        _, worker = _holder(store, workers, 2)
        row = store.get("first")
        end(worker)
        began = time.monotonic()
        seconds = _requeued(store, row, began, 300)
        services.submit(job_of({"experiment_id": "second", **body}))
        while store.counts()["completed"] < 2:
            time.sleep(0.1)
        end(*workers)
        streams = {store.get(each).result["artefacts"]["stream"]["sha256"] for each in ("first", "second")}
        claims = store.get("first").claims
    found = f"{seconds:.1f} s, {'the same' if len(streams) == 1 else 'OTHER'} bytes, {claims} claims"
    return [Number("a worker killed at work at the default lease, until its job is given back", found, "75 s, the same bytes", seconds <= 75 and len(streams) == 1 and claims == 2)]


def silence(clip, port=18090):
    """From kill -9 of the only worker to the page that says so, with everything at its defaults."""
    got, url = [], f"http://127.0.0.1:{port}"

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *given):
            pass

    hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        services = opened(folder, clip)
        server = start(folder, clip, "serve", "--workers", "0", "--port", str(port), WEBHOOK=f"http://127.0.0.1:{hook.server_port}/")
        worker = start(folder, clip)
        try:
            answers(url)
            while httpx.get(f"{url}/health", timeout=10).status_code != 200:
                time.sleep(0.1)
            time.sleep(8)
            end(worker)
            began = time.monotonic()
            for index in range(3):
                services.submit(job_of({"experiment_id": f"w{index}", **SETTINGS}))
            while "no worker lives" not in httpx.get(f"{url}/", timeout=10).text:
                assert time.monotonic() < began + 120
                time.sleep(0.1)
            seconds = time.monotonic() - began
            healthy = httpx.get(f"{url}/health", timeout=10).status_code
            time.sleep(12)
            told, waiting = [each for each in got if each["alert"] == "no live worker"], len(services.store.queued(10))
        finally:
            end(server, worker)
            hook.shutdown()
    found = f"shown after {seconds:.1f} s, told {len(told)} time(s) within 12 s more, {waiting} of 3 jobs wait, health {healthy}"
    return [Number("the only worker killed, until the page says that none lives", found, "30 s, told once, jobs queued", seconds <= 30 and len(told) == 1 and waiting == 3 and healthy == 503)]


def _rate(ends):
    """Of lists of moments at which a job ended, one a worker: jobs a second of all together while all were at work."""
    first, last = max(min(each) for each in ends), min(max(each) for each in ends)
    rate = 0.0
    for each in ends:
        within = sorted(moment for moment in each if first <= moment <= last)
        rate += (len(within) - 1) / (within[-1] - within[0])
    return rate


def _workers_rate(clip, count, jobs):
    with tempfile.TemporaryDirectory() as folder:
        store = opened(folder, clip).store
        for index in range(jobs * count):
            store.add(job_of({"experiment_id": f"s{index}", **SETTINGS}))
        started = [start(folder, clip) for _ in range(count)]
        for each, processor in zip(started, sorted(os.sched_getaffinity(0))):
            os.sched_setaffinity(each.pid, {processor})
        while store.queued(1) or store.running():
            time.sleep(0.05)
        end(*started)
        ends = defaultdict(list)
        for row in store.page(("completed",), limit=2 * jobs * count):
            ends[row.worker].append(row.finished)
    return _rate(ends.values())


def _plain_rate(clip, count, jobs):
    started = []
    for processor in sorted(os.sched_getaffinity(0))[:count]:
        command = [sys.executable, "-c", PLAIN, str(clip), str(jobs)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        os.sched_setaffinity(started[-1].pid, {processor})
    for each in started:
        each.stdout.readline()
    for each in started:
        each.stdin.write("\n")
        each.stdin.flush()
    ends = [[float(word) for word in each.stdout.readline().split()] for each in started]
    end(*started)
    return _rate(ends)


def scaling(clip, pairs=5, jobs=10):
    """Jobs a second of two workers against one, each on a processor of its own; beside it, the same calls without any of this system."""
    found = {_workers_rate: [], _plain_rate: []}
    rates = {_workers_rate: [], _plain_rate: []}
    for _ in range(pairs):
        for rate in found:
            one, two = rate(clip, 1, jobs), rate(clip, 2, jobs)
            found[rate].append(two / one)
            rates[rate].append(one)
    workers, plain = (statistics.median(each) for each in found.values())
    told = [f"median {statistics.median(each):.2f} ({', '.join(f'{ratio:.2f}' for ratio in sorted(each))})" for each in found.values()]
    single = [statistics.median(each) for each in rates.values()]
    return [
        Number(f"two workers against one, each on a processor of its own, {pairs} pairs of runs", f"{told[0]} times {single[0]:.2f} jobs/s", "1.9 times", workers >= 1.9),
        Number("two processes that only encode, decode and compare, against one", f"{told[1]} times {single[1]:.2f}/s", "the most that this machine gives", True),
    ]
