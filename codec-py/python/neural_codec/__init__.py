"""Scene-adaptive video codec: an AV1 base layer with integer neural layers.

```python
import neural_codec

report = neural_codec.encode("clip.mp4", "clip.nvc", quantizer=32)
frames = neural_codec.decode("clip.nvc")
print(report.total.bytes, frames.video.shape)
```
"""

from . import errors
from ._decode import Decoder, Frames, decode
from ._encode import Encoder, encode
from ._measure import compare, detect_scenes, info
from ._native import __version__
from ._settings import Setting, settings
from ._versions import show_versions, versions
from .errors import NeuralCodecError
from .records import ClipInfo, Metrics, Progress, Report, StreamInfo, Written

__all__ = [
    "ClipInfo",
    "Decoder",
    "Encoder",
    "Frames",
    "Metrics",
    "NeuralCodecError",
    "Progress",
    "Report",
    "Setting",
    "StreamInfo",
    "Written",
    "__version__",
    "compare",
    "decode",
    "detect_scenes",
    "encode",
    "errors",
    "info",
    "settings",
    "show_versions",
    "versions",
]
