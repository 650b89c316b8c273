"""A memory cgroup for one sandboxed run, where the system lets this process make one: it limits all its processes at once."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PROC = Path("/proc/self/cgroup")
# Where this process goes in a group of version 2 that it divides.
_LEAF = "neural-codec-worker"


def _parent() -> tuple[Path, int] | None:
    """Where groups of this process may be made, and the version of the hierarchy."""
    try:
        lines = _PROC.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return _ROOT / "memory" / path.lstrip("/"), 1
    for line in lines:
        number, _, path = line.split(":", 2)
        if number == "0":
            place = _ROOT / path.lstrip("/")
            place = place.parent if place.name == _LEAF else place
            with contextlib.suppress(OSError):
                if "memory" in (place / "cgroup.subtree_control").read_text().split() or _divide(place):
                    return place, 2
    return None


def _divide(place: Path) -> bool:
    """Moves the processes of a group that is ours into a leaf below, as version 2 limits groups only beside which none runs.

    False, and nothing done, where processes of others are in the group, or memory is not ours to limit (`Delegate=` of systemd).
    """
    if "memory" not in (place / "cgroup.controllers").read_text().split():
        return False
    members = (place / "cgroup.procs").read_text().split()
    if str(os.getpid()) not in members or not all(_ours(int(pid)) for pid in members):
        return False
    leaf = place / _LEAF
    leaf.mkdir(exist_ok=True)
    for pid in members:
        (leaf / "cgroup.procs").write_text(pid)
    (place / "cgroup.subtree_control").write_text("+memory")
    return True


def _ours(pid: int) -> bool:
    """Whether a process is this one or comes from it."""
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            return True
    return False


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
