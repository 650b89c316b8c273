"""The base layer of a stream as an ordinary video file."""

from __future__ import annotations

import json
import os
from typing import Any

from . import _native
from ._decode import WRITE_PATIENCE
from ._jobs import ProgressArgument, drive
from ._sources import as_path
from .errors import InvalidType, naming
from .records import Exported, Lost


def export_base(source: Any, output: str | os.PathLike[str], *, progress: ProgressArgument = None) -> Exported:
    """Writes the AV1 base layer of a stream into a video file that any player plays, with the sound; nothing is decoded.

    `source`: a path, bytes or a binary file object. `output`: a path that ends in `.mp4`, `.mkv` or `.webm`; it
    appears whole or not at all. The pictures are those of the base layer alone, at its coded size (even, at least 64).
    """
    if not isinstance(output, (str, os.PathLike)):
        raise InvalidType(f"output: expected a path, found {type(output).__name__}")
    with naming(source), as_path(source) as path:
        return _written(_native.export_base(path, output), output, progress)


def remux(source: Any, output: str | os.PathLike[str], *, progress: ProgressArgument = None) -> Exported:
    """Writes a stream, or a video file that holds one, as the other or as another container; nothing is coded anew.

    `source`: a path, bytes or a binary file object. `output`: a path that ends in `.nvc`, `.mkv`, `.mp4` or `.webm`; it
    appears whole or not at all. Every scene keeps its filter, and every track that the output can hold.
    """
    if not isinstance(output, (str, os.PathLike)):
        raise InvalidType(f"output: expected a path, found {type(output).__name__}")
    with naming(source), as_path(source) as path:
        return _written(_native.remux(path, output), output, progress)


def _written(job: _native.Job, output: str | os.PathLike[str], progress: ProgressArgument) -> Exported:
    values = json.loads(drive(job, progress=progress, patience=WRITE_PATIENCE))
    lost = [Lost.from_dict(each) for each in values.pop("lost")]
    return Exported(os.fspath(output), lost=lost, **values)
