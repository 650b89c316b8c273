"""Workers as Ray's actors: every job once, whatever happens to processes and nodes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from neural_codec.experiments import ExperimentError
from neural_codec.experiments.launch import Launch
from neural_codec.experiments.wire import job_of

from .conftest import until

# Long enough that a worker is found at it, even where the machine is quick.
JOB = {"kind": "settings", "payload": {"settings": {"effort": 2, "min_psnr_y": 40}}, "fresh": True}


def test_without_ray_the_error_names_the_extra(tmp_path):
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from neural_codec.experiments import ExperimentError\n"
        "from neural_codec.experiments.cli import main\n"
        "try: main(['launch', '--ray', 'local', '--workers', '1', '--data', sys.argv[1]])\n"
        "except ExperimentError as error: print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True)
    assert "neural-codec[ray]" in found.stdout


def test_no_workers_and_no_cluster_are_errors(services, monkeypatch):
    with pytest.raises(ExperimentError, match="at least 1"):
        Launch(services().config, "local", 0)
    ray = pytest.importorskip("ray", reason="Ray is not installed: no worker is launched")

    def init(**_):
        raise ConnectionError("no node answers")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(ExperimentError, match="no node answers.*ray start --head"):
        Launch(services().config, "auto", 1).run()


def launched(opened, workers: int = 2) -> tuple[Launch, threading.Thread, list]:
    launch, told = Launch(opened.config, "auto", workers), []
    thread = threading.Thread(target=lambda: told.append(launch.run()), daemon=True)
    thread.start()
    return launch, thread, told


def ended(opened, names) -> list:
    rows = [opened.store.get(name) for name in names]
    return rows if all(row.state == "completed" for row in rows) else []


def running(opened, names) -> set[str]:
    return {row.worker for name in names if (row := opened.store.get(name)).state == "running"}


def pids(launch) -> list[int]:
    """The processes of all workers; empty while one is not there."""
    import ray

    try:
        return [each["pid"] for each in ray.get([actor.told.remote() for actor in launch.actors], timeout=5)]
    except (ray.exceptions.RayError, ray.exceptions.GetTimeoutError):
        return []


def test_lost_nodes_and_processes_cost_time_and_no_job(cluster, services):
    made, nodes = cluster
    opened = services()
    names = [f"job-{index}" for index in range(6)]
    for name in names:
        opened.submit(job_of({"experiment_id": name, **JOB}))
    launch, thread, told = launched(opened)
    until(lambda: len(running(opened, names)) == 2, 120)
    made.remove_node(nodes.pop(), allow_graceful=False)
    rows = until(lambda: ended(opened, names), 180)
    # The job of the lost node has a second claim, and one result as the others have.
    assert max(row.claims for row in rows) >= 2 and {row.result["metrics"]["bytes"] for row in rows} == {rows[0].result["metrics"]["bytes"]}
    # A node that joins gets the worker that waits for a processor.
    nodes.append(made.add_node(num_cpus=1, object_store_memory=80 << 20))
    before = until(lambda: pids(launch), 120)
    os.kill(before[0], signal.SIGKILL)
    until(lambda: (now := pids(launch)) and before[0] not in now, 120)
    more = [f"more-{index}" for index in range(2)]
    for name in more:
        opened.submit(job_of({"experiment_id": name, **JOB}))
    until(lambda: ended(opened, more), 180)
    launch.stop()
    thread.join(60)
    assert told == [0] and not thread.is_alive()


def test_workers_end_when_no_job_waits_where_asked(cluster, services):
    opened = services()
    opened.submit(job_of({"experiment_id": "a", **JOB}))
    began = time.monotonic()
    assert Launch(opened.config, "auto", 1).run(until_empty=True) == 0
    assert opened.store.get("a").state == "completed" and time.monotonic() - began < 120


def test_files_of_one_machine_are_no_store_for_several(services, monkeypatch):
    launch = Launch(services().config, "auto", 1)

    class Two:
        @staticmethod
        def nodes():
            return [{"Alive": True, "NodeManagerHostname": name} for name in ("a", "b")]

    with pytest.raises(ExperimentError, match="2 machines.*sqlite.*file"):
        launch._check_parts(Two)
