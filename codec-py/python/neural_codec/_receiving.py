"""What decoders have in common that give frames one by one: their settings, the errors that are skipped, and how they are laid out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import numpy as np

from ._frames import Picture, check_layout
from ._settings import check_flag, decoding_of
from .errors import (
    Corrupt,
    InvalidArgument,
    LimitExceeded,
    NeuralCodecError,
    Truncated,
    Unsupported,
    UnsupportedVersion,
    WrongOrder,
)

MOST_ERRORS = 1000
"""Errors that are kept; more are counted."""


DAMAGE = (Corrupt, Truncated, LimitExceeded, Unsupported, UnsupportedVersion)
"""What the bytes of a stream may have wrong: what follows may be right."""


class Receiving:
    """Gives frames until it is closed."""

    def __init__(
        self,
        *,
        planes: bool,
        layout: str,
        threads: int,
        on_damage: str,
        device: str,
        on_device: bool,
        limits: Mapping[str, int] | None,
    ) -> None:
        if not isinstance(on_damage, str) or on_damage not in ("stop", "skip"):
            raise InvalidArgument(f"on_damage: expected 'stop' or 'skip', found {on_damage!r:.80}")
        self._planes = check_flag("planes", planes)
        self._channels_first = check_layout(layout) == "TCHW"
        self._skip = on_damage == "skip"
        self._decoding = decoding_of(
            threads=threads, device=device, limits=limits, skip_damage=self._skip, on_device=on_device
        )
        self._closed = False
        self.errors: list[NeuralCodecError] = []
        """What was damaged and skipped so far, with `on_damage="skip"`: the first 1000 errors."""
        self.error_count = 0
        """How many there were."""
        self.timestamp: float | None = None
        """Seconds at which the last frame is shown."""

    def next_frame(self) -> Any:
        """The next frame, or None."""
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of what it reads."""
        raise NotImplementedError

    def _skipped(self, error: NeuralCodecError) -> None:
        """Keeps an error of damage where that is to be skipped, and raises another."""
        if not self._skip or not isinstance(error, DAMAGE):
            raise error
        self.error_count += 1
        if self.error_count <= MOST_ERRORS:
            self.errors.append(error)

    def _laid_out(self, picture: Picture) -> Picture:
        if self._channels_first and isinstance(picture, np.ndarray):
            return np.ascontiguousarray(picture.transpose(2, 0, 1))
        return picture

    def _expect_open(self, call: str) -> None:
        if self._closed:
            raise WrongOrder(f"{call}: the decoder is closed")

    def __iter__(self) -> Iterator[Any]:
        while True:
            frame = self.next_frame()
            if frame is None:
                return
            yield frame

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
