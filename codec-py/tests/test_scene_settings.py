"""Choices for single scenes, profiles and probes."""

from __future__ import annotations

import numpy as np
import pytest

import neural_codec
from neural_codec.errors import InvalidArgument, InvalidType


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Two scenes of ten frames that move."""
    y, x = np.mgrid[0:80, 0:96]
    scenes = []
    for scene in range(2):
        for number in range(10):
            values = 128 + 60 * np.sin((x + 2 * number) / (5 + 9 * scene)) + 50 * np.cos(y / (4 + 6 * scene))
            scenes.append(np.repeat(values.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2))
    return np.stack(scenes)


SPANS = [(0, 10), (10, 20)]


def test_every_scene_is_coded_as_it_was_asked(frames):
    choices = [{"quantizer": 30}, {"quantizer": 55, "tools": {"hierarchical_levels": 3}}]
    report = neural_codec.encode(frames, fps=25, scenes=SPANS, scene_settings=choices, effort=1)
    assert [scene.quantizer for scene in report.scenes] == [30, 55]
    assert [scene.asked["quantizer"] for scene in report.scenes] == ["30", "55"]
    assert report.scenes[1].tools == "hierarchical-levels=3"


@pytest.mark.parametrize(
    ("choices", "named"),
    [
        ([{"quantizer": 30}], "2 objects"),
        ([{}, {"magic": 1}], "scene 1.*magic"),
        ([{"preset": 9}, {"preset": 10}], "scene 1: preset"),
        ([{"min_psnr_y": 20}, {}], "scene 0: min_psnr_y"),
    ],
)
def test_what_is_wrong_names_scene_and_key(frames, choices, named):
    with pytest.raises(InvalidArgument, match=named):
        neural_codec.encode(frames, fps=25, scenes=SPANS, scene_settings=choices, effort=1)


def test_profiles_and_probes(frames):
    scenes = neural_codec.profile_scenes(frames, fps=25)
    assert all(isinstance(scene, neural_codec.ProfiledScene) for scene in scenes)
    assert scenes[0].span[0] == 0 and scenes[-1].span[1] == 20
    assert all(scene.profile.spatial_information > 0 for scene in scenes)
    fine = neural_codec.probe(frames, (0, 10), {"quantizer": 20}, fps=25, effort=1)
    coarse = neural_codec.probe(frames, (0, 10), {"quantizer": 60}, frames=5, fps=25, effort=1)
    assert (fine.frames, coarse.frames) == (10, 5)
    assert fine.psnr_y > coarse.psnr_y and fine.bytes > coarse.bytes
    with pytest.raises(InvalidArgument, match="quantizer"):
        neural_codec.probe(frames, (0, 10), {}, fps=25)
    with pytest.raises(InvalidType, match="choice"):
        neural_codec.probe(frames, (0, 10), 40, fps=25)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="scene"):
        neural_codec.probe(frames, (5, 5), {"quantizer": 40}, fps=25)
