"""What an encode would see of a clip's scenes, and what a choice would do to one of them, without encoding the clip.

```python
scenes = neural_codec.profile_scenes("clip.mp4")
choices = [{"quantizer": 45 if scene.profile.grain > 2 else 50} for scene in scenes]
measured = neural_codec.probe("clip.mp4", scenes[0].span, choices[0], frames=33)
report = neural_codec.encode("clip.mp4", "clip.mkv", scenes=[s.span for s in scenes], scene_settings=choices)
```
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _native
from ._jobs import ProgressArgument, drive
from ._parts import frame_span
from ._settings import as_texts
from ._sources import opened
from .errors import InvalidArgument, InvalidType
from .records import Probe, ProfiledScene, Profile

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._settings import SettingArguments


def profile_scenes(
    source: Any,
    *,
    fps: Any = None,
    layout: str = "THWC",
    progress: ProgressArgument = None,
    **settings: Unpack[SettingArguments],
) -> list[ProfiledScene]:
    """The scenes of a clip as `encode` finds them with these settings, each with its profile (fields and units: docs/PROFILES.md)."""
    texts = as_texts(dict(settings))
    with opened(source, fps=fps, layout=layout, audio=False) as (native, feeds):
        found = json.loads(drive(_native.profile_scenes(native, texts), feeds, progress=progress))
    return [
        ProfiledScene(each["frames"]["start"], each["frames"]["end"], Profile.from_dict(each["profile"])) for each in found
    ]


def probe(
    source: Any,
    scene: tuple[int, int],
    choice: Mapping[str, Any],
    *,
    frames: int | None = None,
    fps: Any = None,
    layout: str = "THWC",
    progress: ProgressArgument = None,
    **settings: Unpack[SettingArguments],
) -> Probe:
    """What coding frames `scene[0]` to `scene[1]`, exclusive, as `choice` says gives, measured on what the bytes decode to.

    `choice`: as one object of `scene_settings`, with a quantizer. `frames`: code no more than so many of the first frames, which
    bounds the time. Nothing is written.
    """
    if not isinstance(choice, Mapping):
        raise InvalidType(f"choice: expected a mapping, found {type(choice).__name__}")
    start, end = frame_span(scene)
    if frames is not None:
        if isinstance(frames, bool) or not isinstance(frames, int):
            raise InvalidType(f"frames: expected a number of frames, found {frames!r}")
        if frames < 1:
            raise InvalidArgument(f"frames: expected at least 1, found {frames}")
        end = min(end, start + frames)
    texts = as_texts({**settings, "scene_settings": [choice]})
    with opened(source, fps=fps, layout=layout, audio=False) as (native, feeds):
        return Probe.from_json(drive(_native.probe(native, (start, end), texts), feeds, progress=progress))
