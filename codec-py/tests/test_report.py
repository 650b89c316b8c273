"""The report's JSON follows its schema in docs/, and its times add up."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import neural_codec

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())


@pytest.fixture(scope="module", params=[{"min_psnr_y": 36}, {"quantizer": 45}, {"bitrate_bps": 150_000}])
def report(request, carphone) -> neural_codec.Report:
    return neural_codec.encode(carphone, effort=3, **request.param)


def test_a_report_follows_the_documented_schema(report):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(report.to_dict(), SCHEMA)
    broken = report.to_dict()
    broken["scenes"][0]["profile"].pop("scene_class")
    with pytest.raises(jsonschema.ValidationError, match="scene_class"):
        jsonschema.validate(broken, SCHEMA)


def test_a_report_comes_back_from_its_json(report):
    assert neural_codec.Report.from_json(report.to_json()) == report


def test_stages_take_no_more_time_than_the_encode(report):
    total = report.total
    assert {"cuts", "profile", "store"} <= set(total.stages)
    assert 0 < sum(stage.cpu_seconds for stage in total.stages.values()) <= total.cpu_seconds * 1.001
    attempts = [attempt for scene in report.scenes for attempt in scene.attempts]
    assert total.stages["cuts"].runs == total.stages["profile"].runs == total.frames
    for name, stage in total.stages.items():
        if name not in ("cuts", "profile"):
            mine = [attempt for attempt in attempts if attempt.stage == name]
            assert stage.runs == len(mine)
            assert stage.cpu_seconds == pytest.approx(sum(attempt.cpu_seconds for attempt in mine))
