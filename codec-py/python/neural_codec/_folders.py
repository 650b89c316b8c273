"""What is in folders: the pictures and clips to encode, the streams to decode, and where each goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import _native
from .errors import FileMissing, InvalidArgument

KINDS = ("nvc", "avif", "mkv", "mp4", "webm")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
CLIPS = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".y4m", ".wmv", ".flv", ".mxf", ".ogv", ".gif")
DECODED = (".nvc", ".avif")


@dataclass(frozen=True)
class WorkList:
    """What there is to do."""

    pairs: list[tuple[str, str]]
    """Each input and its output."""
    left_out: list[str]
    """Files of folders that are nothing of the kind."""


def is_folder_output(path: str) -> bool:
    """Whether a path that was given as output is a folder, there or to be made, and no file of a kind that is written."""
    return os.path.isdir(path) or path.endswith(os.sep) or not os.path.splitext(path)[1]


def to_encode(sources: list[str], folder: str, ending: str | None) -> WorkList:
    """Inputs and those in folders, with outputs of this ending; without one, `.nvc` for photos and `.mkv` for clips."""
    if ending is not None and ending not in KINDS:
        raise InvalidArgument(f"to: expected one of {', '.join(KINDS)}, found {ending!r}")
    return _found(sources, folder, PICTURES + CLIPS, lambda path: ending or ("nvc" if _native.is_photo(path) else "mkv"))


def to_decode(sources: list[str], folder: str, ending: Callable[[str], str]) -> WorkList:
    """Streams and those in folders, with outputs of the ending that each has."""
    return _found(sources, folder, DECODED, ending)


def _found(sources: list[str], folder: str, endings: tuple[str, ...], ending: Callable[[str], str]) -> WorkList:
    """Two inputs with one output are an error before anything is done."""
    outputs: dict[str, str] = {}
    left_out: list[str] = []
    for source in sources:
        for path, name in _files(source) if os.path.isdir(source) else [(source, os.path.basename(source))]:
            if os.path.isdir(source) and not path.lower().endswith(endings):
                left_out.append(path)
                continue
            output = os.path.join(folder, f"{os.path.splitext(name)[0]}.{ending(path)}")
            if output in outputs:
                raise InvalidArgument(
                    f"output-dir: expected a name of its own for each input, found {outputs[output]} and {path}, which are both {output};"
                    " rename one, or name them in two commands"
                )
            outputs[output] = path
    if not outputs:
        raise FileMissing(f"{', '.join(sources)}: expected files that end in {', '.join(endings)}, found none")
    return WorkList([(path, output) for output, path in outputs.items()], left_out)


def _files(folder: str) -> Iterator[tuple[str, str]]:
    """Files below a folder in order, each with its path inside; hidden ones are left out."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = os.path.join(place, name)
            yield path, os.path.relpath(path, folder)
