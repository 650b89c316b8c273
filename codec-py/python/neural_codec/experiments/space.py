"""What embedded planners search: named parameters, and how a point of them becomes the payload of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .campaign_model import Campaign

# Fields of a profile that are numbers, and may stand in a condition.
FIELDS = (
    "spatial_information", "temporal_information", "motion", "global_motion", "changed_blocks", "grain", "flatness", "hard_edges",
)  # fmt: skip
RULES = 3
OWN = "own"
# Choices for a scene: levels of the pyramid and adaptive quantization, each with its default left alone too.
TOOLS: dict[str, dict[str, int]] = {
    f"levels={levels} aq={aq}": {"hierarchical_levels": levels, "adaptive_quantization": aq} for levels in (3, 4, 5) for aq in (0, 1)
}  # fmt: skip
OTHER_SCREEN = "screen content the other way"


@dataclass(frozen=True)
class Options:
    """A parameter that is one of some words."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Between:
    """A parameter that is a number between two."""

    name: str
    low: float
    high: float


Point = Mapping[str, str | float]


@dataclass(frozen=True)
class Space:
    """Parameters and what they mean."""

    kind: str
    parameters: tuple[Options | Between, ...]
    profiles: Sequence[dict[str, Any]] = ()
    settings: Mapping[str, Any] | None = None

    def simple(self) -> list[dict[str, str | float]]:
        """The simplest points: everything left alone but one word of a parameter that can stand by itself."""
        still = {each.name: each.options[0] if isinstance(each, Options) else each.low for each in self.parameters}
        alone = [each for each in self.parameters if isinstance(each, Options) and (self.kind == "settings" or each.name == "otherwise")]
        return [{**still, each.name: word} for each in alone for word in each.options if word != OWN]

    def payload(self, point: Point) -> dict[str, Any]:
        """The payload of a job for a point."""
        return self._rules(point) if self.kind == "rules" else self._settings(point)

    def _settings(self, point: Point) -> dict[str, Any]:
        chosen = {name: int(value) for name, value in point.items() if value != OWN}
        return {"settings": {**(self.settings or {}), **chosen}}

    def _rules(self, point: Point) -> dict[str, Any]:
        rules: list[dict[str, Any]] = []
        for index in range(RULES):
            field, tools = str(point[f"field{index}"]), str(point[f"tools{index}"])
            if field == OWN:
                continue
            condition = [field, str(point[f"sign{index}"]), self._threshold(field, float(point[f"share{index}"]))]
            rules += _both_screens([condition], tools)
        rules += _both_screens([], str(point["otherwise"]))
        # A rule without a condition holds always: the last of them is what `otherwise` would be.
        return {"rules": rules, "settings": dict(self.settings or {})}

    def _threshold(self, field: str, share: float) -> float:
        """The value that a share of the training scenes lie below."""
        values = sorted({float(profile[field]) for profile in self.profiles})
        if not values:
            return share
        place = min(max(share, 0.0), 1.0) * (len(values) - 1)
        low = int(place)
        high = min(low + 1, len(values) - 1)
        return round(values[low] + (place - low) * (values[high] - values[low]), 6)


def _both_screens(conditions: list[Any], tools: str) -> list[dict[str, Any]]:
    """Rules that choose tools and leave screen content tools as the class has them, which a choice of tools would undo."""
    if tools == OWN:
        return [{"when": conditions, "choose": {}}]
    asked, other = TOOLS.get(tools, {}), int(tools == OTHER_SCREEN)
    synthetic = ["scene_class", "==", "synthetic"]
    return [
        {"when": [*conditions, synthetic], "choose": {"tools": {**asked, "screen_content": 1 - other}}},
        {"when": conditions, "choose": {"tools": {**asked, "screen_content": other}}},
    ]


def space_of(campaign: Campaign, profiles: Sequence[dict[str, Any]]) -> Space:
    """The space that a campaign names."""
    if campaign.space == "settings":
        parameters = (Options("preset", (OWN, "4", "5", "6", "7", "8")), Options("bit_depth", (OWN, "8", "10")))
        return Space("settings", parameters, profiles, campaign.settings)
    tools = (OWN, OTHER_SCREEN, *TOOLS)
    each: list[Options | Between] = []
    for index in range(RULES):
        each += [
            Options(f"field{index}", (OWN, *FIELDS)), Options(f"sign{index}", ("<", ">")), Between(f"share{index}", 0.0, 1.0),
            Options(f"tools{index}", tools),
        ]  # fmt: skip
    return Space("rules", (*each, Options("otherwise", tools)), profiles, campaign.settings)
