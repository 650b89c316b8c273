"""Experiments: jobs that say how a clip is to be encoded, workers that run them, and results that were measured.

`python -m neural_codec experiments serve --data DIR --clip CLIP` is a worker with a page of its own;
docs/EXPERIMENTS.md begins there. The packages of the extra `neural-codec[experiments]` are needed here and nowhere else.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import NeuralCodecError

__all__ = ["ExperimentError", "needed"]


class ExperimentError(NeuralCodecError):
    """What went wrong with an experiment, its configuration or a service that it needs."""


def needed(package: str, extra: str = "experiments") -> Any:
    """A package of an extra. Raises ExperimentError naming what to install where it is not there."""
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package.partition(".")[0]:
            raise
        raise ExperimentError(f"{package}: expected the package, found none: pip install 'neural-codec[{extra}]'") from None
