"""How far long work has come, on standard error: tqdm where it is installed, else a plain line, or a line of JSON a second."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Union

from .errors import InvalidType
from .records import Progress

COLUMNS = 80
"""Width of a terminal that reports none."""
ROWS = 24
"""The same of its height."""


@contextmanager
def bar_for(progress: Union[Callable[[Progress], object], bool, None]) -> Iterator[Callable[[Progress], object] | None]:
    """The callback for an argument `progress`: a callable is itself, True is a bar."""
    if progress is None or progress is False:
        yield None
    elif progress is True:
        bar = _Tqdm() if _has_tqdm() else _Line()
        try:
            yield bar.show
        finally:
            bar.close()
    elif callable(progress):
        yield progress
    else:
        raise InvalidType(f"progress: expected a callable, True or None, found {type(progress).__name__}")


def _has_tqdm() -> bool:
    return importlib.util.find_spec("tqdm") is not None


def columns() -> int:
    """Characters in a line of the terminal."""
    return shutil.get_terminal_size((COLUMNS, ROWS)).columns or COLUMNS


class Pace:
    """Speed and the time that is left, by what was done so far."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def seconds(self) -> float:
        """Since the work began."""
        return time.monotonic() - self._start

    def rate(self, frames: int) -> float | None:
        """Frames a second; None before anything is known."""
        seconds = self.seconds()
        return frames / seconds if frames > 0 and seconds > 0.2 else None

    def left(self, at: Progress) -> float | None:
        """Seconds to the end, where the clip's length is known and frames are finished."""
        rate = self.rate(at.frames_done)
        return None if rate is None or not at.frames_total else max(at.frames_total - at.frames_done, 0) / rate


def details(at: Progress) -> str:
    """Stage, attempt, scene and bytes in words: those that the work has."""
    parts = []
    if at.stage is not None:
        parts.append(f"scene {at.scenes_done + 1}: {at.stage}, attempt {at.attempts}, {at.frames_coded} coded")
    if at.bytes:
        parts.append(f"{at.bytes / 1e6:.2f} MB" if at.bytes >= 10_000 else f"{at.bytes} bytes")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """Minutes and seconds, and hours where there are any."""
    minutes, left = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{left:02}" if minutes >= 60 else f"{minutes}:{left:02}"


class _Tqdm:
    def __init__(self) -> None:
        tqdm: Any = importlib.import_module("tqdm")
        # In a terminal that reports no size, tqdm itself shows nothing.
        self._bar = tqdm.tqdm(
            ncols=columns(),
            nrows=shutil.get_terminal_size((COLUMNS, ROWS)).lines or ROWS,
            mininterval=0,
            bar_format="{n_fmt} of {total_fmt} frames [{elapsed}<{remaining}, {rate_fmt}{postfix}]",
            unit=" frames",
        )
        self._last = 0.0

    def show(self, at: Progress) -> None:
        now = time.monotonic()
        if now - self._last < 0.1 and at.frames_done != at.frames_total:
            return
        self._last = now
        self._bar.total = at.frames_total or None
        self._bar.n = at.frames_done
        self._bar.set_postfix_str(details(at))

    def close(self) -> None:
        self._bar.close()


class _Line:
    """Rewrites one line, ten times a second at most."""

    def __init__(self) -> None:
        self._last = 0.0
        self._width = 0
        self._pace = Pace()

    def show(self, at: Progress) -> None:
        now = time.monotonic()
        if now - self._last < 0.1:
            return
        self._last = now
        text = self._text(at)[: columns() - 1]
        print(f"\r{text:{self._width}}", end="", file=sys.stderr, flush=True)
        self._width = len(text)

    def _text(self, at: Progress) -> str:
        total = f" of {at.frames_total}" if at.frames_total else ""
        parts = [f"{at.frames_done}{total} frames"]
        rate, left = self._pace.rate(at.frames_done), self._pace.left(at)
        if rate is not None:
            parts.append(f"{rate:.1f} a second")
        if left is not None:
            parts.append(f"{clock(left)} left")
        return ", ".join([*parts, *filter(None, [details(at)])])

    def close(self) -> None:
        if self._width:
            print(file=sys.stderr)


class JsonLines:
    """A line of JSON a second at most: the fields of `Progress`, and `seconds`, `frames_per_second` and `seconds_left` (null where
    they are not known yet)."""

    def __init__(self) -> None:
        self._last = float("-inf")
        self._pace = Pace()

    def __call__(self, at: Progress) -> None:
        now = time.monotonic()
        is_end = at.frames_total is not None and at.frames_done == at.frames_total
        if now - self._last < 1.0 and not is_end:
            return
        self._last = now
        more = {"seconds": self._pace.seconds(), "frames_per_second": self._pace.rate(at.frames_done), "seconds_left": self._pace.left(at)}
        print(json.dumps({"progress": {**dataclasses.asdict(at), **more}}), file=sys.stderr, flush=True)
