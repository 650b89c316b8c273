"""Jobs and rows as data: what may be asked, checked strictly, and what the store keeps of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .. import _native
from .._settings import as_texts
from . import ExperimentError

PROTOCOL = 2
# The steps of an experiment, in order; the row names the one that is under way.
PHASES = ("received", "downloaded", "encoded", "decoded", "measured", "video", "decoder", "stored", "shown")
Kind = Literal["settings", "rules", "agent", "filter", "modifier", "compat", "test"]
State = Literal["queued", "running", "completed", "failed", "timed_out", "cancelled"]
ENDED: tuple[State, ...] = ("completed", "failed", "timed_out", "cancelled")
IN_PROGRESS: tuple[State, ...] = ("queued", "running")
# Of one payload as JSON; the code of agents had 4 to 7 kB.
MOST_PAYLOAD_BYTES = 64 << 10

Scalar = str | int | float | bool | None
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Code = Annotated[str, Field(min_length=1, max_length=MOST_PAYLOAD_BYTES)]


class Strict(BaseModel):
    """A record from outside: no unknown field, no conversion, no NaN."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class Target(Strict):
    """What an encode aims at; exactly one."""

    kind: Literal["quantizer", "min_psnr_y", "min_ssim_y", "bitrate_bps", "size_bytes"]
    value: float


class ClipRef(Strict):
    """A clip by content, by place, or both; a place is checked against the content where both are given."""

    sha256: Sha256 | None = None
    uri: Annotated[str, Field(max_length=1024)] | None = None


class Budget(Strict):
    """What a job may use."""

    wall_s: Annotated[int, Field(ge=1, le=3600)] = 1800
    cpu_s: Annotated[int, Field(ge=1, le=14400)] = 3600
    memory_mb: Annotated[int, Field(ge=64, le=65536)] = 4096
    probes: Annotated[int, Field(ge=0, le=256)] = 16


class Needs(Strict):
    """What a worker must have; one without it leaves the job to others."""

    gpu: bool = False


class Choice(Strict):
    """How one scene is to be coded; what is left out is the clip's."""

    quantizer: float | None = None
    preset: int | None = None
    bit_depth: int | None = None
    strategies: str | None = None
    min_psnr_y: float | None = None
    min_ssim_y: float | None = None
    tools: dict[str, int] | None = None

    def asked(self) -> dict[str, Any]:
        """The fields that were given."""
        return self.model_dump(exclude_none=True)


class SettingsPayload(Strict):
    """Settings of `encode` by name, and scenes in place of detected ones."""

    settings: dict[str, Scalar] = {}
    scenes: list[tuple[int, int]] | None = None
    choices: list[Choice] | None = None


class Rule(Strict):
    """A choice for scenes of which every condition holds: `["grain", ">", 2.5]`."""

    when: Annotated[list[tuple[str, Literal["<", "<=", ">", ">=", "==", "!="], Scalar]], Field(max_length=16)]
    choose: Choice


class RulesPayload(Strict):
    """Rules over the profiles of scenes: the first that holds decides."""

    rules: Annotated[list[Rule], Field(max_length=64)]
    otherwise: Choice = Choice()
    settings: dict[str, Scalar] = {}


class AgentPayload(Strict):
    """Python that defines `decide(profiles, target, probe)`; it runs in the sandbox and sees no frame."""

    code: Code
    settings: dict[str, Scalar] = {}


class FilterPayload(Strict):
    """How neural filters are built and trained, within the limits of the format."""

    layers: int | None = None
    steps: int | None = None
    settings: dict[str, Scalar] = {}

    def asked(self) -> dict[str, Scalar]:
        """All settings of the clip."""
        own = {"filter_layers": self.layers, "filter_steps": self.steps}
        return {**self.settings, **{name: value for name, value in own.items() if value is not None}}

    @model_validator(mode="after")
    def _in_the_limits(self) -> FilterPayload:
        own = {name: value for name, value in self.asked().items() if name.startswith("filter_")}
        if not own or own.keys() & self.settings.keys():
            raise ValueError("expected layers, steps or both, and neither among the settings")
        _native.check_settings(as_texts(own))
        return self


class ModifierPayload(Strict):
    """Constants in place of those that are compiled in, by key, such as `search.target_margin`."""

    patch: dict[str, Any]
    settings: dict[str, Scalar] = {}

    @model_validator(mode="after")
    def _in_the_ranges(self) -> ModifierPayload:
        _native.defaults(as_texts({"defaults": self.patch})["defaults"])
        return self


class CompatConfig(Strict):
    """The configuration that both agents of the old formats are given: few short numbers, as a decoder gets them for nothing.

    Numbers that become settings of `encode` have its bounds: bits a second in 10^6, luma SSIM, luma PSNR in dB, and effort.
    """

    target_bitrate_mbps: Annotated[float, Field(ge=0.001, le=1000)] = 1.0
    target_quality_ssim: Annotated[float, Field(ge=0.1, le=0.9999)] = 0.95
    target_quality_psnr: Annotated[float, Field(ge=10, le=80)] = 35.0
    i_frame_interval: Annotated[int, Field(ge=1, le=100_000)] | None = None
    effort: Annotated[int, Field(ge=0, le=9)] | None = None


class CompatPayload(Strict):
    """Code that defines `compress_video_tensor` and `decompress_video_tensor`, in two parts or in one that has both."""

    generated_code: Code | None = None
    encoding_agent_code: Code | None = None
    decoding_agent_code: Code | None = None
    config: CompatConfig = CompatConfig()
    device: Literal["cpu", "cuda"] = "cpu"

    @model_validator(mode="after")
    def _one_format(self) -> CompatPayload:
        parts = (self.encoding_agent_code is not None) + (self.decoding_agent_code is not None)
        if (self.generated_code is None) == (parts == 0) or parts == 1:
            raise ValueError("expected generated_code, or encoding_agent_code and decoding_agent_code")
        return self

    @property
    def encoder(self) -> str:
        return self.encoding_agent_code or self.generated_code or ""

    @property
    def decoder(self) -> str:
        return self.decoding_agent_code or self.generated_code or ""


class TestPayload(Strict):
    """A message that asks whether anyone is there; what else it carries is kept."""

    message: dict[str, Any] = {}


PAYLOADS: dict[str, type[BaseModel]] = {
    "settings": SettingsPayload, "rules": RulesPayload, "agent": AgentPayload, "filter": FilterPayload, "modifier": ModifierPayload,
    "compat": CompatPayload, "test": TestPayload,
}  # fmt: skip


class Job(Strict):
    """One experiment as it was asked for. `timestamp` is set once, in seconds of UTC: it is half of the key."""

    protocol: Literal[2] = 2
    experiment_id: Name
    timestamp: Annotated[int, Field(ge=0, lt=1 << 53)]
    kind: Kind
    payload: dict[str, Any] = {}
    clip: ClipRef | None = None
    target: Target | None = None
    campaign: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,64}$")] = ""
    seed: Annotated[int, Field(ge=0, lt=1 << 32)] = 0
    budget: Budget = Budget()
    needs: Needs = Needs()
    # Run although the same job was run before with the same versions.
    fresh: bool = False
    origin: Literal["own", "v1", "v2", "test"] = "own"
    notes: dict[str, Any] = {}

    @model_validator(mode="after")
    def _payload_of_its_kind(self) -> Job:
        self.parsed()
        if len(json.dumps([self.payload, self.notes])) > MOST_PAYLOAD_BYTES + 4096:
            raise ValueError(f"payload: expected at most {MOST_PAYLOAD_BYTES} bytes")
        return self

    def parsed(self) -> Any:
        """The payload as the record of its kind."""
        return PAYLOADS[self.kind].model_validate_json(json.dumps(self.payload))


def job_from(values: dict[str, Any]) -> Job:
    """A checked job. Raises ExperimentError that names every field that is wrong."""
    try:
        return Job.model_validate_json(json.dumps(values, allow_nan=False))
    except ValidationError as error:
        raise ExperimentError(told(error)) from None
    except (TypeError, ValueError) as error:
        raise ExperimentError(f"job: expected plain JSON, found: {error}") from None


def told(error: ValidationError, whole: str = "job") -> str:
    """A validation error in one line, without the values; what is of no one field is of the `whole`."""
    lines = []
    for each in error.errors()[:8]:
        place, text = ".".join(map(str, each["loc"])), each["msg"].removeprefix("Value error, ")
        lines.append(": ".join(part for part in (place or whole, text) if part))
    return "; ".join(lines)


@dataclass
class Row:
    """What the store keeps of an experiment. Times are seconds of UTC by the clock of who wrote them, for reading alone."""

    experiment_id: str
    timestamp: int
    kind: str
    state: State
    job: dict[str, Any]
    created: float
    campaign: str = ""
    phase: str = ""
    phases: list[dict[str, Any]] = field(default_factory=list)
    fence: int = 0
    claims: int = 0
    beat: int = 0
    worker: str = ""
    started: float | None = None
    finished: float | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    dead: bool = False
    revision: int = 0

    @property
    def key(self) -> tuple[str, int]:
        return self.experiment_id, self.timestamp

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Claim:
    """The right to finish an experiment, as long as no later claim was given out."""

    experiment_id: str
    timestamp: int
    fence: int
    claims: int
    worker: str

    @property
    def key(self) -> tuple[str, int]:
        return self.experiment_id, self.timestamp
