"""Filter jobs and modifiers: checked before they run, accepted by the rule alone, and taken back."""

from __future__ import annotations

import json

import pytest
from neural_codec.errors import InvalidArgument
from neural_codec.experiments import ExperimentError
from neural_codec.experiments.campaign_open import open_carrier
from neural_codec.experiments.cli import main
from neural_codec.experiments.ledger import Ledger
from neural_codec.experiments.model import job_from
from neural_codec.experiments.modifier import Halted, Modifier, report_lines, table_of
from neural_codec.experiments.modifier_table import TableFile, flat, patch_of
from neural_codec.experiments.wire import job_of

from . import fakes
from .fakes import CLIPS, FakeWorker, campaign
from .test_campaign import with_content_of
from .test_campaign_processes import toml_of

FLOOR = {"kind": "min_psnr_y", "value": 36.0}
BETTER = {"search.target_margin": 0.03}


def named(kind: str, payload: dict) -> dict:
    return {"experiment_id": "a", "timestamp": 1, "kind": kind, "payload": payload}


@pytest.mark.parametrize(
    ("kind", "payload", "what"),
    [
        ("filter", {"layers": 5}, "filter_layers: expected a number from 3 to 4, found 5"),
        ("filter", {"layers": 3, "steps": 7}, "filter_steps: expected a number from 8 to 100000, found 7"),
        ("filter", {}, "layers, steps or both"),
        ("filter", {"steps": 8, "settings": {"filter_steps": 9}}, "neither among the settings"),
        ("filter", {"steps": 8, "channels": 64}, "channels"),
        ("modifier", {"patch": {"search.far": 99}}, "search.far: expected a number from 0.01 to 10, found 99"),
        ("modifier", {"patch": {"search.fat": 1}}, "search.fat"),
        ("modifier", {"patch": {"search.far": "near"}}, "search.far"),
        ("modifier", {}, "patch"),
    ],
)
def test_jobs_beyond_the_limits_are_refused_before_they_run(kind, payload, what):
    with pytest.raises(ExperimentError) as error:
        job_from(named(kind, payload))
    assert what in str(error.value)


def test_a_file_of_the_worker_is_no_setting_of_a_job(done, tmp_path):
    table = tmp_path / "table.toml"
    table.write_text("[search]\nfar = 0.5\n")
    row = done({"kind": "settings", "payload": {"settings": {"defaults": str(table), "quantizer": 40}}})
    assert row.state == "failed" and "defaults" in row.error["message"]


def test_a_filter_job_trains_what_it_asks_for(done):
    payload = {"layers": 4, "steps": 8, "settings": {"effort": 0, "strategies": "av1,hybrid"}}
    row = done({"kind": "filter", "payload": payload, "target": FLOOR})
    assert row.state == "completed", row.error
    asked = row.result["decisions"]["settings"]
    assert (asked["filter_layers"], asked["filter_steps"]) == (4, 8)
    row = done({"kind": "filter", "payload": {**payload, "settings": {"strategies": "av1"}}, "target": FLOOR})
    assert row.state == "failed" and "hybrid among the strategies" in row.error["message"]


def test_a_modifier_job_encodes_with_its_table(done):
    patch = {"search.first_quantizer": 20, "search.most_located": 1}
    row = done({"kind": "modifier", "payload": {"patch": patch, "settings": {"effort": 0}}, "target": FLOOR})
    assert row.state == "completed" and row.result["target_met"]
    assert row.result["decisions"]["defaults"] == patch
    assert row.result["table"] == table_of(patch)["hash"]
    plain = done({"kind": "settings", "payload": {"settings": {"effort": 0}}, "target": FLOOR})
    assert plain.result["table"] == table_of({})["hash"] != row.result["table"]


def law(gain: float, held_out: float | None = None, worst: tuple[int, float] | None = None):
    """Bytes of a job by whether it has the patch, and on which side its clip is; one clip may be the worst."""

    def ratio(job) -> float:
        if "search.target_margin" not in job.payload["patch"]:
            return 1.0
        if worst is not None and job.clip.uri == CLIPS[worst[0]]["uri"]:
            return worst[1]
        return gain if held_out is None or job.clip.uri in [each["uri"] for each in CLIPS[:3]] else held_out

    return ratio


def tried(opened, patch=BETTER, base=None, fake=None, **more) -> dict:
    wanted = campaign(**more)
    with FakeWorker(opened.store, fake or law(0.99)) as worker:
        modifier = Modifier(opened, wanted, open_carrier(opened, wanted, Ledger(opened.store, "first")), base or {}, patch, 0.01)
        told = modifier.run()
        assert modifier.run() == told
    assert set(worker.runs.values()) == {1}, "what was run is not run again"
    return {**told, "runs": len(worker.runs)}


def test_what_pays_on_every_side_is_accepted(services):
    told = tried(services())
    assert told["accepted"] and told["training"]["bytes"] == pytest.approx(0.99) and told["runs"] == 2 * 5
    assert told["changes"] == {"search.target_margin": [0.06, 0.03]}
    text = "\n".join(report_lines(told))
    assert "**Accepted.**" in text and "| d.mkv | held out | 100000 | 99000 | 0.9900 | 1.00 |" in text


@pytest.mark.parametrize(
    ("fake", "side", "what"),
    [
        (law(0.996), "training", "mean bytes"),
        (law(0.97, worst=(0, 1.02)), "training", "bytes of the worst clip"),
        (law(0.99, held_out=1.001), "held out", "mean bytes"),
        (law(0.95, worst=(4, 1.02)), "held out", "bytes of the worst clip"),
    ],
)
def test_what_does_not_pay_somewhere_is_refused_with_the_reason(services, fake, side, what):
    told = tried(services(), fake=fake)
    assert not told["accepted"]
    assert [(each["side"], each["what"]) for each in told["checks"] if not each["ok"]][0] == (side, what)
    # Held-out clips are looked at by those alone whom the training clips let through.
    assert (told["held_out"] is None) == (side == "training") and told["runs"] == (6 if side == "training" else 10)
    assert "**Refused.**" in "\n".join(report_lines(told))


@pytest.mark.parametrize("patched", ["time", "floor"])
def test_time_and_floors_count_as_they_were_measured(services, patched, monkeypatch):
    plain = fakes.result

    def result(job, ratio, psnr=38.2):
        told = plain(job, ratio, psnr)
        if "search.target_margin" in job.payload["patch"]:
            told["encode_cpu_seconds"] = 2.2 if patched == "time" else 2.0
            told["least_scene"]["psnr_y"] = 37.9 if patched == "floor" else psnr
        return told

    monkeypatch.setattr(fakes, "result", result)
    told = tried(services())
    failed = {each["what"]: each["found"] for each in told["checks"] if not each["ok"]}
    assert not told["accepted"]
    assert failed == {"time": {"processor time": pytest.approx(1.1)}, "floor": {"miss of the worst scene's floor": pytest.approx(0.1)}}[patched]


def test_a_patch_that_is_none_and_a_campaign_that_proves_nothing_are_refused(services):
    opened = services()

    def opening(patch, base=None, **more):
        wanted = campaign(**more)
        return Modifier(opened, wanted, open_carrier(opened, wanted, Ledger(opened.store, "first")), base or {}, patch)

    with pytest.raises(ExperimentError, match="differ"):
        opening({"search.target_margin": 0.06})
    with pytest.raises(ExperimentError, match="held-out"):
        opening(BETTER, held_out=[])
    with pytest.raises(InvalidArgument, match="search.far"):
        opening({"search.far": -1})
    with pytest.raises(InvalidArgument, match="weight_steps"):
        opening({"training.weight_steps": [5, 3]}, base={"search.far": 1.0})
    with FakeWorker(opened.store, psnr=37.0), pytest.raises(ExperimentError, match="before the patch"):
        opening(BETTER).run()
    opened.stopping.set()
    with pytest.raises(Halted, match="resumes"):
        opening({"search.far": 1.0}).run()


def test_a_pair_of_which_one_failed_is_tried_anew_by_the_same_command(services):
    def fails(job):
        if job.experiment_id.endswith("-ta1"):
            raise ValueError("the disk was full")
        return law(0.99)(job)

    opened = services()
    with pytest.raises(ExperimentError, match="-ta1: expected a result, found failed: the disk was full"):
        tried(opened, fake=fails)
    told = tried(opened)
    assert told["accepted"] and told["runs"] == 2 + 2 * 2, "the pair that failed, and the held-out clips"


@pytest.mark.parametrize("patched", [False, True])
def test_a_worker_of_another_build_has_another_table(services, monkeypatch, patched):
    plain = fakes.result

    def result(job, ratio, psnr=38.2):
        told = plain(job, ratio, psnr)
        return {**told, "table": "another"} if ("search.target_margin" in job.payload["patch"]) == patched else told

    monkeypatch.setattr(fakes, "result", result)
    with pytest.raises(ExperimentError, match="table .*found another"):
        tried(services())


def test_held_out_clips_of_the_content_of_training_clips_accept_nothing(services, monkeypatch):
    with_content_of(monkeypatch, "e.mkv", "a.mkv")
    with pytest.raises(ExperimentError, match="modifier: .*e.mkv has the content of a.mkv"):
        tried(services())


def test_the_file_changes_by_what_was_accepted_and_comes_back(tmp_path, services):
    table = TableFile(tmp_path / "defaults.toml")
    first = tried(services(), BETTER)
    page = table.accept(first, "# one\n")
    assert page.read_text() == "# one\n" and table.changes() == BETTER
    assert table.accept(first, "# one\n") == page and len(table.entries()) == 1, "the same again changes nothing"
    second = tried(services(), {"search.far": 0.6}, base=table.changes(), fake=lambda job: 0.9 if "search.far" in job.payload["patch"] else 1.0)
    table.accept(second, "# two\n")
    assert table.changes() == {**BETTER, "search.far": 0.6} and [each["modifier"] for each in table.entries()] == [first["name"], second["name"]]
    other = TableFile(tmp_path / "other.toml")
    with pytest.raises(ExperimentError, match="anew"):
        other.accept(second, "")
    assert not other.path.exists()
    text = table.path.read_text()
    table.path.write_text(text + "[rate]\nreserve = 0.05\n")
    with pytest.raises(ExperimentError, match="changed since"):
        table.rollback()
    table.path.write_text(text)
    assert table.rollback()["modifier"] == second["name"] and table.changes() == BETTER
    assert table.rollback()["modifier"] == first["name"] and not table.path.exists() and table.changes() == {}
    with pytest.raises(ExperimentError, match="found none"):
        table.rollback()


def test_a_patch_is_read_from_files_and_pairs(tmp_path):
    file = tmp_path / "patch.toml"
    file.write_text("[search]\nfar = 0.6\n[training]\nweight_steps = [2, 6]\n")
    assert flat(file) == {"search.far": 0.6, "training.weight_steps": [2, 6]}
    assert patch_of([file], ["search.far=0.7"]) == {"search.far": 0.7, "training.weight_steps": [2, 6]}
    for wrong in ("search.far", "search.far=near", "search.far="):
        with pytest.raises(ExperimentError, match="--set"):
            patch_of([], [wrong])


def test_the_commands_try_report_and_take_back(services, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    opened, file, table = services(), toml_of(tmp_path / "c.toml"), tmp_path / "defaults.toml"
    parts = ["--data", str(opened.config.data)]

    def cli(*arguments: str) -> tuple[int, str]:
        return main(["modifier", *arguments]), capsys.readouterr().out

    status, text = cli("constants", "--table", str(table))
    assert status == 0 and "search.target_margin = 0.06  (0 to 2)" in text and "effort.presets = [12, 10, 8" in text
    patch = ["--set", "search.target_margin=0.03", "--table", str(table)]
    status, text = cli("try", str(file), *patch, "--dry-run", "--json", *parts)
    name = json.loads(text)["name"]
    assert status == 0 and not table.exists() and not opened.store.counts().get("queued")
    with FakeWorker(opened.store, law(1.0)):
        status, text = cli("try", str(file), "--set", "search.target_margin=0.04", "--table", str(table), *parts)
    assert status == 1 and "**Refused.**" in text and not table.exists()
    with FakeWorker(opened.store, law(0.99)):
        status, text = cli("try", str(file), *patch, "--json", *parts)
    assert status == 0 and json.loads(text)["accepted"] and flat(table) == BETTER
    assert (tmp_path / f"defaults-{name}.md").read_text().startswith(f"# Modifier {name}\n")
    status, text = cli("report", name, *parts)
    assert status == 0 and "**Accepted.**" in text
    with pytest.raises(ExperimentError, match=name):
        cli("report", "other", *parts)
    status, text = cli("rollback", "--table", str(table))
    assert status == 0 and "taken back" in text and not table.exists()


def test_the_kinds_are_among_those_that_a_worker_takes():
    assert job_of({"kind": "modifier", "payload": {"patch": BETTER}}).kind == "modifier"
    assert job_of({"kind": "filter", "payload": {"steps": 200}}).kind == "filter"
