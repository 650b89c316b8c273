"""Campaigns as processes: the command line, kill -9 at bad moments, and workers over HTTP that come and go."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from neural_codec.experiments import ExperimentError
from neural_codec.experiments.carrier_http import HttpCarrier
from neural_codec.experiments.cli import main
from neural_codec.experiments.ledger import Ledger
from neural_codec.experiments.model import job_from
from neural_codec.experiments.plan_llm import spent

from .conftest import until
from .fake_model import model
from .fakes import CLIPS, GRAINY, FakeWorker, campaign, factor
from .test_campaign import LEVELS_3, Listed, loop

pytest.importorskip("optuna", reason="optuna is not installed: campaigns are not started")


def toml_of(path: Path, **more) -> Path:
    values = {
        "name": "first", "training": [each["uri"] for each in CLIPS[:3]], "held_out": [each["uri"] for each in CLIPS[3:]], "trials": 4,
        "planner": "random", "target": {"kind": "min_psnr_y", "value": 38.0}, "settings": {"effort": 3}, **more,
    }  # fmt: skip

    def text(value) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{name} = {text(each)}" for name, each in value.items()) + "}"
        return "[" + ", ".join(map(text, value)) + "]" if isinstance(value, list) else json.dumps(value)

    path.write_text("".join(f"{name} = {text(value)}\n" for name, value in values.items()))
    return path


def command(opened, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "neural_codec", "experiments", "campaign", *arguments, "--data", str(opened.config.data)]


def test_the_commands_tell_what_a_campaign_is_and_was(services, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    opened, file = services(), toml_of(tmp_path / "c.toml", trials=2)

    def cli(*arguments: str) -> str:
        assert main(command(opened, *arguments)[4:]) == 0
        return capsys.readouterr().out

    assert cli("status") == "none\n"
    with pytest.raises(ExperimentError, match="found none of the name 'first'"):
        cli("report", "first")
    with FakeWorker(opened.store) as worker:
        told = json.loads(cli("start", str(file), "--json"))
    assert told["state"] == "finished" and told["ended"] == 2 and set(worker.runs.values()) == {1}
    assert json.loads(cli("status", "--json"))[0]["name"] == "first"
    assert cli("report", "first").startswith("# Campaign first\n") and "finished" in cli("stop", "first")


def test_workers_are_named_by_the_environment_too(services, tmp_path, monkeypatch):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setenv("WORKER_URL", "http://127.0.0.1:9, http://127.0.0.1:10")
    opened = services()
    with pytest.raises(ExperimentError, match="127.0.0.1:9: .*127.0.0.1:10: ") as refused:
        main(command(opened, "start", str(toml_of(tmp_path / "c.toml")))[4:])
    assert str(refused.value).count("127.0.0.1:9: ") == 1
    assert Ledger(opened.store, "first").standing().state == "stopped", "nothing runs"


def test_a_campaign_that_is_killed_at_bad_moments_runs_no_slot_and_pays_no_answer_twice(services, tmp_path):
    """kill -9 while a model thinks, and while jobs run; each time another process goes on."""
    opened = services()
    ledger = Ledger(opened.store, "first")

    def slow(job):
        time.sleep(0.15 if job.campaign == "first" else 0.0)
        return factor(job)

    with model(("slow", 0.4)) as fake, FakeWorker(opened.store, slow) as worker:
        models = [{"url": fake.url, "model": "small"}]
        # Rules of the model are the same each time: other settings keep novelty from ending slots before they run.
        file = toml_of(tmp_path / "c.toml", planner="llm", models=models, trials=3)
        started = command(opened, "start", str(file))
        moments = (
            lambda: len(fake.asked) == 1 and ledger.noted("answers", "0000") is None,
            lambda: any(each.is_running for each in ledger.trials()),
        )
        for moment in moments:
            process = subprocess.Popen(started, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until(moment, 30)
            process.kill()
            assert process.wait() == -9
        assert ledger.standing().state == "running"
        ran = subprocess.run(started, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    trials = ledger.trials()
    assert [each.slot for each in trials] == [0, 1, 2] and not any(each.is_running for each in trials)
    assert set(worker.runs.values()) == {1}, worker.runs
    assert "not paid for twice" in trials[0].proposal.degraded and trials[0].proposal.planner == "optuna"
    assert len(fake.asked) == spent(ledger)["questions"] == 3, "slot 0 was asked for once, although it has no answer"
    assert [each.proposal.planner for each in trials[1:]] == ["llm", "llm"]


# Over HTTP.


def job(name: str):
    return job_from({
        "experiment_id": name, "timestamp": 1, "kind": "rules", "payload": {"rules": [], "settings": {"effort": 3}}, "clip": CLIPS[0],
    })  # fmt: skip


def carrier(opened, *urls: str, move_after_s: float = 60.0) -> HttpCarrier:
    return HttpCarrier(opened.config, urls, Ledger(opened.store, "first"), move_after_s)


def lives(server) -> None:
    """A worker of this server is known: the health of a server without workers is bad."""
    server.services.store.hello("fake", {"version": "1", "began": "", "finished": 0, "running": None})
    until(lambda: httpx.get(f"{server.url}/health").status_code == 200, 10)


def test_a_campaign_runs_over_http_as_it_does_by_the_queue(server, services, tmp_path, monkeypatch):
    # What is shown at the end is how it is then, however lately it was shown before.
    monkeypatch.setattr("neural_codec.experiments.campaign._CHECK_S", 1e6)
    started = server(workers=0)
    lives(started)
    wanted = campaign(training=[CLIPS[1]], held_out=GRAINY[:1], trials=1, workers=[started.url])
    apart = services(data=tmp_path / "orchestrator")
    with FakeWorker(started.services.store, lambda job: time.sleep(0.5) or factor(job)) as worker:
        standing = loop(apart, wanted, Listed(LEVELS_3)).run()
    assert standing.state == "finished" and set(worker.runs.values()) == {1}
    assert standing.told["verdict"]["score"]["bytes"] == pytest.approx(0.9), "tried on a clip that is held out"
    assert standing.told["workers"] == [{"worker": started.url, "live": True, "why": "", "jobs": []}]
    assert apart.store.page() == [], "jobs are in the worker's store alone"


def test_without_a_worker_that_lives_no_job_is_sent(server, services):
    silent = server(workers=0)
    nobody = "http://127.0.0.1:9"
    with pytest.raises(ExperimentError, match="found none: .*no live worker.*127.0.0.1:9.*experiments serve"):
        carrier(services(), silent.url, nobody).check()
    lives(silent)
    both = carrier(services(), silent.url, nobody)
    both.check()
    assert [(each["worker"], each["live"]) for each in both.workers()] == [(silent.url, True), (nobody, False)]


def test_a_dead_worker_is_shown_and_keeps_its_jobs_until_another_has_to_take_them(server, services, tmp_path, monkeypatch):
    monkeypatch.setattr("neural_codec.experiments.carrier_http._HEALTH_S", 0.0)
    first, second = server(workers=0), server(workers=0, data=tmp_path / "second")
    lives(first)
    lives(second)
    opened = services(data=tmp_path / "orchestrator")
    patient, hasty = carrier(opened, first.url, second.url), carrier(opened, first.url, second.url, move_after_s=0.0)
    patient.check()
    for name in ("a", "b"):
        patient.send(job(name))
    assert [each["jobs"] for each in patient.workers()] == [["a"], ["b"]], "each worker has one"
    first.stop()
    assert patient.outcome(job("a")) is None and patient.outcome(job("b")) is None
    assert [(each["live"], each["jobs"]) for each in patient.workers()] == [(False, ["a"]), (True, ["b"])]
    assert second.services.store.get("a") is None, "its job is kept"
    again = carrier(opened, first.url, second.url)
    assert again.outcome(job("a")) is None and again.workers()[0]["jobs"] == ["a"], "by a process that resumes too"
    hasty.outcome(job("a"))
    assert second.services.store.get("a") is not None and [each["jobs"] for each in hasty.workers()] == [[], ["a"]]
    with FakeWorker(second.services.store):
        ended = until(lambda: patient.outcome(job("a")))
    assert ended.is_completed and ended.result["metrics"]["bytes"] == 100_000


def test_a_worker_that_lost_its_store_gets_the_job_again(server, services, tmp_path):
    started = server(workers=0)
    lives(started)
    opened = services(data=tmp_path / "orchestrator")
    Ledger(opened.store, "first").note("sent", "a", {"url": started.url})
    resumed = carrier(opened, started.url)
    assert resumed.outcome(job("a")) is None and started.services.store.get("a") is not None


def test_what_a_worker_refuses_is_a_failed_trial(server, services, tmp_path):
    started = server(workers=0)
    lives(started)
    bad = job_from({**job("a").model_dump(), "payload": {"rules": [], "settings": {"no_such_setting": 1}}})
    sender = carrier(services(data=tmp_path / "orchestrator"), started.url)
    sender.check()
    sender.send(bad)
    ended = sender.outcome(bad)
    assert ended is not None and not ended.is_completed and "no_such_setting" in ended.error


# The page.


def test_the_page_shows_campaigns_and_that_one_is_degraded(server, services):
    opened = services()
    attack = "<script>alert(1)</script>"

    class Degraded(Listed):
        def propose(self, context):
            alerts.append([each["name"] for each in opened.store.alerts()])
            return dataclasses.replace(super().propose(context), degraded=attack)

    alerts: list[list[str]] = []
    with FakeWorker(opened.store):
        loop(opened, campaign(trials=2), Degraded(LEVELS_3, {"rules": []})).run()
    text = httpx.get(server(workers=0).url).text
    assert "planner random, 2 of 2 trials ended" in text and "nothing found: " in text
    assert "degraded" in text and attack not in text and "&lt;script&gt;" in text
    assert alerts == [[], ["campaign degraded: first"]] and opened.store.alerts() == [], "an alert is over with its campaign"


def test_a_campaign_without_workers_says_so_until_one_comes(services):
    opened = services()
    opened.store.workers, came = (lambda: []), opened.store.workers
    running = loop(opened, campaign(trials=1), Listed(LEVELS_3))
    pause = running._pause

    def then_a_worker(seconds: float) -> None:
        alerts.append([each["name"] for each in opened.store.alerts()])
        opened.store.workers, running.checked = came, -9.0
        pause(seconds)

    alerts: list[list[str]] = []
    running._pause = then_a_worker
    with FakeWorker(services().store):
        running.run()
    assert alerts[0] == ["campaign without workers: first"] and opened.store.alerts() == []
