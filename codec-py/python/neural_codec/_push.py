"""From bytes that arrive to frames, as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from . import _native
from ._frames import Picture
from ._library import suggest_libraries
from ._measure import clip_info
from ._receiving import Receiving
from ._settings import check_flag
from .errors import InvalidType, NeuralCodecError, WrongOrder
from .records import ClipInfo


class PushDecoder(Receiving):
    """Decodes a stream whose bytes arrive in pieces; each frame comes as soon as the bytes that it needs were pushed.

    ```python
    with PushDecoder() as decoder:
        for piece in pieces:
            decoder.push(piece)
            for frame in decoder:              # all that the bytes so far allow
                print(decoder.timestamp, frame.shape, decoder.provisional)
        decoder.finish()
        for frame in decoder:
            print(decoder.timestamp, frame.shape)
    ```
    A frame is provisional until the hash of its group of 32 frames, or the checksum of its scene, is compared: the next frame that
    is not confirms those before it; an error in its place says that the provisional ones are not to be relied on. With
    `whole_scenes=True` frames wait for their whole scene, and none is provisional.

    Frames and the other arguments are those of `Decoder`. Pushed are `.nvc` streams, and Matroska, WebM and MP4 with its index first
    that hold one, whose scenes come whole.
    """

    def __init__(
        self,
        *,
        planes: bool = False,
        layout: str = "THWC",
        threads: int = 0,
        on_damage: str = "stop",
        device: str = "auto",
        on_device: bool = False,
        whole_scenes: bool = False,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(
            planes=planes,
            layout=layout,
            threads=threads,
            on_damage=on_damage,
            device=device,
            on_device=on_device,
            limits=limits,
        )
        suggest_libraries()
        self._native = _native.Pusher(self._decoding, check_flag("whole_scenes", whole_scenes))
        self._waiting: deque[bytes] = deque()
        """Bytes for which the decoder has no room yet."""
        self._finished = False
        self._told = False
        """Whether the decoder knows that no bytes will follow."""
        self._info: ClipInfo | None = None
        self._time_base = Fraction(1)
        self.ended = False
        """Whether the last frame was received."""
        self.provisional = False
        """Whether the last frame may still turn out to be wrong."""

    def push(self, data: Any) -> None:
        """Takes the next bytes of the stream, as many as there are. What the decoder has no room for waits until frames are received."""
        self._expect_open("push")
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise InvalidType(f"data: expected bytes, found {type(data).__name__}")
        if self._finished:
            raise WrongOrder("push: the stream was finished")
        self._waiting.append(bytes(data))
        self._send()

    def finish(self) -> None:
        """Says that no bytes will follow; then the frames that are left come."""
        self._expect_open("finish")
        if self._finished:
            raise WrongOrder("finish: the stream was finished")
        self._finished = True
        self._send()

    def _send(self) -> None:
        while self._waiting and self._native.send(self._waiting[0]):
            self._waiting.popleft()
        if self._finished and not self._waiting and not self._told:
            self._native.finish()
            self._told = True

    def next_frame(self) -> Any:
        """The next frame, None where the bytes so far allow no other. Waits while the decoder is at work on them."""
        self._expect_open("next_frame")
        while True:
            try:
                found = self._native.receive(self._planes, self._channels_first)
            except NeuralCodecError as error:
                self._skipped(error)
                continue
            if not isinstance(found, str):
                return self._shown(found)
            self.ended = found == "end"
            if self.ended or not self._waiting:
                return None
            self._send()

    def _shown(self, found: tuple[int, bool, Picture]) -> Picture:
        timestamp, self.provisional, picture = found
        self.timestamp = None if self.info is None else float(timestamp * self._time_base)
        return self._laid_out(picture)

    @property
    def info(self) -> ClipInfo | None:
        """Size, format, color and rate; None until the head of the stream was pushed and a frame asked for."""
        if self._info is None and not self._closed:
            values = self._native.describe()
            if values is not None:
                self._time_base = Fraction(*values["time_base"])
                self._info = clip_info(values)
        return self._info

    def close(self) -> None:
        """Lets go of the decoder. May be called again."""
        self._closed = True
        self._waiting.clear()
        self._native.close()

    def __enter__(self) -> PushDecoder:
        self._expect_open("__enter__")
        return self
