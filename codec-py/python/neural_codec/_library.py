"""Finds the AV1 libraries and the libvmaf that a wheel carries, this package's own or that of `av`, which is not imported."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

from . import _native

# Folders in which a wheel of this package keeps what it carries: copied by hand, and grafted by auditwheel.
_HERE = Path(__file__).parent
_OWN = (_HERE / "_libraries", _HERE.parent / "neural_codec.libs")


@cache
def suggest_libraries() -> None:
    """Tells the native module of the newest SVT-AV1, dav1d, libvmaf and libaom that wheels carry.

    The variables NEURAL_CODEC_SVTAV1, NEURAL_CODEC_DAV1D, NEURAL_CODEC_VMAF and NEURAL_CODEC_AOM come before them, the system's libraries after them.
    """
    _native.suggest_libraries(
        encoder=carried("libSvtAv1Enc"), decoder=carried("libdav1d"), vmaf=carried("libvmaf"), aom=carried("libaom")
    )  # fmt: skip


def carried(name: str) -> Path | None:
    """The file of the highest version, in this package's folders or beside `av`."""
    spec = importlib.util.find_spec("av")
    beside_av = () if spec is None or spec.origin is None else (Path(spec.origin).parent.parent / "av.libs",)
    files = (file for folder in (*_OWN, *beside_av) for file in folder.glob(f"{name}*.so*"))
    return max(files, key=_version, default=None)


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", path.name.rpartition(".so")[2]))
