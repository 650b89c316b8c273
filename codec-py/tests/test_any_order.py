"""Frames by number, batches, the base layer as a file, and the calls for asyncio."""

from __future__ import annotations

import asyncio
import io
import pickle
import time

import av
import numpy as np
import pytest
from conftest import FAST, moving

import neural_codec
from neural_codec import aio, errors


@pytest.fixture(scope="module")
def scenes() -> bytes:
    """33 frames in scenes of 10, 10, 10 and 3."""
    clip = np.concatenate([moving(10, seed=seed) for seed in range(4)])[:33]
    return neural_codec.encode(clip, fps=24, scenes=[(0, 10), (10, 20), (20, 30), (30, 33)], **FAST).data


@pytest.fixture(scope="module")
def video(scenes) -> np.ndarray:
    return neural_codec.decode(scenes).video


def test_a_frame_by_number_is_the_frame_of_a_decode_from_front_to_back(scenes, video, tmp_path):
    (tmp_path / "a.nvc").write_bytes(scenes)
    for source in (scenes, bytearray(scenes), tmp_path / "a.nvc"):
        with neural_codec.Decoder(source) as decoder:
            assert decoder.frame_count == 33
            for number in [0, 32, 15, 16, 9, 10, -1, -33, np.int64(7)]:
                np.testing.assert_array_equal(decoder[number], video[number])
                assert decoder.timestamp == pytest.approx((number % 33) / 24)


def test_slices_are_those_of_the_video(scenes, video):
    with neural_codec.Decoder(scenes) as decoder:
        for part in [slice(5, 12), slice(None, None, 8), slice(-3, None), slice(12, 2, -3), slice(0, 1)]:
            np.testing.assert_array_equal(decoder[part], video[part])
    with neural_codec.Decoder(scenes, layout="TCHW") as decoder:
        np.testing.assert_array_equal(decoder[5:7], np.moveaxis(video[5:7], -1, 1))
    with neural_codec.Decoder(scenes, planes=True) as decoder:
        assert [plane.shape for plane in decoder[5:7]] == [(2, 64, 96), (2, 32, 48), (2, 32, 48)]


def test_iteration_goes_on_where_it_was_told_to(scenes, video):
    with neural_codec.Decoder(scenes) as decoder:
        frames = iter(decoder)
        np.testing.assert_array_equal(next(frames), video[0])
        np.testing.assert_array_equal(decoder[20], video[20])
        np.testing.assert_array_equal(next(frames), video[1])
        decoder.seek(28)
        np.testing.assert_array_equal(np.stack(list(frames)), video[28:])
        decoder.seek(-2)
        assert len(list(decoder)) == 2
        decoder.seek(33)
        assert decoder.next_frame() is None


def test_batches_hold_every_frame_once(scenes, video):
    with neural_codec.Decoder(scenes) as decoder:
        batches = list(decoder.batches(8))
    assert [len(batch) for batch in batches] == [8, 8, 8, 8, 1]
    np.testing.assert_array_equal(np.concatenate(batches), video)
    with neural_codec.Decoder(scenes) as decoder:
        for size, kind in [(0, errors.InvalidArgument), (-1, errors.InvalidArgument), ("8", errors.InvalidType)]:
            with pytest.raises(kind, match="size"):
                next(decoder.batches(size))


def test_frames_that_are_not_there_are_named(scenes):
    with neural_codec.Decoder(scenes) as decoder:
        for number in (33, -34, 10**30):
            with pytest.raises(IndexError, match="index.*33"):
                decoder[number]
        with pytest.raises(errors.FrameIndexError, match="seek"):
            decoder.seek(34)
        for wrong in (None, 1.5, "1", True, (1, 2)):
            with pytest.raises(errors.InvalidType, match="index"):
                decoder[wrong]
        for empty in (slice(5, 5), slice(40, 50)):
            with pytest.raises(errors.InvalidArgument, match="slice"):
                decoder[empty]
        for wrong in (slice("a", None), slice(0, 5, 0)):
            with pytest.raises(errors.InvalidType, match="index"):
                decoder[wrong]
    with pytest.raises(errors.WrongOrder, match="closed"):
        decoder[0]
    with neural_codec.Decoder(io.BytesIO(scenes)) as decoder:
        with pytest.raises(errors.InvalidType, match=r"source.*read\(\)"):
            decoder[3]
        assert len(list(decoder)) == 33, "front to back it still goes"


def test_a_stream_without_its_end_is_still_read_from_front_to_back(scenes):
    with neural_codec.Decoder(scenes[:-1], on_damage="skip") as decoder:
        assert len(list(decoder)) == 33
        with pytest.raises(errors.Truncated):
            decoder[0]


def test_after_a_seek_too_a_damaged_scene_costs_that_scene_only(scenes):
    damaged = bytearray(scenes)
    damaged[len(scenes) // 2] ^= 0x40
    with neural_codec.Decoder(damaged, on_damage="skip") as decoder:
        decoder.seek(0)
        assert len(list(decoder)) in (23, 30) and len(decoder.errors) == 1
    with neural_codec.Decoder(damaged) as decoder:
        decoder.seek(0)
        with pytest.raises(errors.NeuralCodecError) as caught:
            list(decoder)
        assert caught.value.scene is not None


def test_an_exported_base_layer_plays_elsewhere(carphone, carphone_stream, tmp_path):
    found = neural_codec.export_base(carphone_stream, tmp_path / "base.mp4")
    assert neural_codec.Exported.from_json(found.to_json()) == found
    with neural_codec.Decoder(carphone_stream, planes=True) as decoder:
        ours = list(decoder)
    with av.open(str(tmp_path / "base.mp4")) as container:
        theirs = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert found.frames == len(ours) == len(theirs)
    for (y, u, v), frame in zip(ours, theirs, strict=True):
        rows = [y, u.reshape(-1, y.shape[1]), v.reshape(-1, y.shape[1])]
        np.testing.assert_array_equal(np.concatenate(rows), frame)
    data = carphone_stream.read_bytes()
    for source in (data, io.BytesIO(data)):
        assert neural_codec.export_base(source, tmp_path / "again.mkv").frames == found.frames
    with pytest.raises(errors.InvalidType, match="output"):
        neural_codec.export_base(data, None)
    with pytest.raises(errors.InvalidType, match="source"):
        neural_codec.export_base(7, tmp_path / "no.mp4")
    with pytest.raises(errors.Unsupported, match="avi"):
        neural_codec.export_base(data, tmp_path / "no.avi")
    with pytest.raises(errors.Unsupported, match="h264"):
        neural_codec.export_base(carphone, tmp_path / "no.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.mkv", "base.mp4"]


def test_the_calls_for_asyncio_give_what_the_others_give(clip, stream, tmp_path):
    (tmp_path / "a.nvc").write_bytes(stream)

    async def work():
        reports = await asyncio.gather(*(aio.encode(clip, fps=24, **FAST) for _ in range(2)))
        assert [report.data for report in reports] == [stream, stream]
        whole = await aio.decode(stream)
        frames = [frame async for frame in aio.frames(tmp_path / "a.nvc")]
        np.testing.assert_array_equal(np.stack(frames), whole.video)
        assert (await aio.info(stream)).frames == len(clip)
        assert (await aio.compare(stream, stream)).lossless_frames == len(clip)
        assert (await aio.detect_scenes(clip, fps=24)) == [(0, len(clip))]
        assert (await aio.export_base(stream, tmp_path / "a.mp4")).frames == len(clip)
        with pytest.raises(errors.Corrupt):
            await aio.decode(b"this is no stream, but long enough to be one")

    asyncio.run(work())


def test_a_cancelled_task_ends_its_work_at_once_and_leaves_no_file(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (16, 256, 256, 3), dtype=np.uint8)
    taken = 0

    def frames():
        nonlocal taken
        for index in range(100_000):
            taken += 1
            yield noise[index % 16]

    async def work():
        task = asyncio.create_task(aio.encode(frames(), tmp_path / "a.nvc", fps=24, effort=3, threads=1))
        await asyncio.sleep(0.7)
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - start

    assert asyncio.run(work()) < 2
    before = taken
    time.sleep(0.2)
    assert taken == before and list(tmp_path.iterdir()) == []


def test_settings_and_results_can_be_pickled(report, stream):
    values = [*neural_codec.settings().values(), report, neural_codec.info(stream), neural_codec.decode(stream).info]
    for value in values:
        assert pickle.loads(pickle.dumps(value)) == value


def test_delta_rates_are_those_of_the_core():
    anchor = [(512, 30.2), (1100, 33.9), (2300, 36.1), (5100, 37.7)]
    half = np.array(anchor) * [0.5, 1]
    assert neural_codec.bd_rate(anchor, half) == pytest.approx(-50)
    for wrong in (None, 7, [1, 2], [("a", "b")] * 4):
        with pytest.raises(errors.InvalidType, match="test"):
            neural_codec.bd_rate(anchor, wrong)
        with pytest.raises(errors.InvalidType, match="anchor"):
            neural_codec.bd_rate(wrong, anchor)
    for wrong in ([], anchor[:3], [(0, 1)] * 4, [(1, float("nan"))] * 4):
        with pytest.raises(errors.InvalidArgument, match="test curve"):
            neural_codec.bd_rate(anchor, wrong)


def test_the_length_is_the_number_of_frames_and_a_list_needs_no_end_of_the_stream(scenes, video):
    with neural_codec.Decoder(scenes) as decoder:
        assert len(decoder) == 33 and decoder and len(list(decoder)) == 33
    with neural_codec.Decoder(io.BytesIO(scenes)) as decoder:
        with pytest.raises(errors.InvalidType, match="path or bytes"):
            len(decoder)
        assert decoder and len(list(decoder)) == 33
    with neural_codec.Decoder(scenes[:-60], on_damage="skip") as decoder:
        with pytest.raises(errors.InvalidType, match="end"):
            len(decoder)
        assert len(list(decoder)) == 33 and decoder.error_count == len(decoder.errors) == 1


def test_lists_of_numbers_are_those_of_the_video(scenes, video):
    with neural_codec.Decoder(scenes) as decoder:
        for numbers in ([3, 30, 3, -1], [0], np.array([12, 2]), [np.int64(5)]):
            np.testing.assert_array_equal(decoder[numbers], video[np.array(numbers)])
        assert [frame.shape for frame in decoder.__getitems__([4, 2])] == [(64, 96, 3)] * 2
        for wrong, kind in (([], errors.InvalidArgument), ([33], IndexError), ([1.0], TypeError), (np.zeros((1, 1), int), TypeError)):
            with pytest.raises(kind):
                decoder[wrong]


def test_a_decoder_can_be_pickled_and_begins_anew(scenes, video, tmp_path):
    (tmp_path / "a.nvc").write_bytes(scenes)
    for source in (scenes, tmp_path / "a.nvc", str(tmp_path / "a.nvc")):
        with neural_codec.Decoder(source, layout="TCHW") as decoder:
            decoder.seek(9)
            with pickle.loads(pickle.dumps(decoder)) as copy:
                np.testing.assert_array_equal(copy[7], np.moveaxis(video[7], -1, 0))
                np.testing.assert_array_equal(next(iter(copy)), np.moveaxis(video[0], -1, 0))
    with neural_codec.Decoder(io.BytesIO(scenes)) as decoder, pytest.raises(errors.InvalidType, match="pickled"):
        pickle.dumps(decoder)


def test_workers_of_a_data_loader_take_a_decoder(scenes, video):
    data = pytest.importorskip("torch.utils.data")
    with neural_codec.Decoder(scenes) as decoder:
        loader = data.DataLoader(decoder, batch_size=5, num_workers=2, multiprocessing_context="spawn")
        np.testing.assert_array_equal(np.concatenate([batch.numpy() for batch in loader]), video)


def test_objects_describe_themselves_in_a_line(scenes, report):
    with neural_codec.Decoder(scenes) as decoder:
        assert repr(decoder) == "<Decoder <bytes>: 96x64, 24 frames a second>"
    assert repr(decoder).endswith(", closed>")
    assert len(repr(report)) < 100 and "12 frames in 1 scenes" in repr(report)
    with neural_codec.Encoder(fps=24) as encoder:
        encoder.send(moving(1)[0])
        assert repr(encoder) == "<Encoder: 1 frames sent, open>"


def test_an_error_about_the_bytes_of_a_file_names_it(scenes, tmp_path):
    path = tmp_path / "damaged.nvc"
    path.write_bytes(scenes[:200] + bytes(200) + scenes[400:])
    with neural_codec.Decoder(path) as decoder:
        for work in (lambda: list(decoder), lambda: neural_codec.decode(path), lambda: neural_codec.info(path), lambda: decoder[0]):
            with pytest.raises(errors.NeuralCodecError) as caught:
                work()
            assert str(caught.value).startswith(f"{path}: ") and caught.value.filename == str(path)
