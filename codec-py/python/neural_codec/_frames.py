"""Checks arrays that callers pass as frames, and makes them fit for the native module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

from . import _native
from .errors import InvalidArgument, InvalidType, NeuralCodecError

Array = NDArray[Any]
# A picture that the native module gives.
Given = Union[Array, "_native.GpuPicture"]
Picture = Union[Given, "tuple[Given, Given, Given]"]
Plane = Union[Array, "_native.DeviceArray"]
# A picture that callers pass: wherever it lies.
Passed = Union[Array, "tuple[Plane, Plane, Plane]", "_native.DeviceFrame"]

LAYOUTS = ("THWC", "TCHW")


def check_layout(layout: Any) -> str:
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise InvalidArgument(f"layout: expected 'THWC' or 'TCHW', found {layout!r:.80}")
    return layout


def is_array(value: object) -> bool:
    """Whether it is an array of numpy, or one of another library that shares memory by DLPack."""
    return isinstance(value, np.ndarray) or (hasattr(value, "__dlpack__") and not isinstance(value, type))


def as_array(value: Any, name: str) -> Plane:
    """The value as an array, without a copy: one of numpy, or where it lies on a GPU, one that stays there."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack__"):
        try:
            return _native.DeviceArray.take(value) or np.from_dlpack(value)
        except NeuralCodecError:
            raise
        except Exception as error:
            kind = type(value).__name__
            raise InvalidType(f"{name}: expected an array in the memory of the CPU or of a GPU, found {kind}: {error}") from error
    expected = "an array of shape (height, width, 3) or a tuple of three planes"
    raise InvalidType(f"{name}: expected {expected}, found {type(value).__name__}")


def clip_frames(value: Any, layout: str) -> Iterator[Passed]:
    """The frames of a clip in one array."""
    clip = as_array(value, "source")
    channels = 3 if check_layout(layout) == "THWC" else 1
    shape = "(frames, height, width, 3)" if channels == 3 else "(frames, 3, height, width)"
    _check_type(clip, "source")
    if len(clip.shape) != 4 or clip.shape[channels] != 3:
        hint = "; for one frame pass source[None]" if len(clip.shape) == 3 else ""
        raise InvalidArgument(f"source: expected shape {shape} for layout {layout!r}, found {clip.shape}{hint}")
    if isinstance(clip, _native.DeviceArray):
        on_gpu = clip
        return frames_of((on_gpu.frame(index, channels == 1) for index in range(on_gpu.shape[0])), layout)
    return frames_of(clip, layout)


def frames_of(frames: Iterable[Any], layout: str) -> Iterator[Passed]:
    """Checked frames; every one must be like the first."""
    first: tuple[Any, ...] | None = None
    for index, value in enumerate(frames):
        picture = check_frame(value, layout, f"frame {index}")
        found = _describe(picture)
        first = first or found
        if found != first:
            raise InvalidArgument(f"frame {index}: expected {_text(first)} as in frame 0, found {_text(found)}")
        yield picture


def check_frame(value: Any, layout: str, name: str) -> Passed:
    """One frame, contiguous, `(height, width, 3)` or planes."""
    if isinstance(value, _native.DeviceFrame):
        _check_size(value.shape[0], value.shape[1], name)
        return value
    if isinstance(value, tuple):
        return _check_planes(value, name)
    frame = as_array(value, name)
    _check_type(frame, name)
    axis = 2 if layout == "THWC" else 0
    if len(frame.shape) != 3 or frame.shape[axis] != 3:
        shape = "(height, width, 3)" if axis == 2 else "(3, height, width)"
        raise InvalidArgument(f"{name}: expected shape {shape} for layout {layout!r}, found {frame.shape}")
    if isinstance(frame, _native.DeviceArray):
        return check_frame(frame.frame(0, axis == 0), layout, name)
    frame = frame if axis == 2 else frame.transpose(1, 2, 0)
    _check_size(frame.shape[0], frame.shape[1], name)
    return _in_order(frame)


def _check_planes(planes: tuple[Any, ...], name: str) -> Passed:
    if len(planes) != 3:
        raise InvalidArgument(f"{name}: expected three planes (y, u, v), found {len(planes)}")
    y, u, v = (as_array(plane, f"{name}, plane {i}") for i, plane in enumerate(planes))
    for i, plane in enumerate((y, u, v)):
        _check_type(plane, f"{name}, plane {i}")
        if isinstance(plane, _native.DeviceArray) != isinstance(y, _native.DeviceArray):
            raise InvalidType(f"{name}, plane {i}: expected memory of the same device as plane 0, found another")
        if len(plane.shape) != 2:
            raise InvalidArgument(f"{name}, plane {i}: expected shape (height, width), found {plane.shape}")
        if plane.dtype != y.dtype:
            raise InvalidArgument(f"{name}, plane {i}: expected {y.dtype} as in plane 0, found {plane.dtype}")
        _check_size(plane.shape[0], plane.shape[1], f"{name}, plane {i}")
    return _contiguous(y), _contiguous(u), _contiguous(v)


def _check_type(array: Plane, name: str) -> None:
    if isinstance(array, _native.DeviceArray):
        fits, convert = array.dtype in ("uint8", "uint16"), ".to(torch.uint8)"
    else:
        fits, convert = array.dtype.kind == "u" and array.dtype.itemsize <= 2, ".astype(numpy.uint8)"
    if not fits:
        expected = "uint8, or uint16 with 10 bits in the low bits"
        hint = f"; scale to 0..255 and convert with {convert}" if "float" in str(array.dtype) else ""
        raise InvalidType(f"{name}: expected {expected}, found {array.dtype}{hint}")


def _check_size(height: int, width: int, name: str) -> None:
    if height < 1 or width < 1:
        raise InvalidArgument(f"{name}: expected at least 1x1 pixels, found {width}x{height}")


def _contiguous(array: Plane) -> Plane:
    if isinstance(array, _native.DeviceArray):
        return array
    return _in_order(array)


def _in_order(array: Array) -> Array:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _describe(picture: Passed) -> tuple[Any, ...]:
    planes = picture if isinstance(picture, tuple) else (picture,)
    return (planes[0].dtype, *(plane.shape for plane in planes))


def _text(described: tuple[Any, ...]) -> str:
    dtype, *shapes = described
    return f"{' '.join(map(str, shapes))} {dtype}"
