"""What the tests of pictures and clips do with the SVT-AV1 of the package `av`, with the newer one that the portable wheel carries."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import python

PORTABLE = Path(sys.prefix) / "libraries/libSvtAv1Enc.so.4.2"

CLIP = """
import numpy, neural_codec
assert neural_codec.versions()["base encoder"] == "SVT-AV1 4.2.0", neural_codec.versions()
rows, columns = numpy.mgrid[:96, :144]
texture = 40 * ((columns // 9 + rows // 7) % 2)
picture = numpy.stack([columns + texture, 2 * rows // 3 + texture, 60 + texture], axis=2)
picture = (picture + numpy.random.default_rng(7).integers(0, 24, (96, 144, 1))).astype("uint8")
clip = numpy.stack([numpy.roll(picture, 2 * at, axis=1) for at in range(24)])
"""

TARGETS = """
# The tune depends on the target and on the version.
for target in ({}, {"quantizer": 40}, {"min_psnr": 34}, {"min_ssimulacra2": 60}, {"size_bytes": 3000}):
    for effort in (0, 5):
        report = neural_codec.encode(picture, effort=effort, **target)
        found = neural_codec.decode_photo(report.data).image
        assert found.shape == picture.shape and report.total.target_met, (target, effort, report.total)

for settings in ({"min_psnr_y": 34}, {"quantizer": 47.25}, {"bitrate_bps": 400_000}):
    for effort in (1, 5):

        report = neural_codec.encode(clip, fps=25, effort=effort, **settings)
        video = neural_codec.decode(report.data).video
        assert video.shape == clip.shape and report.total.target_met, (settings, effort, report.total)
print("done")
"""

TUNES = """
def tools(**settings):
    report = neural_codec.encode(clip, fps=25, effort=3, **settings)
    assert report.total.target_met, settings
    return report.scenes[0].tools

contrast = "scm=0 tune=5"
assert tools(min_ssim_y=0.95) == contrast
assert tools(min_ssim_y=0.95, scope="clip") == contrast
assert tools(min_ssim_y=0.95, scene_settings=[{"tools": {"screen_content": 0}}]) == contrast, "what was asked for, and the tune"
assert tools(min_ssim_y=0.95, defaults={"tune.from_effort": 10}) == "scm=0"
# Squared errors bind, or a sharpened source never comes so near.
assert tools(min_psnr_y=34, min_ssim_y=0.9) == "scm=0"
assert tools(min_ssim_y=0.998) == "scm=0"
assert tools(min_xpsnr=33) == "scm=0"
print("done")
"""


@pytest.mark.parametrize("code", [TARGETS, TUNES], ids=["targets", "tunes"])
def test_the_portable_wheels_svt_av1_codes_photos_and_clips(code: str) -> None:
    if not PORTABLE.is_file():
        pytest.skip("skipped: make setup fetches SVT-AV1 4.2 for the tests")
    done = python(CLIP + code, timeout=240, NEURAL_CODEC_SVTAV1=str(PORTABLE))
    assert done.returncode == 0 and done.stdout == "done\n", done.stderr
