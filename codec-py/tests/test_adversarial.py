"""Every public call with adversarial arguments: an exception of ours that names something, never a crash, and the object
afterwards works or says that it is closed. The same seed makes the same calls."""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import threading

import numpy as np
import pytest
from conftest import FAST

import neural_codec
from neural_codec import aio, compat, errors

SEED = int(os.environ.get("NEURAL_CODEC_ADVERSARIAL_SEED", "1"))
CALLS = int(os.environ.get("NEURAL_CODEC_ADVERSARIAL_CALLS", "400"))

FRAME = np.zeros((16, 16, 3), np.uint8)


class Awkward:
    """Looks like several things that it is not."""

    shape = (4, 4, 3)
    dtype = "uint8"

    def __dlpack__(self, **options):
        raise RuntimeError("no memory for you")

    def __dlpack_device__(self):
        return (99, -1)

    def __repr__(self):
        return "Awkward()"


class Reads:
    """A file object that misbehaves."""

    def __init__(self, answer):
        self.answer = answer

    def read(self, size=-1):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Writes:
    """A file object to write to that misbehaves."""

    def __init__(self, answer):
        self.answer = answer

    def write(self, data):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def adversarial_values(folder) -> list:
    return [
        None, True, 0, -1, 1 << 64, -(1 << 70), 1.5, float("nan"), float("inf"), "", "a\0b", "no such file", "\udcff", b"", b"\xff" * 40,
        os.fsdecode(b"/no/such/\xff\xfe"), str(folder), "x" * 5000, (), [], {}, [None], [[]], {"a": 1}, object(), int, len, Awkward(),
        FRAME, FRAME[None], FRAME[::-1, ::-1][None], FRAME[None].astype(np.float32), FRAME[None].astype(np.int64), FRAME[None].astype(bool),
        FRAME[None].astype(">u2"), FRAME[None].astype("U1"), FRAME[None].astype(object), np.zeros((1, 0, 16, 3), np.uint8),
        np.zeros((0, 16, 16, 3), np.uint8), np.broadcast_to(np.uint8(0), (1, 2, 1 << 15, 3)), np.array(3), np.zeros((2,) * 9, np.uint8),
        np.lib.stride_tricks.as_strided(FRAME, (1, 16, 16, 3), (0, 0, 0, 0)), np.full((1, 16, 16, 3), 65535, np.uint16), memoryview(b"abc"),
        (FRAME[..., 0],) * 3, [(FRAME[..., 0],) * 3], [FRAME, FRAME[:8]], io.BytesIO(b"\x89NVC"), io.StringIO("text"), Reads(None), Reads("text"),
        Reads(7), Writes(0), Writes(-1), Writes("text"), Writes(1 << 64), Writes(OSError("no room")), iter([]), iter([None]), range(3), slice(None), lambda *_: None,
    ]  # fmt: skip


@pytest.fixture
def adversarial(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return adversarial_values(tmp_path)


def tried(call, *arguments, **options) -> None:
    """The call works, or raises an error of ours whose text says something."""
    try:
        call(*arguments, **options)
    except errors.NeuralCodecError as error:
        assert len(str(error)) > 8, f"{call}: {error!r}"
        assert not isinstance(error, errors.InternalError), f"{call}{arguments}{options}: {error}"
    except OSError as error:
        # Of a file object or a path that is not ours to open.
        assert str(error), call


def options_of(call) -> list[str]:
    parameters = inspect.signature(call).parameters.values()
    named = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    takes_settings = any(each.kind is each.VAR_KEYWORD for each in parameters)
    return named + (list(neural_codec.settings()) if takes_settings else [])


# What is left to the tests of settings: an effort or a floor that would make small clips take long.
QUICK = {"fps": 24, "quantizer": 60, **FAST}


def optional_of(call) -> list[str]:
    """Arguments that may be left out and may be given by place."""
    parameters = inspect.signature(call).parameters.values()
    return [each.name for each in parameters if each.default is not each.empty and each.kind is each.POSITIONAL_OR_KEYWORD]


CLASSES = [value for name in neural_codec.__all__ if isinstance(value := getattr(neural_codec, name), type)]
FUNCTIONS = {name: value for name in neural_codec.__all__ if inspect.isfunction(value := getattr(neural_codec, name))}
CALLS_OF_COMPAT = {name: getattr(compat, name) for name in compat.__all__}


@pytest.mark.parametrize("name", [*FUNCTIONS, *CALLS_OF_COMPAT])
def test_every_function_answers_adversarial_arguments_by_an_error_of_ours(name, adversarial, stream):
    call = {**FUNCTIONS, **CALLS_OF_COMPAT}[name]
    required = [each for each in inspect.signature(call).parameters.values() if each.default is each.empty]
    positional = [each for each in required if each.kind is each.POSITIONAL_OR_KEYWORD]
    if not positional:
        call()
        return
    good = [stream] * len(positional)
    for place in range(len(positional)):
        for value in adversarial:
            tried(call, *good[:place], value, *good[place + 1 :])
    good = [FRAME[None]] if name == "encode" else good
    for option in optional_of(call):
        for value in adversarial:
            tried(call, *good, **{**(QUICK if name == "encode" else {}), option: value})
    random = np.random.default_rng(SEED)
    named = options_of(call)
    # Settings that would make a clip of one frame take long are left to the tests of settings.
    base = dict(FAST) if "effort" in named else {}
    for _ in range(min(CALLS, 60) if named else 0):
        option = named[random.integers(len(named))]
        value = adversarial[random.integers(len(adversarial))]
        source = FRAME[None] if name == "encode" else stream
        if option == "progress" and callable(value):
            continue  # what a callback of the caller's raises is the caller's
        fps = {"fps": 24} if "fps" in named and name == "encode" else {}
        tried(call, source, *good[1:], **{**base, **fps, option: value})


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_answers_adversarial_arguments_by_an_error(kind, adversarial):
    for value in adversarial:
        try:
            if kind is neural_codec.Encoder:
                made = kind(fps=value)
            elif kind is neural_codec.PushDecoder:
                made = kind()
                made.push(value)
            else:
                made = kind.from_json(value) if hasattr(kind, "from_json") else kind(value)
        except (errors.NeuralCodecError, OSError) as error:
            assert str(error) and not isinstance(error, errors.InternalError)
        except (TypeError, AttributeError):
            assert kind in (neural_codec.Frames, neural_codec.EncodedScene, neural_codec.DecodedPhoto) or hasattr(kind, "from_json"), "plain data has Python's own checks"
        else:
            getattr(made, "close", lambda: None)()


@pytest.mark.parametrize("kind", [neural_codec.Decoder, neural_codec.Encoder, neural_codec.PushDecoder], ids=lambda kind: kind.__name__)
def test_options_of_handles_are_refused_by_an_error_of_ours(kind, adversarial, stream):
    options = [each for each in inspect.signature(kind).parameters if each not in ("source", "settings")]
    assert len(options) >= 4
    for option in options:
        for value in adversarial:
            if option == "progress" and callable(value):
                continue  # what a callback of the caller's raises is the caller's

            def use(**given):
                if kind is neural_codec.Decoder:
                    with neural_codec.Decoder(stream, **given) as decoder:
                        decoder.next_frame()
                elif kind is neural_codec.PushDecoder:
                    with neural_codec.PushDecoder(**given) as decoder:
                        decoder.push(stream)
                        decoder.next_frame()
                else:
                    with neural_codec.Encoder(**{**QUICK, **given}) as encoder:
                        encoder.send(FRAME)

            tried(use, **{option: value})


def test_an_encoder_works_or_says_that_it_is_closed(adversarial):
    random = np.random.default_rng(SEED)
    for _ in range(max(1, CALLS // 20)):
        encoder = neural_codec.Encoder(fps=24, quantizer=60, **FAST)
        for _ in range(8):
            call = [encoder.send, encoder.send, encoder.read, encoder.close, encoder.finish][random.choice(5, p=[0.5, 0.3, 0.1, 0.05, 0.05])]
            tried(call, *([adversarial[random.integers(len(adversarial))]] if call == encoder.send else []))
        try:
            encoder.send(FRAME)
            assert encoder.finish().total.frames >= 1
        except errors.WrongOrder as error:
            assert "closed" in str(error)
        except errors.InvalidArgument as error:
            assert "frame" in str(error), "it had begun with frames of another kind"
            with pytest.raises(errors.WrongOrder, match="closed"):
                encoder.finish()
        encoder.close()


def test_a_decoder_works_or_says_that_it_is_closed(adversarial, stream, clip):
    random = np.random.default_rng(SEED)
    for _ in range(max(1, CALLS // 8)):
        decoder = neural_codec.Decoder(stream)
        for _ in range(8):
            value = adversarial[random.integers(len(adversarial))]
            kind = random.choice(5, p=[0.35, 0.25, 0.2, 0.15, 0.05])
            calls = [decoder.__getitem__, decoder.seek, lambda v: next(decoder.batches(v), None), lambda v: decoder.next_frame()]
            tried([*calls, lambda v: decoder.close()][kind], value)
        try:
            decoder.seek(0)
            assert decoder.next_frame().shape == clip[0].shape
        except errors.WrongOrder as error:
            assert "closed" in str(error)
        decoder.close()


def test_the_calls_for_asyncio_raise_what_the_others_raise(adversarial, stream):
    async def work():
        for value in adversarial:
            for call in (aio.decode, aio.info, aio.detect_scenes, aio.encode):
                if value is not stream:
                    try:
                        await call(value)
                    except (errors.NeuralCodecError, OSError) as error:
                        assert str(error) and not isinstance(error, errors.InternalError)

    asyncio.run(work())


def test_handles_of_other_threads_are_as_good_as_ones_own(stream, clip):
    decoder = neural_codec.Decoder(stream)
    seen: list = []

    def work():
        while (frame := decoder.next_frame()) is not None:
            seen.append(frame)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == len(clip)
    closing = threading.Thread(target=decoder.close)
    closing.start()
    closing.join()
    with pytest.raises(errors.WrongOrder):
        decoder.next_frame()
