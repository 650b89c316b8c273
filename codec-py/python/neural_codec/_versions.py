"""Versions of everything that matters in a report of a problem."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable

import numpy

from . import _native
from ._library import suggest_libraries
from .errors import MissingLibrary


def _found(version: Callable[[], tuple[str, str]]) -> tuple[str, str]:
    """Version and file of a library, or why there is none."""
    try:
        return version()
    except MissingLibrary as error:
        return "none", str(error)


def versions() -> dict[str, str]:
    """Name and version of the library, its encoders, decoder and libvmaf with their files, FFmpeg, Python, numpy and the system."""
    suggest_libraries()
    encoder, encoder_file = _found(_native.encoder_version)
    decoder, decoder_file = _found(_native.decoder_version)
    photos, photos_file = _found(_native.aom_version)
    vmaf, vmaf_file = _found(_native.vmaf_version)
    return {
        "neural_codec": _native.__version__,
        "base encoder": encoder,
        "base encoder file": encoder_file,
        "base decoder": decoder,
        "base decoder file": decoder_file,
        "encoder of photos": photos,
        "encoder of photos file": photos_file,
        "files": _native.ffmpeg_version(),
        "vmaf": vmaf,
        "vmaf file": vmaf_file,
        "python": sys.version.split()[0],
        "numpy": numpy.__version__,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def show_versions() -> None:
    """Prints `versions()`, for reports of problems."""
    for name, value in versions().items():
        print(f"{name}: {value}")
