"""Probes of agents: the worker codes some frames as the agent asks, and tells what they cost and how good they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

import neural_codec

from ..errors import Cancelled
from .faults import is_of_machine
from .model import Choice, Scalar, Strict, told

# The most frames that one probe codes: a second of most clips.
MOST_FRAMES = 60


class Asked(Strict):
    """A question: a scene by its number, a choice with a quantizer, and how many of its first frames are coded."""

    scene: Annotated[int, Field(ge=0)]
    choice: Choice
    frames: Annotated[int, Field(ge=1, le=MOST_FRAMES)] | None = None


class Probes:
    """Answers the questions of one agent, as many as its budget allows; `cpu_seconds` is what they took."""

    def __init__(self, clip: Path, profiles: list[dict[str, Any]], settings: dict[str, Scalar], most: int) -> None:
        self.clip, self.profiles, self.settings, self.left = clip, profiles, settings, most
        self.cpu_seconds = 0.0
        self.log: list[str] = []

    def answer(self, given: Any) -> dict[str, Any]:
        """`bytes`, `psnr_y`, `ssim_y`, `frames`, `cpu_seconds`, or an `error` in words. Raises Cancelled, and what is the
        machine's fault: the agent can do nothing about it."""
        if self.left <= 0:
            return {"error": "probe: the budget of probes is used up"}
        self.left -= 1
        try:
            asked = Asked.model_validate_json(json.dumps(given))
            if asked.scene >= len(self.profiles):
                return {"error": f"probe: expected a scene from 0 to {len(self.profiles) - 1}, found {asked.scene}"}
            return self._measured(asked)
        except Cancelled:
            raise
        except ValidationError as error:
            return {"error": f"probe: {told(error)}"}
        except neural_codec.NeuralCodecError as error:
            if is_of_machine(error):
                raise
            return {"error": f"probe: {error}"}

    def _measured(self, asked: Asked) -> dict[str, Any]:
        scene = self.profiles[asked.scene]
        span = (scene["first_frame"], scene["first_frame"] + scene["frames"])
        frames = min(asked.frames or MOST_FRAMES, MOST_FRAMES)
        # Targets of the clip say nothing about a choice that has a quantizer.
        settings: dict[str, Any] = {name: value for name, value in self.settings.items() if name in ("effort", "strategies", "preset", "bit_depth")}
        found = neural_codec.probe(str(self.clip), span, asked.choice.asked(), frames=frames, **settings)
        names = ("frames", "bytes", "psnr_y", "ssim_y", "cpu_seconds")
        values = {name: getattr(found, name) for name in names}
        self.cpu_seconds += found.cpu_seconds
        self.log.append(json.dumps({"scene": asked.scene, "choice": asked.choice.asked(), **values}))
        return values
