"""Frames that lie on a GPU are taken where they are. On a fake driver for one: each test is a process that loads it as the driver."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
import fake_driver
from conftest import python

BEGIN = f"""
import gc, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy as np
import neural_codec
from neural_codec import errors
from conftest import moving
from fake_driver import Gpu
gpu = Gpu(sys.argv[1])
clip, other = moving(5, 48, 66, seed=1), moving(5, 48, 66, seed=2)
"""


@pytest.fixture(scope="module")
def library() -> Path:
    built = fake_driver.build()
    if built is None:
        pytest.skip("the sources of the fake driver, or a C++ compiler, are not there")
    return built


def run(library: Path, code: str) -> None:
    done = python(BEGIN + textwrap.dedent(code), str(library), timeout=120)
    assert done.returncode == 0, done.stderr


def test_arrays_on_a_gpu_compare_as_on_the_host_without_a_copy_to_it(library):
    run(library, """
    expected = neural_codec.compare(clip, other)
    there = gpu.array(clip), gpu.array(other)
    before = gpu.copied()
    assert neural_codec.compare(*there) == expected
    into, out = (b - a for a, b in zip(before, gpu.copied()))
    # The first pair is checked on the CPU, as it is and as YUV; sums of the others are small.
    assert into == 0 and out < 5 * clip[0].nbytes, (into, out)
    for array in there:
        # Written for our stream, the first of the device, and given back.
        assert array.streams == [0x10001] and array.given_back == 1, (array.streams, array.given_back)
    """)


def test_either_side_may_lie_on_the_gpu_in_any_layout_and_type(library):
    run(library, """
    planar = lambda frames: np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
    expected = neural_codec.compare(clip, other)
    assert neural_codec.compare(gpu.array(clip), other) == expected
    assert neural_codec.compare(clip, gpu.array(other)) == expected
    assert neural_codec.compare(gpu.array(planar(clip)), gpu.array(planar(other)), layout="TCHW") == expected
    assert neural_codec.compare([gpu.array(frame) for frame in clip], [gpu.array(frame) for frame in other]) == expected
    wide = clip.astype(np.uint16) * 4, other.astype(np.uint16) * 4
    assert neural_codec.compare(*map(gpu.array, wide)) == neural_codec.compare(*wide)
    planes = lambda frames: [(frame[..., 1], frame[::2, ::2, 0], frame[::2, ::2, 2]) for frame in frames]
    there = lambda frames: [tuple(map(gpu.array, picture)) for picture in planes(frames)]
    found = neural_codec.compare(there(clip), there(other))
    assert found == neural_codec.compare(planes(clip), planes(other)) and found.psnr_y is not None
    """)


def test_arrays_on_a_gpu_encode_to_the_bytes_of_those_on_the_host(library):
    run(library, """
    options = {"fps": 25, "effort": 0, "threads": 2, "quantizer": 40}
    encoded = neural_codec.encode(clip, **options)
    array = gpu.array(clip)
    assert neural_codec.encode(array, **options).data == encoded.data
    assert array.given_back == 1
    assert neural_codec.detect_scenes(gpu.array(clip), fps=25) == [(0, 5)]
    """)


def test_of_several_devices_each_is_used_where_frames_lie(library):
    run(library, """
    gpu.library.fake_driver_devices(2)
    expected = neural_codec.compare(clip, other)
    before = [gpu.library.fake_driver_launches_on(n) for n in (0, 1)]
    array = gpu.array(clip, device=1)
    assert neural_codec.compare(array, gpu.array(other, device=1)) == expected
    after = [gpu.library.fake_driver_launches_on(n) for n in (0, 1)]
    assert after[0] == before[0] and after[1] > before[1] and array.streams == [0x20001], (after, array.streams)
    # On two devices: those of the second clip.
    assert neural_codec.compare(gpu.array(clip), gpu.array(other, device=1)) == expected
    # Frames that are small stay on the CPU.
    large = np.tile(clip[:2], (1, 8, 10, 1))
    report = neural_codec.encode(large, fps=25, effort=0, threads=2, quantizer=40, device=["cuda:0", "cuda:1"])
    assert any("cuda:0 (fake driver), cuda:1 (fake driver)" in note for note in report.notes), report.notes
    """)


def test_what_cannot_be_taken_is_named_and_given_back(library):
    run(library, """
    def refused(kind, words, array, **options):
        try:
            neural_codec.compare(array, clip, **options)
        except kind as error:
            assert words in str(error), error
        else:
            raise AssertionError(words)
        gc.collect()
        assert getattr(array, "given_back", 1) == len(getattr(array, "streams", [1])), words
    refused(errors.InvalidType, "float32", gpu.array(clip.astype(np.float32)))
    refused(errors.InvalidArgument, "contiguous", gpu.array(clip, strides=(1, 2, 3, 4)))
    refused(errors.InvalidArgument, "(5, 48, 66, 3)", gpu.array(clip), layout="TCHW")
    refused(errors.InvalidArgument, "source[None]", gpu.array(clip[0]))
    refused(errors.InvalidArgument, "at most 1023", gpu.array(np.full(clip.shape, 1024, np.uint16)))
    refused(errors.DeviceError, "cuda:7", gpu.array(clip, device=7))
    nowhere = gpu.array(clip)
    nowhere._tensor.data = None
    refused(errors.InvalidArgument, "of cuda:0", nowhere)
    class Used:
        def __init__(self):
            self.array = gpu.array(clip)
            self.capsule = self.array.__dlpack__()
        def __dlpack__(self, **options):
            return self.capsule
        def __dlpack_device__(self):
            return (2, 0)
    used = Used()
    assert neural_codec.compare(used, clip).lossless_frames == 5
    refused(errors.InvalidArgument, "nobody took", used)
    """)


DECODED = """
from fake_driver import Taken
options = {"fps": 25, "effort": 0, "threads": 2, "quantizer": 40, "device": "cpu"}
data = neural_codec.encode(clip, **options).data
expected = neural_codec.decode(data, device="cpu").video
def kept(**options):
    with neural_codec.Decoder(data, device="cuda", on_device=True, **options) as decoder:
        return list(decoder)
"""


def test_decoded_frames_stay_on_the_gpu_and_are_those_of_the_host(library):
    run(library, DECODED + """
    for layout, axes in [("THWC", (0, 1, 2)), ("TCHW", (2, 0, 1))]:
        for frame, here in zip(kept(layout=layout), expected, strict=True):
            here = here.transpose(axes)
            assert frame.__dlpack_device__() == (2, 0) and frame.device == 0
            assert (frame.shape, frame.dtype) == (here.shape, "uint8") and (frame.numpy() == here).all()
    with neural_codec.Decoder(data, planes=True, device="cpu") as decoder:
        planes = list(decoder)
    for there, here in zip(kept(planes=True), planes, strict=True):
        assert all((a.numpy() == b).all() for a, b in zip(there, here, strict=True))
    with neural_codec.Decoder(data, device="cuda", on_device=True) as decoder:
        assert (decoder[3].numpy() == expected[3]).all()
        decoder.seek(2)
        assert (decoder.next_frame().numpy() == expected[2]).all()
    wide = neural_codec.encode(clip.astype(np.uint16) * 4, **options).data
    with neural_codec.Decoder(wide, device="cuda", on_device=True) as decoder:
        frame = decoder.next_frame()
    assert frame.dtype == "uint16" and (frame.numpy() == neural_codec.decode(wide).video[0]).all()
    # They are taken again where they lie.
    frames, there = kept(), gpu.array(expected)
    before = gpu.copied()
    assert neural_codec.compare(frames, there).lossless_frames == len(expected)
    assert gpu.copied()[0] == before[0]
    """)


def test_memory_that_others_took_lives_until_they_give_it_back(library):
    run(library, DECODED + """
    frame = kept()[1]
    gc.collect()
    base = gpu.library.fake_driver_allocations()
    taken = Taken(frame.__dlpack__(stream=1, max_version=(1, 0), dl_device=(2, 0), copy=False))
    other = Taken(frame.__dlpack__(copy=True))
    assert (taken.values() == expected[1]).all() and (other.values() == expected[1]).all()
    assert taken.tensor.data != other.tensor.data and gpu.library.fake_driver_allocations() == base + 1
    other.give_back()
    # A capsule that nobody takes ends by itself.
    frame.__dlpack__()
    assert gpu.library.fake_driver_allocations() == base
    del frame
    assert (taken.values() == expected[1]).all() and gpu.library.fake_driver_allocations() == base
    taken.give_back()
    assert gpu.library.fake_driver_allocations() == base - 1
    try:
        kept()[0].__dlpack__(dl_device=(1, 0))
    except BufferError as error:
        assert "numpy()" in str(error)
    else:
        raise AssertionError("memory of the host was promised")
    """)


def test_a_gpu_without_room_gives_arrays_of_numpy_and_what_cannot_be_is_refused(library):
    run(library, DECODED + """
    gpu.library.fake_driver_memory(0)
    assert all(isinstance(frame, np.ndarray) for frame in kept())
    gpu.library.fake_driver_memory(1 << 30)
    with neural_codec.Decoder(data, device="cpu", on_device=True) as decoder:
        assert (decoder.next_frame() == expected[0]).all()
    def refused(kind, words, call):
        try:
            call()
        except kind as error:
            assert words in str(error), error
        else:
            raise AssertionError(words)
    with neural_codec.Decoder(data, device="cuda", on_device=True) as decoder:
        refused(errors.InvalidArgument, "on_device", lambda: decoder[1:3])
    refused(errors.InvalidType, "on_device", lambda: neural_codec.Decoder(data, on_device=1))
    refused(errors.InvalidType, "device", lambda: neural_codec.Decoder(data, device=3))
    refused(errors.InvalidArgument, "tpu", lambda: neural_codec.decode(data, device="tpu"))
    refused(errors.DeviceError, "cuda:7", lambda: neural_codec.compare(clip, other, device="cuda:7"))
    refused(errors.DeviceError, "cuda:7", lambda: neural_codec.detect_scenes(clip, fps=25, device="cuda:7"))
    assert neural_codec.compare(clip, other, device="cuda") == neural_codec.compare(clip, other, device="cpu")
    assert neural_codec.detect_scenes(clip, fps=25, device="cuda") == [(0, 5)]
    """)
