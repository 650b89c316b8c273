"""Bytes that are pushed: frames come as they can be decoded, marked until they are checked."""

from __future__ import annotations

import numpy as np
import pytest

import neural_codec
from neural_codec import PushDecoder, errors

from conftest import FAST, moving


@pytest.fixture(scope="module")
def stream() -> tuple[bytes, np.ndarray]:
    """Two scenes, of 40 and of 8 frames, and what they decode to."""
    clip = np.concatenate([moving(40, seed=1), 255 - moving(8, seed=2)])
    data = neural_codec.encode(clip, fps=25, quantizer=50, scenes=[(0, 40), (40, 48)], **FAST).data
    assert data is not None
    return data, neural_codec.decode(data).video


def received(decoder: PushDecoder, data: bytes, piece: int) -> list[tuple[int, np.ndarray, bool]]:
    """Each frame with the number of bytes that were pushed before it, and whether it is provisional."""
    found = []
    for start in range(0, len(data), piece):
        decoder.push(data[start : start + piece])
        found += [(start + piece, frame, decoder.provisional) for frame in decoder]
    decoder.finish()
    found += [(len(data), frame, decoder.provisional) for frame in decoder]
    assert decoder.ended
    return found


def test_frames_come_before_their_scene_is_there_and_are_the_same(stream):
    data, frames = stream
    with PushDecoder() as decoder:
        assert decoder.info is None and decoder.timestamp is None
        found = received(decoder, data, 50)
        assert decoder.info is not None and decoder.info.video.width == 96
        assert decoder.timestamp == pytest.approx(47 / 25)
    assert len(found) == 48 and all(np.array_equal(frame, frames[k]) for k, (_, frame, _) in enumerate(found))
    # The whole of the first group, of the first scene and of the second is confirmed by its last frame.
    assert [k for k, (_, _, provisional) in enumerate(found) if not provisional] == [31, 39, 47]
    sent = [bytes_sent for bytes_sent, _, _ in found]
    assert sent == sorted(sent) and sent[0] < sent[39] * 3 // 4 and len(set(sent)) > 10


def test_whole_scenes_are_waited_for_where_that_is_asked_for(stream):
    data, frames = stream
    with PushDecoder(whole_scenes=True, planes=True) as decoder:
        found = received(decoder, data, 50)
    assert len(found) == 48 and not any(provisional for _, _, provisional in found)
    assert len({bytes_sent for bytes_sent, _, _ in found}) == 2
    assert found[0][1][0].shape == frames.shape[1:3]


def test_layout_and_pieces_of_any_size(stream):
    data, frames = stream
    with PushDecoder(layout="TCHW", threads=1) as decoder:
        found = received(decoder, data, len(data))
    assert np.array_equal(found[5][1], frames[5].transpose(2, 0, 1))


def test_damage_takes_back_what_is_provisional_and_no_more(stream):
    data, frames = stream
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 0x42
    with PushDecoder(on_damage="skip") as decoder:
        confirmed: list[np.ndarray] = []
        waiting: list[np.ndarray] = []
        errors_before = 0
        decoder.push(damaged)
        decoder.finish()
        for frame in decoder:
            if decoder.error_count > errors_before:
                errors_before, waiting = decoder.error_count, []
            waiting.append(frame)
            if not decoder.provisional:
                confirmed, waiting = confirmed + waiting, []
        assert decoder.error_count == 1 and isinstance(decoder.errors[0], errors.Corrupt)
        assert decoder.errors[0].scene == 0
    assert 8 <= len(confirmed) < 48
    assert all(any(np.array_equal(frame, right) for right in frames) for frame in confirmed)
    with PushDecoder() as decoder, pytest.raises(errors.Corrupt):
        received(decoder, bytes(damaged), 100)


def test_a_stream_that_stops_gives_the_frames_that_came(stream):
    data, frames = stream
    with PushDecoder() as decoder:
        decoder.push(data[: len(data) // 2])
        found = list(decoder)
        assert 0 < len(found) < 40 and not decoder.ended and decoder.next_frame() is None
        assert all(np.array_equal(frame, right) for frame, right in zip(found, frames))
        decoder.finish()
        with pytest.raises(errors.Truncated):
            decoder.next_frame()
        assert decoder.next_frame() is None and decoder.ended


def test_more_than_the_decoder_has_room_for_waits(stream):
    data, _ = stream
    with PushDecoder() as decoder:
        decoder.push(data)
        for _ in range(40):
            decoder.push(bytes(1 << 20))
        decoder.finish()
        count = 0
        with pytest.raises(errors.Corrupt):
            for _ in decoder:
                count += 1
        assert count == 48


def test_what_is_no_damage_is_raised_where_damage_is_skipped(stream, monkeypatch):
    data, _ = stream
    with PushDecoder(on_damage="skip") as decoder:
        decoder.push(data)
        decoder._native.close()
        with pytest.raises(errors.WrongOrder, match="closed"):
            decoder.next_frame()
        assert decoder.error_count == 0
    with neural_codec.Decoder(data, on_damage="skip") as decoder:
        decoder._source.close()
        with pytest.raises(errors.WrongOrder, match="closed"):
            decoder.next_frame()


def test_wrong_calls_say_what_is_wrong(stream):
    data, _ = stream
    for arguments in ({"on_damage": "ignore"}, {"layout": "HWC"}, {"whole_scenes": 1}, {"planes": None}):
        with pytest.raises((errors.InvalidArgument, errors.InvalidType)):
            PushDecoder(**arguments)
    decoder = PushDecoder()
    with pytest.raises(errors.InvalidType):
        decoder.push("text")
    decoder.push(data)
    decoder.finish()
    for call in (decoder.finish, lambda: decoder.push(b"")):
        with pytest.raises(errors.WrongOrder):
            call()
    decoder.close()
    decoder.close()
    for call in (decoder.finish, decoder.next_frame, decoder.__enter__):
        with pytest.raises(errors.WrongOrder):
            call()
