"""Manners inside a process: Ctrl-C, other threads, forks, start-up."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import FAST, moving, python

import neural_codec

INTERRUPTED = """
import signal, sys, time, numpy
import neural_codec
# A shell's background job starts with interrupts ignored, and so would this test within one.
signal.signal(signal.SIGINT, signal.default_int_handler)
clip = numpy.random.default_rng(0).integers(0, 256, (64, 256, 256, 3), dtype="uint8")
def frames():
    for index in range(1_000_000):
        if index == 200:
            print("ready", flush=True)
        yield clip[index % 64]
try:
    neural_codec.encode(frames(), sys.argv[1], fps=24, effort=8, threads=2)
    print("finished")
except KeyboardInterrupt:
    print("interrupted", time.monotonic(), open("/proc/thread-self/schedstat").read().split()[1], flush=True)
"""


def waited(process: int, thread: int) -> float:
    """Seconds that a thread wanted to run and others had the processor: the load of the machine, and nothing of ours."""
    return int(Path(f"/proc/{process}/task/{thread}/schedstat").read_text().split()[1]) / 1e9


def interrupted_after(folder) -> float:
    """Seconds from the signal to the exception, less those that the thread wanted to run and others had the processor."""
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(folder / "a.nvc")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    before = waited(process.pid, process.pid)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    try:
        word, at, waiting = process.communicate(timeout=60)[0].split()
    finally:
        process.kill()
    assert word == "interrupted"
    assert process.returncode == 0
    return float(at) - sent - (int(waiting) / 1e9 - before)


def test_ctrl_c_is_answered_at_once(tmp_path):
    assert statistics.median(interrupted_after(tmp_path) for _ in range(3)) < 0.1
    assert not list(tmp_path.iterdir())


def test_other_threads_run_while_encoding(carphone):
    count, stop, lost = 0, threading.Event(), 0.0

    def tick():
        nonlocal count, lost
        while not stop.is_set():
            count += 1
            time.sleep(0.001)
        lost = waited(os.getpid(), threading.get_native_id())

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.monotonic()
    neural_codec.encode(carphone, quantizer=40, **FAST)
    seconds = time.monotonic() - start
    stop.set()
    thread.join()
    # Held throughout, the lock would be free once an event at most, some hundred times.
    assert count > 100 * (seconds - lost)


def test_encodes_in_two_threads_do_not_disturb_each_other(clip, stream):
    results = [None, None]

    def work(index):
        results[index] = neural_codec.encode(clip, fps=24, **FAST).data

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [stream, stream]


def test_work_that_nobody_waits_for_any_more_ends_and_leaves_no_file(carphone, tmp_path):
    target = tmp_path / "a.nvc"
    target.write_bytes(b"what was there")
    with pytest.raises(neural_codec.errors.InvalidType, match="progress"):
        neural_codec.encode(carphone, target, progress=5, **FAST)
    abandoned = neural_codec.Encoder(tmp_path / "b.nvc", fps=25, **FAST)
    for frame in moving(2):
        abandoned.send(frame)
    del abandoned
    gc.collect()
    with pytest.raises(neural_codec.errors.InvalidType, match="output"):
        neural_codec.encode(carphone, 5, **FAST)
    # Longer than the whole encode takes.
    began = time.process_time()
    time.sleep(2)
    assert time.process_time() - began < 0.5
    assert [path.name for path in tmp_path.iterdir()] == ["a.nvc"] and target.read_bytes() == b"what was there"


FORKED = """
import os, signal, sys, numpy, neural_codec
clip = numpy.random.default_rng(0).integers(0, 256, (12, 64, 96, 3), dtype="uint8")
data = neural_codec.encode(clip, fps=24, effort=0).data
photo = neural_codec.encode(clip[0], effort=0, quantizer=40).data
decoder, other = neural_codec.Decoder(data), neural_codec.Decoder(data)
frames = iter(decoder)
next(frames), other[3]
encoder, second = neural_codec.Encoder(fps=24, effort=0), neural_codec.Encoder(sys.argv[1], fps=24, effort=0)
encoder.send(clip[0])
second.send(clip[0])
scenes = [(0, 6), (6, 12)]

def child(name, work):
    sys.stdout.flush()
    if os.fork() == 0:
        signal.alarm(20)
        try:
            work()
            print(name, "works")
        except BaseException as error:
            print(name, type(error).__name__, "spawn" in str(error))
        sys.stdout.flush()
        os._exit(0)
    status = os.wait()[1]
    if status:
        print(name, "died of", status)

for name, work in {
    "next": lambda: next(frames), "index": lambda: other[5], "len": lambda: len(other), "seek": lambda: other.seek(3),
    "send": lambda: encoder.send(clip[1]), "read": encoder.read, "finish": encoder.finish,
    "exit": lambda: second.__exit__(None, None, None), "decoder": lambda: neural_codec.Decoder(data),
    "encode": lambda: neural_codec.encode(clip, fps=24), "decode": lambda: neural_codec.decode(data),
    "compare": lambda: neural_codec.compare(clip, clip), "info": lambda: neural_codec.info(data),
    "photo": lambda: neural_codec.decode_photo(photo),
    "scenes": lambda: neural_codec.detect_scenes(clip, fps=24), "split": lambda: neural_codec.split(clip, fps=24),
    "close decoder": decoder.close, "close other": other.close, "close encoder": encoder.close, "close second": second.close,
}.items():
    child(name, work)
sys.stdout.flush()
if os.fork() == 0:
    signal.alarm(20)
    sys.exit(0)
print("leaving", os.wait()[1])
encoder.send(clip[1])
print("parent", encoder.finish().total.frames, len(list(frames)), second.finish().total.frames, os.path.exists(sys.argv[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_every_entry_of_every_object_tells_a_fork_what_to_do_and_closing_works(tmp_path):
    found = python(FORKED, str(tmp_path / "a.nvc"), timeout=120)
    assert found.returncode == 0, found.stderr
    *children, leaving, parent = found.stdout.splitlines()
    expected = ["works" if line.startswith("close ") else "WrongOrder True" for line in children]
    assert children == [f"{line.rsplit(' ', len(end.split()))[0]} {end}" for line, end in zip(children, expected, strict=True)]
    assert len(children) == 20 and leaving == "leaving 0" and parent == "parent 2 11 1 True"


def open_files(process: int) -> list[str]:
    """The files that a process has open, those among them that have no name yet."""
    found = []
    for each in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(each))
    return found


TERMINATED = """
import signal, sys, neural_codec.__main__ as program
# A run under nohup ignores it, and so would the program.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
print("ready", flush=True)
sys.exit(program.main(["encode", sys.argv[1], sys.argv[2], "--effort", "9"]))
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_that_ends_the_program_leaves_no_file(carphone, tmp_path, end):
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", TERMINATED, str(carphone), str(tmp_path / "a.nvc")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    deadline = time.monotonic() + 60
    while not any(name.startswith(str(tmp_path)) for name in open_files(process.pid)):
        assert time.monotonic() < deadline and process.poll() is None, "the file of the stream was never opened"
        time.sleep(0.02)
    process.send_signal(end)
    message = process.communicate(timeout=60)[1]
    if end == signal.SIGKILL:
        assert process.returncode == -end
    else:
        assert process.returncode == 128 + end and f"ended by {end.name}" in message
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]


IMPORTED = """
import sys, time
start = time.process_time()
import neural_codec
print(time.process_time() - start)
print(sorted({name.split('.')[0] for name in sys.modules} & {'av', 'tqdm', 'PIL', 'skvideo', 'torch', 'numpy'}))
print([line for line in open('/proc/self/maps') if any(name in line for name in ('avcodec', 'libcuda', 'SvtAv1', 'dav1d'))])
assert set(neural_codec.__all__) <= set(dir(neural_codec))
"""


def test_importing_takes_no_tenth_of_a_second_and_loads_nothing_else():
    found = [python(IMPORTED).stdout.split("\n")[:3] for _ in range(5)]
    assert all(loaded == ["[]", "[]"] for _, *loaded in found), found
    assert min(float(seconds) for seconds, *_ in found) < 0.1


def test_memory_does_not_grow_with_the_clip():
    """A long clip from a generator stays within what a short one needs, and a margin."""
    code = (
        "import resource, sys, numpy, neural_codec\n"
        "frame = numpy.zeros((256, 256, 3), 'uint8')\n"
        "frames = (numpy.roll(frame, i, 1) for i in range(int(sys.argv[1])))\n"
        "neural_codec.encode(frames, fps=24, effort=0, threads=1, max_scene_seconds=0.5)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    short, long = (int(python(code, str(n), timeout=120).stdout) for n in (48, 480))
    raw = 432 * 256 * 256 * 3 >> 20
    assert long - short < raw, f"{short} MiB for 48 frames, {long} MiB for 480, which are {raw} MiB more"


def test_clips_are_made_the_same_every_time():
    np.testing.assert_array_equal(moving(3), moving(3))


RESUMED = """
import sys
import neural_codec
neural_codec.encode(sys.argv[1], sys.argv[2], effort=5, cache_dir=sys.argv[3])
"""


def test_a_killed_encode_goes_on_and_gives_the_same_bytes(carphone, tmp_path):
    whole, output, work = tmp_path / "whole.nvc", tmp_path / "a.nvc", tmp_path / "work"
    neural_codec.encode(carphone, whole, effort=5)
    killed = 0
    for _ in range(20):
        before = len(list(work.glob("*.attempt")))
        process = subprocess.Popen([sys.executable, "-c", RESUMED, str(carphone), str(output), str(work)])
        while process.poll() is None and len(list(work.glob("*.attempt"))) <= before:
            time.sleep(0.002)
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        if output.exists():
            # The kill came when all was done; a stream is there whole or not at all.
            assert output.read_bytes() == whole.read_bytes()
            break
        killed += 1
    assert killed >= 2
    report = neural_codec.encode(carphone, output, effort=5, cache_dir=work)
    assert output.read_bytes() == whole.read_bytes()
    assert any("attempt cache" in note for note in report.notes)


def test_versions_are_shown_as_they_are(capsys):
    neural_codec.show_versions()
    told = neural_codec.versions()
    assert capsys.readouterr().out == "".join(f"{name}: {value}\n" for name, value in told.items())
    assert told["neural_codec"] == neural_codec.__version__ and told["base encoder"].startswith("SVT-AV1 ")
    assert told["files"].startswith("FFmpeg ")


def test_a_full_disk_is_an_error_that_loses_nothing(carphone, small_disk, tmp_path):
    output, work = tmp_path / "a.nvc", small_disk("16k") / "work"
    with pytest.raises(neural_codec.errors.FileIO, match=r"work.*[Nn]o space"):
        neural_codec.encode(carphone, output, effort=3, cache_dir=work)
    assert not output.exists()
    left = {path.suffix for path in (work).iterdir()}
    assert left <= {".json", ".attempt"}, "no half-written files"
    # With room, what was kept serves.
    moved = tmp_path / "moved"
    shutil.copytree(work, moved)
    report = neural_codec.encode(carphone, output, effort=3, cache_dir=moved)
    assert any("attempt cache" in note for note in report.notes)
    neural_codec.encode(carphone, tmp_path / "whole.nvc", effort=3)
    assert output.read_bytes() == (tmp_path / "whole.nvc").read_bytes()
