"""What goes in comes out: sources and outputs of every kind, and streaming."""

from __future__ import annotations

import io
import json
import logging
from fractions import Fraction

import numpy as np
import pytest
from conftest import FAST, moving, sample

import neural_codec
from neural_codec import errors


def test_an_array_survives_a_round_trip(clip, stream):
    frames = neural_codec.decode(stream)
    assert frames.video.shape == clip.shape and frames.video.dtype == np.uint8
    assert frames.fps == 24 and frames.info.frames == len(clip)
    np.testing.assert_allclose(frames.timestamps, np.arange(len(clip)) / 24)
    error = np.mean((frames.video.astype(float) - clip) ** 2)
    assert 10 * np.log10(255**2 / error) > 24


def test_every_kind_of_source_gives_the_same_stream(clip, stream, tmp_path):
    sources = {
        "array": clip,
        "not contiguous": np.repeat(clip, 2, axis=2)[:, :, ::2],
        "negative strides": clip[:, ::-1][:, ::-1],
        "read-only": np.frombuffer(clip.tobytes(), np.uint8).reshape(clip.shape),
        "list": list(clip),
        "generator": (frame for frame in clip),
        "dlpack": DlpackOnly(clip),
        "dlpack frames": [DlpackOnly(frame) for frame in clip],
    }
    for name, source in sources.items():
        assert neural_codec.encode(source, fps=24, **FAST).data == stream, name
    planar = np.ascontiguousarray(np.moveaxis(clip, -1, 1))
    assert neural_codec.encode(planar, fps=24, layout="TCHW", **FAST).data == stream
    assert neural_codec.encode(clip, fps=24, **{**FAST, "threads": 1}).data == stream


class DlpackOnly:
    """Offers its memory by DLPack and nothing else, as torch does."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_every_kind_of_output_gets_the_same_bytes(clip, stream, tmp_path):
    path = tmp_path / "clip.nvc"
    assert neural_codec.encode(clip, path, fps=24, **FAST).data is None
    assert path.read_bytes() == stream
    neural_codec.encode(clip, str(path), fps=24, **FAST)
    assert path.read_bytes() == stream
    memory = io.BytesIO()
    neural_codec.encode(clip, memory, fps=24, **FAST)
    assert memory.getvalue() == stream
    with open(tmp_path / "raw", "wb", buffering=0) as raw:
        neural_codec.encode(clip, raw, fps=24, **FAST)
    assert (tmp_path / "raw").read_bytes() == stream
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.nvc", "raw"]


class Writes:
    """A file object whose `write` answers so."""

    def __init__(self, answer):
        self.answer = answer

    def write(self, data):
        return self.answer


def test_a_file_object_that_takes_no_bytes_is_named(clip, tmp_path):
    for output in (io.StringIO(), open(tmp_path / "text", "w")):
        with output, pytest.raises(neural_codec.errors.InvalidType, match="output: .*'wb'"):
            neural_codec.encode(clip, output, fps=24, **FAST)
    for answer in (0, -1, 1 << 40, "all of it", True):
        with pytest.raises(neural_codec.errors.InvalidType, match="output: expected write"):
            neural_codec.encode(clip, Writes(answer), fps=24, **FAST)


def test_no_file_is_written_over_the_one_it_is_made_from(carphone, carphone_stream, tmp_path):
    video, stream, link = tmp_path / "a.mp4", tmp_path / "a.nvc", tmp_path / "link.mp4"
    video.write_bytes(carphone.read_bytes())
    stream.write_bytes(carphone_stream.read_bytes())
    link.symlink_to(video)
    for call, source, output in (
        (neural_codec.encode, video, video), (neural_codec.encode, str(video), link),
        (neural_codec.decode, stream, stream), (neural_codec.export_base, stream, stream),
    ):  # fmt: skip
        with pytest.raises(neural_codec.errors.InvalidArgument, match="output.*another file"):
            call(source, output)
    assert video.read_bytes() == carphone.read_bytes() and stream.read_bytes() == carphone_stream.read_bytes()


def test_a_file_in_memory_is_the_file(carphone, carphone_stream):
    data = carphone.read_bytes()
    options = {"quantizer": 40, **FAST}
    assert neural_codec.encode(data, **options).data == carphone_stream.read_bytes()
    with open(carphone, "rb") as file:
        assert neural_codec.encode(file, **options).data == carphone_stream.read_bytes()


def test_streams_are_decoded_from_paths_bytes_and_file_objects(carphone_stream):
    data = carphone_stream.read_bytes()
    expected = neural_codec.decode(carphone_stream).video
    for source in (str(carphone_stream), data, bytearray(data), memoryview(data), io.BytesIO(data), OnlyReads(data)):
        np.testing.assert_array_equal(neural_codec.decode(source).video, expected)
    with neural_codec.Decoder(OnlyReads(data)) as decoder:
        np.testing.assert_array_equal(np.stack(list(decoder)), expected)


class OnlyReads:
    """A file object that can neither seek nor tell, and gives less than it is asked for."""

    def __init__(self, data):
        self.file = io.BytesIO(data)

    def read(self, size=-1):
        return self.file.read(size if size < 0 else min(size, 1000))


def test_a_decoder_is_a_source(stream, clip):
    with neural_codec.Decoder(stream, planes=True) as decoder:
        report = neural_codec.encode(decoder, **FAST)
    assert report.total.frames == len(clip) and report.source.frame_rate == 24


def test_layouts_are_views_of_the_same_video(stream):
    video = neural_codec.decode(stream).video
    planar = neural_codec.decode(stream, layout="TCHW").video
    np.testing.assert_array_equal(np.moveaxis(planar, 1, -1), video)
    with neural_codec.Decoder(stream, layout="TCHW") as decoder:
        np.testing.assert_array_equal(next(iter(decoder)), planar[0])


def test_planes_are_the_samples_as_coded(stream, clip):
    with neural_codec.Decoder(stream, planes=True) as decoder:
        assert decoder.info.video.pixel_format == "yuv420p"
        planes = list(decoder)
    height, width = clip.shape[1:3]
    assert [p.shape for p in planes[0]] == [(height, width), (height // 2, width // 2), (height // 2, width // 2)]
    again = neural_codec.encode(planes, fps=24, quantizer=10, **FAST)
    assert again.source.pixel_format == "yuv420p" and not again.notes


def test_ten_bits_stay_ten_bits(clip):
    deep = clip.astype(np.uint16) * 4 + 1
    report = neural_codec.encode(deep, fps=Fraction(30000, 1001), **FAST)
    assert report.source.pixel_format == "gbrp10" or report.source.pixel_format.endswith("10")
    frames = neural_codec.decode(report.data)
    assert frames.video.dtype == np.uint16 and 255 < frames.video.max() <= 1023
    assert frames.fps == Fraction(30000, 1001)
    big_endian = deep.astype(">u2")
    assert neural_codec.encode(big_endian, fps=Fraction(30000, 1001), **FAST).data == report.data


def test_one_frame_and_one_pixel_are_clips():
    for shape in [(1, 64, 64, 3), (1, 1, 1, 3), (3, 17, 19, 3)]:
        clip = np.full(shape, 77, np.uint8)
        video = neural_codec.decode(neural_codec.encode(clip, fps=1, **FAST).data).video
        assert video.shape == shape
        assert np.abs(video.astype(int) - 77).max() <= 8


def test_decoding_into_files_loses_nothing(stream, tmp_path):
    for name in ("clip.y4m", "clip.mkv"):
        written = neural_codec.decode(stream, tmp_path / name)
        assert written.frames == 12
        metrics = neural_codec.compare(stream, tmp_path / name)
        assert metrics.lossless_frames == metrics.frames == 12, name
    neural_codec.decode(stream, tmp_path / "frame_%02d.png")
    assert len(list(tmp_path.glob("frame_*.png"))) == 12


def test_scenes_may_be_given(two_scenes):
    given = [(0, 10), (10, 48)]
    report = neural_codec.encode(two_scenes, fps=24, scenes=given, **FAST)
    assert [(s.first_frame, s.first_frame + s.frames) for s in report.scenes] == given
    assert [s["first_frame"] for s in neural_codec.info(report.data)["scenes"]] == [0, 10]


def test_detected_scenes_are_those_that_encoding_finds(two_scenes):
    scenes = neural_codec.detect_scenes(two_scenes, fps=24)
    assert scenes == [(0, 24), (24, 48)]
    report = neural_codec.encode(two_scenes, fps=24, **FAST)
    assert [s.first_frame for s in report.scenes] == [0, 24]
    short = neural_codec.detect_scenes(two_scenes, fps=24, max_scene_seconds=0.5)
    assert all(end - start <= 12 for start, end in short)


def test_the_encoder_takes_frames_one_by_one(clip, stream, tmp_path):
    with neural_codec.Encoder(tmp_path / "clip.nvc", fps=24, **FAST) as encoder:
        for frame in clip:
            encoder.send(frame)
    assert (tmp_path / "clip.nvc").read_bytes() == stream
    assert encoder.report.total.frames == len(clip)
    encoder.close()
    encoder.close()
    with pytest.raises(errors.WrongOrder):
        encoder.send(clip[0])
    with pytest.raises(errors.WrongOrder):
        encoder.finish()


def test_bytes_can_be_read_while_frames_are_sent(two_scenes):
    encoder = neural_codec.Encoder(fps=24, scenes=[(i, i + 4) for i in range(0, 48, 4)], **FAST)
    pieces = []
    for frame in two_scenes:
        encoder.send(frame)
        pieces.append(encoder.read())
    pieces.append(encoder.finish().data)
    whole = neural_codec.encode(two_scenes, fps=24, scenes=[(i, i + 4) for i in range(0, 48, 4)], **FAST)
    assert b"".join(pieces) == whole.data


def test_an_exception_in_the_block_discards_the_file(clip, tmp_path):
    with pytest.raises(ZeroDivisionError), neural_codec.Encoder(tmp_path / "a.nvc", fps=24, **FAST) as encoder:
        encoder.send(clip[0])
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_closed_decoder_says_so(stream):
    with neural_codec.Decoder(stream) as decoder:
        assert decoder.next_frame() is not None and decoder.timestamp == 0
    decoder.close()
    with pytest.raises(errors.WrongOrder):
        decoder.next_frame()


def test_progress_is_told_and_can_cancel(clip):
    seen = []
    neural_codec.encode(clip, fps=24, progress=seen.append, **FAST)
    assert seen and all(isinstance(at, neural_codec.Progress) for at in seen)
    assert [at.frames_done for at in seen] == sorted(at.frames_done for at in seen)
    with pytest.raises(errors.Cancelled):
        neural_codec.encode(clip, fps=24, progress=lambda at: False, **FAST)
    with pytest.raises(ZeroDivisionError):
        neural_codec.encode(clip, fps=24, progress=lambda at: 1 / 0, **FAST)
    neural_codec.encode(clip, fps=24, progress=True, **FAST)


@pytest.mark.parametrize("has_tqdm", [True, False])
def test_a_bar_is_drawn_with_tqdm_and_without(has_tqdm, clip, stream, capfd, monkeypatch):
    from neural_codec import _progress

    if has_tqdm:
        assert _progress._has_tqdm()
    else:
        monkeypatch.setattr(_progress, "_has_tqdm", lambda: False)
    for work in (
        lambda: neural_codec.encode(clip, fps=24, progress=True, **FAST),
        lambda: neural_codec.decode(stream, progress=True),
        lambda: neural_codec.compare(stream, stream, progress=True),
    ):
        work()
        out, shown = capfd.readouterr()
        assert out == "" and "\r" in shown and shown.endswith("\n") and "frames" in shown
        # What tqdm draws has a rate; a plain line has not.
        assert ("frames/s" in shown) == has_tqdm


def test_an_exception_of_the_generator_passes_through(tmp_path):
    def frames():
        yield np.zeros((64, 64, 3), np.uint8)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        neural_codec.encode(frames(), tmp_path / "a.nvc", fps=24, **FAST)
    assert list(tmp_path.iterdir()) == []


def test_records_survive_json(report, stream):
    for record in (report, neural_codec.info(stream), neural_codec.compare(stream, stream)):
        again = type(record).from_json(record.to_json())
        assert again == record
        assert json.loads(record.to_json())["schema"].startswith("neural-codec/")
    assert report["total"]["bytes"] == report.total.bytes == len(stream)
    assert report.scenes[0]["quality"]["psnr_y"] > 25
    with pytest.raises(KeyError):
        report["nonsense"]
    with pytest.raises(errors.InvalidArgument, match="schema"):
        neural_codec.Report.from_dict({**report.to_dict(), "schema": "neural-codec/report/99"})
    with pytest.raises(errors.InvalidArgument, match="JSON"):
        neural_codec.Report.from_json("{")


def test_the_report_is_logged(clip, caplog):
    with caplog.at_level(logging.INFO, "neural_codec"):
        neural_codec.encode(clip, fps=24, **FAST)
    assert "12 frames" in caplog.text


def test_media_files_can_be_described(carphone):
    found = neural_codec.info(carphone)
    assert isinstance(found, neural_codec.ClipInfo)
    assert (found.video.width, found.video.height) == (176, 144)
    with open(carphone, "rb") as file:
        assert neural_codec.info(file) == found


def test_decoded_video_offers_dlpack(stream):
    video = neural_codec.decode(stream).video
    np.testing.assert_array_equal(np.from_dlpack(video), video)


def test_settings_describe_themselves():
    table = neural_codec.settings()
    assert table["effort"] == neural_codec.Setting("effort", table["effort"].meaning, "5")
    assert table["effort"].default == "5"
    assert "10" in table["max_scene_seconds"].default
    assert moving(2).shape == (2, 64, 96, 3)


@pytest.mark.parametrize("quantizer", [1, 2])
def test_the_finest_quantizers_decode_at_the_least_effort(quantizer):
    from neural_codec import _native

    source = _native.Source.open(sample("bikes.mp4"), audio=False)
    frames = [source.next_picture(False)[1] for _ in range(12)]
    source.close()
    report = neural_codec.encode(frames, fps=25, quantizer=quantizer, **FAST)
    assert report.total.quality.psnr_y > 50 and report.scenes[0].preset <= 10
