"""A campaign as data: what is searched, on which clips, by whom, and when it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, ValidationError, model_validator

import neural_codec

from . import ExperimentError
from .config import read_toml
from .model import Budget, ClipRef, Scalar, Strict, Target, told

FLOORS = ("min_psnr_y", "min_ssim_y")
# Settings that say how much work is done and how, never what quality counts or over which frames: these alone may be proposed.
SEARCHED = ("effort", "preset", "bit_depth", "strategies", "filter_layers", "filter_steps")
PlannerName = Literal["optuna", "random", "llm"]
SpaceName = Literal["rules", "settings"]
# Longer names would not leave room for slot and clip in the names of experiments.
CampaignName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Price = Annotated[float, Field(ge=0)]


class ModelChoice(Strict):
    """A language model behind an address that speaks as OpenAI's does, and how often it is asked beside the others."""

    url: Annotated[str, Field(pattern=r"^https?://", max_length=512)]
    model: Annotated[str, Field(min_length=1, max_length=128)]
    weight: Annotated[float, Field(gt=0)] = 1.0
    key_variable: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    """The environment variable that has the key; keys themselves are never stored."""
    dollars_per_million_in: Price = 0.0
    dollars_per_million_out: Price = 0.0


class Asking(Strict):
    """Limits of what models may be asked."""

    most_dollars: Price = 1.0
    most_tokens: Annotated[int, Field(ge=1)] = 1_000_000
    """Of all questions and answers of the campaign together."""
    most_tokens_out: Annotated[int, Field(ge=16, le=65536)] = 4096
    """Of one answer."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 120.0
    retries: Annotated[int, Field(ge=0, le=8)] = 3
    backoff_s: Annotated[float, Field(ge=0, le=60)] = 2.0


class Campaign(Strict):
    """See docs/CAMPAIGNS.md for each field."""

    name: CampaignName
    training: Annotated[list[ClipRef], Field(min_length=1, max_length=256)]
    held_out: Annotated[list[ClipRef], Field(max_length=256)] = []
    target: Target
    planner: PlannerName = "optuna"
    space: SpaceName = "rules"
    settings: dict[str, Scalar] = {}
    trials: Annotated[int, Field(ge=1, le=9999)] = 50
    parallel: Annotated[int, Field(ge=1, le=64)] = 1
    wait_s: Annotated[float, Field(ge=0, le=86400)] = 0.0
    patience: Annotated[int, Field(ge=1)] | None = None
    most_hours: Annotated[float, Field(gt=0)] | None = None
    most_time: Annotated[float, Field(gt=0)] | None = None
    islands: Annotated[int, Field(ge=1, le=16)] = 1
    stop_early_above: Annotated[float, Field(gt=0)] | None = None
    short: ClipRef | None = None
    short_above: Annotated[float, Field(gt=0)] | None = None
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    budget: Budget = Budget()
    workers: Annotated[list[Annotated[str, Field(pattern=r"^https?://", max_length=512)]], Field(max_length=64)] = []
    move_after_s: Annotated[float, Field(ge=0)] = 120.0
    models: Annotated[list[ModelChoice], Field(max_length=16)] = []
    asking: Asking = Asking()

    @model_validator(mode="after")
    def _fits(self) -> Campaign:
        if self.target.kind not in FLOORS:
            raise ValueError(f"target: expected a floor ({' or '.join(FLOORS)}), as bytes are compared at it, found {self.target.kind}")
        allowed_settings(self.settings)
        if (self.planner == "llm") != bool(self.models):
            raise ValueError("models: expected at least one with planner 'llm', and none with another")
        if self.short_above is not None and self.short is None:
            raise ValueError("short_above: expected a clip as short beside it")
        for side in ("training", "held_out"):
            places = [_place(clip) for clip in getattr(self, side)]
            twice = sorted({each for each in places if places.count(each) > 1})
            if twice:
                raise ValueError(f"{side}: expected each clip once, found {twice[0]} {places.count(twice[0])} times")
        both = {_place(clip) for clip in (*self.training, *([self.short] if self.short else []))} & {_place(clip) for clip in self.held_out}
        if both:
            raise ValueError(f"held_out: expected clips that are not trained on, found {sorted(both)[0]} on both sides")
        return self


def allowed_settings(settings: dict[str, Scalar]) -> None:
    """Raises ValueError for settings that a campaign may not move, such as those that change what a floor means."""
    known = [name for name in SEARCHED if name in neural_codec.settings()]
    for name in settings:
        if name not in known:
            raise ValueError(f"settings: expected some of {', '.join(known)}, found {name!r}")


def _place(clip: ClipRef) -> str:
    return clip.sha256 or clip.uri or ""


def campaign_from(values: dict[str, Any]) -> Campaign:
    """A checked campaign. Raises ExperimentError that names every field that is wrong."""
    try:
        return Campaign.model_validate_json(json.dumps(values, allow_nan=False))
    except ValidationError as error:
        raise ExperimentError(f"campaign: {told(error)}") from None
    except (TypeError, ValueError) as error:
        raise ExperimentError(f"campaign: expected plain values, found: {error}") from None


def read_campaign(file: Path, workers: list[str]) -> Campaign:
    """A campaign from a TOML file, whose clips may be paths beside it; `workers` come in place of the file's."""
    values = read_toml(str(file))
    for side in ("training", "held_out"):
        clips = values.get(side, [])
        if not isinstance(clips, list):
            raise ExperimentError(f"campaign: {side}: expected a list of clips, found {clips!r}")
        values[side] = [_clip(each, file.parent) for each in clips]
    if "short" in values:
        values["short"] = _clip(values["short"], file.parent)
    if workers:
        values["workers"] = workers
    return campaign_from(values)


def _clip(given: Any, folder: Path) -> Any:
    if not isinstance(given, str):
        return given
    if "://" in given:
        return {"uri": given}
    path = (folder / given).resolve()
    if not path.is_file():
        raise ExperimentError(f"campaign: {given}: expected a clip beside the campaign's file, or a URI, found none")
    return {"uri": f"file://{quote(str(path))}"}
