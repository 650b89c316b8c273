"""Progress bars on standard error: tqdm where it is installed, else a plain line."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Union

from .errors import InvalidType
from .records import Progress


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


class _Tqdm:
    def __init__(self) -> None:
        tqdm: Any = importlib.import_module("tqdm")
        self._bar = tqdm.tqdm(unit=" frames", dynamic_ncols=True)

    def show(self, at: Progress) -> None:
        self._bar.total = at.frames_total or None
        self._bar.update(at.frames_done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


class _Line:
    """Rewrites one line, ten times a second at most."""

    def __init__(self) -> None:
        self._last = 0.0
        self._shown = False

    def show(self, at: Progress) -> None:
        now = time.monotonic()
        if now - self._last < 0.1:
            return
        self._last, self._shown = now, True
        total = f" of {at.frames_total}" if at.frames_total else ""
        print(f"\r{at.frames_done}{total} frames", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._shown:
            print(file=sys.stderr)
