"""What a score rests on: neither scenes nor settings of a trial move its floor, and its time is all that it took."""

from __future__ import annotations

import json

import neural_codec
import numpy as np
import pytest
from neural_codec.experiments import ExperimentError
from neural_codec.experiments.campaign_model import SEARCHED
from neural_codec.experiments.model import Target, job_from
from neural_codec.experiments.planner import Proposal
from neural_codec.experiments.run import least_over
from neural_codec.experiments.score import clip_score
from neural_codec.experiments.space import space_of
from neural_codec.experiments.stages import decided_by_code
from neural_codec.records import FrameValues

from .conftest import needs_bwrap
from .fakes import CLIPS, GRAINY, campaign, result
from .test_campaign import LEVELS_3, Listed, run
from .test_evolution import EACH
from .test_modifier import named
from .test_worker import kept

FLOOR = Target(kind="min_psnr_y", value=36.0)
PLAIN = job_from(named("settings", {"settings": {}}) | {"clip": CLIPS[0]})


@pytest.fixture(scope="module")
def two_scenes(tmp_path_factory):
    """A flat scene of 40 frames, and a rough one of 12."""
    random = np.random.default_rng(3)
    rough = random.integers(0, 256, (76, 108, 3)).astype(np.uint8)
    flat = np.full((64, 96, 3), 90, np.uint8)
    flat[:, ::8] = 120
    frames = np.stack([*[flat] * 40, *[rough[t : t + 64, t : t + 96] for t in range(12)]])
    path = tmp_path_factory.mktemp("clip") / "two.nvc"
    neural_codec.encode(frames, path, fps=24, quantizer=4, effort=0)
    return path


def test_an_agent_that_makes_one_scene_of_two_has_its_floor_measured_over_two(done, two_scenes):
    needs_bwrap()
    same = {"clip": two_scenes, "clips": [two_scenes.parent]}
    plain = done({"kind": "settings", "payload": {"settings": {"effort": 0}}, "target": FLOOR.model_dump()}, **same)
    code = "def decide(profiles, target, probe):\n    return {'scenes': [[0, 52]], 'choices': [{}]}\n"
    merged = done({"kind": "agent", "payload": {"code": code, "settings": {"effort": 0}}, "target": FLOOR.model_dump()}, **same)
    assert plain.state == merged.state == "completed", (plain.error, merged.error)
    assert len(plain.result["scenes"]) == 2 and len(merged.result["scenes"]) == 1
    assert merged.result["scenes"][0]["psnr_y"] > 35.9, "as one scene it meets the floor"
    score = clip_score(FLOOR, merged.result, plain.result)
    assert score.ratio < 1 and score.short_by > 1, "but not as the two that it is"


def test_profiles_are_of_the_scenes_that_the_settings_of_a_job_make(done, two_scenes):
    same = {"clip": two_scenes, "clips": [two_scenes.parent]}
    rules = {"rules": [{"when": [["grain", ">=", 0.0]], "choose": {"tools": {"hierarchical_levels": 3}}}]}
    for seconds, scenes in ((10, 2), (1, 3)):
        settings = {"effort": 0, "quantizer": 60, "max_scene_seconds": seconds}
        row = done({"kind": "rules", "payload": {**rules, "settings": settings}}, **same)
        assert row.state == "completed", row.error
        assert row.result["scene_count"] == len(row.result["scenes"]) == len(row.result["decisions"]["choices"]) == scenes
    needs_bwrap()
    code = "def decide(profiles, target, probe):\n    return {'settings': {'max_scene_seconds': 1}, 'choices': [{}] * len(profiles)}\n"
    row = done({"kind": "agent", "payload": {"code": code, "settings": {"effort": 0, "quantizer": 60}}}, **same)
    assert row.state == "failed" and "max_scene_seconds moves the scenes" in row.error["message"] and row.phase == "encoded"


def test_the_time_of_probes_is_time_of_the_encode(done, monkeypatch):
    needs_bwrap()
    told, probe = [], neural_codec.probe
    monkeypatch.setattr(neural_codec, "probe", lambda *given, **more: told.append(probe(*given, **more)) or told[-1])
    code = "def decide(profiles, target, probe):\n    [probe(0, {'quantizer': q}, 6) for q in (30, 40)]\n    return [{}]\n"
    row = done({"kind": "agent", "payload": {"code": code, "settings": {"effort": 0, "quantizer": 50}}})
    assert row.state == "completed", row.error
    probed = sum(each.cpu_seconds for each in told)
    assert len(told) == 2 and row.result["probe_cpu_seconds"] == pytest.approx(probed) and probed > 0
    assert row.result["encode_cpu_seconds"] > probed


def test_choices_beside_scene_settings_are_the_fault_of_the_job(done):
    settings = {"effort": 0, "quantizer": 50, "scene_settings": '[{"quantizer": 40}]'}
    row = done({"kind": "settings", "payload": {"settings": settings, "choices": [{"quantizer": 45.0}]}})
    assert (row.state, row.claims) == ("failed", 1) and "found both" in row.error["message"]


@pytest.mark.parametrize("own, expected", [({}, 7), ({"seed": 3}, 3)])
def test_the_seed_of_a_job_is_that_of_its_encode(done, services, own, expected):
    row = done({"kind": "settings", "payload": {"settings": {"effort": 0, "quantizer": 50, **own}}, "seed": 7})
    report = json.loads(kept(services(), row, "report"))
    assert int(report["settings"]["seed"]) == expected


def test_jobs_of_a_campaign_have_times_of_their_own_day(services):
    opened = services()
    run(opened, campaign(training=CLIPS[1:2], short=CLIPS[2], held_out=GRAINY, trials=1), Listed(LEVELS_3))
    jobs = [opened.store.get(each.experiment_id).job for each in opened.store.page(limit=500)]
    assert len(jobs) == 14 and all(each["fresh"] for each in jobs)


def test_results_of_another_table_of_constants_are_no_score():
    baseline, other = (result(PLAIN, 1.0) for _ in range(2))
    other["table"] = "another"
    with pytest.raises(ExperimentError, match="expected the table of constants .*, found another"):
        clip_score(FLOOR, other, baseline)
    assert clip_score(FLOOR, other, baseline, "another").ratio == 1.0


def test_a_floor_over_other_scenes_than_the_baselines_is_no_score():
    baseline, other = (result(PLAIN, 1.0) for _ in range(2))
    assert clip_score(FLOOR, other, baseline).ratio == 1.0
    other["least_scene"]["spans"] = "others"
    with pytest.raises(ExperimentError, match="scenes of the baseline"):
        clip_score(FLOOR, other, baseline)


@pytest.mark.parametrize("name, value", [("audio", "none"), ("scope", "clip"), ("pooling", "p5"), ("max_scene_seconds", 2)])
def test_settings_that_an_agent_decides_are_those_that_may_be_searched(name, value):
    told = {**result(PLAIN, 0.5), "decisions": {"settings": {"effort": 3, name: value}}}
    with pytest.raises(ExperimentError, match=f"settings: .*found '{name}'"):
        clip_score(FLOOR, told, result(PLAIN, 1.0))
    with pytest.raises(ExperimentError, match=name):
        campaign(settings={name: value})
    needs_bwrap()
    code = f"def decide(profiles, target, probe):\n    return {{'settings': {json.dumps({name: value})}}}\n"
    with pytest.raises(ExperimentError, match=f"decide: settings: .*found '{name}'"):
        decided_by_code(Proposal("agent", {"code": code}, "llm"), campaign(), EACH, lambda: False)


def test_what_planners_search_may_be_searched():
    assert {each.name for each in space_of(campaign(space="settings"), []).parameters} <= set(SEARCHED)


def test_a_scene_without_frames_is_no_lossless_one():
    frames = [FrameValues(value, None, None, 0.9, None, None, None, None) for value in (30.0, 40.0, None)]
    assert least_over([(0, 1), (1, 2)], frames)["psnr_y"] == 30.0 and least_over([(2, 1)], frames)["psnr_y"] is None
    with pytest.raises(ExperimentError, match="expected frames of each of 2 scenes, found 3"):
        least_over([(0, 3), (3, 1)], frames)
