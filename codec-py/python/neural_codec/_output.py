"""Where the bytes of a stream go: a file that appears whole or not at all, a file object, or memory."""

from __future__ import annotations

import io
import os
import re
from typing import Any

from . import _native
from .errors import FileMissing, InvalidArgument, InvalidType

EXPECTED = "a path, a binary file object or None"
# The name of pictures with a number in it: what is before and after. A sign of percent that begins no number is one of a name.
NUMBERED = re.compile(r"([^%]*)%(?:0\d+)?d(.*)", re.ASCII | re.DOTALL)


def check_distinct(source: Any, output: Any) -> None:
    """Refuses to write a file, or pictures of a pattern, over the one it is made from."""
    if _is_same(source, output) or _is_of_sequence(source, output):
        raise InvalidArgument(f"output: expected another file than the source, found {os.fsdecode(output)!r}")


def check_page(page: str, *others: str) -> None:
    """Refuses, before anything long begins, a page that would take the place of a file it is about, or could not be written."""
    folder = os.path.dirname(page)
    if not os.path.isdir(folder or "."):
        raise FileMissing(f"{page}: there is no folder {folder}")
    if os.path.isdir(page):
        raise InvalidArgument(f"report: expected a file, found the folder {page!r}")
    for other in others:
        if _is_same(page, other) or _is_of_sequence(page, other):
            raise InvalidArgument(f"report: expected another file than those it is about, found {page!r}")


def _is_same(one: Any, other: Any) -> bool:
    """Whether two paths are one file, by whatever links, there or still to be made."""
    if not all(isinstance(each, (str, os.PathLike)) for each in (one, other)):
        return False
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        pass
    try:
        return os.path.realpath(os.fsdecode(one)) == os.path.realpath(os.fsdecode(other))
    except (OSError, ValueError):
        return False


def _is_of_sequence(one: Any, sequence: Any) -> bool:
    """Whether a file is a picture of a numbered sequence such as `frame_%04d.png`."""
    if not all(isinstance(each, (str, os.PathLike)) for each in (one, sequence)):
        return False
    path, pattern = os.fsdecode(one), os.fsdecode(sequence)
    number = NUMBERED.fullmatch(os.path.basename(pattern))
    if number is None or not _is_same(os.path.dirname(path) or ".", os.path.dirname(pattern) or "."):
        return False
    before, after = (re.escape(part) for part in number.groups())
    return re.fullmatch(rf"{before}\d+{after}", os.path.basename(path)) is not None


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes a file of text whole or not at all; into a device or a pipe piece by piece. Bytes of a file's name that are no UTF-8 are escaped."""
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        return
    target = Output(path)
    try:
        target.write(text.encode(errors="backslashreplace"))
        target.commit()
    except BaseException:
        target.discard()
        raise


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
