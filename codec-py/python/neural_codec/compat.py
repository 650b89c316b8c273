"""The three calls of experiment workers that hold clips as tensors: `[B, T, C, H, W]`, floats from 0 to 1, B = 1.

```python
from neural_codec.compat import compress_video_tensor, decompress_video_tensor
```
`compressed_data` is a whole `.nvc` stream; all metrics are measured on it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np

from ._decode import decode
from ._encode import encode
from ._frames import Array
from ._measure import info
from .errors import DeviceError, InvalidArgument, InvalidType
from .records import Report, StreamInfo

__all__ = ["compress_video_tensor", "decompress_video_tensor", "estimate_decoder_tops"]

_DEFAULTS = {"fps": 30.0, "target_bitrate_mbps": 1.0, "target_quality_ssim": 0.95, "target_quality_psnr": 35.0}
# Keys that say what the tensor says too; they are checked against it.
_DESCRIBING = ("duration", "resolution")
_OTHERS = ("i_frame_interval", "effort", "threads")


def compress_video_tensor(frames: Any, config: Mapping[str, Any] | None = None, device: Any = "cpu") -> dict[str, Any]:
    """Encodes a clip: every scene meets the quality asked for at the fewest bytes; where that takes more than the bitrate
    asked for, the best quality within the bitrate.

    `frames`: `[1, T, 3, H, W]`, floats in [0, 1]; a torch tensor on any device, a numpy array, or anything with
    `__dlpack__`. `config`: `fps` (30), `target_bitrate_mbps` (1.0), `target_quality_ssim` (0.95), `target_quality_psnr` (35
    dB), `i_frame_interval` in frames, `effort` and `threads` as in `encode`; `resolution` (width, height) and `duration` in
    seconds are checked against the frames. `device`: where the frames are; encoding itself runs on the CPU.

    Returns `compressed_data` (bytes), `bitrate_mbps` (10^6 bits a second), `compression_ratio` (to raw 4:2:0),
    `compressed_size_mb` (10^6 bytes), `strategy` (that of most frames), `psnr_y`, `ssim_y`, `target_met` and `report`.
    Raises InvalidArgument or InvalidType naming what is wrong.
    """
    _check_device(device)
    wanted = _config(config)
    clip = _clip(frames)
    _check_description(wanted, clip)
    options: dict[str, Any] = {key: wanted[key] for key in ("effort", "threads") if key in wanted}
    interval = wanted.get("i_frame_interval")
    if interval is not None:
        seconds = _number("i_frame_interval", interval, 1) / wanted["fps"]
        options["max_scene_seconds"] = min(max(seconds, 0.5), 60.0)
    limit = wanted["target_bitrate_mbps"] * 1e6
    floor: dict[str, Any] = {"min_psnr_y": wanted["target_quality_psnr"], "min_ssim_y": wanted["target_quality_ssim"]}
    report = encode(_pictures(clip), fps=wanted["fps"], **floor, **options)
    quality_met = report.total.target_met
    if report.total.bitrate_bps > limit:
        report = encode(_pictures(clip), fps=wanted["fps"], bitrate_bps=int(limit), **options)
        quality_met = False
    total = report.total
    return {
        "compressed_data": report.data,
        "bitrate_mbps": total.bitrate_bps / 1e6,
        "compression_ratio": total.compression_ratio,
        "compressed_size_mb": total.bytes / 1e6,
        "strategy": _main_strategy(report),
        "psnr_y": total.quality.psnr_y,
        "ssim_y": total.quality.ssim_y,
        "target_met": quality_met and total.bitrate_bps <= limit,
        "report": report,
    }


def decompress_video_tensor(
    compressed_data: bytes, config: Mapping[str, Any] | None = None, device: Any = "cpu"
) -> dict[str, Any]:
    """Decodes what `compress_video_tensor` gave, or any stream.

    `compressed_data`: bytes, or the whole dictionary of `compress_video_tensor`. `config`: nothing of it is needed.

    Returns `reconstructed_frames` (`[1, T, 3, H, W]`, float32 in [0, 1]: a torch tensor on `device` where torch was imported
    before, else a numpy array), `decode_time_seconds`, `decode_fps`, `tops_per_frame` and `tops_at_30fps`.
    Raises `errors.Corrupt` and its like for what is no stream, `errors.DeviceError` for a device that torch cannot use.
    """
    _check_device(device)
    data = _stream(compressed_data)
    # A device that is not there is told before the work, not after.
    _as_tensor(np.zeros(1, np.float32), device)
    start = time.perf_counter()
    video = decode(data, layout="TCHW").video
    seconds = time.perf_counter() - start
    peak = 255 if video.dtype == np.uint8 else 1023
    frames = np.multiply(video, np.float32(1 / peak), dtype=np.float32)[np.newaxis]
    tops = estimate_decoder_tops(data)
    return {
        "reconstructed_frames": _as_tensor(frames, device),
        "decode_time_seconds": seconds,
        "decode_fps": len(video) / max(seconds, 1e-9),
        "tops_per_frame": tops,
        "tops_at_30fps": tops * 30,
    }


def estimate_decoder_tops(compressed_data: Any = None, config: Mapping[str, Any] | None = None) -> float:
    """Operations of filters that a decoder performs for a frame, in units of 10^12, counted from the stream.

    Without a stream: of what `compress_video_tensor` writes at this `config`, which are AV1 and at most the 20 multiplications a pixel
    of a Wiener filter, no networks: 0. With one, scenes with a filter of any kind count two operations a multiplication, for every pixel of every
    frame that is coded: one that shows the frame before again takes none.
    Raises InvalidArgument for what is not a stream of this library.
    """
    if compressed_data is None:
        _number("effort", _config(config).get("effort", 5), 0)
        return 0.0
    described = info(_stream(compressed_data))
    if not isinstance(described, StreamInfo):
        raise InvalidArgument("compressed_data: expected a stream of this library, found another kind of video")
    pixels = described.video.width * described.video.height
    operations = sum(scene.coded_frames * 2 * scene.macs_per_pixel * pixels for scene in described.scenes)
    return operations / described.frames / 1e12


def _config(config: Mapping[str, Any] | None) -> dict[str, Any]:
    if config is not None and not isinstance(config, Mapping):
        raise InvalidType(f"config: expected a mapping, found {type(config).__name__}")
    wanted: dict[str, Any] = {**_DEFAULTS, **{key: value for key, value in (config or {}).items() if value is not None}}
    unknown = set(wanted) - {*_DEFAULTS, *_DESCRIBING, *_OTHERS}
    if unknown:
        known = ", ".join([*_DEFAULTS, *_DESCRIBING, *_OTHERS])
        raise InvalidArgument(f"config: expected some of {known}; found {', '.join(sorted(map(str, unknown)))}")
    for key in _DEFAULTS:
        wanted[key] = _number(key, wanted[key])
    return wanted


def _number(name: str, value: Any, least: float | None = None) -> float:
    """A number above 0, or of at least `least`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InvalidType(f"{name}: expected a number, found {value!r}") from None
    if not (number > 0 if least is None else number >= least) or number == float("inf"):
        expected = "above 0" if least is None else f"of at least {least:g}"
        raise InvalidArgument(f"{name}: expected a number {expected}, found {value!r}")
    return number


def _clip(frames: Any) -> Array:
    """`[T, 3, H, W]` floats, without a copy where none is needed."""
    if hasattr(frames, "detach"):
        frames = frames.detach().cpu()
        if str(frames.dtype) in ("torch.bfloat16", "torch.float16"):
            frames = frames.float()
    try:
        array = np.asarray(frames) if hasattr(frames, "__array__") else np.from_dlpack(frames)
    except (AttributeError, TypeError, RuntimeError, BufferError) as error:
        raise InvalidType(f"frames: expected a tensor or array, found {type(frames).__name__}: {error}") from None
    if array.ndim != 5 or array.shape[0] != 1 or array.shape[2] != 3 or 0 in array.shape:
        raise InvalidArgument(f"frames: expected the shape [1, T, 3, H, W], found {list(array.shape)}")
    if not np.issubdtype(array.dtype, np.floating):
        raise InvalidType(f"frames: expected floats from 0 to 1, found {array.dtype}")
    return cast(Array, array[0])


def _pictures(clip: Array) -> Iterator[Array]:
    """Each frame as `(H, W, 3)` uint8, converted as it is asked for."""
    for index, frame in enumerate(clip):
        if not (np.isfinite(frame).all() and frame.min() >= 0 and frame.max() <= 1):
            raise InvalidArgument(f"frames: expected values from 0 to 1, found others in frame {index}")
        yield np.ascontiguousarray(np.rint(np.moveaxis(frame, 0, -1) * 255).astype(np.uint8))


def _check_description(wanted: Mapping[str, Any], clip: Array) -> None:
    count, _, height, width = clip.shape
    resolution = wanted.get("resolution")
    if resolution is not None:
        text = resolution.lower().split("x") if isinstance(resolution, str) else resolution
        try:
            found = tuple(int(side) for side in text)
        except (TypeError, ValueError):
            raise InvalidType(f"resolution: expected (width, height), found {resolution!r}") from None
        if found not in ((width, height), (height, width)):
            raise InvalidArgument(f"resolution: expected that of the frames, ({width}, {height}), found {resolution!r}")
    duration = wanted.get("duration")
    if duration is not None:
        seconds = count / wanted["fps"]
        # A frame more or less is rounding.
        if abs(_number("duration", duration) - seconds) > 1 / wanted["fps"] + 1e-6:
            raise InvalidArgument(f"duration: expected {count} frames / fps = {seconds:g} s, found {duration!r}")


def _check_device(device: Any) -> None:
    name = str(device).partition(":")[0]
    if name not in ("cpu", "cuda"):
        raise InvalidArgument(f"device: expected 'cpu', 'cuda' or 'cuda:N', found {str(device)!r}")


def _stream(data: Any) -> bytes:
    if isinstance(data, Mapping) and "compressed_data" in data:
        data = data["compressed_data"]
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise InvalidType(f"compressed_data: expected bytes, found {type(data).__name__}")
    return bytes(data)


def _main_strategy(report: Report) -> str:
    frames: dict[str, int] = {}
    for scene in report.scenes:
        frames[scene.strategy] = frames.get(scene.strategy, 0) + scene.frames
    return max(frames, key=lambda name: frames[name])


def _as_tensor(frames: Array, device: Any) -> Any:
    torch = sys.modules.get("torch")
    if torch is None:
        return frames
    try:
        return torch.from_numpy(frames).to(device)
    except (RuntimeError, AssertionError) as error:
        # What torch raises for a device that is not there depends on how it was built.
        raise DeviceError(f"device: expected one that torch can use, found {str(device)!r}: {error}") from error
