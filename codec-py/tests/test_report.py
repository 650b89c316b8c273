"""The report's JSON follows its schema in docs/, and its times add up."""

from __future__ import annotations

import dataclasses
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


def test_a_report_as_a_table_of_pandas(report):
    pytest.importorskip("pandas", reason="pandas is not installed: tables are not tried")
    scenes, attempts = report.to_pandas(), report.to_pandas("attempts")
    assert scenes["bytes"].sum() == sum(scene.bytes for scene in report.scenes)
    assert {"quantizer", "psnr_y", "ssim_y", "worst_frame", "scene_class", "grain"} <= set(scenes.columns)
    assert len(attempts) == sum(len(scene.attempts) for scene in report.scenes) and set(attempts["scene"]) == set(scenes["index"])
    with pytest.raises(neural_codec.errors.InvalidArgument, match="scenes, attempts"):
        report.to_pandas("frames")


def test_a_report_as_a_figure(report, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: figures are not tried")
    report.plot().savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_what_is_not_installed_is_named(report, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(neural_codec.errors.MissingLibrary, match=r"neural-codec\[pandas\]"):
        report.to_pandas()


def test_a_notebook_shows_totals_and_scenes(report):
    text = report._repr_html_()
    assert text.count("<tr>") == 1 + len(report.scenes) and f"{report.total.frames} frames" in text and "target:" in text
    long = dataclasses.replace(report, scenes=report.scenes * 30)
    assert long._repr_html_().count("<tr>") == 21 and "scenes more" in long._repr_html_()
