"""One clip over many machines, by Ray.

```text
source -> cut into scenes, in one pass, here -> scenes with their frames in Ray's object store -> encoded on any node -> joined here
```
Ray starts tasks, moves bytes and repeats what a lost node had. What this module holds at any time is bounded: so many scenes are cut ahead as
there are processors, and no more than half the object store holds.
"""

from __future__ import annotations

import importlib
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from . import _native
from ._jobs import ProgressArgument, check_stop, drive
from ._library import suggest_libraries
from ._parts import EncodedScene, concat, warm_start
from ._progress import bar_for
from ._sources import opened
from .errors import Cancelled, InvalidArgument, InvalidType, MissingLibrary, NeuralCodecError, Unsupported
from .records import Lost, Progress, Report, Scene

# Seconds of one wait for tasks; Ctrl-C and callbacks are answered between two.
WAIT = 0.1
# How often Ray repeats a scene whose node was lost.
RETRIES = 5
# Scenes cut ahead of the processors, so that none waits for its frames.
AHEAD = 2
# Seconds without a node that has processors enough for a scene, after which the encode ends: one that scales by itself may need them.
NODE_PATIENCE = 300.0
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
    starts_warm = _native.scenes_start_warm(texts)
    with _connected(address) as ray, bar_for(progress) as shown, opened(source, fps=fps, audio=False, reading=texts) as (native, _):
        scenes = _Run(ray, _native.SceneCutter(native, texts), texts, starts_warm, shown).scenes()
    return _joined(source, scenes, output, fps, on_lost, texts)


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
        raise Unsupported(f"unsupported cluster {address}: {' '.join(str(error).split())}; start one with `ray start --head`") from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _encode(scene: bytes, texts: dict[str, str], start: bytes, versions: tuple[str, str]) -> EncodedScene | NeuralCodecError:
    """What a node does. An error is a result, which travels as it is."""
    parts: list[bytes] = []
    try:
        found = _versions()
        if found != versions:
            wanted = " and ".join(versions)
            raise Unsupported(f"unsupported node {socket.gethostname()}: it has {' and '.join(found)}; install {wanted} there, as here")
        report = Scene.from_json(drive(_native.encode_cut(scene, texts, start), write=parts.append))
    except NeuralCodecError as error:
        return error
    return EncodedScene(b"".join(parts), report)


def _versions() -> tuple[str, str]:
    """What the bytes of a scene depend on: this package and the base encoder."""
    suggest_libraries()
    return f"neural_codec {_native.__version__}", _native.encoder_version()[0]


@dataclass(frozen=True)
class _Cut:
    """A scene that waits for its node, or for scenes before it."""

    index: int
    frames: int
    bytes: int
    data: Any


class _Run:
    """One clip on its way through the nodes."""

    def __init__(self, ray: Any, cutter: _native.SceneCutter, texts: dict[str, str], starts_warm: bool, progress: Any) -> None:
        self._ray = ray
        self._cutter = cutter
        # One processor a scene, where none are asked for; the bytes do not depend on it.
        self._threads = int(texts.get("threads", "0")) or 1
        self._texts = {**texts, "threads": str(self._threads)}
        self._versions = _versions()
        self._starts_warm = starts_warm
        self._progress = progress
        self._task = ray.remote(num_cpus=self._threads, max_retries=RETRIES)(_encode)
        self._waiting: list[_Cut] = []
        self._running: dict[Any, _Cut] = {}
        self._done: dict[int, EncodedScene] = {}
        self._frames_done = 0
        self._count = 0
        self._is_cut = False
        self._last_node = time.monotonic()

    def scenes(self) -> list[EncodedScene]:
        """All scenes, encoded, in order."""
        try:
            while not self._is_cut or self._waiting or self._running:
                self._cut_ahead()
                self._submit()
                # The nodes begin with the first scenes while the next ones are cut.
                self._collect(WAIT if self._is_cut or not self._has_room() else 0.0)
        except BaseException:
            for task in self._running:
                self._ray.cancel(task, force=True)
            raise
        return [self._done[index] for index in range(self._count)]

    def _cut_ahead(self) -> None:
        """Cuts the next scene, where there is one and room for it."""
        if self._is_cut or not self._has_room():
            return
        parts: list[bytes] = []
        found = drive(self._cutter.next(), write=parts.append)
        if found == "null":
            self._is_cut = True
            return
        frames = int(found.strip("[]").split(",")[1])
        data = b"".join(parts)
        self._waiting.append(_Cut(self._count, frames, len(data), self._ray.put(data)))
        self._count += 1

    def _has_room(self) -> bool:
        """Whether fewer scenes wait or run than there are processors and two more, and the store can hold another."""
        held = [*self._waiting, *self._running.values()]
        resources = self._ray.cluster_resources()
        store = resources.get("object_store_memory", 0.0) * STORE_SHARE
        most = int(resources.get("CPU", 0.0)) + AHEAD
        return not held or (len(held) < most and sum(cut.bytes for cut in held) + held[-1].bytes <= store)

    def _submit(self) -> None:
        for cut in [cut for cut in self._waiting if self._is_ready(cut.index)]:
            self._waiting.remove(cut)
            start = warm_start(cut.index, [self._done[at] for at in self._before(cut.index)])
            self._running[self._task.remote(cut.data, self._texts, start, self._versions)] = cut

    def _is_ready(self, index: int) -> bool:
        return all(at in self._done for at in self._before(index))

    def _before(self, index: int) -> range:
        """The scenes that this one starts warm from."""
        return range(max(index - 9, 0), index - 1) if self._starts_warm else range(0)

    def _collect(self, seconds: float) -> None:
        """Waits so long for tasks, and takes what is finished."""
        check_stop()
        self._expect_nodes()
        finished, _ = self._ray.wait(list(self._running), timeout=seconds) if self._running else ([], [])
        for task in finished:
            cut = self._running.pop(task)
            try:
                scene = self._ray.get(task)
            except self._ray.exceptions.RayError as error:
                lines = str(error).strip().splitlines()
                raise Unsupported(f"unsupported cluster: scene {cut.index} was not encoded: {lines[-1] if lines else error!r}") from error
            if isinstance(scene, NeuralCodecError):
                raise scene
            self._done[cut.index] = scene
            self._frames_done += cut.frames
        if self._progress is not None:
            total = sum(scene.report.frames for scene in self._done.values()) if self._is_finished() else None
            size = sum(scene.report.bytes for scene in self._done.values())
            if self._progress(Progress(self._frames_done, total, len(self._done), size)) is False:
                raise Cancelled("cancelled by the progress callback")

    def _expect_nodes(self) -> None:
        """Errors: Unsupported where no node has been there for long that could encode a scene."""
        now = time.monotonic()
        if any(node["Alive"] and node["Resources"].get("CPU", 0.0) >= self._threads for node in self._ray.nodes()):
            self._last_node = now
        elif now - self._last_node > NODE_PATIENCE:
            raise Unsupported(f"unsupported cluster: for {NODE_PATIENCE:.0f} s no node has had {self._threads} processors; start nodes, or lower threads")

    def _is_finished(self) -> bool:
        return self._is_cut and not self._waiting and not self._running


def _joined(
    source: Any,
    scenes: list[EncodedScene],
    output: Any,
    fps: Any,
    on_lost: Callable[[list[Lost]], object] | None,
    texts: dict[str, str],
) -> Report:
    """The stream of all scenes with the tracks of the source, in the container that the output's name asks for."""
    from ._export import remux

    settings: Any = texts
    is_stream = not isinstance(output, (str, os.PathLike)) or _native.output_kind(output) == "stream"
    if is_stream:
        report = concat(source, scenes, output, fps=fps, **settings)
    else:
        with tempfile.TemporaryDirectory(prefix="neural-codec-") as folder:
            stream = os.path.join(folder, "joined.nvc")
            report = concat(source, scenes, stream, fps=fps, **settings)
            report = replace(report, lost=[*report.lost, *remux(stream, output).lost])
    if on_lost is not None and report.lost:
        on_lost(report.lost)
    return report
