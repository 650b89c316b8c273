"""Campaigns: they end with a verdict, resume where they were, score by what was measured, and run nothing twice."""

from __future__ import annotations

import json
import re

import pytest
from neural_codec.experiments import ExperimentError
from neural_codec.experiments.campaign import Loop
from neural_codec.experiments.campaign_model import read_campaign
from neural_codec.experiments.campaign_open import open_carrier, open_planner
from neural_codec.experiments.campaign_report import report_lines, report_of
from neural_codec.experiments.ledger import Ledger
from neural_codec.experiments.model import ENDED, job_from
from neural_codec.experiments.planner import Proposal
from neural_codec.experiments.score import Score, interval, short_by

from . import fakes
from .conftest import needs_bwrap, new_table, until
from .fakes import CLIPS, GRAINY, FakeWorker, campaign

LEVELS_3 = {"rules": [{"when": [["grain", ">", 2.0]], "choose": {"tools": {"hierarchical_levels": 3, "adaptive_quantization": 1}}}]}


class Listed:
    """A planner whose proposals a test wrote down."""

    def __init__(self, *payloads: dict) -> None:
        self.payloads, self.asked = payloads, []

    def propose(self, context) -> Proposal:
        self.asked.append(context)
        return Proposal("rules", {"settings": {"effort": 3}, **self.payloads[context.slot]}, "listed")


def loop(services, wanted, planner=None, name: str = "first") -> Loop:
    ledger = Ledger(services.store, name)
    planner = planner or open_planner(wanted, ledger, services.stopping.wait)
    return Loop(services, wanted, open_carrier(services, wanted, ledger), planner, ledger, check_s=0.01)


def run(services, wanted, planner=None, **fake) -> dict:
    with FakeWorker(services.store, **fake) as worker:
        loop(services, wanted, planner).run()
    return {**report_of(Ledger(services.store, wanted.name)), "runs": worker.runs}


def test_what_saves_bytes_on_clips_it_was_not_found_on_is_found(services):
    # Three levels save a tenth where there is grain: on clip b of those trained on, and on clip d.
    wanted = campaign(training=CLIPS[:2], held_out=GRAINY, trials=1)
    told = run(services(), wanted, Listed(LEVELS_3))
    assert told["state"] == "finished" and told["verdict"]["found"] and told["verdict"]["slot"] == 0
    assert told["verdict"]["score"]["bytes"] == pytest.approx(0.9) and told["verdict"]["interval"] == pytest.approx([0.9, 0.9])
    assert told["best"]["bytes"] == pytest.approx(0.9**0.5), "one of two training clips"
    assert set(told["runs"].values()) == {1} and len(told["runs"]) == 2 + 2 + 5 + 5
    text = "\n".join(report_lines(told))
    assert "**Found:**" in text and "| d.mkv | 100000 | 90000 | 0.9000 | met |" in text


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_what_chance_alone_could_give_is_no_claim(services, number):
    told = run(services(), campaign(training=[CLIPS[1]], held_out=GRAINY[:number], trials=1), Listed(LEVELS_3))
    assert not told["verdict"]["found"] and told["verdict"]["interval"] == pytest.approx([0.9, 0.9])
    assert told["verdict"]["why"] == f"{number} held-out clips are too few: by chance alone all are better 1 time in {2**number}; 5 can tell"


def with_content_of(monkeypatch, copy: str, original: str) -> None:
    """Makes a clip one of the same bytes as another, under its own name."""
    plain = fakes.result

    def result(job, ratio, psnr):
        told = plain(job, ratio, psnr)
        if told["clip"]["name"] == copy:
            told["clip"]["sha256"] = plain(job_from({**job.model_dump(), "clip": {"uri": f"file:///clips/{original}"}}), ratio)["clip"]["sha256"]
        return told

    monkeypatch.setattr(fakes, "result", result)


@pytest.mark.parametrize("copy, original", [("i.mkv", "b.mkv"), ("i.mkv", "d.mkv"), ("i.mkv", "c.mkv")])
def test_held_out_clips_of_the_content_of_others_are_no_claim(services, monkeypatch, copy, original):
    with_content_of(monkeypatch, copy, original)
    wanted = campaign(training=[CLIPS[1]], short=CLIPS[2], held_out=GRAINY, trials=1)
    told = run(services(), wanted, Listed(LEVELS_3))
    assert told["verdict"]["why"] == f"expected held-out clips that are others, found that {copy} has the content of {original}" and not told["verdict"]["found"]


def test_training_clips_of_the_same_content_are_refused(services, monkeypatch):
    with_content_of(monkeypatch, "b.mkv", "a.mkv")
    with FakeWorker(services().store), pytest.raises(ExperimentError, match=r"training: .*b.mkv has the content of a.mkv"):
        loop(services(), campaign()).run()


def test_what_does_not_hold_on_held_out_clips_is_nothing_found(services):
    told = run(services(), campaign(training=[CLIPS[1]], held_out=CLIPS[3:], trials=1), Listed(LEVELS_3))
    low, high = told["verdict"]["interval"]
    assert not told["verdict"]["found"] and low == pytest.approx(0.9) and high == pytest.approx(1.0)
    assert "**Nothing found:**" in "\n".join(report_lines(told))


@pytest.mark.parametrize("psnr, why", [(37.9, "no trial has fewer bytes"), (38.0, "fewer bytes on clips")])
def test_the_floor_counts_as_it_was_measured_whatever_an_encoder_says(services, psnr, why):
    told = run(services(), campaign(training=[CLIPS[1]], held_out=GRAINY, trials=1), Listed(LEVELS_3), psnr=psnr)
    assert told["verdict"]["why"].startswith(why)
    assert (told["best"] is None) == (psnr < 38)


def test_a_trial_that_fails_is_kept_and_told_to_the_planner(services):
    def answer(job):
        if job.experiment_id.endswith("0000-1"):
            raise ValueError("no such tool")
        return 1.0

    planner = Listed(LEVELS_3, {"rules": [{"when": [["grain", "<", 2.0]], "choose": {"bit_depth": 8}}]})
    told = run(services(), campaign(trials=2), planner, answer=answer)
    assert told["failed"] == 1 and told["trials"][0]["error"] == "no such tool"
    assert planner.asked[1].trials[0].error == "no such tool" and planner.asked[1].profiles[1]["grain"] == 3.0
    assert told["best_so_far"] == [1.0, 1.0]


def test_rules_that_no_profile_can_be_asked_are_a_failed_trial_and_no_end(services):
    planner = Listed({"rules": [{"when": [["scene_class", ">", 2.0]], "choose": {"bit_depth": 8}}]}, LEVELS_3)
    told = run(services(), campaign(trials=2), planner)
    assert "cannot be compared" in told["trials"][0]["error"] and told["state"] == "finished" and told["ended"] == 2


def test_rules_that_decide_the_same_are_not_run_again(services):
    same = {"rules": [{"when": [["grain", ">", 1.0], ["motion", "<", 9.0]], "choose": LEVELS_3["rules"][0]["choose"]}]}
    nothing = {"rules": [{"when": [["grain", ">", 99.0]], "choose": {"bit_depth": 8}}]}
    told = run(services(), campaign(trials=3, held_out=[]), Listed(LEVELS_3, same, nothing))
    slots = {name.split("-")[1] for name in told["runs"]}
    assert slots == {"base", "0000"}, "slot 1 decides as slot 0 does, slot 2 as the baseline does"
    assert told["trials"][1]["score"] == told["trials"][0]["score"] and told["trials"][2]["score"]["bytes"] == 1.0


@pytest.mark.parametrize("kind", ["rules", "agent"])
def test_what_decides_the_same_on_the_first_scenes_of_a_clip_of_many_is_run(services, monkeypatch, kind):
    plain = fakes.result
    monkeypatch.setattr(fakes, "result", lambda *given: {**plain(*given), "scene_count": 65})
    if kind == "agent":
        needs_bwrap()
        code = "def decide(profiles, target, probe):\n    return [{} if len(profiles) < %d else {'bit_depth': 8}] * len(profiles)\n"
        payloads = [{"code": code % number} for number in (64, 65, 64)]
    else:
        nothing = [{"rules": [{"when": [["grain", ">", limit]], "choose": {"bit_depth": 8}}]} for limit in (99.0, 98.0)]
        payloads = [*nothing, nothing[0]]

    class Listing(Listed):
        def propose(self, context):
            return Proposal(kind, {"settings": {"effort": 3}, **self.payloads[context.slot]}, "listed")

    wanted = campaign(training=CLIPS[:1], trials=len(payloads), held_out=[])
    told = run(services(), wanted, Listing(*payloads), answer=lambda job: 0.9 if "0001" in job.experiment_id else 1.0)
    assert {"first-0000-0", "first-0001-0"} <= set(told["runs"]) and told["trials"][1]["score"]["bytes"] == pytest.approx(0.9)
    assert "first-0002-0" not in told["runs"], "the very same is known all the same"


def test_it_ends_when_nothing_better_comes_and_no_held_out_clips_mean_no_claim(services):
    told = run(services(), campaign(trials=50, patience=3, held_out=[]), Listed(LEVELS_3, *[{"rules": []}] * 9))
    assert told["proposed"] == 4 and told["why_ended"] == "3 trials brought nothing better"
    assert not told["verdict"]["found"] and "held out" in told["verdict"]["why"]


def test_a_trial_meets_one_short_scene_at_the_least_effort_before_any_whole_clip(services):
    seen = {}

    def answer(job):
        name = job.experiment_id.removeprefix("first-")
        seen[name] = job.payload.get("settings", {})
        if name == "0000-short":
            raise ValueError("no such tool")
        return {"0001-short": 1.3, "0002-short": 1.1}.get(name, 1.0)

    other = {"rules": [{"when": [], "choose": {"tools": {"hierarchical_levels": 4}}}]}
    rules = [LEVELS_3, other, {"rules": [{"when": [], "choose": {"bit_depth": 8}}], "settings": {"effort": 3, "preset": 2}}]
    told = run(services(), campaign(trials=3, held_out=[], short=CLIPS[4], short_above=1.2), Listed(*rules), answer=answer)
    assert told["trials"][0]["error"] == "no such tool" and told["trials"][1]["score"]["early"]
    assert not told["trials"][2]["score"]["early"] and told["trials"][2]["score"]["bytes"] == pytest.approx(1.0)
    assert set(seen) == {"sbase", "base-0", "base-1", "base-2", "0000-short", "0001-short", "0002-short", "0002-0", "0002-1", "0002-2"}
    assert seen["sbase"] == seen["0002-short"] == {"effort": 0} and seen["0002-0"] == {"effort": 3, "preset": 2}
    assert set(told["runs"].values()) == {1}


def test_a_short_scene_whose_floor_is_missed_ends_a_trial(services, monkeypatch):
    plain = fakes.result
    monkeypatch.setattr(fakes, "result", lambda job, ratio, psnr: plain(job, ratio, 37.0 if job.experiment_id.endswith("-short") else psnr))
    told = run(services(), campaign(trials=1, held_out=[], short=CLIPS[4]), Listed(LEVELS_3))
    assert told["trials"][0]["score"]["short_by"] == pytest.approx(1.0) and not any("0000-0" in name for name in told["runs"])


def test_a_short_scene_is_on_the_side_of_the_training_clips():
    with pytest.raises(ExperimentError, match="both sides"):
        campaign(short=CLIPS[3])
    with pytest.raises(ExperimentError, match="short_above"):
        campaign(short_above=1.1)


def test_a_campaign_that_is_stopped_resumes_and_a_finished_one_stays(services):
    opened, wanted = services(), campaign(trials=3, wait_s=30.0)
    ledger = Ledger(opened.store, "first")
    planner = open_planner(wanted, ledger, opened.stopping.wait)
    propose = planner.propose

    def then_stop(context):
        ledger.move("stopping")
        return propose(context)

    planner.propose = then_stop
    with FakeWorker(opened.store) as worker:
        assert loop(opened, wanted, planner).run().state == "stopped"
        assert len(ledger.trials()) == 1
        with pytest.raises(ExperimentError, match="another name"):
            loop(opened, campaign(trials=3, seed=1)).run()
        assert ledger.move("running") == "running"
        again = open_planner(wanted, ledger, opened.stopping.wait)
        patient = loop(opened, wanted, again)
        patient._pause = lambda seconds: opened.stopping.wait(min(seconds, 0.01))
        assert patient.run().state == "finished"
        assert ledger.move("stopping", but=("finished",)) == "finished"
    assert set(worker.runs.values()) == {1} and len(ledger.trials()) == 3


def test_several_slots_run_at_once_where_asked(services):
    opened, wanted = services(), campaign(trials=6, parallel=3, held_out=[])
    seen = []
    ledger = Ledger(opened.store, "first")
    planner = open_planner(wanted, ledger, opened.stopping.wait)
    propose = planner.propose
    planner.propose = lambda context: seen.append(sum(each.is_running for each in context.trials)) or propose(context)

    def answer(job):
        # No trial ends before as many as may be are under way.
        if job.campaign == "first":
            until(lambda: max(seen) == 2 or len(seen) == 6)
        return 1.0

    with FakeWorker(opened.store, answer):
        loop(opened, wanted, planner).run()
    assert max(seen) == 2 and len(seen) == 6


def test_a_baseline_that_fails_ends_it_with_its_reason(services):
    def answer(job):
        raise ValueError("no such clip")

    with FakeWorker(services().store, answer), pytest.raises(ExperimentError, match="first-base-0: expected a baseline.*no such clip"):
        loop(services(), campaign()).run()


@pytest.mark.parametrize("failing", ["base-1", "sbase", "hbase-2"])
def test_a_baseline_that_failed_is_tried_anew_when_the_campaign_is_started_again(services, failing):
    opened = services()
    wanted = campaign(training=CLIPS[:2], short=CLIPS[2], held_out=GRAINY, trials=1)
    ledger = Ledger(opened.store, "first")

    def answer(job):
        if job.experiment_id in (f"first-{failing}", f"first-{failing}-try2"):
            raise ValueError("the disk was full")
        return fakes.factor(job)

    with FakeWorker(opened.store, answer) as worker:
        for _ in range(2):
            with pytest.raises(ExperimentError, match=f"first-{failing}.*the disk was full"):
                loop(opened, wanted, Listed(LEVELS_3)).run()
            assert ledger.standing().state == "stopped" and "the disk was full" in ledger.standing().told["ended"]
        standing = loop(opened, wanted, Listed(LEVELS_3)).run()
    assert standing.state == "finished" and standing.told["verdict"]["found"] and "trials are done" in standing.told["ended"]
    assert f"first-{failing}-try3" in worker.runs and set(worker.runs.values()) == {1}, "what completed is not run again"


@pytest.mark.parametrize("end", ["cancelled", "dead"])
def test_a_held_out_job_that_was_lost_is_no_verdict(services, end):
    opened = services()
    wanted = campaign(training=[CLIPS[1]], held_out=GRAINY, trials=1)
    store, lost = opened.store, "first-held-1"

    def answer(job):
        key = job.experiment_id, job.timestamp
        if job.experiment_id == lost and end == "cancelled":
            store.cancel(key)
        while job.experiment_id == lost and (row := store.get(*key)).state not in ENDED:
            # Its workers fall silent, one after the other.
            store.lapse(key, row.fence, row.beat)
            store.claim(key, "fake")
        return fakes.factor(job)

    with FakeWorker(store, answer):
        with pytest.raises(ExperimentError, match=f"{lost}: expected an outcome, found"):
            loop(opened, wanted, Listed(LEVELS_3)).run()
        standing = loop(opened, wanted, Listed(LEVELS_3)).run()
    assert standing.told["verdict"]["found"] and store.get(f"{lost}-try2").state == "completed"


def test_a_campaign_whose_process_is_told_to_end_or_breaks_is_not_running(services, monkeypatch):
    opened = services()
    ledger = Ledger(opened.store, "first")
    halted = loop(opened, campaign(trials=1), Listed(LEVELS_3))
    halted.watch.tell("campaign without workers: first", "none")
    opened.stopping.set()
    assert halted.run().state == "stopped" and opened.store.alerts() == []
    broken = loop(services(), campaign(trials=1), Listed(LEVELS_3))
    monkeypatch.setattr(broken, "_search", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        broken.run()
    assert ledger.standing().state == "stopped" and ledger.standing().told["ended"] == "it failed: division by zero"


def test_the_records_are_the_same_in_every_store(store):
    ledger = Ledger(store, "first")
    first = ledger.begin(campaign())
    assert ledger.begin(campaign()) == first
    proposal = Proposal("rules", LEVELS_3, "listed", {"share0": 0.5}, (1, 2), "why", "note", "model")
    assert ledger.propose(0, proposal) == proposal
    assert ledger.propose(0, Proposal("rules", {"rules": []}, "other")) == proposal, "a slot has one proposal"
    score = Score(0.95, 1.1, 0.0)
    ledger.end(0, score, "")
    ledger.end(0, None, "late")
    (trial,) = ledger.trials()
    assert trial == ledger.trial(0) and trial.score == score and trial.error == "" and ledger.trial(1) is None
    ledger.tell(degraded="x")
    ledger.tell(workers=[])
    assert ledger.standing().told == {"degraded": "x", "workers": []} and ledger.move("stopping") == "stopping"


def test_a_campaign_runs_on_the_store_of_many_machines(services, amazon):
    opened = services(store=f"dynamodb://{new_table()}")
    told = run(opened, campaign(training=[CLIPS[1]], held_out=GRAINY, trials=1), Listed(LEVELS_3))
    assert told["verdict"]["found"] and set(told["runs"].values()) == {1} and len(told["runs"]) == 1 + 1 + 5 + 5


@pytest.mark.parametrize(
    "more, word",
    [
        ({"target": {"kind": "quantizer", "value": 40.0}}, "floor"), ({"settings": {"pooling": "p5"}}, "settings"),
        ({"held_out": CLIPS[:1]}, "not trained on"), ({"training": CLIPS[:1] * 2}, "training: expected each clip once"),
        ({"held_out": CLIPS[3:] * 2}, "held_out: expected each clip once, found file:///clips/d.mkv 2 times"), ({"planner": "llm"}, "models"), ({"name": "a b"}, "name"),
        ({"training": []}, "training"), ({"unknown": 1}, "unknown"), ({"trials": 0}, "trials"),
    ],
)  # fmt: skip
def test_a_campaign_that_cannot_be_is_named(more, word):
    with pytest.raises(ExperimentError, match=word):
        campaign(**more)


def test_a_campaign_is_read_from_toml_with_clips_beside_it(tmp_path):
    (tmp_path / "a clip.mkv").write_bytes(b"x")
    text = 'name = "t"\ntraining = ["a clip.mkv"]\nheld_out = ["s3://bucket/b.mkv"]\ntarget = {kind = "min_psnr_y", value = 38}\n'
    (tmp_path / "c.toml").write_text(text)
    found = read_campaign(tmp_path / "c.toml", ["http://127.0.0.1:1"])
    assert found.training[0].uri == f"file://{tmp_path}/a%20clip.mkv" and found.held_out[0].uri == "s3://bucket/b.mkv"
    assert found.workers == ["http://127.0.0.1:1"] and found.trials == 50
    (tmp_path / "c.toml").write_text(text.replace("a clip", "gone"))
    with pytest.raises(ExperimentError, match=re.escape("gone.mkv: expected a clip beside")):
        read_campaign(tmp_path / "c.toml", [])


def test_an_interval_holds_the_mean_and_narrows_with_agreement():
    wide, narrow = interval([0.8, 1.0, 1.2, 0.9, 1.1]), interval([0.95, 0.96, 0.94, 0.95, 0.95])
    assert wide[0] < 1 < wide[1] and 0.94 <= narrow[0] <= 0.95 <= narrow[1] <= 0.96
    assert interval([0.9, 0.8], 3) == interval([0.9, 0.8], 3)


def test_a_lossless_scene_meets_every_floor():
    target = campaign().target
    assert short_by(target, {"least_scene": {"psnr_y": None}}) == 0.0
    assert short_by(target, {"least_scene": {"psnr_y": 37.5}}) == pytest.approx(0.5)


def test_the_report_is_plain_json(services):
    told = run(services(), campaign(trials=2))
    told.pop("runs")
    assert json.loads(json.dumps(told, allow_nan=False)) == told and len(told["trials"]) == 2 and len(told["best_so_far"]) == 2


def test_the_manual_has_every_field_of_a_campaign_and_no_other(tmp_path):
    from pathlib import Path

    from neural_codec.experiments.campaign_model import SEARCHED, Asking, Campaign, ModelChoice

    text = (Path(__file__).resolve().parents[3] / "docs" / "CAMPAIGNS.md").read_text()
    table = text.partition("| field | default |")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert {name for line in rows for name in re.findall(r"`(\w+)`", line.split("|")[1])} == set(Campaign.model_fields)
    assert {name for line in rows if line.startswith("| `settings`") for name in re.findall(r"`(\w+)`", line.split("|")[3])} == set(SEARCHED)
    assert all(f"{name} = " in text for each in (Asking, ModelChoice) for name in each.model_fields)
    first = text.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "clips").mkdir()
    for name in "abcdefg":
        (tmp_path / "clips" / f"{name}.mp4").write_bytes(b"x")
    (tmp_path / "campaign.toml").write_text(first)
    assert read_campaign(tmp_path / "campaign.toml", []).trials == 50


class Died(BaseException):
    """The process is no more."""


class Dying:
    """A store whose process dies at its nth write: before it, or right after."""

    def __init__(self, store, at: int, after: bool) -> None:
        self.store, self.left, self.after = store, at, after

    def __getattr__(self, name: str):
        found = getattr(self.store, name)
        if name not in ("keep", "change", "add"):
            return found

        def write(*given):
            self.left -= 1
            if self.left == 0 and not self.after:
                raise Died
            told = found(*given)
            if self.left == 0:
                raise Died
            return told

        return write


def test_whichever_write_a_campaign_dies_at_it_resumes_to_the_same_end(services, tmp_path, monkeypatch):
    """The process dies at each of its writes in turn; what asks models is a count of how often each slot was paid for."""
    from neural_codec.experiments import plan_llm
    from neural_codec.experiments.chat import Answered
    from neural_codec.experiments.plan_llm import LlmPlanner
    from neural_codec.experiments.plan_random import RandomPlanner

    answer = json.dumps({"kind": "rules", "rules": LEVELS_3["rules"]})
    paid: list[str] = []
    monkeypatch.setattr(plan_llm, "ask", lambda model, body, *_: paid.append(body["messages"][1]["content"]) or Answered(answer, 1, 1))
    wanted = campaign(
        training=[CLIPS[1]], held_out=GRAINY, trials=2, planner="llm", models=[{"url": "http://127.0.0.1:9", "model": "m"}]
    )

    def attempt(data, at: int, after: bool) -> tuple[Ledger, int]:
        opened = services(data=data)
        opened.store = Dying(opened.store, at, after)
        opened.queue = services(data=data).queue
        ledger = Ledger(opened.store, "first")
        planner = LlmPlanner(ledger, RandomPlanner(), lambda _: None)
        loop(opened, wanted, planner).run()
        return Ledger(services(data=data).store, "first"), -opened.store.left

    deaths = 0
    for at in range(1, 80, 2):
        data, after = tmp_path / str(at), at % 4 == 1
        paid.clear()
        with FakeWorker(services(data=data).store) as worker:
            try:
                ledger, _ = attempt(data, at, after)
                died = False
            except Died:
                died = True
                ledger, _ = attempt(data, 0, False)
        deaths += died
        assert set(worker.runs.values()) == {1}, (at, worker.runs)
        trials = ledger.trials()
        assert [each.slot for each in trials] == [0, 1] and ledger.standing().state == "finished"
        assert len(paid) == len(set(paid)) <= 2, "no question twice"
        assert all(each.proposal.planner == "llm" or "not paid for twice" in each.proposal.degraded for each in trials)
        assert ledger.standing().told["verdict"]["found"] or any(each.proposal.degraded for each in trials)
        if not died:
            break
    assert deaths >= 8, "there are more writes than these"
