"""Scene-adaptive video codec: an AV1 base layer with integer neural layers.

```python
import neural_codec

report = neural_codec.encode("clip.mp4", "clip.nvc", quantizer=32)
frames = neural_codec.decode("clip.nvc")
print(report.total.bytes, frames.video.shape)
```
Importing loads next to nothing: what a name needs, FFmpeg's libraries among it, is loaded when the name is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import aio, compat, errors
    from ._decode import Decoder, Frames, decode
    from ._encode import Encoder, encode
    from ._export import export_base, remux
    from ._preview import probe, profile_scenes
    from ._measure import bd_rate, compare, detect_scenes, info
    from ._native import __version__
    from ._parts import EncodedScene, concat, encode_scene, split, warm_start
    from ._photo import DecodedPhoto, decode_photo
    from ._push import PushDecoder
    from ._settings import Setting, settings
    from ._versions import show_versions, versions
    from .errors import NeuralCodecError
    from .records import ClipInfo, Exported, Lost, Metrics, ProfiledScene, Progress, Report, StreamInfo, Written

_FROM = {
    "_decode": ("Decoder", "Frames", "decode"),
    "_encode": ("Encoder", "encode"),
    "_export": ("export_base", "remux"),
    "_preview": ("probe", "profile_scenes"),
    "_measure": ("bd_rate", "compare", "detect_scenes", "info"),
    "_native": ("__version__",),
    "_parts": ("EncodedScene", "concat", "encode_scene", "split", "warm_start"),
    "_photo": ("DecodedPhoto", "decode_photo"),
    "_push": ("PushDecoder",),
    "_settings": ("Setting", "settings"),
    "_versions": ("show_versions", "versions"),
    "errors": ("NeuralCodecError",),
    "records": ("ClipInfo", "Exported", "Lost", "Metrics", "ProfiledScene", "Progress", "Report", "StreamInfo", "Written"),
}
_MODULE_OF = {name: module for module, names in _FROM.items() for name in names}

__all__ = [
    "ClipInfo",
    "DecodedPhoto",
    "Decoder",
    "EncodedScene",
    "Encoder",
    "Exported",
    "Frames",
    "Lost",
    "Metrics",
    "NeuralCodecError",
    "ProfiledScene",
    "Progress",
    "PushDecoder",
    "Report",
    "Setting",
    "StreamInfo",
    "Written",
    "__version__",
    "aio",
    "bd_rate",
    "compare",
    "compat",
    "concat",
    "decode",
    "decode_photo",
    "detect_scenes",
    "encode",
    "encode_scene",
    "errors",
    "export_base",
    "info",
    "probe",
    "profile_scenes",
    "remux",
    "settings",
    "show_versions",
    "split",
    "versions",
    "warm_start",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in ("aio", "compat", "errors"):
            return import_module(f".{name}", __name__)
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
