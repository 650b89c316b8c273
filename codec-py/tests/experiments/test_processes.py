"""Workers as processes: the command line, kill -9 at any moment, exit statuses, and the files that start them."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from .conftest import UNITS, fixture, until
from neural_codec.experiments import aws
from neural_codec.experiments.wire import job_of

SETTINGS = {"kind": "settings", "payload": {"settings": {"effort": 0, "quantizer": 40}}}
QUICK = {"LEASE_S": "1.5", "BEAT_S": "0.3", "POLL_S": "0.2", "RETRY_S": "0.02", "LEAST_FREE_MB": "0"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "neural_codec", "experiments", *arguments]


def environment(opened, **more: str) -> dict[str, str]:
    names = {**QUICK, "DATA": str(opened.config.data), "CLIP": str(opened.config.clip), **more}
    return {**os.environ, **{f"NEURAL_CODEC_EXPERIMENTS_{name}": value for name, value in names.items()}}


def start(opened, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(command(*arguments), env=environment(opened), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def cli(opened, *arguments: str, status: int = 0, **more: str) -> str:
    ran = subprocess.run(command(*arguments), env=environment(opened, **more), capture_output=True, text=True, timeout=180)
    assert ran.returncode == status, ran.stderr
    return ran.stdout + ran.stderr


def test_a_newcomer_gets_from_nothing_to_a_result_by_the_command_line(services, tmp_path):
    opened = services()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    url = {"WORKER_URL": f"http://127.0.0.1:{port}"}
    assert "start one with" in cli(opened, "status", status=1, **url)
    served = start(opened, "serve", "--port", port)
    try:
        until(lambda: _healthy(url["WORKER_URL"]))
        assert "BAD" not in cli(opened, "doctor", **url)
        told = json.loads(
            cli(opened, "submit", "--id", "first", "--set", "quantizer=40", "--set", "effort=0", "--wait", "--json", **url)
        )
        assert told["state"] == "completed"
        job = tmp_path / "job.json"
        job.write_text(
            json.dumps({"experiment_id": "second", **SETTINGS, "payload": {"settings": {"effort": 0, "min_psnr_y": 40}}})
        )
        assert "second" in cli(opened, "submit", str(job), "--wait", **url)
        assert "completed 2" in cli(opened, "status", **url)
        assert re.search(r"second .*\n.*first .*PSNR-Y", cli(opened, "list", **url))
        assert "measured" in cli(opened, "show", "first", **url)
        cli(opened, "export", "first", str(tmp_path / "out"), **url)
        stream = tmp_path / "out" / "stream.nvc"
        assert stream.stat().st_size == told["metrics"]["bytes"] and (tmp_path / "out" / "result.json").exists()
        assert "409" not in cli(opened, "cancel", "first", status=1, **url)
        assert "404" in cli(opened, "show", "none", status=1, **url)
        assert "NAME=VALUE" in cli(opened, "submit", "--set", "quantizer", status=1, **url)
    finally:
        served.send_signal(signal.SIGTERM)
        assert served.wait(60) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.HTTPError:
        return False


def test_the_doctor_names_remedies_and_fails_where_something_needed_is_broken(services, tmp_path):
    opened = services()
    broken = tmp_path / "file"
    broken.write_text("no folder")
    told = cli(opened, "doctor", "--json", "--artefacts", f"file://{broken}", status=1)
    findings = {each["name"]: each for each in json.loads(told)["findings"]}
    assert not findings["artefacts"]["ok"] and "artefacts" in findings["artefacts"]["remedy"] and findings["store"]["ok"]
    path = f"{tmp_path}:{Path(sys.executable).parent}"
    if not Path("/usr/bin/bwrap").exists():
        told = cli(opened, "doctor", PATH=path)
        assert "apt-get install bubblewrap" in told


@pytest.mark.parametrize("place", ["--clip", "--clips"])
def test_a_clip_or_folder_that_is_not_there_is_an_error_at_once(services, tmp_path, place):
    opened, missing = services(), tmp_path / "nope"
    for command in (["serve", "--port", "0"], ["work", "--until-empty"]):
        told = cli(opened, *command, place, str(missing), status=1)
        assert re.search(rf"^error: clips?: expected a (file|folder), found {missing}\b.*$", told, re.M), told
    told = json.loads(cli(opened, "doctor", "--json", place, str(missing), status=1))
    findings = {each["name"]: each for each in told["findings"]}
    assert [name for name, each in findings.items() if each["needed"] and not each["ok"]] == [place[2:]]
    assert str(missing) in findings[place[2:]]["found"] or "nope" in findings[place[2:]]["found"]


def test_a_worker_killed_at_any_moment_is_followed_by_another_with_the_same_bytes(services):
    opened = services()
    names = [f"k{index}" for index in range(4)]
    for name in names:
        opened.submit(job_of({"experiment_id": name, "fresh": True, **SETTINGS}))
    chance = random.Random(7)
    worker = start(opened, "work")
    deadline = time.monotonic() + 300
    kills = 0
    while any(opened.store.get(name).state in ("queued", "running") for name in names):
        assert time.monotonic() < deadline
        running = opened.store.running()
        if kills < 3 and running and running[0].claims < 2 and running[0].phase not in ("", "received"):
            time.sleep(chance.random() * 0.3)
            worker.kill()
            worker.wait()
            kills += 1
            worker = start(opened, "work")
        time.sleep(0.02)
    worker.kill()
    worker.wait()
    rows = [opened.store.get(name) for name in names]
    assert kills >= 1 and {row.state for row in rows} == {"completed"}
    assert len({row.result["artefacts"]["stream"]["sha256"] for row in rows}) == 1
    assert max(row.claims for row in rows) >= 2 or kills == 0
    left = [each for each in Path("/proc").glob("[0-9]*/cmdline") if str(opened.config.data).encode() in _read(each)]
    assert left == [], "nothing outlives a killed worker"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_many_jobs_under_kills_are_each_done_once(services):
    opened = services()
    for index in range(120):
        opened.store.add(job_of({"experiment_id": f"n{index}", "timestamp": 1, "type": "test"}))
    workers = [start(opened, "work") for _ in range(2)]
    killed, deadline = 0, time.monotonic() + 300
    while opened.store.queued(1) or opened.store.running():
        assert time.monotonic() < deadline
        if killed < 2 and opened.store.workers():
            time.sleep(0.3)
            workers[0].kill()
            workers[0].wait()
            workers[0] = start(opened, "work")
            killed += 1
        time.sleep(0.05)
    for each in workers:
        each.kill()
        each.wait()
    rows = opened.store.page(("completed",), tests=True, limit=1000)
    assert len(rows) == 120 and all(row.finished for row in rows) and not opened.store.page(("failed",), tests=True)


def test_a_worker_of_another_protocol_exits_by_78_and_the_unit_leaves_it_down(services):
    opened = services()
    opened.store.add(job_of({"experiment_id": "later", **SETTINGS}).model_copy(update={"protocol": 3}))
    ran = subprocess.run(command("work"), env=environment(opened), capture_output=True, text=True, timeout=180)
    assert ran.returncode == 78 and "protocol" in ran.stderr and opened.store.get("later").claims == 0
    served = subprocess.run(
        command("serve", "--port", "0"), env=environment(opened), capture_output=True, text=True, timeout=180
    )
    assert served.returncode == 78
    unit = (UNITS / "neural-codec-worker.service").read_text()
    assert "RestartPreventExitStatus=78" in unit and "StartLimitBurst=5" in unit


def test_a_worker_that_is_told_to_stop_ends_within_seconds(services):
    opened = services()
    worker = start(opened, "work")
    until(lambda: opened.store.workers())
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert opened.store.workers() == []


def test_the_unit_is_one_that_systemd_takes():
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: the unit is not verified")
    ran = subprocess.run(
        ["systemd-analyze", "verify", str(UNITS / "neural-codec-worker.service")], capture_output=True, text=True
    )
    ours = [line for line in ran.stderr.splitlines() if "neural-codec-worker" in line and "not found" not in line]
    assert ours == [] and ran.returncode == 0, ran.stderr


def test_the_policy_allows_what_the_code_calls_and_no_more():
    """Calls are those of the modules; what each needs is spelled as IAM spells it."""
    folder = UNITS.parent
    text = "\n".join(
        (folder / name).read_text() for name in ("store_dynamo.py", "queue_sqs.py", "artefacts_s3.py", "alerts.py")
    )
    calls = set(re.findall(r"client\(\"(\w+)\"\)\.(\w+)\(", text)) | {("s3", "head_object")}
    action = {("s3", "head_object"): "s3:GetObject", ("s3", "upload_file"): "s3:PutObject"}
    needed = {action.get(call, f"{call[0]}:{''.join(word.title() for word in call[1].split('_'))}") for call in calls}
    policy = json.loads((UNITS / "iam-policy.json").read_text())
    allowed: set[str] = set()
    for statement in policy["Statement"]:
        actions = statement["Action"]
        allowed |= {actions} if isinstance(actions, str) else set(actions)
        assert statement["Resource"] != "*" or statement.get("Condition"), statement["Sid"]
    assert not any("*" in each for each in allowed)
    assert needed <= allowed and allowed - needed <= {"s3:ListBucket", "s3:AbortMultipartUpload"}


def test_the_files_that_make_table_and_queue_are_taken(amazon):
    table = json.loads((UNITS / "dynamodb-table.json").read_text())
    assert table["KeySchema"][0]["AttributeName"] == "experiment_id" and table["KeySchema"][1]["AttributeName"] == "timestamp"
    aws.client("dynamodb").create_table(**table)
    aws.client("sqs").create_queue(**json.loads((UNITS / "sqs-queue.json").read_text()))
    assert fixture("v2.json")["timestamp"] == 1760732700


POISONED = """
import os, signal, sys
import neural_codec.experiments.worker as worker
real = worker.run
def run(this, folder):
    with open(sys.argv[1], "a") as file:
        file.write(this.job.experiment_id + "\\n")
    if this.job.experiment_id == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if this.job.experiment_id == "memory":
        bytearray(1 << 50)
    return real(this, folder)
worker.run = run
from neural_codec.experiments.cli import main
sys.exit(main(["work"]))
"""


def test_a_job_that_kills_its_worker_or_takes_all_memory_is_dead_after_exactly_three_claims(services, tmp_path):
    opened, ran = services(), tmp_path / "ran"
    for name in ("crash", "memory"):
        opened.submit(job_of({"experiment_id": name, **SETTINGS}))
    opened.submit(job_of({"experiment_id": "good", **SETTINGS}))
    names, deadline, deaths = ("crash", "memory", "good"), time.monotonic() + 300, 0
    started = [sys.executable, "-c", POISONED, str(ran)]
    worker = subprocess.Popen(started, env=environment(opened), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while any(opened.store.get(name).finished is None for name in names):
        assert time.monotonic() < deadline
        if worker.poll() is not None:
            deaths += 1
            worker = subprocess.Popen(started, env=environment(opened), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.05)
    worker.kill()
    worker.wait()
    rows = {name: opened.store.get(name) for name in names}
    assert deaths == 3 and sorted(ran.read_text().split()) == ["crash"] * 3 + ["good"] + ["memory"] * 3
    assert [(rows[name].dead, rows[name].claims) for name in names] == [(True, 3), (True, 3), (False, 1)]
    assert "fell silent" in rows["crash"].error["message"] and "MemoryError" in rows["memory"].error["message"]
    assert {each["name"] for each in opened.store.alerts()} >= {"poison job: crash", "poison job: memory"}
