"""Finds the SVT-AV1 that the package `av` carries, without importing that package."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

from . import _native


@cache
def suggest_library() -> None:
    """Tells the native module of the newest SVT-AV1 beside `av`.

    The variable NEURAL_CODEC_SVTAV1 comes before it, the system's library after it.
    """
    found = library_beside_av()
    if found is not None:
        _native.suggest_library(found)


def library_beside_av() -> Path | None:
    """The file in `av.libs` with the highest version, where `av` is installed."""
    spec = importlib.util.find_spec("av")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent.parent / "av.libs"
    return max(folder.glob("libSvtAv1Enc*.so*"), key=_version, default=None)


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", path.name.rpartition(".so")[2]))
