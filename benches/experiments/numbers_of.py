"""What the measurements share: a figure beside its bar, a table of them, workers as processes, and the load that they were taken at."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from neural_codec.experiments.config import load
from neural_codec.experiments.services import open_services

SETTINGS = {"kind": "settings", "fresh": True, "payload": {"settings": {"effort": 0, "quantizer": 40}}}


@dataclass(frozen=True)
class Number:
    """One line of the table."""

    what: str
    found: str
    bar: str
    holds: bool

    def line(self, load_average: float) -> str:
        """As Markdown."""
        return f"| {self.what} | {self.found} | {self.bar} | {'yes' if self.holds else '**no**'} | {load_average:.1f} |"


HEAD = "| what | found | bar | held | load |\n|---|---|---|---|---|\n"


def machine() -> str:
    """The processor, how many of them, and what runs on it."""
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    return f"{len(os.sched_getaffinity(0))} processors {model}, Linux {platform.release()}, Python {platform.python_version()}"


def opened(folder, clip, **more):
    """Services over a folder."""
    return open_services(load(None, {"data": Path(folder), "clip": clip, "poll_s": 0.2, **more}, {}))


def start(folder, clip, *arguments, **more):
    """A worker as a process, or a server where the arguments say so."""
    names = {"DATA": folder, "CLIP": clip, "POLL_S": "0.2", **more}
    environment = {**os.environ, **{f"NEURAL_CODEC_EXPERIMENTS_{name}": str(value) for name, value in names.items()}}
    command = [sys.executable, "-m", "neural_codec", "experiments", *(arguments or ("work",))]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def end(*processes):
    """Kills processes and waits for them."""
    for each in processes:
        each.kill()
        each.wait()


def processor_seconds(pid: int) -> float:
    """Of a process and of those of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
