"""Whatever is wrong is an error that says what was expected and what was found."""

from __future__ import annotations

import errno
import io
import os
import pickle

import numpy as np
import pytest
from conftest import FAST, python

import neural_codec
from neural_codec import errors

FRAME = np.zeros((64, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        (np.zeros((2, 64, 64), np.uint8), errors.InvalidArgument, r"frames, height, width, 3.*\(2, 64, 64\)"),
        (FRAME, errors.InvalidArgument, r"source\[None\]"),
        (np.zeros((2, 64, 64, 4), np.uint8), errors.InvalidArgument, r"\(2, 64, 64, 4\)"),
        (np.zeros((2, 3, 64, 64), np.uint8), errors.InvalidArgument, "layout 'THWC'"),
        (np.full((2, 64, 64, 3), np.nan), errors.InvalidType, "uint8.*float64"),
        (np.zeros((2, 64, 64, 3), np.float32), errors.InvalidType, "float32"),
        (np.zeros((2, 64, 64, 3), np.int16), errors.InvalidType, "int16"),
        (np.zeros((2, 64, 64, 3), bool), errors.InvalidType, "bool"),
        (np.zeros((0, 64, 64, 3), np.uint8), errors.InvalidArgument, "at least 1 frame"),
        (np.zeros((2, 0, 64, 3), np.uint8), errors.InvalidArgument, "64x0"),
        (np.full((2, 64, 64, 3), 1024, np.uint16), errors.InvalidArgument, "1023.*1024"),
        (np.broadcast_to(np.uint8(0), (1, 2, 16385, 3)), errors.LimitExceeded, "16385"),
        ([], errors.InvalidArgument, "at least 1 frame"),
        ([FRAME, FRAME[:32]], errors.InvalidArgument, r"frame 1.*\(64, 64, 3\).*\(32, 64, 3\)"),
        ([FRAME, FRAME.astype(np.uint16)], errors.InvalidArgument, "frame 1.*uint8.*uint16"),
        ([FRAME, None], errors.InvalidType, "frame 1.*NoneType"),
        ([[[0, 0, 0]]], errors.InvalidType, "frame 0.*list"),
        ([(FRAME[..., 0],) * 2], errors.InvalidArgument, "three planes"),
        ([(FRAME[..., 0], FRAME[:5, :5, 0], FRAME[:5, :5, 0])], errors.InvalidArgument, "5x5"),
        (7, errors.InvalidType, "a path.*int"),
        ({"a": 1}, errors.InvalidType, "dict"),
        (None, errors.InvalidType, "NoneType"),
        (b"", errors.InvalidArgument, "no bytes"),
    ],
)
def test_unusable_frames_are_named(source, kind, words):
    with pytest.raises(kind, match=words):
        neural_codec.encode(source, fps=24, **FAST)


def test_arrays_need_a_rate(clip):
    with pytest.raises(errors.InvalidArgument, match="fps"):
        neural_codec.encode(clip, **FAST)
    for fps in (0, -1, float("nan"), float("inf"), "x", "1/0", 1e12):
        with pytest.raises(errors.InvalidArgument, match="fps"):
            neural_codec.encode(clip, fps=fps, **FAST)
    with pytest.raises(errors.InvalidType, match="fps"):
        neural_codec.encode(clip, fps=[24], **FAST)


@pytest.mark.parametrize("fps", [29.97, "29.97", "30000/1001", 30000 / 1001])
def test_rates_that_were_rounded_are_understood(fps):
    report = neural_codec.encode([FRAME], fps=fps, **FAST)
    assert report.source.frame_rate.numerator == 30000


@pytest.mark.parametrize("fps", [np.int64(25), np.float32(25), np.array(25)])
def test_rates_may_be_of_numpy(fps):
    assert neural_codec.encode([FRAME], fps=fps, **FAST).source.frame_rate == 25


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"quantizr": 30}, "quantizr"),
        ({"quantizer": 71}, "1 to 70.*71"),
        ({"quantizer": 1.3}, "quarter steps.*1.3"),
        ({"effort": -1}, "0 to 9"),
        ({"effort": None}, "effort.*none"),
        ({"max_scene_seconds": float("nan")}, "nan"),
        ({"strategies": ["av1", "av2"]}, "av2"),
        ({"device": "tpu"}, "tpu"),
        ({"threads": True}, "threads"),
        ({"seed": object()}, "seed"),
        ({"lambda_": -1}, "lambda"),
    ],
)
def test_unknown_settings_and_values_are_named(clip, settings, words):
    with pytest.raises(errors.InvalidArgument, match=words):
        neural_codec.encode(clip, fps=24, **settings)


@pytest.mark.parametrize(
    ("scenes", "words"),
    [
        ([], "scenes"),
        ([(0, 6)], "scenes"),
        ([(0, 6), (7, 12)], "scene 1|scenes.1"),
        ([(0, 6), (6, 13)], "scenes"),
        ([(0, 0), (0, 12)], "scene 0|scenes.0"),
        ([(-1, 12)], "scenes.0"),
        ([(0.5, 12)], "scenes.0"),
        ([3], "scenes.0"),
    ],
)
def test_scene_lists_that_do_not_fit_are_named(clip, scenes, words):
    with pytest.raises(errors.InvalidArgument, match=words):
        neural_codec.encode(clip, fps=24, scenes=scenes, **FAST)


def test_files_that_are_no_video_are_named(tmp_path, carphone):
    with pytest.raises(FileNotFoundError, match="nowhere.mp4") as caught:
        neural_codec.encode(tmp_path / "nowhere.mp4")
    assert isinstance(caught.value, errors.FileIO) and caught.value.errno == 2
    with pytest.raises(errors.InvalidArgument, match="folder"):
        neural_codec.encode(tmp_path)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(errors.NeuralCodecError, match="empty"):
        neural_codec.encode(tmp_path / "empty.mp4")
    (tmp_path / "text.mp4").write_text("not a video\n" * 100)
    with pytest.raises(errors.NeuralCodecError):
        neural_codec.encode(tmp_path / "text.mp4")
    data = carphone.read_bytes()
    for size in (100, len(data) // 2, len(data) - 1000):
        (tmp_path / "short.mp4").write_bytes(data[:size])
        with pytest.raises(errors.NeuralCodecError):
            neural_codec.encode(tmp_path / "short.mp4", **FAST)
    with pytest.raises(errors.InvalidType, match="bytes.*str"):
        with open(tmp_path / "text.mp4") as text:
            neural_codec.encode(text)


def test_only_streams_are_decoded(carphone, tmp_path):
    for source in (carphone, carphone.read_bytes(), b"", b"NV"):
        with pytest.raises((errors.Corrupt, errors.Truncated, errors.Unsupported)):
            neural_codec.decode(source)
    with pytest.raises(FileNotFoundError):
        neural_codec.decode(tmp_path / "nowhere.nvc")
    with pytest.raises(errors.InvalidType):
        neural_codec.decode(7)


PIPES = """
import sys, neural_codec
pipe, clip = sys.argv[1:]
for name, work in [
    ("encode", lambda: neural_codec.encode(pipe, fps=24)),
    ("info", lambda: neural_codec.info(pipe)),
    ("compare", lambda: neural_codec.compare(clip, pipe)),
    ("detect_scenes", lambda: neural_codec.detect_scenes(pipe)),
]:
    try:
        work()
    except neural_codec.errors.InvalidArgument as error:
        print(name, "device or pipe" in str(error))
"""


def test_a_pipe_that_nobody_writes_to_is_refused_and_not_waited_for(carphone, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    found = python(PIPES, str(tmp_path / "pipe"), str(carphone))
    assert found.stdout.split("\n")[:-1] == [f"{name} True" for name in ("encode", "info", "compare", "detect_scenes")], found


def test_a_truncated_stream_is_an_error(stream):
    for size in (10, len(stream) // 2, len(stream) - 1):
        with pytest.raises((errors.Truncated, errors.Corrupt)) as caught:
            neural_codec.decode(stream[:size])
        assert isinstance(caught.value, (EOFError, ValueError))


def test_no_flipped_byte_goes_unnoticed(stream):
    expected = neural_codec.decode(stream).video
    for position in range(0, len(stream), max(1, len(stream) // 60)):
        damaged = bytearray(stream)
        damaged[position] ^= 0x10
        try:
            video = neural_codec.decode(damaged).video
        except errors.NeuralCodecError:
            continue
        np.testing.assert_array_equal(video, expected)


def test_a_damaged_scene_costs_that_scene_only(two_scenes):
    stream = neural_codec.encode(two_scenes, fps=24, scenes=[(0, 16), (16, 32), (32, 48)], **FAST).data
    damaged = bytearray(stream)
    damaged[len(stream) // 2] ^= 0xFF
    with neural_codec.Decoder(damaged, on_damage="skip") as decoder:
        assert 16 <= len(list(decoder)) < 48
        assert decoder.errors
    with pytest.raises(errors.NeuralCodecError) as caught:
        neural_codec.decode(damaged)
    assert caught.value.offset is not None or caught.value.scene is not None


def test_what_asks_for_more_than_the_limits_is_refused_everywhere(clip, tmp_path):
    stream = neural_codec.encode(clip, fps=24, **FAST).data
    photo = tmp_path / "photo.nvc"
    neural_codec.encode(np.ascontiguousarray(clip[0]), photo, **FAST)

    def pushed(limits):
        with neural_codec.PushDecoder(limits=limits) as decoder:
            decoder.push(stream)
            decoder.finish()
            return list(decoder)

    ways = [
        lambda limits: list(neural_codec.Decoder(stream, limits=limits)),
        lambda limits: neural_codec.Decoder(stream, limits=limits)[3],
        lambda limits: list(pickle.loads(pickle.dumps(neural_codec.Decoder(stream, limits=limits)))),
        lambda limits: list(neural_codec.Decoder(io.BytesIO(stream), limits=limits)),
        lambda limits: neural_codec.decode(stream, limits=limits),
        lambda limits: neural_codec.decode(stream, tmp_path / "clip.y4m", limits=limits),
        lambda limits: neural_codec.decode(photo, tmp_path / "photo.png", limits=limits),
        lambda limits: neural_codec.decode_photo(photo, limits=limits),
        lambda limits: neural_codec.decode_photo(photo.read_bytes(), limits=limits),
        pushed,
    ]
    for number, way in enumerate(ways):
        way({"max_width": 96, "max_memory_bytes": 1 << 30})
        with pytest.raises(errors.LimitExceeded, match="width"):
            way({"max_width": 95})
            pytest.fail(f"way {number}")
        for wrong in ({"max_fun": 1}, {"threads": 1}, {"max_width": 2**32}, {"max_width": -1}):
            with pytest.raises(errors.InvalidArgument, match=next(iter(wrong))):
                way(wrong)
        for wrong in ({"max_width": 1.5}, {"max_width": True}, {5: 5}, 5):
            with pytest.raises(errors.InvalidType):
                way(wrong)


def test_clips_of_different_size_or_length_are_not_compared(clip):
    with pytest.raises(errors.InvalidArgument, match="96x64.*48x64"):
        neural_codec.compare(clip, clip[:, :, :48])
    with pytest.raises(errors.InvalidArgument, match="number of frames"):
        neural_codec.compare(clip, clip[:-3])
    with pytest.raises(errors.InvalidArgument, match="number of frames"):
        neural_codec.compare(clip[:-3], clip)


def test_outputs_that_cannot_be_written_are_named(clip, stream, tmp_path):
    with pytest.raises(FileNotFoundError, match="no_folder"):
        neural_codec.encode(clip, tmp_path / "no_folder" / "a.nvc", fps=24, **FAST)
    with pytest.raises(errors.InvalidArgument, match="ends in"):
        neural_codec.encode(clip, tmp_path, fps=24, **FAST)
    with pytest.raises(errors.InvalidArgument, match="ends in"):
        neural_codec.encode(clip, "/dev/full", fps=24, **FAST)
    with pytest.raises(errors.InvalidType, match="output"):
        neural_codec.encode(clip, 7, fps=24, **FAST)
    with pytest.raises(errors.NeuralCodecError, match="xyz"):
        neural_codec.decode(stream, tmp_path / "a.xyz")
    assert list(tmp_path.iterdir()) == []


def test_a_full_device_is_an_os_error(clip):
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError):
        neural_codec.encode(clip, full, fps=24, **FAST)


def test_a_full_disk_leaves_no_file(two_scenes, small_disk):
    folder = small_disk("4k")
    with pytest.raises(errors.FileIO) as caught:
        neural_codec.encode(two_scenes, folder / "a.nvc", fps=24, quantizer=1, **FAST)
    assert caught.value.errno == 28
    assert list(folder.iterdir()) == []


READ_ONLY = """
import os, sys
import neural_codec, numpy
encode = neural_codec.encode  # loads what it needs, which another user may not be able to read
os.setgid(65534); os.setuid(65534)
try:
    encode(numpy.zeros((1, 64, 64, 3), "uint8"), sys.argv[1], fps=24, effort=0)
except PermissionError as error:
    print(type(error).__name__, error)
"""


def test_a_folder_without_permission_is_named(clip, tmp_path):
    tmp_path.chmod(0o555)
    target = tmp_path / "a.nvc"
    if os.geteuid() != 0:
        with pytest.raises(PermissionError, match="a.nvc"):
            neural_codec.encode(clip, target, fps=24, **FAST)
        return
    # Root may write everywhere, so another user tries; he needs the way there.
    for folder in list(tmp_path.parents)[:-2]:
        folder.chmod(folder.stat().st_mode | 0o055)
    found = python(READ_ONLY, str(target))
    assert found.stdout.startswith("FilePermission") and "a.nvc" in found.stdout, found


def test_a_missing_encoder_is_named():
    code = (
        "import neural_codec, numpy, pickle\n"
        "try: neural_codec.encode(numpy.zeros((1, 64, 64, 3), 'uint8'), fps=1)\n"
        "except neural_codec.errors.MissingLibrary as error: print(isinstance(error, ImportError), error)\n"
        "neural_codec.show_versions()\n"
    )
    found = python(code, NEURAL_CODEC_SVTAV1="/nowhere/libSvtAv1Enc.so")
    assert found.stdout.startswith("True missing library SVT-AV1"), found
    assert "/nowhere/libSvtAv1Enc.so" in found.stdout and "base encoder: none" in found.stdout


def test_errors_are_builtins_and_survive_pickling():
    for name in errors.__all__:
        kind = getattr(errors, name)
        error = kind("a message", offset=3, scene=1, frame=9)
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is kind and isinstance(again, errors.NeuralCodecError)
        assert (str(again), again.offset, again.scene, again.frame) == ("a message", 3, 1, 9)
        assert again.code == error.code
    builtins = {
        errors.InvalidArgument: ValueError, errors.InvalidType: TypeError, errors.Truncated: EOFError,
        errors.FileIO: OSError, errors.FileMissing: FileNotFoundError, errors.OutOfMemory: MemoryError,
        errors.FrameIndexError: IndexError, errors.WrongOrder: RuntimeError, errors.Corrupt: ValueError,
        errors.UnsupportedVersion: NotImplementedError, errors.Unsupported: NotImplementedError,
        errors.MissingLibrary: ImportError, errors.LimitExceeded: OverflowError, errors.DeviceError: RuntimeError,
        errors.FilePermission: PermissionError, errors.Cancelled: Exception, errors.InternalError: Exception,
    }  # fmt: skip
    assert set(builtins) == {getattr(errors, name) for name in errors.__all__} - {errors.NeuralCodecError}
    assert all(issubclass(kind, builtin) for kind, builtin in builtins.items())


def test_every_kind_of_the_native_module_has_its_exception():
    kinds = {kind.code: kind for kind in (getattr(errors, name) for name in errors.__all__) if "code" in vars(kind)}
    assert len(kinds) == 13
    for code, kind in kinds.items():
        error = errors.from_native(code, "a message", 3, 1, 9, None, None)
        assert type(error) is (kind if kind is not errors.NeuralCodecError else errors.InternalError) and error.offset == 3
    missing = errors.from_native("io", "a message", None, None, None, errno.ENOENT, "clip.mp4")
    assert type(missing) is errors.FileMissing and missing.filename == "clip.mp4" and missing.errno == errno.ENOENT
    assert type(errors.from_native("io", "a message", None, None, None, errno.EACCES, "a")) is errors.FilePermission


def crc32c(data: bytes) -> int:
    """As docs/BITSTREAM.md defines it, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_a_newer_format_is_an_error_of_its_own(stream):
    # STREAM_HEADER stands behind the signature: its packet header at byte 8, its payload, the version first, at byte 24.
    size = int.from_bytes(stream[12:16], "little")
    payload = (2).to_bytes(2, "little") + stream[26 : 24 + size]
    head = stream[8:16] + crc32c(payload).to_bytes(4, "little")
    newer = stream[:8] + head + crc32c(head).to_bytes(4, "little") + payload + stream[24 + size :]
    with pytest.raises(errors.UnsupportedVersion, match="version 2: this library reads up to 1"):
        neural_codec.decode(newer)


def test_a_panic_is_an_ordinary_exception():
    from neural_codec import _native
    from neural_codec._jobs import drive

    with pytest.raises(errors.InternalError, match="on purpose") as caught:
        drive(_native.panic_on_purpose())
    assert isinstance(caught.value, Exception) and caught.value.code == "internal"
