"""Runs code that nobody trusts: bubblewrap, seccomp, limits of resources, and a memory cgroup where there is one.

Without bubblewrap nothing is run. Inside there is Python, what it was given to read, and a small /tmp: no network, no
environment, no file of the host beyond libraries, no rights, one user of its own.
"""

from __future__ import annotations

import contextvars
import functools
import glob
import json
import math
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from . import ExperimentError
from .cgroup import memory_group
from .seccomp import program

# Users that no system hands out by itself; each worker process has one, as limits of processes count by user.
_FIRST_USER, _USERS = 61000, 4000
_NOBODY = 65534
_MOST_LOG = 64 << 10
_MOST_HEAD = 1 << 20


class JailError(ExperimentError):
    """Code in the sandbox failed, or broke a limit; `log` has the end of what it printed."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class JailTimeout(JailError):
    """Code in the sandbox took too long."""


@dataclass(frozen=True)
class Limits:
    """What one run may use."""

    wall_s: float = 10.0
    cpu_s: int = 10
    memory_bytes: int = 512 << 20
    disk_bytes: int = 16 << 20
    processes: int = 8
    output_bytes: int = 0
    """After the line of JSON."""


@dataclass(frozen=True)
class Call:
    """One run: the request, and what is offered to it."""

    request: dict[str, Any]
    limits: Limits = Limits()
    files: dict[str, Path] = field(default_factory=dict)
    """By their place inside."""
    packages: Sequence[str] = ()
    """Paths of Python packages and of what they need; inside they lie beside each other in one folder."""
    gpu: bool = False
    output: Path | None = None
    """Where the bytes of the answer go."""
    probe: Callable[[Any], dict[str, Any]] | None = None
    """Answers what the code asks by `probe`, as plain JSON; its time is not the code's."""


@functools.cache
def bubblewrap() -> str:
    """The path of `bwrap`. Raises ExperimentError naming the remedy where there is none."""
    found = shutil.which("bwrap", path=os.environ.get("PATH", "") + ":/usr/bin:/bin")
    if found is None:
        raise ExperimentError(
            "sandbox: expected bubblewrap, found none: apt-get install bubblewrap. Agents are refused, not run"
        )
    return found


def call(what: Call, stopped: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Runs one call and gives the line of JSON. Raises JailError; `stopped` is asked several times a second."""
    with tempfile.TemporaryFile() as filter_file, memory_group(what.limits.memory_bytes + (32 << 20)) as group:
        filter_file.write(program())
        filter_file.seek(0)
        command = _command(what, filter_file.fileno())
        if group is not None:
            # The process joins its group before it becomes bubblewrap, so that nothing is ever outside.
            command = ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', str(group / "cgroup.procs"), *command]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}, cwd="/",
            pass_fds=[filter_file.fileno()], start_new_session=True,
        )  # fmt: skip
        try:
            return _converse(process, what, stopped)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


def _command(what: Call, filter_fd: int) -> list[str]:
    limits, root = what.limits, os.geteuid() == 0
    python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    standard, version = sysconfig.get_path("stdlib"), f"python{sys.version_info[0]}.{sys.version_info[1]}"
    bind = ["--ro-bind"]
    command = [bubblewrap(), "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if root:
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user", "--disable-userns", "--uid", str(_NOBODY), "--gid", str(_NOBODY), "--cap-drop", "ALL"]
    command += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"]
    for name, value in _environment(limits).items():
        command += ["--setenv", name, value]
    for folder in ("/usr", "/etc", "/python", "/python/bin", "/python/lib", "/packages", "/in"):
        command += ["--perms", "0755", "--dir", folder]
    command += [*bind, "/usr/lib", "/usr/lib"]
    for place in ("/lib", "/lib64", "/usr/lib64"):
        if os.path.islink(place):
            command += ["--symlink", os.readlink(place), place]
        elif os.path.isdir(place):
            command += [*bind, place, place]
    for place in ("/etc/alternatives", "/etc/ld.so.cache"):
        command += ["--ro-bind-try", place, place]
    command += [*bind, python, f"/python/bin/{version}", *bind, standard, f"/python/lib/{version}"]
    command += _without_packages(standard, f"/python/lib/{version}")
    shared = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("LDLIBRARY") or "")
    if shared.endswith(".so") and os.path.exists(shared) and not shared.startswith("/usr/lib"):
        for each in glob.glob(shared + "*"):
            command += [*bind, os.path.realpath(each), f"/python/lib/{os.path.basename(each)}"]
        command += ["--setenv", "LD_LIBRARY_PATH", "/python/lib"]
    command += [*bind, str(Path(__file__).with_name("child.py")), "/child.py"]
    for path in what.packages:
        command += [*bind, path, f"/packages/{os.path.basename(path)}"]
    for inside, outside in what.files.items():
        command += [*bind, str(outside), inside]
    command += ["--proc", "/proc", "--tmpfs", "/proc/sys", "--remount-ro", "/proc/sys", "--dev", "/dev"]
    if what.gpu:
        for device in glob.glob("/dev/nvidia*"):
            if not os.path.isdir(device):
                command += ["--dev-bind", device, device]
    command += ["--remount-ro", "/dev", "--size", str(limits.disk_bytes), "--perms", "1777", "--tmpfs", "/tmp"]
    command += ["--chdir", "/tmp", "--remount-ro", "/", "--seccomp", str(filter_fd)]
    return [*command, "--", f"/python/bin/{version}", "-I", "-S", "-B", "/child.py"]


def _without_packages(standard: str, inside: str) -> list[str]:
    """Empties the folders of packages that come with Python's own library, of this interpreter and of the host's."""
    kinds = ("site-packages", "dist-packages")
    places = [f"{inside}/{kind}" for kind in kinds if os.path.isdir(f"{standard}/{kind}")]
    for library in ("/usr/lib", "/usr/lib64"):
        if not os.path.islink(library):
            places += [found for kind in kinds for found in sorted(glob.glob(f"{library}/python*/{kind}"))]
    return [word for place in places for word in ("--perms", "0555", "--tmpfs", place, "--remount-ro", place)]


def _environment(limits: Limits) -> dict[str, str]:
    threads = str(max(1, min(4, limits.processes // 8)))
    return {
        "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
    }  # fmt: skip


def _request(what: Call) -> bytes:
    limits = what.limits
    rlimits = {
        "AS": limits.memory_bytes, "CPU": limits.cpu_s, "FSIZE": limits.disk_bytes, "NPROC": limits.processes, "NOFILE": 64,
        "CORE": 0, "MSGQUEUE": 0, "MEMLOCK": 0,
    }  # fmt: skip
    request = {**what.request, "limits": rlimits, "packages": ["/packages"] if what.packages else []}
    if os.geteuid() == 0:
        request["uid"] = _FIRST_USER + os.getpid() % _USERS
    return json.dumps(request, allow_nan=False).encode() + b"\n"


def _converse(process: subprocess.Popen[bytes], what: Call, stopped: Callable[[], bool]) -> dict[str, Any]:
    """Sends the request and reads an answer that may be anything, until the process ends or a limit is met."""
    log = _Log(process.stderr)
    answer = _Answer(process, what)
    sender = threading.Thread(target=_send, args=(process.stdin, _request(what), what.probe is None), daemon=True)
    for thread in (log, answer, sender):
        thread.start()
    deadline = time.monotonic() + what.limits.wall_s
    while answer.is_alive():
        late = time.monotonic() - deadline - answer.outside()
        answer.join(min(0.05, max(0.0, -late)) or 0.001)
        if late > 0:
            process.kill()
            raise JailTimeout(f"sandbox: took more than {what.limits.wall_s:g} s", log.text())
        if stopped():
            process.kill()
            raise JailError("sandbox: stopped", log.text())
    if answer.broken is not None:
        raise answer.broken
    try:
        status = process.wait(0.5 if answer.error else max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    log.join(1.0)
    if answer.error or status != 0 or answer.head is None:
        # Code that ended by an error says more in its last line than the answer that it cut short.
        told = _last_line(log.text()) if status > 0 else ""
        raise JailError(f"sandbox: {told or answer.error or f'exit status {status}'}", log.text())
    return {**answer.head, "log": log.text()} if isinstance(answer.head, dict) else {"value": answer.head, "log": log.text()}


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:500] if lines else ""


def _send(pipe: IO[bytes] | None, data: bytes, last: bool = True) -> None:
    assert pipe is not None
    try:
        pipe.write(data)
        pipe.flush()
        if last:
            pipe.close()
    except (BrokenPipeError, ValueError):
        return


class _Log(threading.Thread):
    """Keeps the end of what code prints."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        assert pipe is not None
        self.pipe, self.kept = pipe, b""

    def run(self) -> None:
        try:
            while piece := self.pipe.read1(1 << 16):  # type: ignore[attr-defined]
                self.kept = (self.kept + piece)[-_MOST_LOG:]
        except (OSError, ValueError):
            return

    def text(self) -> str:
        return self.kept.decode("utf-8", "replace")


class _Answer(threading.Thread):
    """Reads one line of JSON and the bytes after it; never more than allowed, and strictly. Before it come lines that ask."""

    def __init__(self, process: subprocess.Popen[bytes], what: Call) -> None:
        super().__init__(daemon=True)
        assert process.stdout is not None and process.stdin is not None
        self.pipe, self.back, self.what = process.stdout, process.stdin, what
        # What is asked is worked at as part of the caller's work, and stops with it.
        self.context = contextvars.copy_context()
        self.head: Any = None
        self.error = ""
        self.broken: Exception | None = None
        self.worked, self.since = 0.0, 0.0

    def outside(self) -> float:
        """Seconds that answers took so far, which are not the code's."""
        since = self.since
        return self.worked + (time.monotonic() - since if since else 0.0)

    def run(self) -> None:
        try:
            self._read()
        except (OSError, ValueError, RecursionError) as error:
            self.error = self.error or f"answer: {error}"

    def _line(self) -> tuple[Any] | None:
        """The first line that does not ask; None where there is none."""
        while True:
            line = self.pipe.readline(_MOST_HEAD + 1)
            if not line:
                return None
            if len(line) > _MOST_HEAD or not line.endswith(b"\n"):
                raise ValueError(f"expected one line of at most {_MOST_HEAD} bytes")
            head = _plain(line)
            if self.what.probe is None or not isinstance(head, dict) or set(head) != {"probe"}:
                return (head,)
            self.since = time.monotonic()
            try:
                told = self.context.run(self.what.probe, head["probe"])
            except Exception as error:
                # Not the code's fault, but that of whoever answers.
                self.broken = error
                return None
            self.worked, self.since = self.outside(), 0.0
            _send(self.back, json.dumps(told, allow_nan=False).encode() + b"\n", last=False)

    def _read(self) -> None:
        found = self._line()
        if found is None:
            return
        (head,) = found
        expected = head.get("bytes", 0) if isinstance(head, dict) and self.what.output is not None else 0
        if type(expected) is not int or not 0 <= expected <= self.what.limits.output_bytes:
            raise ValueError(f"expected at most {self.what.limits.output_bytes} bytes, found {str(expected)[:40]}")
        if self.what.output is not None:
            with open(self.what.output, "wb") as file:
                left = expected
                while left and (piece := self.pipe.read(min(left, 1 << 20))):
                    file.write(piece)
                    left -= len(piece)
            if left:
                raise ValueError(f"expected {expected} bytes, found {expected - left}")
        if self.pipe.read(1):
            raise ValueError("expected nothing after the answer")
        self.head = head


def _plain(line: bytes) -> Any:
    """A line as JSON that can be stored anywhere. Raises ValueError for numbers that are not finite, and for half a pair of surrogates."""
    head = json.loads(line.decode("utf-8"), parse_constant=_finite, parse_float=_finite)
    json.dumps(head, ensure_ascii=False).encode("utf-8")
    return head


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"expected finite numbers, found {text[:40]}")
    return number
