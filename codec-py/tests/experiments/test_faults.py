"""Machines and services that fail, and workers that are killed or work beside each other: no good job is lost by it, nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import neural_codec
import pytest
from .conftest import until
from neural_codec import errors
from neural_codec.experiments import ExperimentError, links, measure
from neural_codec.experiments.artefacts import hash_of
from neural_codec.experiments.aside import write_text
from neural_codec.experiments.faults import MachineFault, is_of_machine
from neural_codec.experiments.model import ClipRef
from neural_codec.experiments.probes import Probes
from neural_codec.experiments.profiles import profiles_of
from neural_codec.experiments.wire import job_of
from neural_codec.experiments.worker import Worker

SETTINGS = {"kind": "settings", "payload": {"settings": {"effort": 0, "quantizer": 40}}}


@pytest.mark.parametrize("kind", [OSError, errors.FileIO, errors.OutOfMemory, errors.DeviceError, errors.InternalError])
def test_what_fails_in_the_worker_is_tried_again_and_buried_after_three(services, monkeypatch, kind):
    opened = services()
    tries = []

    def broken(run, folder):
        if run.job.experiment_id == "poison":
            tries.append(1)
            raise kind("No space left on device")
        return {}

    monkeypatch.setattr("neural_codec.experiments.worker.run", broken)
    opened.submit(job_of({"experiment_id": "poison", **SETTINGS}))
    opened.submit(job_of({"experiment_id": "good", **SETTINGS}))
    Worker(opened).run(until_empty=True)
    row = opened.store.get("poison")
    assert len(tries) == 3 and row.dead and row.state == "failed" and "No space left" in row.error["message"]
    assert opened.store.get("good").state == "completed"
    assert [each["name"] for each in opened.store.alerts()] == ["poison job: poison"]


def test_an_outage_uses_up_tries_slowly_and_a_worker_that_waits_can_be_stopped(services, monkeypatch):
    opened, tries = services(retry_s=0.2), []

    def away(run, folder):
        tries.append(time.monotonic())
        raise OSError("the bucket is away")

    monkeypatch.setattr("neural_codec.experiments.worker.run", away)
    for name in "ab":
        opened.submit(job_of({"experiment_id": name, **SETTINGS}))
    worker = Worker(opened)
    thread = threading.Thread(target=worker.run)
    thread.start()
    until(lambda: len(tries) == 4)
    gaps = [after - before for before, after in zip(tries, tries[1:], strict=False)]
    assert all(gap >= 0.2 * 2**index for index, gap in enumerate(gaps)), gaps
    # The claim is kept meanwhile: nobody else runs into the same outage.
    assert services().store.get("b").state == "running"
    worker.stop()
    thread.join(30)
    assert not thread.is_alive() and services().store.get("b").state == "queued"


def _decode_in_thread(stream, output):
    """A decode that has begun: its thread, and what it will raise."""
    raised: list[BaseException] = []
    pids: list[int] = []

    def decode():
        pids.append(measure._server().pid)
        try:
            measure.decode_fresh(stream, output, lambda: False)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=decode)
    thread.start()
    return thread, pids, raised


def test_a_decode_that_the_machine_ends_or_refuses_is_not_the_fault_of_the_stream(tmp_path, small_clip):
    with pytest.raises(MachineFault, match="decode: "):
        measure.decode_fresh(small_clip, tmp_path / "nowhere" / "video.mkv", lambda: False)
    broken = tmp_path / "broken.nvc"
    broken.write_bytes(small_clip.read_bytes()[:40])
    with pytest.raises(ExperimentError, match="decode: ") as found:
        measure.decode_fresh(broken, tmp_path / "video.mkv", lambda: False)
    assert not is_of_machine(found.value)
    waits = tmp_path / "waits.nvc"
    os.mkfifo(waits)
    thread, pids, raised = _decode_in_thread(waits, tmp_path / "video.mkv")

    def child() -> str:
        return Path(f"/proc/{pids[0]}/task/{pids[0]}/children").read_text().strip() if pids else ""

    os.kill(int(until(child)), signal.SIGKILL)
    thread.join(30)
    (error,) = raised
    assert isinstance(error, MachineFault) and "signal 9" in str(error)


def test_an_agent_is_not_told_of_what_the_machine_failed_at(small_clip, monkeypatch):
    def full(*_, **__):
        raise errors.FileIO("No space left on device")

    monkeypatch.setattr(neural_codec, "probe", full)
    probes = Probes(small_clip, [{"first_frame": 0, "frames": 12}], {}, 4)
    with pytest.raises(errors.FileIO):
        probes.answer({"scene": 0, "choice": {"quantizer": 30.0}})


def test_a_disk_without_room_for_the_folder_of_a_job_is_no_job_that_runs_for_ever(services, monkeypatch):
    opened = services()
    opened.submit(job_of({"experiment_id": "a", **SETTINGS}))

    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("neural_codec.experiments.aside.tempfile.mkstemp", full)
    worker = Worker(opened)
    worker._take(opened.queue.receive(0))
    row = opened.store.get("a")
    assert worker.current is None and row.state == "queued" and row.claims == 1
    monkeypatch.undo()
    worker.run(until_empty=True)
    assert opened.store.get("a").state == "completed"


def test_a_codec_that_was_built_anew_under_its_version_has_results_and_profiles_of_its_own(tmp_path, monkeypatch):
    job, keys, encodes = job_of({"experiment_id": "a", "timestamp": 1, **SETTINGS}), [], []
    library, native = tmp_path / "libSvtAv1Enc.so", tmp_path / "_native.so"
    fake = SimpleNamespace(
        __file__=str(native), encoder_version=lambda: ("SVT-AV1 4.2.0", str(library)), decoder_version=lambda: ("dav1d 1.5", "(built in)")
    )
    monkeypatch.setattr(links, "_native", fake)
    monkeypatch.setattr(neural_codec, "encode", lambda *_, **__: encodes.append(1) or SimpleNamespace(scenes=[]))
    for codec, encoder in (("one", "one"), ("one", "one"), ("two", "one"), ("two", "two")):
        native.write_text(codec)
        library.write_text(encoder)
        links.versions.cache_clear()
        keys.append(links.key_of(job, "c" * 64))
        profiles_of(tmp_path, "c" * 64, tmp_path / "profiles")
    links.versions.cache_clear()
    assert keys[0] == keys[1] and len(set(keys)) == 3
    assert len(encodes) == 2, "once a build of the codec"


def test_threads_that_write_the_same_file_at_once_all_succeed(services, tmp_path, monkeypatch):
    """Workers of one server are threads of one process."""
    source, gate = tmp_path / "clip.bin", threading.Barrier(4, timeout=30)
    source.write_bytes(os.urandom(3 << 20))
    sha256 = services().artefacts.put(source)

    def together(pieces):
        # All of them are in the middle of their files at the same time.
        for index, piece in enumerate(pieces):
            if index == 1:
                gate.wait()
            yield piece

    def fetch(_):
        opened = services()
        read = opened.artefacts.read
        opened.artefacts.read = lambda each: together(read(each))
        return hash_of(opened.clips.find(ClipRef(sha256=sha256))[0])

    real = os.replace
    monkeypatch.setattr("os.replace", lambda *given: (gate.wait(), real(*given)))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fetch, range(4))) == [sha256] * 4
        for write in (
            lambda index: links.remember(services(), "a" * 64, job_of({"experiment_id": f"e{index}", **SETTINGS})),
            lambda index: write_text(tmp_path / "new" / "note.json", "[1]" * index),
        ):
            assert list(pool.map(write, range(4))) == [None] * 4
        report = SimpleNamespace(scenes=[])
        monkeypatch.setattr(neural_codec, "encode", lambda *_, **__: report)
        assert list(pool.map(lambda _: profiles_of(source, sha256, tmp_path / "profiles"), range(4))) == [[]] * 4
    assert [each for each in services().config.data.rglob(".*") if each.is_file()] == []


LEAVES = """
import os, pathlib, signal, sys
from neural_codec.experiments import aside
data = pathlib.Path(sys.argv[1])
with aside.job_folder(data / "work") as folder, aside.aside(data / "clips") as clip, aside.aside(data / "artefacts") as kept:
    for path in (folder / "frames", clip, kept):
        path.write_bytes(bytes(1000))
    print("ready", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP if sys.argv[2] == "living" else signal.SIGKILL)
"""


def test_what_a_killed_worker_left_is_removed_and_what_a_living_one_holds_stays(services):
    opened = services()
    data = opened.config.data

    def left() -> list[Path]:
        return sorted(path for name in ("work", "clips", "artefacts") for path in (data / name).rglob("*") if path.is_file())

    with subprocess.Popen([sys.executable, "-c", LEAVES, str(data), "living"], stdout=subprocess.PIPE) as living:
        try:
            assert living.stdout.readline() == b"ready\n"
            held = left()
            assert subprocess.run([sys.executable, "-c", LEAVES, str(data), "killed"], stdout=subprocess.PIPE).returncode == -signal.SIGKILL
            (data / "work" / "1234-abcd").mkdir()
            assert len(left()) == 2 * len(held) == 8
            Worker(opened).run(until_empty=True)
            assert left() == held and len(list((data / "work").iterdir())) == 2
        finally:
            living.kill()
    services().sweep()
    assert left() == [] and list((data / "work").iterdir()) == []
