"""Where the bytes of a stream go: a file that appears whole or not at all, a file object, or memory."""

from __future__ import annotations

import os
from typing import Any

from . import _native
from .errors import InvalidType


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
        elif hasattr(output, "write"):
            self._object = output
        else:
            expected = "a path, a binary file object or None"
            raise InvalidType(f"output: expected {expected}, found {type(output).__name__}")

    def write(self, data: bytes) -> None:
        if self._file is not None:
            self._file.write(data)
        elif self._memory is not None:
            self._memory += data
        else:
            view = memoryview(data)
            while view:
                # Raw files may take less than they are given; others say so by a number or by None.
                written = self._object.write(view)
                view = view[len(view) if written is None else written :]

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
