"""Exceptions: one root, and one class for each kind of error, which is also the builtin that fits."""

from __future__ import annotations

import errno as _errno
import os as _os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class NeuralCodecError(Exception):
    """Root of all errors of this package.

    `code` names the kind; `offset` (bytes), `scene` and `frame` say where, as far as that is known.
    """

    code: str = "internal"

    def __init__(
        self,
        message: str,
        *,
        offset: int | None = None,
        scene: int | None = None,
        frame: int | None = None,
        errno: int | None = None,
        filename: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.scene = scene
        self.frame = frame
        self.errno = errno
        self.filename = filename

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        names = ("offset", "scene", "frame", "errno", "filename")
        return _rebuild, (type(self), self.message, {name: getattr(self, name) for name in names})


def _rebuild(kind: type[NeuralCodecError], message: str, fields: dict[str, Any]) -> NeuralCodecError:
    return kind(message, **fields)


class InvalidArgument(NeuralCodecError, ValueError):
    """An argument or setting is not usable: pass another."""

    code = "invalid_argument"


class InvalidType(InvalidArgument, TypeError):
    """An argument is of a type that is not taken."""


class FrameIndexError(InvalidArgument, IndexError):
    """There is no frame of this number."""


class WrongOrder(NeuralCodecError, RuntimeError):
    """A call came at the wrong time, such as a frame after the end."""

    code = "wrong_order"


class Corrupt(NeuralCodecError, ValueError):
    """The bytes are not a valid stream, or are damaged."""

    code = "corrupt"


class Truncated(NeuralCodecError, EOFError):
    """The bytes end too early."""

    code = "truncated"


class UnsupportedVersion(NeuralCodecError, NotImplementedError):
    """The stream was written by a newer format version."""

    code = "unsupported_version"


class Unsupported(NeuralCodecError, NotImplementedError):
    """A valid request that this build or this machine cannot serve."""

    code = "unsupported"


class MissingLibrary(NeuralCodecError, ImportError):
    """A library or package that is loaded at run time is not there or not usable."""

    code = "missing_library"


class LimitExceeded(NeuralCodecError, OverflowError):
    """A limit of the library or of the format is exceeded."""

    code = "limit_exceeded"


class OutOfMemory(NeuralCodecError, MemoryError):
    """Memory could not be allocated."""

    code = "out_of_memory"


class DeviceError(NeuralCodecError, RuntimeError):
    """A compute device failed or is not there."""

    code = "device"


class Cancelled(NeuralCodecError):
    """The caller cancelled."""

    code = "cancelled"


class FileIO(NeuralCodecError, OSError):
    """The operating system refused to read or write."""

    code = "io"


class FileMissing(FileIO, FileNotFoundError):
    """There is no such file."""


class FilePermission(FileIO, PermissionError):
    """The system does not allow it."""


class InternalError(NeuralCodecError):
    """Something failed that is not the caller's fault, such as a panic in the library."""

    code = "internal"


_KINDS: tuple[type[NeuralCodecError], ...] = (
    InvalidArgument, WrongOrder, Corrupt, Truncated, UnsupportedVersion, Unsupported, MissingLibrary,
    LimitExceeded, OutOfMemory, DeviceError, Cancelled, FileIO, InternalError,
)  # fmt: skip

_BY_CODE = {kind.code: kind for kind in _KINDS}

_BY_ERRNO: dict[int | None, type[NeuralCodecError]] = {
    _errno.ENOENT: FileMissing,
    _errno.EACCES: FilePermission,
    _errno.EPERM: FilePermission,
}


# What may be wrong about the bytes of a source.
_OF_BYTES = (Corrupt, Truncated, UnsupportedVersion, LimitExceeded)


@contextmanager
def naming(source: object) -> Iterator[None]:
    """Names the file in errors about the bytes of a source, where it is one."""
    try:
        yield
    except _OF_BYTES as error:
        if error.filename is None and isinstance(source, (str, _os.PathLike)):
            error.filename = name = _os.fsdecode(source)
            # Errors about pictures end with the path.
            error.message = f"{name}: {error.message.removesuffix(f': {name}')}"
            error.args = (error.message,)
        raise


def from_native(
    code: str,
    message: str,
    offset: int | None,
    scene: int | None,
    frame: int | None,
    errno: int | None,
    filename: str | None,
) -> NeuralCodecError:
    """The exception for an error of the native module."""
    kind = _BY_CODE.get(code, InternalError)
    if kind is FileIO:
        kind = _BY_ERRNO.get(errno, FileIO)
    return kind(message, offset=offset, scene=scene, frame=frame, errno=errno, filename=filename)


__all__ = ["FileMissing", "FilePermission", "FrameIndexError", "InvalidType", "NeuralCodecError", *(kind.__name__ for kind in _KINDS)]
