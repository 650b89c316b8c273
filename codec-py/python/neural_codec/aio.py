"""The calls of the package for `asyncio`: each works on a thread, and a task that is cancelled ends its work.

```python
from neural_codec import aio

report = await aio.encode("clip.mp4", "clip.nvc")
async for frame in aio.frames("clip.nvc"):
    print(frame.shape)
```
Arguments and results are those of the functions of the same name. A `progress` callable runs on the thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextvars import copy_context
from typing import Any, TypeVar

from . import _decode, _encode, _export, _measure
from ._jobs import STOP
from .records import ClipInfo, Exported, Metrics, Report, StreamInfo, Written

__all__ = ["compare", "decode", "detect_scenes", "encode", "export_base", "frames", "info", "remux"]

T = TypeVar("T")


async def encode(source: Any, output: Any = None, **options: Any) -> Report:
    """As `neural_codec.encode`."""
    return await _on_thread(lambda: _encode.encode(source, output, **options))


async def decode(source: Any, output: Any = None, **options: Any) -> _decode.Frames | Written:
    """As `neural_codec.decode`."""
    result: _decode.Frames | Written = await _on_thread(lambda: _decode.decode(source, output, **options))
    return result


async def export_base(source: Any, output: Any, **options: Any) -> Exported:
    """As `neural_codec.export_base`."""
    return await _on_thread(lambda: _export.export_base(source, output, **options))


async def remux(source: Any, output: Any, **options: Any) -> Exported:
    """As `neural_codec.remux`."""
    return await _on_thread(lambda: _export.remux(source, output, **options))


async def compare(reference: Any, clip: Any, **options: Any) -> Metrics:
    """As `neural_codec.compare`."""
    return await _on_thread(lambda: _measure.compare(reference, clip, **options))


async def detect_scenes(source: Any, **options: Any) -> list[tuple[int, int]]:
    """As `neural_codec.detect_scenes`."""
    return await _on_thread(lambda: _measure.detect_scenes(source, **options))


async def info(source: Any) -> StreamInfo | ClipInfo:
    """As `neural_codec.info`."""
    return await _on_thread(lambda: _measure.info(source))


async def frames(source: Any, **options: Any) -> AsyncIterator[Any]:
    """The frames of a stream; options are those of `neural_codec.Decoder`."""
    decoder = await _on_thread(lambda: _decode.Decoder(source, **options))
    try:
        while (frame := await _on_thread(decoder.next_frame)) is not None:
            yield frame
    finally:
        decoder.close()


async def _on_thread(work: Callable[[], T]) -> T:
    """The result of work on a thread. Cancelled, it tells the work to stop and waits until it has."""
    stop = threading.Event()
    context = copy_context()
    context.run(STOP.set, stop)
    running = asyncio.get_running_loop().run_in_executor(None, lambda: context.run(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        # What the work says about its end interests nobody any more.
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()
        raise
