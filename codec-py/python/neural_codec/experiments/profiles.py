"""Profiles of a clip's scenes, found once for a clip by each build of the codec and kept by their hashes.

The codec tells them in the report of an encode; the quickest encode there is serves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import neural_codec

from .aside import write_text
from .links import versions


# Settings by which the same clip has other scenes, or other pictures in them.
MOVE_SCENES = ("max_scene_seconds", "deinterlace", "on_damage")


def profiles_of(clip: Path, sha256: str, folder: Path, settings: Mapping[str, Any] = {}) -> list[dict[str, Any]]:
    """For each scene that an encode with these settings has its `first_frame`, `frames`, and every field of its profile by name."""
    moved = {name: settings[name] for name in MOVE_SCENES if settings.get(name) is not None}
    mark = f"-{hashlib.sha256(json.dumps(moved, sort_keys=True).encode()).hexdigest()[:16]}" if moved else ""
    kept = folder / f"{sha256}-{neural_codec.__version__}-{versions()['native'][:16]}{mark}.json"
    if kept.exists():
        found: list[dict[str, Any]] = json.loads(kept.read_text())
        return found
    report = neural_codec.encode(str(clip), quantizer=60, effort=0, **moved)
    found = [{"first_frame": each.first_frame, "frames": each.frames, **each.profile.to_dict()} for each in report.scenes]
    write_text(kept, json.dumps(found))
    return found
