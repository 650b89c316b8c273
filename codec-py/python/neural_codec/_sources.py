"""From what callers pass as a clip to a source of the native module."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from . import _native
from ._frames import check_layout, clip_frames, frames_of, is_array
from ._jobs import Feed
from ._library import suggest_libraries
from ._settings import frame_rate
from .errors import InvalidArgument, InvalidType, NeuralCodecError, naming

EXPECTED = (
    "a path, bytes, a binary file object, an array of shape (frames, height, width, 3), or an iterable of frames"
)


@contextmanager
def opened(
    source: Any,
    *,
    fps: Any = None,
    layout: str = "THWC",
    audio: bool = True,
    name: str = "source",
    reading: dict[str, str] | None = None,
) -> Iterator[tuple[_native.Source, list[Feed]]]:
    """A native source, and the feeds that fill it where frames come from Python."""
    check_layout(layout)
    suggest_libraries()
    fps = getattr(source, "fps", None) if fps is None else fps
    rate = None if fps is None else frame_rate(fps)
    if isinstance(source, (str, os.PathLike)):
        with naming(source):
            native = _native.Source.open(source, fps=rate, audio=audio, reading=reading)
        yield native, []
    elif isinstance(source, (bytes, bytearray, memoryview)) or hasattr(source, "read"):
        file = None if isinstance(source, (bytes, bytearray, memoryview)) else source
        head = bytes(source) if file is None else read_some(file)
        if head.startswith(_native.SIGNATURE):
            if file is None:
                native = _native.Source.from_bytes(head, fps=rate, audio=audio, reading=reading)
            else:
                native = stream_from(file, head, fps=rate, audio=audio, reading=reading)
            yield native, []
        else:
            with _spooled(head, file, name) as path:
                yield _native.Source.open(path, fps=rate, audio=audio, reading=reading), []
    else:
        yield _fed(source, fps, rate, layout, name)


def _fed(source: Any, fps: Any, rate: tuple[int, int] | None, layout: str, name: str) -> tuple[_native.Source, list[Feed]]:
    if is_array(source):
        frames = clip_frames(source, layout)
    elif isinstance(source, Iterable) and not isinstance(source, dict):
        frames = frames_of(source, layout)
    else:
        raise InvalidType(f"{name}: expected {EXPECTED}, found {type(source).__name__}")
    if rate is None:
        raise InvalidArgument(f"fps: expected frames a second, which arrays do not tell, found {fps}")
    first = next(frames, None)
    if first is None:
        raise InvalidArgument(f"{name}: expected at least 1 frame, found 0")
    native, feeder = _native.fed(first, rate)
    return native, [(feeder, itertools.chain([first], frames))]


def read_some(file: Any) -> bytes:
    """The first bytes of a file object, enough to tell what it is."""
    head = b""
    while len(head) < len(_native.SIGNATURE):
        piece = file.read(1 << 16)
        if not isinstance(piece, bytes):
            raise InvalidType(f"source: expected a file object that reads bytes, found one that reads {type(piece).__name__}")
        if not piece:
            break
        head += piece
    return head


def stream_from(file: Any, head: bytes, **options: Any) -> _native.Source:
    """The stream in a file object from which `head` was already read."""
    return _native.Source.from_file(_Prefixed(head, file), **options)


class _Prefixed:
    """A file object with bytes put back in front."""

    def __init__(self, head: bytes, file: Any) -> None:
        self._head = head
        self._file = file

    def read(self, size: int) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        piece: bytes = self._file.read(size)
        return piece


@contextmanager
def as_file(source: Any, name: str = "source") -> Iterator[Any]:
    """Bytes and file objects as the path of a temporary file, where they hold no stream, which is read from front to back; all else as it is."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        head, file = bytes(source), None
    elif hasattr(source, "read"):
        head, file = read_some(source), source
    else:
        yield source
        return
    if head.startswith(_native.SIGNATURE):
        yield head if file is None else _Prefixed(head, file)
        return
    with _spooled(head, file, name) as path:
        yield path


@contextmanager
def as_path(source: Any, name: str = "source") -> Iterator[str]:
    """The path of a file, or of a temporary one that holds the bytes."""
    if isinstance(source, (str, os.PathLike)):
        yield os.fsdecode(source)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        with _spooled(bytes(source), None, name) as path:
            yield path
    elif hasattr(source, "read"):
        with _spooled(read_some(source), source, name) as path:
            yield path
    else:
        raise InvalidType(f"{name}: expected a path, bytes or a binary file object, found {type(source).__name__}")


@contextmanager
def _spooled(head: bytes, file: Any, name: str) -> Iterator[str]:
    """A temporary file of the bytes, for readers that need a name."""
    if not head:
        raise InvalidArgument(f"{name}: expected a video, found no bytes")
    # Without a name where the system has such files: of it nothing is left however the process ends.
    has_no_name = os.path.isdir("/proc/self/fd")
    with tempfile.TemporaryFile() if has_no_name else tempfile.NamedTemporaryFile(prefix="neural-codec-") as spool:
        spool.write(head)
        if file is not None:
            shutil.copyfileobj(file, spool)
        spool.flush()
        path = f"/proc/self/fd/{spool.fileno()}" if has_no_name else spool.name
        try:
            yield path
        except NeuralCodecError as error:
            # Nobody knows the file by its name.
            error.message = error.message.replace(path, name)
            error.filename = None if error.filename == path else error.filename
            error.args = (error.message,)
            raise
