"""What counts in a result: bytes counted on files, and frames that a fresh process decoded, compared by the library."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import neural_codec

from .. import _native
from .._frames import Array
from ..records import ClipInfo, FrameValues, Metrics, Report, StreamInfo
from . import ExperimentError
from .faults import MachineFault


class Stopped(ExperimentError):
    """The work is wanted no longer."""


def decode_fresh(stream: Path, output: Path, stopped: Callable[[], bool]) -> None:
    """Decodes a stream into a lossless file, in a process of its own. Raises ExperimentError, Stopped, and MachineFault where the
    machine refused, or ended the process."""
    server = _server()
    assert server.stdin is not None and server.stdout is not None
    answer = b""
    try:
        line = json.dumps({"stream": str(stream), "output": str(output)})
        server.stdin.write(line.encode() + b"\n")
        server.stdin.flush()
        while not answer.endswith(b"\n"):
            if select.select([server.stdout], [], [], 0.05)[0]:
                piece = os.read(server.stdout.fileno(), 4096)
                if not piece:
                    raise OSError("decode: the server of fresh processes has ended")
                answer += piece
            elif stopped():
                raise Stopped("decode: stopped")
    except BaseException:
        # What it may still do is of no use to anyone.
        server.kill()
        raise
    status, error = (json.loads(answer)[name] for name in ("status", "error"))
    if error is not None:
        raise (MachineFault if error["of_machine"] else ExperimentError)(f"decode: {error['message']}")
    if status != 0:
        raise MachineFault(f"decode: ended by signal {-status}" if status < 0 else f"decode: exit status {status}")


_LOCAL = threading.local()


def _server() -> subprocess.Popen[bytes]:
    """The server of fresh processes that belongs to this thread."""
    server: subprocess.Popen[bytes] | None = getattr(_LOCAL, "server", None)
    if server is None or server.poll() is not None:
        command = [sys.executable, "-m", "neural_codec.experiments.fresh"]
        # Threads of numpy would not live through a fork.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        _LOCAL.server = server
    return server


def of_stream(clip: Path, stream: Path, decoded: Path) -> tuple[dict[str, Any], list[FrameValues]]:
    """The metrics of a stream of this library, from its file and the frames that were decoded from it; and those of each frame."""
    metrics = neural_codec.compare(str(clip), str(decoded), per_frame=True)
    found = neural_codec.info(str(stream))
    assert isinstance(found, StreamInfo)
    width, height = found.video.width, found.video.height
    return _figures(metrics, stream.stat().st_size, found.duration_seconds, width * height), metrics.per_frame or []


def _figures(metrics: Metrics, size: int, seconds: float, pixels: int) -> dict[str, Any]:
    return {
        "bytes": size,
        "bitrate_mbps": size * 8 / seconds / 1e6,
        "compression_ratio": metrics.frames * pixels * 1.5 / size if size else None,
        "psnr_db": metrics.psnr_y,
        "ssim": metrics.ssim_y,
        "psnr_yuv_db": metrics.psnr_yuv,
        "frames": metrics.frames,
        "lossless_frames": metrics.lossless_frames,
        "duration_seconds": seconds,
    }


def of_scenes(report: Report, frames: list[FrameValues]) -> list[dict[str, Any]]:
    """What each scene came to, by the frames that were decoded: means as floors take them, lossless frames left out."""
    told = []
    for scene in report.scenes:
        here = frames[scene.first_frame : scene.first_frame + scene.frames]
        values = {name: [each for each in (getattr(frame, name) for frame in here) if each is not None] for name in ("psnr_y", "ssim_y")}
        means = {name: sum(each) / len(each) if each else None for name, each in values.items()}
        told.append({"first_frame": scene.first_frame, "frames": scene.frames, "bytes": scene.bytes, **means})
    return told


def source_frames(clip: Path, output: Path, most_bytes: int, stopped: Callable[[], bool]) -> tuple[tuple[int, ...], float]:
    """Writes a clip's frames as RGB at 8 bits, one after the other; gives `(T, H, W, 3)` and the rate."""
    described = neural_codec.info(str(clip))
    assert isinstance(described, (ClipInfo, StreamInfo))
    source, count, written = _native.Source.open(str(clip), audio=False), 0, 0
    shape: tuple[int, ...] = ()
    with open(output, "wb") as file:
        while (found := source.next_picture(False)) is not None:
            picture = found[1]
            assert isinstance(picture, np.ndarray)
            picture = picture if picture.dtype == np.uint8 else (picture >> 2).astype(np.uint8)
            shape, count, written = picture.shape, count + 1, written + picture.size
            if written > most_bytes:
                raise ExperimentError(f"clip: frames take more than the {most_bytes} bytes that agents may have")
            if stopped():
                raise Stopped("clip: stopped")
            file.write(np.ascontiguousarray(picture).data)
    source.close()
    if count == 0:
        raise ExperimentError("clip: expected at least 1 frame, found 0")
    return (count, *shape), float(described.video.frame_rate)


def frames_in(path: Path, shape: tuple[int, ...]) -> Array:
    """Frames in a file of bytes, read as they are needed."""
    return np.memmap(path, np.uint8, "r", shape=shape)


def planes(video: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Each frame as `(y, u, v)`, luma by BT.601 from 16 to 235 as video has it: what is measured is the luma."""
    gray = np.full((video.shape[1] // 2, video.shape[2] // 2), 128, np.uint8)
    weights = np.array([0.299, 0.587, 0.114], np.float32) * np.float32(219 / 255)
    even = video[:, : video.shape[1] // 2 * 2, : video.shape[2] // 2 * 2]
    for picture in even:
        yield np.rint(16 + picture.astype(np.float32) @ weights).astype(np.uint8), gray, gray


def of_frames(source: Array, decoded: Array, fps: float, size: int) -> dict[str, Any]:
    """The metrics of agents' frames against those they were given; `size`: every byte that the decoder needs."""
    luma = neural_codec.compare(planes(source), planes(decoded))
    colors = neural_codec.compare(source, decoded)
    figures = _figures(luma, size, len(source) / fps, source.shape[1] * source.shape[2])
    figures["psnr_yuv_db"] = None
    return {**figures, "psnr_rgb_db": colors.psnr_rgb}
