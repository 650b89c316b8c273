"""Evolution: variety is kept by islands and scene classes, and what is not new or begins badly is not encoded."""

from __future__ import annotations

import pytest
from neural_codec.experiments import ExperimentError
from neural_codec.experiments.archive import MIGRATION, elites, parents, seen
from neural_codec.experiments.planner import Context, Proposal, Trial
from neural_codec.experiments.score import ClipScore, Score, score_of
from neural_codec.experiments.stages import decided_by_code, probes

from .conftest import needs_bwrap
from .fakes import CLIPS, PROFILES, campaign
from .test_campaign import LEVELS_3, Listed, run

CLASSES = ("static", "moderate_motion", "synthetic")
EACH = [[{"first_frame": 0, "frames": 10, **profile}] for profile in list(PROFILES.values())[:3]]
SAME = "def decide(profiles, target, probe):\n    return [{} for each in profiles]\n"


def scored(slot: int, *ratios: float, short_by: float = 0.0) -> Trial:
    clips = [ClipScore(str(index), round(1000 * ratio), 1000, 1.0, 1.0, short_by) for index, ratio in enumerate(ratios)]
    return Trial(slot, Proposal("rules", {"rules": []}, "x"), score_of(clips))


def context(trials, slot: int, **more) -> Context:
    return Context(campaign(**more), slot, trials, [], CLASSES)


def test_each_scene_class_keeps_its_best_trial_however_bad_it_is_elsewhere():
    trials = [scored(0, 0.95, 0.95, 0.95), scored(1, 1.5, 0.7, 1.5), scored(2, 0.5, 0.5, 0.5, short_by=1.0)]
    found = elites(context(trials, 3), trials)
    assert {kind: trial.slot for kind, trial in found.items()} == {"static": 0, "moderate_motion": 1, "synthetic": 0}
    assert [each.slot for each in parents(context(trials, 3))][:2] == [0, 1], "the best first, then the rest"


def test_islands_see_their_own_trials_and_in_time_the_best_of_their_neighbor():
    trials = [scored(slot, *[0.99 - 0.01 * slot] * 3) for slot in range(2 * MIGRATION - 1)]
    assert {each.slot % 2 for each in seen(context(trials, 2 * MIGRATION - 1, islands=2))} == {1}
    later = [each.slot for each in seen(context([*trials, scored(2 * MIGRATION - 1, 1, 1, 1)], 2 * MIGRATION, islands=2))]
    assert [slot for slot in later if slot % 2] == [2 * MIGRATION - 3], "the best of the other island before the migration"
    assert len(seen(context(trials, 5))) == len(trials), "with one island all are seen"


def test_a_trial_that_begins_badly_is_not_encoded_further(services):
    bad = {"rules": [{"when": [], "choose": {"tools": {"hierarchical_levels": 3, "adaptive_quantization": 0}}}]}
    wanted = campaign(trials=2, stop_early_above=1.05, held_out=[])
    told = run(services(), wanted, Listed(bad, LEVELS_3))
    first, second = told["trials"]
    assert first["score"]["early"] and [each["clip"] for each in first["score"]["clips"]] == ["a.mkv"]
    assert "first-0000-0" in told["runs"] and "first-0000-1" not in told["runs"], "1.122 on the first clip is enough"
    assert not second["score"]["early"] and len(second["score"]["clips"]) == 3 and told["best"]["slot"] == 1
    assert not Score(0.5, 1.0, 0.0, early=True).is_allowed(wanted)


def test_the_same_code_is_not_run_twice_whatever_its_layout(services, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)

    class Coded(Listed):
        def propose(self, context):
            return Proposal("agent", self.payloads[context.slot], "listed")

    other = SAME.replace("    return", "    # Nothing else.\n    return") + "\n\n"
    told = run(services(), campaign(trials=2, held_out=[]), Coded({"code": SAME}, {"code": other}), answer=lambda _: 0.99)
    assert sum(name.startswith("first-0001") for name in told["runs"]) == 0
    assert told["trials"][1]["score"] == told["trials"][0]["score"]


def test_code_is_tried_on_profiles_in_the_sandbox_before_anything_is_encoded():
    needs_bwrap()

    def decided(code: str):
        return decided_by_code(Proposal("agent", {"code": code}, "llm"), campaign(), EACH, lambda: False)

    longer = "def decide(profiles, target, probe):\n    found = []\n    for each in profiles:\n        found.append({})\n    return found\n"
    assert decided(SAME) == decided(longer) is not None, "other code, the same decisions"
    with pytest.raises(ExperimentError, match="ZeroDivisionError"):
        decided("def decide(profiles, target, probe):\n    return [{'quantizer': 1 / each['motion']} for each in profiles]\n")
    assert decided("def decide(profiles, target, probe):\n    return probe(0, {'quantizer': 40})\n") is None


def test_what_probes_is_seen_in_code_and_what_is_no_code_is_named():
    assert not probes(SAME) and probes("def decide(p, t, probe):\n    ask = probe\n    return ask(0, {})")
    with pytest.raises(ExperimentError, match="expected Python"):
        probes("Certainly! Here is the code.")


def test_a_code_that_is_prose_is_a_failed_trial(services):
    class Coded(Listed):
        def propose(self, context):
            return Proposal("agent", self.payloads[context.slot], "listed")

    told = run(services(), campaign(training=CLIPS[:1], trials=1, held_out=[]), Coded({"code": "Certainly!"}))
    assert "expected Python" in told["trials"][0]["error"] and "first-0000-0" not in told["runs"]
