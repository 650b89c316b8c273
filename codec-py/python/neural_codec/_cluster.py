"""One clip over many machines, by Ray.

```text
source -> cut into scenes, in one pass, here -> scenes with their frames in Ray's object store -> encoded on any node -> joined here
```
What this module holds at any time is bounded: so many scenes are cut ahead as places on nodes can have, and two more, and no more than half the
object store holds.
"""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _native
from ._jobs import PATIENCE, ProgressArgument, check_stop, drive
from ._library import suggest_libraries
from ._output import check_distinct
from ._parts import EncodedScene, is_stream, joined_into, warm_start
from ._places import DEPTH, Places
from ._progress import bar_for
from ._sources import opened
from .errors import Cancelled, InvalidArgument, InvalidType, MissingLibrary, NeuralCodecError, Unsupported
from .records import Lost, Progress, Report, Scene

# Seconds of one wait for tasks; Ctrl-C and callbacks are answered between two.
WAIT = 0.1
# Scenes cut ahead of what places can have, so that none waits for its frames.
AHEAD = 2
# The part of the object store that waiting scenes may take.
STORE_SHARE = 0.5


def encode_on_cluster(
    address: str,
    source: Any,
    output: Any,
    progress: ProgressArgument,
    fps: Any,
    on_lost: Callable[[list[Lost]], object] | None,
    texts: dict[str, str],
) -> Report:
    """Encodes a clip on a Ray cluster; the bytes are those of `encode` on one machine.

    Errors: MissingLibrary without Ray; Unsupported for targets that all scenes share; what a scene's encode met.
    """
    if not isinstance(source, (str, os.PathLike)):
        raise InvalidType(f"source: expected a path, which cluster needs, found {type(source).__name__}")
    check_distinct(source, output)
    texts = _for_output(output, texts)
    starts_warm = _native.scenes_start_warm(texts)
    with _connected(address) as ray, bar_for(progress) as shown, opened(source, fps=fps, reading=texts) as (native, _):
        cutter = _native.SceneCutter(native, texts)
        scenes = _Run(ray, cutter, texts, starts_warm, shown).scenes()
        return _joined(cutter, scenes, output, on_lost, texts)


def _for_output(output: Any, texts: dict[str, str]) -> dict[str, str]:
    """The settings as `encode` on one machine has them for this output: files for players have all frames, and no filters that nobody asked for."""
    if is_stream(output):
        return texts
    return {**texts, "strategies": _native.strategies_for_players(texts), "repeats": "off"}


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise MissingLibrary("missing library ray: cluster needs it; pip install 'neural-codec[ray]'") from None


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Ray, connected: to what the caller has connected already, to `address`, or to a cluster of this machine's own."""
    if not isinstance(address, str) or not address:
        raise InvalidArgument(f"cluster: expected local, auto, HOST:PORT or ray://HOST:PORT, found {address!r}")
    ray = _ray()
    if ray.is_initialized():
        yield ray
        return
    try:
        ray.init(address=None if address == "local" else address, logging_level="error", include_dashboard=False if address == "local" else None)
    except (ConnectionError, RuntimeError, ValueError) as error:
        # Of a token that is missing Ray's client says that the connection timed out.
        remedy = "; RAY_AUTH_MODE and RAY_AUTH_TOKEN have to be those of its nodes" if address.startswith("ray://") else ""
        raise Unsupported(f"unsupported cluster {address}: {' '.join(str(error).split())}; start one with `ray start --head`{remedy}") from None
    try:
        yield ray
    finally:
        ray.shutdown()


class _Encoder:
    """What a node does. An error is a result, which travels as it is."""

    def begin(self, wanted: tuple[str, str]) -> NeuralCodecError | None:
        """Why this node cannot encode, if so."""
        try:
            found = _versions()
        except NeuralCodecError as error:
            return error
        if found == wanted:
            return None
        remedy = f"install {' and '.join(wanted)} there, as here"
        return Unsupported(f"unsupported node {socket.gethostname()}: it has {' and '.join(found)}; {remedy}")

    def encode(self, scene: Any, texts: dict[str, str], start: bytes) -> EncodedScene | NeuralCodecError:
        """A cut scene, encoded."""
        parts: list[bytes] = []
        try:
            report = Scene.from_json(drive(_native.encode_cut(scene, texts, start), write=parts.append))
        except NeuralCodecError as error:
            return error
        return EncodedScene(b"".join(parts), report)


def _versions() -> tuple[str, str]:
    """What the bytes of a scene depend on: this package and the base encoder."""
    suggest_libraries()
    return f"neural_codec {_native.__version__}", _native.encoder_version()[0]


@dataclass(frozen=True, eq=False)
class _Cut:
    """A scene that waits for a place, or for scenes before it."""

    index: int
    frames: int
    bytes: int
    data: Any

    def __str__(self) -> str:
        return f"scene {self.index}"


class _Run:
    """One clip on its way through the nodes."""

    def __init__(self, ray: Any, cutter: _native.SceneCutter, texts: dict[str, str], starts_warm: bool, progress: Any) -> None:
        self._ray = ray
        self._cutter = cutter
        # One processor a scene, where none are asked for; the bytes do not depend on it.
        threads = int(texts.get("threads", "0")) or 1
        self._texts = {**texts, "threads": str(threads)}
        self._starts_warm = starts_warm
        self._progress = progress
        self._places: Places[_Cut] = Places(ray, _Encoder, threads, _versions())
        self._waiting: list[_Cut] = []
        self._done: dict[int, EncodedScene] = {}
        self._frames_done = 0
        self._count = 0
        self._is_cut = False
        self._next: _native.Job | None = None

    def scenes(self) -> list[EncodedScene]:
        """All scenes, encoded, in order."""
        try:
            self._next = self._cutter.next()
            # Places take most of a second to begin, in which the first scenes are read.
            self._places.open(AHEAD)
            while not self._is_finished():
                self._cut_ahead()
                self._places.open(len(self._held()))
                self._submit()
                # The nodes begin with the first scenes while the next ones are cut.
                self._collect(WAIT if self._is_cut or not self._has_room() else 0.0)
        finally:
            if self._next is not None:
                self._next.close(PATIENCE)
            self._places.close()
        return [self._done[index] for index in range(self._count)]

    def _held(self) -> list[_Cut]:
        return [*self._waiting, *self._places.held]

    def _is_finished(self) -> bool:
        return self._is_cut and not self._held()

    def _cut_ahead(self) -> None:
        """Cuts the next scene, where there is one and room for it."""
        if self._is_cut or not self._has_room():
            return
        parts: list[bytes] = []
        found = drive(self._next or self._cutter.next(), write=parts.append)
        self._next = None
        if found == "null":
            self._is_cut = True
            return
        # The next one is read and cut while this one goes its way.
        self._next = self._cutter.next()
        frames = int(found.strip("[]").split(",")[1])
        # As an array it is read out of the object store by nodes, and not copied from it.
        data = np.frombuffer(b"".join(parts), np.uint8)
        self._waiting.append(_Cut(self._count, frames, data.nbytes, self._ray.put(data)))
        self._count += 1

    def _has_room(self) -> bool:
        """Whether fewer scenes are held than all places can have and two more, and the store can hold another."""
        held = self._held()
        most = self._places.most * DEPTH + AHEAD
        return not held or (len(held) < most and sum(cut.bytes for cut in held) + held[-1].bytes <= self._places.store * STORE_SHARE)

    def _submit(self) -> None:
        """Gives places the scenes that may begin; what waits at one is taken back for another that has nothing to do."""
        ready = [cut for cut in self._waiting if self._is_ready(cut.index)]
        if not ready:
            behind = self._places.taken_back()
            ready = [] if behind is None else [behind]
            self._waiting += ready
        # The longest first, so that none begins when all others are nearly done.
        for cut in sorted(ready, key=lambda cut: -cut.frames):
            start = warm_start(cut.index, [self._done[at] for at in self._before(cut.index)])
            if not self._places.submit(cut, cut.data, self._texts, start):
                return
            self._waiting.remove(cut)

    def _is_ready(self, index: int) -> bool:
        return all(at in self._done for at in self._before(index))

    def _before(self, index: int) -> range:
        """The scenes that this one starts warm from."""
        return range(max(index - 9, 0), index - 1) if self._starts_warm else range(0)

    def _collect(self, seconds: float) -> None:
        """Waits so long for places, and takes what is finished."""
        check_stop()
        for cut, scene in self._places.finished(seconds):
            if scene is None:
                self._waiting.insert(0, cut)
                continue
            if isinstance(scene, NeuralCodecError):
                raise scene
            self._done[cut.index] = scene
            self._frames_done += cut.frames
        if self._progress is not None:
            total = sum(scene.report.frames for scene in self._done.values()) if self._is_finished() else None
            size = sum(scene.report.bytes for scene in self._done.values())
            if self._progress(Progress(self._frames_done, total, len(self._done), size)) is False:
                raise Cancelled("cancelled by the progress callback")


def _joined(
    cutter: _native.SceneCutter,
    scenes: list[EncodedScene],
    output: Any,
    on_lost: Callable[[list[Lost]], object] | None,
    texts: dict[str, str],
) -> Report:
    """The stream of all scenes with the tracks of the source, in the container that the output's name asks for."""
    report = joined_into(output, cutter.concat([scene.data for scene in scenes], texts), [], None)
    if on_lost is not None and report.lost:
        on_lost(report.lost)
    return report
