"""A memory cgroup for one sandboxed run, where the system lets this process make one: it limits all its processes at once."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def _parent() -> tuple[Path, int] | None:
    """Where groups of this process may be made, and the version of the hierarchy."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return _ROOT / "memory" / path.lstrip("/"), 1
    for line in lines:
        number, controllers, path = line.split(":", 2)
        place = _ROOT / path.lstrip("/")
        with contextlib.suppress(OSError):
            if number == "0" and "memory" in (place / "cgroup.subtree_control").read_text().split():
                return place, 2
    return None


@contextlib.contextmanager
def memory_group(most: int) -> Iterator[Path | None]:
    """A new group that holds at most so many bytes, or None; a process joins by writing itself into `cgroup.procs`."""
    parent = _parent()
    place = None if parent is None else parent[0] / f"neural-codec-{uuid.uuid4().hex[:12]}"
    if place is not None and parent is not None:
        limit = "memory.limit_in_bytes" if parent[1] == 1 else "memory.max"
        try:
            place.mkdir()
            (place / limit).write_text(str(most))
            if parent[1] == 2:
                (place / "memory.swap.max").write_text("0")
        except OSError:
            with contextlib.suppress(OSError):
                place.rmdir()
            place = None
    try:
        yield place
    finally:
        if place is not None:
            _remove(place)


def _remove(place: Path) -> None:
    # The kernel takes a moment to let go of processes that were killed.
    for _ in range(50):
        try:
            os.rmdir(place)
            return
        except OSError:
            time.sleep(0.01)
