"""Experiments from end to end: results are measured, whatever agents say, and every phase can be seen."""

from __future__ import annotations

import json
import os
import threading
import time

import neural_codec
import numpy as np
import pytest
from .conftest import fixture, until
from neural_codec.experiments import measure
from neural_codec.experiments.artefacts import hash_of
from neural_codec.experiments.model import PHASES, ClipRef, job_from
from neural_codec.experiments.queue import UnknownProtocol
from neural_codec.experiments.wire import answer_of, job_of
from neural_codec.experiments.worker import Worker

SETTINGS = {"kind": "settings", "payload": {"settings": {"effort": 0, "quantizer": 40}}}
HALF = "import numpy as np\ndef decompress_video_tensor(data, config, device):\n    w, h = config['resolution']\n    n = round(config['duration'] * config['fps'])\n    return {'reconstructed_frames': np.full((1, n, 3, h, w), 0.5, np.float32), 'psnr_db': 99.0}\n"
LIAR = "def compress_video_tensor(frames, config, device):\n    return {'compressed_data': b'x' * 10, 'psnr_db': 99.0, 'ssim': 1.0, 'bitrate_mbps': 0.0, 'compressed_size_mb': 0.0}\n"


def kept(opened, row, name: str) -> bytes:
    return b"".join(opened.artefacts.read(row.result["artefacts"][name]["sha256"]))


def test_figures_of_settings_are_those_of_the_library(done, services, small_clip, tmp_path):
    row = done({"experiment_id": "a", **SETTINGS})
    assert row.state == "completed", row.error
    stream = tmp_path / "stream.nvc"
    stream.write_bytes(kept(services(), row, "stream"))
    measured = neural_codec.compare(small_clip, stream)
    metrics = row.result["metrics"]
    assert metrics["psnr_db"] == measured.psnr_y and metrics["ssim"] == measured.ssim_y and metrics["frames"] == 12
    assert metrics["bytes"] == stream.stat().st_size
    assert metrics["bitrate_mbps"] == pytest.approx(metrics["bytes"] * 8 / (12 / 24) / 1e6)
    assert metrics["compression_ratio"] == pytest.approx(12 * 96 * 64 * 1.5 / metrics["bytes"])


def test_scenes_are_told_as_the_decoded_frames_have_them(done, services):
    row = done({"experiment_id": "a", "kind": "settings", "payload": {**SETTINGS["payload"], "scenes": [[0, 5], [5, 12]]}})
    assert row.state == "completed", row.error
    report = neural_codec.Report.from_json(kept(services(), row, "report"))
    told = row.result["scenes"]
    assert [(each["first_frame"], each["frames"], each["bytes"]) for each in told] == [
        (each.first_frame, each.frames, each.bytes) for each in report.scenes
    ]
    assert [each["psnr_y"] for each in told] == [pytest.approx(each.quality.psnr_y, abs=0.01) for each in report.scenes]
    assert row.result["least_scene"]["psnr_y"] == min(each["psnr_y"] for each in told)
    assert told[1]["profile"] == report.scenes[1].profile.to_dict() and row.result["encode_cpu_seconds"] > 0


def test_every_phase_is_there_in_order_and_artefacts_are_under_their_hash(done, services, tmp_path):
    row = done({"experiment_id": "a", **SETTINGS})
    assert tuple(each["phase"] for each in row.result["phases"]) == PHASES and row.phase == "shown"
    assert all(each["ended"] for each in row.result["phases"])
    for name, each in row.result["artefacts"].items():
        path = tmp_path / name
        path.write_bytes(kept(services(), row, name))
        assert hash_of(path) == each["sha256"] and path.stat().st_size == each["bytes"]
    assert {"stream", "video", "report", "page"} <= set(row.result["artefacts"])
    assert neural_codec.Report.from_json(kept(services(), row, "report")).total.bytes == row.result["metrics"]["bytes"]


def test_the_same_job_gives_the_same_bytes(done):
    rows = [done({"experiment_id": name, "fresh": True, **SETTINGS}) for name in "ab"]
    assert len({row.result["artefacts"]["stream"]["sha256"] for row in rows}) == 1
    assert rows[0].result["encoding_result"]["seconds"] != rows[1].result["encoding_result"]["seconds"]


def test_a_job_that_was_run_before_is_linked_and_not_run(done, services):
    first, second = (done({"experiment_id": name, **SETTINGS}) for name in ("first", "second"))
    assert second.state == "completed" and second.result["linked"] == {"experiment_id": "first", "timestamp": first.timestamp}
    assert second.result["metrics"] == first.result["metrics"] and second.result["artefacts"] == first.result["artefacts"]
    assert [each["phase"] for each in second.result["phases"]] == ["received", "downloaded"]
    # Another setting, a job that wants to be run, and one whose artefact is gone are run.
    other = {**SETTINGS, "payload": {"settings": {"effort": 0, "quantizer": 41}}}
    assert "linked" not in done({"experiment_id": "other", **other}).result
    assert "linked" not in done({"experiment_id": "again", "fresh": True, **SETTINGS}).result
    services().artefacts.path(first.result["artefacts"]["stream"]["sha256"]).unlink()
    assert "linked" not in done({"experiment_id": "gone", **SETTINGS}).result


def test_rules_choose_by_the_profile_of_a_scene(done):
    rules = [
        {"when": [["grain", "<", -1.0]], "choose": {"quantizer": 10.0}},
        {"when": [["frames", "==", 12], ["first_frame", "<=", 0]], "choose": {"quantizer": 50.0}},
    ]
    body = {
        "experiment_id": "r",
        "kind": "rules",
        "payload": {"rules": rules, "settings": {"effort": 0}, "otherwise": {"quantizer": 20.0}},
    }
    row = done(body)
    assert row.state == "completed", row.error
    assert row.result["decisions"]["choices"] == [{"quantizer": 50.0}]
    body["payload"]["rules"][0]["when"] = [["nonsense", "<", 1.0]]
    assert "nonsense" in done({**body, "experiment_id": "r2"}).error["message"]


def test_choices_that_the_installed_codec_cannot_serve_are_named_and_not_faked(done):
    payload = {"settings": {"effort": 0}, "scenes": [[0, 6], [6, 12]], "choices": [{"quantizer": 30.0}, {"quantizer": 50.0}]}
    row = done({"experiment_id": "s", "kind": "settings", "payload": payload})
    if row.state == "completed":
        assert [scene["quantizer"] for scene in json.loads(json.dumps(row.result["decisions"]["choices"]))] == [30.0, 50.0]
    else:
        assert row.state == "failed" and "scene 1: quantizer is 50.0 where scene 0 has 30.0" in row.error["message"]
    payload["choices"] = [{"quantizer": 30.0}] * 2
    assert done({"experiment_id": "same", "kind": "settings", "payload": payload}).state == "completed"


def test_an_agent_decides_by_profiles_in_the_sandbox(done, services, sandbox):
    code = "def decide(profiles, target, probe):\n    print('scenes', len(profiles))\n    return [{'quantizer': 50.0 if p['frames'] == 12 else 20.0} for p in profiles]\n"
    row = done({"experiment_id": "g", "kind": "agent", "payload": {"code": code, "settings": {"effort": 0}}})
    assert row.state == "completed", row.error
    assert row.result["decisions"]["choices"] == [{"quantizer": 50.0}]
    assert kept(services(), row, "log") == b"scenes 1\n" and kept(services(), row, "encoder").decode() == code


def test_an_agent_measures_choices_within_its_budget(done, services, sandbox, small_clip):
    code = (
        "def decide(profiles, target, probe):\n"
        "    found = {q: probe(0, {'quantizer': q}, 4) for q in (20.0, 60.0)}\n"
        "    assert found[60.0]['bytes'] < found[20.0]['bytes'] and found[60.0]['frames'] == 4, found\n"
        "    try:\n"
        "        probe(0, {'quantizer': 30.0})\n"
        "    except RuntimeError as error:\n"
        "        print(error)\n"
        "    return [{'quantizer': min(found, key=lambda q: found[q]['bytes'])}]\n"
    )
    job = {"kind": "agent", "budget": {"probes": 2}, "payload": {"code": code, "settings": {"effort": 0}}}
    row = done({"experiment_id": "p", **job})
    assert row.state == "completed", row.error
    assert row.result["decisions"]["choices"] == [{"quantizer": 60.0}]
    log = kept(services(), row, "log").decode()
    assert "budget of probes is used up" in log and log.count("probe: {") == 2
    measured = neural_codec.probe(str(small_clip), (0, 12), {"quantizer": 60.0}, frames=4, effort=0)
    assert f'"bytes": {measured.bytes}, "psnr_y": {measured.psnr_y}' in log


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("def decide(p, t, probe): return [{'quantizer': 'low'}]", "quantizer"),
        ("def decide(p, t, probe): return [{'speed': 3}]", "speed"),
        ("def decide(p, t, probe): return [{}, {}, {}]", "expected 1 choices"),
        ("def decide(p, t, probe): return {'settings': {'cache_dir': '/tmp'}}", "cache_dir"),
        ("def decide(p, t, probe): return 7", "choices"),
        ("def decide(p, t, probe): return probe(0, {}, 10)", "quantizer"),
        ("def decide(p, t, probe): return probe(7, {'quantizer': 30}, 10)", "scene from 0 to 0, found 7"),
        ("def decide(p, t, probe): return probe(0, {'speed': 30}, 10)", "speed"),
        ("def decide(p, t, probe): return [probe(0, {'quantizer': 60.0}, 1) for _ in range(99)]", "budget of probes"),
        ("def other(): pass", "decide"),
        ("def decide(:", "SyntaxError"),
        ("import requests\ndef decide(p, t, probe): return []", "requests"),
    ],
)
def test_an_agent_that_decides_nothing_sensible_fails_by_name(done, sandbox, code, word):
    row = done({"experiment_id": "g", "kind": "agent", "payload": {"code": code}})
    assert row.state == "failed" and word in row.error["message"] and row.error["phase"] == "encoded"


def test_both_old_formats_run_and_their_results_have_the_old_fields_measured(done, services, sandbox, small_clip, tmp_path):
    for name in ("v1.json", "v2.json"):
        row = done(fixture(name))
        assert row.state == "completed", row.error
        answer = answer_of(row)
        assert answer["status"] == "completed" and answer["encoding_result"]["device_used"] == "cpu"
        assert answer["encoding_result"]["compressed_data"].startswith("/artefacts/")
        assert answer["decoding_result"]["reconstructed_video"].startswith("/artefacts/")
        assert answer["decoding_result"]["quality_metrics"]["psnr"] == answer["metrics"]["psnr_db"]
        assert {"bitrate_mbps", "compression_ratio", "psnr_db", "ssim"} <= set(answer["metrics"])
        # The same figures once more, from what was kept.
        frames = tmp_path / "frames"
        shape, fps = measure.source_frames(small_clip, frames, 1 << 30, lambda: False)
        video = tmp_path / "video.npy"
        video.write_bytes(kept(services(), row, "video"))
        again = neural_codec.compare(measure.planes(measure.frames_in(frames, shape)), measure.planes(np.load(video)))
        assert answer["metrics"]["psnr_db"] == again.psnr_y and answer["metrics"]["ssim"] == again.ssim_y
        size = len(kept(services(), row, "stream")) + len(kept(services(), row, "decoder"))
        assert answer["metrics"]["bytes"] == size and answer["metrics"]["bitrate_mbps"] == pytest.approx(
            size * 8 / (12 / fps) / 1e6
        )


def test_what_an_agent_claims_is_no_measurement(done, sandbox):
    row = done({"experiment_id": "liar", "encoding_agent_code": LIAR, "decoding_agent_code": HALF})
    assert row.state == "completed", row.error
    metrics = row.result["metrics"]
    assert metrics["psnr_db"] < 20 and metrics["ssim"] < 0.9 and metrics["bitrate_mbps"] > 0
    assert row.result["told_by_agents"]["encoder"]["psnr_db"] == 99.0


def test_a_decoder_that_holds_the_clip_pays_for_it(done, sandbox):
    stuffed = HALF + "# " + "c" * 30_000
    row = done({"experiment_id": "stuffed", "encoding_agent_code": LIAR, "decoding_agent_code": stuffed})
    assert row.result["metrics"]["bytes"] == 10 + len(stuffed) and row.result["metrics"]["decoder_bytes"] > 30_000


def test_a_decoder_never_sees_the_source(done, sandbox):
    peek = "import os\ndef decompress_video_tensor(data, config, device):\n    raise ValueError(str(sorted(os.listdir('/in'))) + str(os.listdir('/tmp')) + str(sorted(config)))\n"
    write = "def compress_video_tensor(frames, config, device):\n    open('/tmp/frames', 'wb').write(frames.tobytes()[:1000])\n    return b'x'\n"
    row = done(
        {"experiment_id": "peek", "encoding_agent_code": write, "decoding_agent_code": peek, "config": {"secret": "clip" * 100}}
    )
    told = "['stream'][]['duration', 'fps', 'resolution', 'target_bitrate_mbps', 'target_quality_psnr', 'target_quality_ssim']"
    assert row.state == "failed" and told in row.error["message"]


@pytest.mark.parametrize(
    ("encoder", "decoder", "word"),
    [
        ("def compress_video_tensor(f, c, d): return {'compressed_data': [1, 2]}", HALF, "expected bytes"),
        ("def compress_video_tensor(f, c, d): return {'compressed_data': bytes(10 ** 6)}", HALF, "at most"),
        (LIAR, "def decompress_video_tensor(x, c, d): return {'reconstructed_frames': [[0.5]]}", "expected [1, T, 3, H, W]"),
        (LIAR, HALF.replace("(1, n,", "(1, n - 1,"), "[11, 64, 96, 3]"),
        (LIAR, HALF.replace("0.5", "np.nan"), "finite"),
        ("def compress_video_tensor(f, c, d): raise KeyError('frames_of_the_wrong_kind')", HALF, "frames_of_the_wrong_kind"),
        ("def compress(f): pass", HALF, "defines compress_video_tensor"),
    ],
)
def test_agents_that_break_the_contract_fail_by_name_and_leave_their_log(done, services, sandbox, encoder, decoder, word):
    row = done({"experiment_id": "x", "encoding_agent_code": encoder, "decoding_agent_code": decoder})
    assert row.state == "failed" and word in row.error["message"] and row.finished is not None
    if "log" in row.error:
        assert b"".join(services().artefacts.read(row.error["log"]["sha256"]))


def test_a_budget_of_time_ends_agents_and_encodes(done, sandbox, monkeypatch):
    slow = "import time\ndef compress_video_tensor(f, c, d): time.sleep(60)"
    body = {
        "experiment_id": "slow",
        "kind": "compat",
        "payload": {"encoding_agent_code": slow, "decoding_agent_code": HALF},
        "budget": {"wall_s": 1},
    }
    assert done(body).state == "timed_out"
    monkeypatch.setattr(measure, "decode_fresh", lambda stream, video, stopped: until(lambda: stopped() and _stop()))
    assert done({"experiment_id": "late", **SETTINGS, "budget": {"wall_s": 1}}).state == "timed_out"


def _stop():
    raise measure.Stopped("decode: stopped")


def test_what_is_cancelled_stops_and_stays_cancelled(services, monkeypatch):
    opened = services()
    opened.submit(job_of({"experiment_id": "a", **SETTINGS}))
    monkeypatch.setattr(measure, "decode_fresh", lambda stream, video, stopped: until(lambda: stopped() and _stop()))
    worker = Worker(opened)
    thread = threading.Thread(target=lambda: worker.run(until_empty=True))
    thread.start()
    until(lambda: services().store.get("a").phase == "decoded")
    assert services().store.cancel(services().store.get("a").key)
    thread.join(60)
    row = services().store.get("a")
    assert not thread.is_alive() and row.state == "cancelled" and row.result is None and worker.finished == 0


def test_a_zombie_that_comes_late_changes_nothing(services, monkeypatch):
    opened = services()
    opened.submit(job_of({"experiment_id": "a", **SETTINGS}))
    gate = threading.Event()
    real = measure.decode_fresh
    monkeypatch.setattr(measure, "decode_fresh", lambda *given: (gate.wait(60), real(*given)))
    zombie = Worker(opened, "zombie")
    monkeypatch.setattr(zombie, "_beat", lambda current: None)
    thread = threading.Thread(target=lambda: zombie.run(until_empty=True))
    thread.start()
    until(lambda: services().store.get("a").phase == "decoded")
    monkeypatch.setattr(measure, "decode_fresh", real)
    Worker(services(), "second").run_until(lambda: services().store.get("a").state == "completed")
    after = services().store.get("a")
    gate.set()
    thread.join(60)
    assert services().store.get("a") == after and after.worker == "second" and after.claims == 2 and zombie.finished == 0


def test_a_job_that_needs_a_gpu_is_left_to_a_worker_that_has_one(services, monkeypatch):
    opened, needs = services(), {"needs": {"gpu": True}}
    opened.submit(job_of({"experiment_id": "needs", **SETTINGS, **needs}))
    opened.submit(job_of({"experiment_id": "any", **SETTINGS}))
    monkeypatch.setattr("neural_codec.experiments.worker.run", lambda run, folder: {})
    without = services()
    worker = Worker(without)
    worker.run_until(lambda: opened.store.get("any").state == "completed" and bool(opened.store.alerts()))
    row = opened.store.get("needs")
    assert row.state == "queued" and row.claims == 0 and not worker.told()["gpu"]
    assert [each["name"] for each in opened.store.alerts()] == ["no worker with a GPU"]
    monkeypatch.setattr("neural_codec.experiments.services.has_gpu", lambda: True)
    Worker(services()).run_until(lambda: opened.store.get("needs").state == "completed" and not opened.store.alerts())


def test_a_job_of_another_protocol_is_left_alone_and_the_worker_stops(services):
    opened = services()
    job = job_of({"experiment_id": "later", **SETTINGS})
    opened.store.add(job.model_copy(update={"protocol": 3}))
    with pytest.raises(UnknownProtocol, match="3"):
        Worker(opened).run(until_empty=True)
    row = services().store.get("later")
    assert row.state == "queued" and row.claims == 0


@pytest.mark.parametrize("odd", [{"payload": {"settings": 7}}, {"needs": None}])
def test_a_row_that_is_no_job_is_dead_after_three_tries(services, odd):
    opened = services()
    job = job_from({"experiment_id": "odd", "timestamp": 1, **SETTINGS})
    opened.store.add(job.model_copy(update=odd))
    Worker(opened).run(until_empty=True)
    row = opened.store.get("odd")
    assert row.dead and row.claims == 3 and "unreadable job" in row.error["message"]


def test_a_message_of_type_test_is_answered_and_apart(done, services):
    row = done(fixture("test.json"))
    assert row.state == "completed" and row.result["answer"] == "ok" and row.result["message"]["encoding_code"] == "pass"
    counts = services().store.counts()
    assert counts["tests"] == 1 and counts["completed"] == 0


def test_clips_are_found_by_hash_and_by_place_under_allowed_folders_alone(done, small_clip, tmp_path):
    sha256 = hash_of(small_clip)
    assert done({"experiment_id": "h", **SETTINGS, "clip": {"sha256": sha256}}).result["clip"]["sha256"] == sha256
    assert done({"experiment_id": "u", **SETTINGS, "clip": {"uri": f"file://{small_clip}"}}).state == "completed"
    for name, clip, word in (
        ("e", {"uri": "file:///etc/passwd"}, "allows"),
        ("l", {"uri": f"file://{small_clip.parent}/../../../../../etc/passwd"}, "allows"),
        ("w", {"uri": f"file://{small_clip}", "sha256": "1" * 64}, "expected content"),
        ("g", {"sha256": "2" * 64}, "no clip"),
        ("s", {"uri": "ftp://x/y"}, "file:// or s3://"),
        ("z", {"uri": "file:///clips%00/x"}, "file:// or s3://"),
        ("i", {"uri": "file://[/x"}, "file:// or s3://"),
    ):
        row = done({"experiment_id": name, **SETTINGS, "clip": clip})
        assert row.state == "failed" and word in row.error["message"], name
    other = tmp_path / "clips"
    other.mkdir()
    os.mkfifo(other / "fifo")
    for name in ("fifo", ""):
        row = done({"experiment_id": f"no-file{name}", **SETTINGS, "clip": {"uri": f"file://{other}/{name}"}}, clips=[other])
        assert row.state == "failed" and row.claims == 1 and "expected a file" in row.error["message"]
    (other / "named.nvc").write_bytes(small_clip.read_bytes())
    assert (
        done({"experiment_id": "r", **SETTINGS, "clip": {"uri": f"file://{other}/named.nvc"}}, clips=[other]).state
        == "completed"
    )
    assert done({"experiment_id": "b", **SETTINGS, "clip": {"sha256": sha256}}, clips=[other], clip=None).state == "completed"
    assert "without --clip" in done({"experiment_id": "n", **SETTINGS}, clip=None).error["message"]


def test_a_large_source_is_fetched_once_by_a_worker_and_by_others_of_its_folder(services, tmp_path, monkeypatch):
    opened, source = services(), tmp_path / "large.mkv"
    with open(source, "wb") as file:
        file.truncate(32 << 20)
    sha256, read, fetched = opened.artefacts.put(source), opened.artefacts.read, []
    monkeypatch.setattr(opened.artefacts, "read", lambda each: (fetched.append(each), read(each))[1])
    for _ in range(3):
        path, found = opened.clips.find(ClipRef(sha256=sha256))
        assert found == sha256 and path.stat().st_size == 32 << 20
    assert fetched == [sha256]
    monkeypatch.undo()
    other = services()
    monkeypatch.setattr(other.artefacts, "read", lambda each: pytest.fail("fetched again"))
    assert other.clips.find(ClipRef(sha256=sha256))[0] == path


def test_nothing_stays_in_the_scratch_folder(done, services, sandbox):
    done({"experiment_id": "liar", "encoding_agent_code": LIAR, "decoding_agent_code": HALF})
    assert list(services().scratch.iterdir()) == []


def test_a_worker_that_is_told_to_stop_gives_its_job_back_without_a_try(services, monkeypatch):
    opened = services()
    opened.submit(job_of({"experiment_id": "a", **SETTINGS}))
    monkeypatch.setattr(measure, "decode_fresh", lambda stream, video, stopped: until(lambda: stopped() and _stop()))
    worker = Worker(opened)
    thread = threading.Thread(target=worker.run)
    thread.start()
    until(lambda: services().store.get("a").phase == "decoded")
    opened.stopping.set()
    assert worker.current is not None
    worker.current[0].give_up("stopping")
    thread.join(60)
    row = services().store.get("a")
    assert row.state == "queued" and row.claims == 0


def test_alerts_end_with_what_they_told_and_silent_workers_are_forgotten(services, monkeypatch):
    from neural_codec.experiments.alerts import NEWS_S, Watch

    opened = services()
    watch = Watch(opened)
    for name in ("late", "poison", "old"):
        opened.submit(job_of({"experiment_id": name, "timestamp": 1, **SETTINGS}))
    claim = opened.store.claim(("late", 1), "w")
    opened.store.lapse(claim.key, claim.fence, 0)
    watch.lapsed(opened.store.get("late"))
    for name in ("poison", "old"):
        for _ in range(3):
            opened.store.release(opened.store.claim((name, 1), "w"), "crash")
        watch.dead(name, "crash")
    watch.check()
    assert {each["name"] for each in opened.store.alerts()} == {"lease lost: late", "poison job: poison", "poison job: old"}
    Worker(opened).run(until_empty=True)
    opened.submit(job_of({"experiment_id": "poison", "timestamp": 2, "type": "test"}))
    opened.stopping.clear()
    Worker(opened).run(until_empty=True)
    opened.store.hello("gone", {})
    watch.check()
    assert {each["name"] for each in opened.store.alerts()} == {"poison job: old"} and opened.store.workers()
    now, clock = time.time(), time.monotonic()
    monkeypatch.setattr("neural_codec.experiments.alerts.time.time", lambda: now + NEWS_S + 1)
    monkeypatch.setattr("neural_codec.experiments.alerts.time.monotonic", lambda: clock + 10_000)
    watch.check()
    assert opened.store.alerts() == [] and opened.store.workers() == []
