"""Processor time of commands, with what they start."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Sequence


def timed(command: Sequence[str]) -> tuple[float, str]:
    """Runs a command; its processor seconds and what it printed. One that fails ends the program with the end of what it complained of."""
    before = spent()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    return spent() - before, done.stdout


def spent() -> float:
    """Processor seconds of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
