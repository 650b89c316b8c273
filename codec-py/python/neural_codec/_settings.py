"""Settings by name. The native module declares them; here their values become the text that it reads."""

from __future__ import annotations

import json
import operator
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypedDict, Union

from . import _native
from .errors import InvalidArgument, InvalidType
from .records import Record

# For editors and type checkers alone, as narrow as what is meant; a test compares the names with the native module's. Text that
# the command line passes is read by the native module all the same.
Number = Union[int, float, None]
Count = Union[int, None]
# The whole table takes 4 kB.
MOST_TABLE_BYTES = 1 << 18
SettingArguments = TypedDict(
    "SettingArguments",
    {
        "quantizer": Number,
        "effort": Count,
        "min_psnr": Number,
        "min_psnr_y": Number,
        "min_ssim_y": Number,
        "min_ms_ssim": Number,
        "min_ssimulacra2": Number,
        "min_vmaf": Number,
        "min_xpsnr": Number,
        "pooling": Union[str, None],
        "scope": Literal["scene", "clip", None],
        "bitrate_bps": Number,
        "size_bytes": Count,
        "lambda": Number,
        "strategies": Union[Literal["av1", "hybrid", "still", "av1,hybrid", "av1,still"], "Sequence[Literal['av1', 'hybrid', 'still']]", None],
        "preset": Count,
        "bit_depth": Literal[8, 10, None],
        "scene_settings": Union[str, "Sequence[Mapping[str, object]]", None],
        "defaults": Union[str, "os.PathLike[str]", "Mapping[str, object]", None],
        "filter_layers": Literal[3, 4, None],
        "filter_steps": Count,
        "repeats": Literal["auto", "off", None],
        "max_scene_seconds": Number,
        "device": Union[str, None],
        "threads": Count,
        "max_memory_bytes": Count,
        "cache_dir": Union[str, "os.PathLike[str]", None],
        "on_damage": Literal["stop", "continue", None],
        "audio": Union[str, None],
        "deinterlace": Literal["auto", "off", None],
        "seed": Count,
    },
    total=False,
)


class Decoding(TypedDict):
    """How streams are decoded, as the native module takes it."""

    threads: int
    skip_damage: bool
    device: str
    """Where filters run."""
    on_device: bool
    """Whether frames stay there."""
    limits: dict[str, int]
    """Bounds on what a stream may ask for, by name."""


@dataclass(frozen=True)
class Setting(Record):
    """One row of the table of settings; the default as text."""

    name: str
    """As `encode` and `ncodec_encoder_set` take it."""
    meaning: str
    """In a sentence or two, with the range."""
    default: str
    """`none` where there is none."""


def settings() -> dict[str, Setting]:
    """Every setting of `encode` by name, with meaning and default."""
    return {name: Setting(name, meaning, default) for name, meaning, default in _native.settings()}


def as_texts(values: dict[str, Any]) -> dict[str, str]:
    """Values as text. A trailing underscore is dropped: `lambda_=3` sets `lambda`."""
    return {name.rstrip("_"): _table(value) if name == "defaults" else _text(name, value) for name, value in values.items()}


class TableText(str):
    """A table of constants that was read already, so that it is taken for no path."""


def _table(value: Any) -> str:
    """The TOML of constants: of a file, or of a mapping of keys such as `search.target_margin`."""
    if value is None or (isinstance(value, str) and value == "none"):
        return "none"
    if isinstance(value, TableText):
        return value
    if isinstance(value, Mapping):
        try:
            lines = [f"{_dotted(key)} = {json.dumps(each, allow_nan=False)}\n" for key, each in value.items()]
        except (AttributeError, TypeError, ValueError) as error:
            raise InvalidType(f"defaults: expected numbers by key, such as search.target_margin, found {error}") from None
        return TableText("".join(lines))
    if not isinstance(value, (str, os.PathLike)):
        raise InvalidType(f"defaults: expected the path of a TOML file, or a mapping of keys, found {type(value).__name__}")
    try:
        with open(value, encoding="utf-8", opener=_open_file) as file:
            text = file.read(MOST_TABLE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"defaults: expected the path of a TOML file, found {os.fsdecode(value)!r:.80}: {error}") from None
    if len(text) > MOST_TABLE_BYTES:
        raise InvalidArgument(f"defaults: expected at most {MOST_TABLE_BYTES} bytes, found more in {os.fsdecode(value)!r:.80}")
    return TableText(text)


def _open_file(path: str, flags: int) -> int:
    """Opens a file. A pipe that nobody writes to would wait for ever: it is opened without waiting, and refused as all that is no file."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("no plain file")
    return descriptor


def _dotted(key: str) -> str:
    """A key of TOML, each of its parts quoted."""
    return ".".join(json.dumps(part) for part in key.split("."))


def _text(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, (str, os.PathLike)):
        text = os.fsdecode(value)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidArgument(f"{name}: expected text in UTF-8, found {text!r:.80}") from None
        return text
    if isinstance(value, bool):
        raise InvalidType(f"{name}: expected a number or text, found {value}")
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(item, Mapping) for item in value):
            try:
                return json.dumps([dict(item) for item in value], allow_nan=False)
            except (TypeError, ValueError) as error:
                raise InvalidType(f"{name}: expected numbers and text in mappings, found {error}") from None
        return ",".join(_text(name, item) for item in value)
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, (int, float)):
        return repr(value)
    raise InvalidType(f"{name}: expected a number, text, path or list of texts, found {type(value).__name__}")


def whole_number(name: str, value: Any, expected: str = "a number") -> int:
    """An int of anything that stands for one."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise InvalidType(f"{name}: expected {expected}, found {type(value).__name__}") from None


def device_text(device: Any) -> str:
    """Where work runs, as the native module takes it: `auto`, `cpu`, `cuda`, `cuda:N`."""
    if not isinstance(device, (str, list, tuple)):
        raise InvalidType(f"device: expected 'auto', 'cpu', 'cuda' or 'cuda:N', found {type(device).__name__}")
    return _text("device", device)


def check_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidType(f"{name}: expected True or False, found {value!r:.80}")
    return value


def check_threads(threads: Any) -> int:
    if isinstance(threads, bool) or not isinstance(threads, int) or not 0 <= threads <= 256:
        raise InvalidArgument(f"threads: expected a number from 0 to 256, found {threads!r:.80}")
    return threads


def check_limits(limits: Any) -> dict[str, int]:
    """Bounds on what a stream may ask for, as the native module takes them; it knows their names."""
    if limits is None:
        return {}
    if not isinstance(limits, Mapping) or not all(isinstance(name, str) for name in limits):
        raise InvalidType(f"limits: expected a dictionary of names and numbers, found {type(limits).__name__}")
    numbers = {name: whole_number(name, bound) for name, bound in limits.items()}
    for name, bound in numbers.items():
        if not 0 <= bound < 2**64:
            raise InvalidArgument(f"{name}: expected a number from 0 to {2**64 - 1}, found {bound}")
    return numbers


def decoding_of(
    *, threads: Any, device: Any = "auto", limits: Any = None, skip_damage: bool = False, on_device: Any = False
) -> Decoding:
    """How a stream is decoded, of arguments that are checked here."""
    return {
        "threads": check_threads(threads),
        "skip_damage": skip_damage,
        "device": device_text(device),
        "on_device": check_flag("on_device", on_device),
        "limits": check_limits(limits),
    }


def frame_rate(fps: Any) -> tuple[int, int]:
    """Frames a second as a fraction of 32-bit numbers; 29.97 and the like become what they stand for."""
    if hasattr(fps, "item") and getattr(fps, "shape", None) == ():
        fps = fps.item()
    if isinstance(fps, bool) or not isinstance(fps, (int, float, str, Fraction)):
        raise InvalidType(f"fps: expected a number, a Fraction or text such as '30000/1001', found {fps!r}")
    try:
        exact = Fraction(fps)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise InvalidArgument(f"fps: expected a number above 0, found {fps!r}") from None
    ntsc = Fraction(round(exact) * 1000, 1001)
    if isinstance(fps, (float, str)) and exact.denominator != 1 and abs(exact - ntsc) < Fraction(1, 200):
        exact = ntsc
    rate = exact.limit_denominator(1_000_000)
    if not 0 < rate <= 1_000_000 or rate.numerator >= 1 << 32:
        raise InvalidArgument(f"fps: expected a number above 0 and at most 1000000, found {fps!r}")
    return rate.numerator, rate.denominator
