"""Files and folders that are under way: what is written is seen whole or not at all, and what a process that ended left is removed.

Each is held by a lock on a file, of which the system lets go when its process ends, however it ends: numbers of processes say
nothing where containers share a folder, and clocks nothing where a machine was off.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".new-"


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """An empty file in a folder, under a name of its own, to be renamed within its file system; what was not is removed."""
    handle, name = _held(folder)
    try:
        os.fchmod(handle, 0o644)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
        os.close(handle)


def _held(folder: Path) -> tuple[int, str]:
    """A new file that this process holds: its descriptor and its name."""
    while True:
        handle, name = tempfile.mkstemp(dir=folder, prefix=_PREFIX)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, name
        # Somebody who swept found it before it was held.
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Writes a file, in a folder that is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with aside(path.parent) as new:
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)


@contextmanager
def job_folder(scratch: Path) -> Iterator[Path]:
    """A folder in one that is made where there is none; gone after the block. A file beside it holds it."""
    scratch.mkdir(parents=True, exist_ok=True)
    with aside(scratch) as holder:
        folder = _folder_of(holder)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _folder_of(holder: Path) -> Path:
    return holder.with_name(holder.name.removeprefix(_PREFIX))


def sweep(folder: Path) -> None:
    """Removes the files that processes which ended were writing into a folder."""
    for path in folder.glob(f"{_PREFIX}*"):
        _remove_unheld(path)


def sweep_folders(scratch: Path) -> None:
    """Removes the folders of jobs whose processes ended."""
    # A folder is made after the file that holds it, and goes before: one without it belongs to nobody.
    folders = [path for path in scratch.glob("*") if path.is_dir()]
    sweep(scratch)
    for path in folders:
        if not path.with_name(_PREFIX + path.name).exists():
            shutil.rmtree(path, ignore_errors=True)


def _remove_unheld(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return
    finally:
        os.close(handle)
