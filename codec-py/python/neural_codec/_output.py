"""Where the bytes of a stream go: a file that appears whole or not at all, a file object, or memory."""

from __future__ import annotations

import io
import os
from typing import Any

from . import _native
from .errors import InvalidArgument, InvalidType

EXPECTED = "a path, a binary file object or None"


def check_distinct(source: Any, output: Any) -> None:
    """Refuses to write a file over the one it is made from."""
    if not all(isinstance(each, (str, os.PathLike)) for each in (source, output)):
        return
    try:
        same = os.path.samefile(source, output)
    except (OSError, ValueError):
        return
    if same:
        raise InvalidArgument(f"output: expected another file than the source, found {os.fsdecode(output)!r}")


class Output:
    """Bytes in, in pieces. `commit` at the end, or `discard`."""

    def __init__(self, output: Any) -> None:
        self._file: _native.OutputFile | None = None
        self._object: Any = None
        self._memory: bytearray | None = None
        if output is None:
            self._memory = bytearray()
        elif isinstance(output, (str, os.PathLike)):
            self._file = _native.OutputFile(output)
        elif isinstance(output, io.TextIOBase):
            raise InvalidType(f"output: expected {EXPECTED}, found a file object for text; open it with mode 'wb'")
        elif hasattr(output, "write"):
            self._object = output
        else:
            raise InvalidType(f"output: expected {EXPECTED}, found {type(output).__name__}")

    def write(self, data: bytes) -> None:
        if self._file is not None:
            self._file.write(data)
        elif self._memory is not None:
            self._memory += data
        else:
            view = memoryview(data)
            while view:
                # Raw files may take less than they are given and say how much; others say it by None.
                written = self._object.write(view)
                taken = len(view) if written is None else written
                if isinstance(taken, bool) or not isinstance(taken, int) or not 0 < taken <= len(view):
                    raise InvalidType(f"output: expected write() to take 1 to {len(view)} bytes and say so, found {written!r:.80}")
                view = view[taken:]

    def take(self) -> bytes | None:
        """The bytes in memory, once; None where they went elsewhere."""
        if self._memory is None:
            return None
        data = bytes(self._memory)
        self._memory.clear()
        return data

    def commit(self) -> None:
        if self._file is not None:
            self._file.commit()
        elif self._object is not None and hasattr(self._object, "flush"):
            self._object.flush()

    def discard(self) -> None:
        if self._file is not None:
            self._file.discard()
