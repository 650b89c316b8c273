"""Whose fault it is that an experiment failed: its own, which another try would repeat, or that of a machine or a service."""

from __future__ import annotations

from ..errors import DeviceError, FileIO, InternalError, MissingLibrary, NeuralCodecError, OutOfMemory
from . import ExperimentError


class MachineFault(ExperimentError):
    """What a machine or a service failed to do; another try may succeed."""


# What the library says of the machine that it runs on, and not of what it was asked for.
_OF_A_MACHINE = (MachineFault, DeviceError, FileIO, InternalError, MissingLibrary, OutOfMemory)


def is_of_machine(error: BaseException) -> bool:
    """Whether another try, here or elsewhere, may succeed; what no part of this package raised is never the job's fault."""
    return not isinstance(error, NeuralCodecError) or isinstance(error, _OF_A_MACHINE)
