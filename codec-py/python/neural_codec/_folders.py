"""What is in folders: the pictures and clips to encode, the streams to decode, and where each goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from . import _native
from ._measure import info
from .errors import FileMissing, InvalidArgument, NeuralCodecError
from .records import StreamInfo

KINDS = ("nvc", "avif", "mkv", "mp4", "webm")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
CLIPS = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".y4m", ".wmv", ".flv", ".mxf", ".ogv", ".gif")
# Video files that an encode writes.
CODED_CLIPS = (".mkv", ".mp4", ".m4v", ".webm")
DECODED = (".nvc", ".avif", *CODED_CLIPS)


@dataclass
class WorkList:
    """What there is to do."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    """Each input and its output."""
    left_out: list[str] = field(default_factory=list)
    """Files of folders that are nothing of the kind."""
    earlier: list[str] = field(default_factory=list)
    """Files of folders that an earlier run wrote, or that lie in the folder that is written to."""
    unread: list[tuple[str, str]] = field(default_factory=list)
    """Folders that cannot be read, each with why."""
    nameless: list[tuple[str, str]] = field(default_factory=list)
    """Inputs that have no output of their own, each with another of the same."""
    renamed: list[str] = field(default_factory=list)
    """Outputs in whose names the endings of their inputs stand."""


@dataclass
class _Input:
    path: str
    name: str
    """As it lies in its folder."""
    root: str
    """The folder that was named, or in which the file is that was."""
    ending: str
    """Of its output."""
    is_found: bool
    """Whether it was found in a folder, and not named."""
    keeps_ending: bool = False
    """Whether its own ending stands in the name of its output."""

    def output(self, folder: str) -> str:
        return os.path.join(folder, f"{self.name if self.keeps_ending else os.path.splitext(self.name)[0]}.{self.ending}")


def is_folder_output(path: str) -> bool:
    """Whether a path that was given as output is a folder, there or to be made, and no file of a kind that is written."""
    return os.path.isdir(path) or path.endswith(os.sep) or not os.path.splitext(path)[1]


def to_encode(sources: list[str], folder: str, ending: str | None) -> WorkList:
    """Inputs and those in folders, with outputs of this ending, clips not `.avif`; without one, `.nvc` for photos and `.mkv` for clips."""
    if ending is not None and ending not in KINDS:
        raise InvalidArgument(f"to: expected one of {', '.join(KINDS)}, found {ending!r}")

    def kind(path: str) -> str:
        if ending is not None and ending != "avif":
            return ending
        return (ending or "nvc") if _native.is_photo(path) else "mkv"

    def is_taken(each: _Input, output: str) -> bool:
        # An `.avif` does not say who wrote it: in a folder that is read its name is whole from the first run on, so that the next finds it.
        if output.endswith(".avif"):
            return any(_is_below(output, root) for root in read)
        # By a file that no encode wrote, below the folder that is read; or by the input itself.
        if not os.path.exists(output) or not output.endswith(CODED_CLIPS):
            return False
        return os.path.samefile(each.path, output) or (_is_below(folder, each.root) and not _is_stream(output))

    work = WorkList()
    inputs = _inputs(sources, folder, PICTURES + CLIPS, kind, work)
    # What lies in the folder of outputs is no input where that is below another.
    read = {each.root for each in inputs if _is_below(each.root, folder)}
    return _named(_without_results(inputs, folder, work), folder, work, is_taken)


def to_decode(sources: list[str], folder: str, kind: Callable[[str], str | None], skips: bool) -> WorkList:
    """Streams and those in folders, with outputs of the ending that each has; those of folders that have none are left out."""

    def is_taken(each: _Input, output: str) -> bool:
        # Beside a stream there is often what it was made from, which is older.
        beside = os.path.dirname(os.path.realpath(each.path)) == os.path.dirname(os.path.realpath(output))
        return beside and os.path.exists(output) and not (skips and _is_made_after(output, each.path))

    work = WorkList()
    return _named(_inputs(sources, folder, DECODED, kind, work), folder, work, is_taken)


def _inputs(sources: list[str], folder: str, endings: tuple[str, ...], kind: Callable[[str], str | None], work: WorkList) -> list[_Input]:
    """What was named, and what lies in folders and has one of the endings; each file once."""
    found: dict[str, _Input] = {}
    for source in sources:
        if not os.path.isdir(source):
            # Of what has no kind the error says why.
            found[os.path.abspath(source)] = _Input(source, os.path.basename(source), os.path.dirname(source) or ".", kind(source) or "mkv", False)
            continue
        for path, name in _files(source, work):
            if _is_below(path, folder) and not _is_below(source, folder):
                work.earlier.append(path)
            elif path.lower().endswith(endings) and (ending := kind(path)) is not None:
                found.setdefault(os.path.abspath(path), _Input(path, name, source, ending, True))
            else:
                work.left_out.append(path)
    if not found and not work.unread:
        raise FileMissing(f"{', '.join(sources)}: expected files that end in {', '.join(endings)}, found none{_but(work.left_out)}")
    return list(found.values())


def _but(left_out: list[str]) -> str:
    return f" among {len(left_out)}, such as {left_out[0]}" if left_out else ""


def _without_results(inputs: list[_Input], folder: str, work: WorkList) -> list[_Input]:
    """Without the streams that an earlier run wrote beside their sources."""
    sources: dict[str, set[str]] = {}
    for each in inputs:
        for name in (os.path.splitext(each.name)[0], each.name):
            for ending in CODED_CLIPS:
                sources.setdefault(os.path.realpath(os.path.join(folder, name + ending)), set()).add(each.path)
    kept = []
    for each in inputs:
        others = sources.get(os.path.realpath(each.path), set()) - {each.path}
        if each.is_found and others and _is_stream(each.path):
            work.earlier.append(each.path)
        else:
            kept.append(each)
    return kept


def _named(inputs: list[_Input], folder: str, work: WorkList, is_taken: Callable[[_Input, str], bool]) -> WorkList:
    """Gives each input an output of its own: with its ending in the name where two would have the same, or another file would be lost."""
    for each in inputs:
        each.keeps_ending = is_taken(each, each.output(folder))
    while True:
        sharing: dict[str, list[_Input]] = {}
        for each in inputs:
            sharing.setdefault(each.output(folder), []).append(each)
        again = [each for group in sharing.values() if len(group) > 1 for each in group if not each.keeps_ending]
        if not again:
            break
        # What they are called now may be the name of a third.
        for each in again:
            each.keeps_ending = True
    for output, group in sharing.items():
        if len(group) > 1:
            work.nameless += [(each.path, group[0 if each is not group[0] else 1].path) for each in group]
        else:
            work.pairs.append((group[0].path, output))
            work.renamed += [output] if group[0].keeps_ending else []
    return work


def _is_stream(path: str) -> bool:
    """Whether a file is one that an encode wrote."""
    try:
        return isinstance(info(path), StreamInfo)
    except (NeuralCodecError, OSError):
        return False


def _is_made_after(path: str, other: str) -> bool:
    """Whether a file is no older than another."""
    return os.path.isfile(path) and os.path.exists(other) and os.stat(path).st_mtime_ns >= os.stat(other).st_mtime_ns


def _is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder, or lies in it."""
    inner, outer = os.path.realpath(path), os.path.realpath(folder)
    return inner == outer or inner.startswith(outer.rstrip(os.sep) + os.sep)


def _files(folder: str, work: WorkList) -> Iterator[tuple[str, str]]:
    """Files below a folder in order, each with its path inside; hidden ones are left out."""

    def cannot(error: OSError) -> None:
        work.unread.append((os.path.normpath(error.filename), error.strerror or str(error)))

    for place, folders, names in os.walk(folder, onerror=cannot):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = os.path.join(place, name)
            yield path, os.path.relpath(path, folder)
