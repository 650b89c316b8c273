"""Files that are seen whole or not at all, however many threads and processes write the same one: written aside, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".new-"


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """An empty file in a folder, under a name of its own, to be renamed within its file system; what was not is removed."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=_PREFIX)
    try:
        os.fchmod(handle, 0o644)
        yield Path(name)
    finally:
        os.close(handle)
        Path(name).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a file, in a folder that is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with aside(path.parent) as new:
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
