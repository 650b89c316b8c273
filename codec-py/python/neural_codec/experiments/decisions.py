"""From a job to decisions, which are data, and from decisions to a stream."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neural_codec

from ..records import Report
from . import ExperimentError
from .jail import Call, Limits, call
from .model import AgentPayload, Choice, FilterPayload, Job, ModifierPayload, Rule, RulesPayload, SettingsPayload, Strict
from .probes import Probes
from .profiles import MOVE_SCENES

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
# Settings that speak of the machine and not of the stream: of its folders, its files and its processors.
_NOT_FOR_JOBS = ("cache_dir", "defaults", "device", "threads")


class Decisions(Strict):
    """How a clip is to be encoded: settings of the clip, its scenes, and a choice for each scene."""

    settings: dict[str, str | int | float | bool | None] = {}
    scenes: list[tuple[int, int]] | None = None
    choices: list[Choice] | None = None
    defaults: dict[str, Any] | None = None
    """Constants by key; only jobs that are modifiers have them."""


@dataclass(frozen=True)
class DecisionResult:
    """Decisions, what the code that made them printed, and the processor time that its probes took."""

    decisions: Decisions
    log: str = ""
    probe_cpu_seconds: float = 0.0


def check(job: Job) -> None:
    """Raises ExperimentError where a job asks for settings that there are not."""
    settings = getattr(job.parsed(), "settings", {})
    known = [name for name in neural_codec.settings() if name not in _NOT_FOR_JOBS]
    for name in settings:
        if name not in known:
            raise ExperimentError(f"settings: expected some of {', '.join(known)}; found {name!r}")
    if job.target is not None and job.target.kind in settings:
        raise ExperimentError(f"settings: {job.target.kind} is the target already")


def decide(
    job: Job, profiles: Callable[[], list[dict[str, Any]]], stopped: Callable[[], bool], clip: Path | None = None
) -> DecisionResult:
    """The decisions of a job; profiles of scenes are found only where they are needed. Agents probe where there is a clip."""
    payload = job.parsed()
    if isinstance(payload, SettingsPayload):
        return DecisionResult(Decisions(settings=payload.settings, scenes=payload.scenes, choices=payload.choices))
    if isinstance(payload, RulesPayload):
        choices = [first_choice(payload, profile) for profile in profiles()]
        return DecisionResult(Decisions(settings=payload.settings, choices=choices))
    if isinstance(payload, FilterPayload):
        return DecisionResult(Decisions(settings=payload.asked()))
    if isinstance(payload, ModifierPayload):
        return DecisionResult(Decisions(settings=payload.settings, defaults=payload.patch))
    if isinstance(payload, AgentPayload):
        return _ask(payload, profiles(), job, stopped, clip)
    raise ExperimentError(f"kind: expected one that decides, found {job.kind!r}")


def first_choice(payload: RulesPayload, profile: dict[str, Any]) -> Choice:
    """The choice of the first rule that holds for a profile."""
    return next((rule.choose for rule in payload.rules if _holds(rule, profile)), payload.otherwise)


def _holds(rule: Rule, profile: dict[str, Any]) -> bool:
    for name, sign, value in rule.when:
        if name not in profile:
            raise ExperimentError(f"rules: expected a field of a profile ({', '.join(sorted(profile))}), found {name!r}")
        try:
            if not _OPERATORS[sign](profile[name], value):
                return False
        except TypeError:
            raise ExperimentError(f"rules: {name} is {profile[name]!r}, which cannot be compared with {value!r}") from None
    return True


def _ask(
    payload: AgentPayload, profiles: list[dict[str, Any]], job: Job, stopped: Callable[[], bool], clip: Path | None
) -> DecisionResult:
    target, budget = job.target, job.budget
    request = {
        "mode": "decide", "code": payload.code, "profiles": profiles,
        "target": None if target is None else target.model_dump(),
    }  # fmt: skip
    limits = Limits(wall_s=min(60.0, budget.wall_s), cpu_s=min(60, budget.cpu_s), memory_bytes=min(512, budget.memory_mb) << 20)
    probes = None if clip is None else Probes(clip, profiles, payload.settings, budget.probes)
    answer = call(Call(request, limits, probe=None if probes is None else probes.answer), stopped)
    log = answer.pop("log")
    given = answer.pop("value", answer)
    if isinstance(given, list):
        given = {"choices": given}
    try:
        found = Decisions.model_validate_json(json.dumps(given, allow_nan=False))
    except ValueError as error:
        raise ExperimentError(
            f"decide: expected choices, found {str(given)[:200]}: {' '.join(str(error).split())[:300]}"
        ) from None
    if found.defaults is not None:
        raise ExperimentError("decide: expected settings, scenes or choices, found defaults, which are for modifiers")
    if found.choices is not None and len(found.choices) != len(found.scenes or profiles):
        raise ExperimentError(
            f"decide: expected {len(found.scenes or profiles)} choices, one a scene, found {len(found.choices)}"
        )
    moved = [name for name in MOVE_SCENES if found.settings.get(name) not in (None, payload.settings.get(name))]
    if moved and found.choices is not None and found.scenes is None:
        raise ExperimentError(f"decide: expected scenes beside choices, as {moved[0]} moves the scenes of the profiles, found none")
    settings = {**payload.settings, **found.settings}
    decisions = found.model_copy(update={"settings": settings})
    if probes is None:
        return DecisionResult(decisions, log)
    return DecisionResult(decisions, log + "".join(f"probe: {line}\n" for line in probes.log), probes.cpu_seconds)


def apply_decisions(
    clip: Path, decisions: Decisions, job: Job, output: Path, progress: Callable[[Any], object] | None = None
) -> Report:
    """Encodes a clip as decided, to the target of the job and by its seed where the decisions have none.

    Choices of scenes go to the encoder as `scene_settings`. Raises ExperimentError for a choice that the installed codec cannot serve.
    """
    settings = {"seed": job.seed, **decisions.settings}
    for name in settings:
        if name in _NOT_FOR_JOBS or name not in neural_codec.settings():
            raise ExperimentError(f"settings: there is no setting {name!r} for jobs")
    if job.target is not None:
        settings[job.target.kind] = job.target.value
    options: dict[str, Any] = {} if decisions.defaults is None else {"defaults": decisions.defaults}
    asked = [choice.asked() for choice in decisions.choices or []]
    if any(asked):
        if "scene_settings" in settings:
            raise ExperimentError("settings: expected choices or scene_settings, found both")
        options["scene_settings"] = asked
    return neural_codec.encode(str(clip), str(output), scenes=decisions.scenes, progress=progress, **options, **settings)  # type: ignore[arg-type]
