"""Memory stays flat over cycles of open, encode 3 frames, decode, close; frames are shared and not copied.

300 cycles by default; NEURAL_CODEC_LEAK_CYCLES=1000 makes more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import FAST, python

import neural_codec

CYCLES = int(os.environ.get("NEURAL_CODEC_LEAK_CYCLES", "300"))

CYCLE = """
import os, sys, numpy, neural_codec
page = os.sysconf("SC_PAGE_SIZE")

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * page // 1024

clip = numpy.arange(3 * 64 * 64 * 3, dtype="uint8").reshape(3, 64, 64, 3)
for cycle in range(-60, int(sys.argv[1])):
    if cycle == 0:
        before, files = resident(), len(os.listdir("/proc/self/fd"))
    with neural_codec.Encoder(fps=24, quantizer=50, effort=0, threads=1) as encoder:
        for frame in clip:
            encoder.send(frame)
    data = encoder.report.data
    with neural_codec.Decoder(data, threads=1) as decoder:
        assert len(list(decoder)) == 3 and decoder[1].shape == (64, 64, 3)
    try:
        neural_codec.decode(data[:-9], threads=1)
    except neural_codec.NeuralCodecError:
        pass
print(resident() - before, len(os.listdir("/proc/self/fd")) - files)
"""


def test_memory_stays_flat_over_cycles():
    # One arena: else every thread may get its own from the C library, which keeps what it once held.
    found = python(CYCLE, str(CYCLES), timeout=600, MALLOC_ARENA_MAX="1")
    assert found.returncode == 0, found.stderr
    kib, files = map(int, found.stdout.split())
    print(f"{CYCLES} cycles: {kib:+} KiB, {files:+} descriptors")
    assert kib < 3072 and files <= 0


LENGTH = """
import io, sys, numpy, neural_codec
random = numpy.random.default_rng(1)
pictures = [numpy.kron(random.integers(0, 256, (50, 75, 3), dtype="uint8"), numpy.ones((8, 8, 1), "uint8")) for _ in range(4)]

def frames(count):
    for index in range(count):
        scene, at = divmod(index, 75)
        yield pictures[scene % 4][at : at + 180, at : at + 320]

report = neural_codec.encode(frames(int(sys.argv[1])), io.BytesIO(), fps=25, effort=0)
most = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(report.scenes), most.split()[1], *report.notes)
"""


def test_memory_of_an_encode_does_not_grow_with_its_length():
    most = {}
    for count in (300, 1500):
        found = python(LENGTH, str(count), timeout=300)
        assert found.returncode == 0, found.stderr
        scenes, kib, *notes = found.stdout.split(maxsplit=2)
        if any("stalled" in note for note in notes):
            pytest.skip("the base encoder stalled, and was left behind with its memory")
        assert int(scenes) == count // 75
        most[count] = int(kib) // 1024
    print(f"most memory, MiB, by frames: {most}")
    assert most[1500] < 1.1 * most[300]


EVERY_ALLOCATION = """
import ctypes, io, sys, numpy, neural_codec
allocator = ctypes.CDLL(None)
allocator.fail_after.argtypes = [ctypes.c_long]
rows, columns = numpy.arange(368)[:, None, None], numpy.arange(640)[None, :, None]
clip = numpy.stack([numpy.repeat(rows + columns + 2 * at, 3, axis=2) for at in range(3)]).astype("uint8")
settings = {"fps": 25, "effort": 0, "threads": 1}
whole = io.BytesIO()
neural_codec.encode(clip, whole, quantizer=50, **settings)

def seek():
    with neural_codec.Decoder(whole.getvalue(), threads=1) as decoder:
        decoder[1]

for what, work in [
    ("encode", lambda: neural_codec.encode(clip, io.BytesIO(), quantizer=50, **settings)),
    ("floor", lambda: neural_codec.encode(clip, io.BytesIO(), min_psnr_y=32, **settings)),
    ("decode", lambda: neural_codec.decode(whole.getvalue(), threads=1)),
    ("seek", seek),
]:
    at = refused = 0
    while True:
        allocator.fail_after(at)
        try:
            work()
        except MemoryError:
            refused += 1
        if not allocator.failed():
            break
        at += 1
    print(what, at, refused)
"""


def test_every_large_allocation_may_fail(tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not there to make an allocator that fails")
    source = Path(__file__).parents[2] / "codec-ffi/tests/memory/fails_once.c"
    allocator = tmp_path / "fails_once.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", source, "-o", allocator], check=True)
    found = python(EVERY_ALLOCATION, timeout=300, LD_PRELOAD=str(allocator))
    # Anything but MemoryError, or an abort, ends the program with a status.
    assert found.returncode == 0, found.stderr
    counts = {what: (int(at), int(refused)) for what, at, refused in map(str.split, found.stdout.splitlines())}
    assert set(counts) == {"encode", "floor", "decode", "seek"}
    # A frame that was decoded ahead and not asked for may be missing without a word.
    # Planes that are done with serve again, so that there are few.
    assert all(at > 3 and at - refused <= 2 for at, refused in counts.values()), counts


def test_frames_are_handed_on_without_a_copy(stream):
    video = neural_codec.decode(stream).video
    assert np.shares_memory(np.from_dlpack(video), video)
    with neural_codec.Decoder(stream) as decoder:
        frame = next(iter(decoder))
        assert np.shares_memory(np.from_dlpack(frame), frame)


def test_torch_takes_and_gives_frames_without_a_copy(clip, stream):
    torch = pytest.importorskip("torch", reason="torch is not installed: DLPack is tried with numpy alone")
    video = neural_codec.decode(stream).video
    tensor = torch.from_dlpack(video)
    assert tensor.data_ptr() == video.ctypes.data
    assert neural_codec.encode(torch.from_numpy(clip), fps=24, **FAST).data == stream
    with pytest.raises(neural_codec.errors.InvalidType, match="memory of the CPU"):
        neural_codec.encode(torch.zeros((1, 16, 16, 3), dtype=torch.uint8, device="meta"), fps=24)


def test_memory_of_a_gpu_is_taken_where_it_is(clip, stream):
    cupy = pytest.importorskip("cupy", reason="cupy is not installed: memory of a GPU is tried on a fake driver alone")
    there = cupy.asarray(clip)
    assert neural_codec.encode(there, fps=24, **FAST).data == stream
    assert neural_codec.compare(there, clip).lossless_frames == len(clip)


LIMITED = """
import resource, sys, neural_codec
data = open(sys.argv[1], "rb").read()
# All that is loaded when it is first used.
neural_codec.Decoder(data, threads=1).close(), neural_codec.versions()
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (int(sys.argv[2]) << 20),) * 2)
try:
    with neural_codec.Decoder(data, threads=1, planes=sys.argv[3] == "planes") as decoder:
        print("decoded", sum(1 for frame in decoder))
except MemoryError as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize("shape", ["planes", "rgb"])
def test_three_black_frames_of_8k_decode_or_are_out_of_memory(shape):
    """737 bytes that ask for a gigabyte: an error in the host, whatever it has left, and never its end."""
    stream = Path(__file__).parents[2] / "neural-codec/tests/data/black-8k.nvc"
    found = []
    for mebibytes in range(0, 1600, 50):
        result = python(LIMITED, str(stream), str(mebibytes), shape)
        assert result.returncode == 0 and not result.stderr, f"{mebibytes} MiB: {result.stderr}"
        found.append(result.stdout.strip())
        if found[-3:] == ["decoded 3"] * 3:
            break
    assert found[-1] == "decoded 3" and set(found) == {"decoded 3", "OutOfMemory"}, found


ABANDONED = """
import os, neural_codec
page = os.sysconf("SC_PAGE_SIZE")
first = neural_codec.Encoder(fps=24)  # loads what all share
before = int(open("/proc/self/statm").read().split()[1]) * page
encoders = [neural_codec.Encoder(fps=24) for _ in range(1500)]
print(len(os.listdir("/proc/self/task")), int(open("/proc/self/statm").read().split()[1]) * page - before >> 20)
"""


def test_encoders_without_frames_hold_no_threads():
    threads, mebibytes = map(int, python(ABANDONED).stdout.split())
    print(f"1500 encoders: {threads} threads, {mebibytes} MiB")
    assert threads < 10 and mebibytes < 50
