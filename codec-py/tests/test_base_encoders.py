"""What the tests of pictures and clips do with the SVT-AV1 of the package `av` and the system's libaom, with the newer ones that the portable wheel carries."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import python

PORTABLE = Path(sys.prefix) / "libraries/libSvtAv1Enc.so.4.2"
PORTABLE_AOM = Path(sys.prefix) / "libraries/libaom.so.3.14"

CLIP = """
import numpy, neural_codec
rows, columns = numpy.mgrid[:96, :144]
texture = 40 * ((columns // 9 + rows // 7) % 2)
picture = numpy.stack([columns + texture, 2 * rows // 3 + texture, 60 + texture], axis=2)
picture = (picture + numpy.random.default_rng(7).integers(0, 24, (96, 144, 1))).astype("uint8")
clip = numpy.stack([numpy.roll(picture, 2 * at, axis=1) for at in range(24)])
"""

VERSION = """
assert neural_codec.versions()["base encoder"] == "SVT-AV1 4.2.0", neural_codec.versions()
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


PHOTOS = """
from PIL import Image
Image.fromarray(picture).save("in.png")
for target, tools in [({"min_psnr": 36}, "colors=own tune=psnr"), ({"min_ssimulacra2": 60}, "colors=ycbcr tune=perception")]:
    for output in ("out.nvc", "out.avif"):
        report = neural_codec.encode(picture, output, effort=4, **target)
        assert report.base_encoder.startswith("libaom 3.14"), report.base_encoder
        assert report.total.target_met and report.notes == [], report
        assert report.scenes[0].tools == (tools if output == "out.nvc" else tools.replace("own", "ycbcr")), report.scenes[0].tools
        if output == "out.nvc":
            found = neural_codec.compare(picture[None], neural_codec.decode_photo(output).image[None], metrics="ssimulacra2")
        else:
            # By FFmpeg, which knows nothing of how it was made.
            try:
                found = neural_codec.compare("in.png", output)
            except neural_codec.errors.Unsupported:
                continue
        assert abs(found.psnr_rgb - report.total.pooled["psnr_rgb"]) < 0.05, (output, found, report.total.pooled)
# What there is not is not said to be used.
report = neural_codec.encode(picture, "out.avif", effort=4, quantizer=30.5)
assert report.scenes[0].quantizer == 30 and "none at 30.5" in report.notes[0], report.notes
report = neural_codec.encode(picture, effort=4, quantizer=70, preset=13)
assert (report.scenes[0].quantizer, report.scenes[0].preset) == (63, 9) and "none at 70" in report.notes[0], report.notes
report = neural_codec.encode(picture, effort=4, quantizer=30.5, bit_depth=8)
assert report.scenes[0].bit_depth == 8 and report.base_encoder.startswith("SVT-AV1") and report.notes == []
# One thread or three: the same bytes.
files = [neural_codec.encode(picture, effort=6, min_psnr=36, threads=threads).data for threads in (1, 3)]
assert files[0] == files[1]
print("done")
"""


@pytest.mark.parametrize("code", [TARGETS, TUNES], ids=["targets", "tunes"])
def test_the_portable_wheels_svt_av1_codes_photos_and_clips(code: str) -> None:
    if not PORTABLE.is_file():
        pytest.skip("skipped: make setup fetches SVT-AV1 4.2 for the tests")
    done = python(CLIP + VERSION + code, timeout=240, NEURAL_CODEC_SVTAV1=str(PORTABLE))
    assert done.returncode == 0 and done.stdout == "done\n", done.stderr


def test_the_portable_wheels_libaom_codes_photos(tmp_path: Path) -> None:
    if not PORTABLE_AOM.is_file():
        pytest.skip("skipped: make setup fetches libaom 3.14 for the tests")
    start = f"import os; os.chdir({str(tmp_path)!r})\n"
    done = python(start + CLIP + PHOTOS, timeout=240, NEURAL_CODEC_AOM=str(PORTABLE_AOM))
    assert done.returncode == 0 and done.stdout == "done\n", done.stderr


def test_photos_say_which_encoder_is_missing_and_what_took_its_place() -> None:
    code = """
import numpy, neural_codec
picture = (numpy.mgrid[:40, :50].sum(0)[..., None] * [1, 2, 1]).astype("uint8")
report = neural_codec.encode(picture, effort=4, min_psnr=30)
assert report.base_encoder.startswith("SVT-AV1") and report.total.target_met
assert neural_codec.encode(picture, effort=3, min_psnr=20, strategies="still").notes == []
[note] = report.notes
assert "/nowhere/libaom.so" in note and "more bytes" in note and "apt install libaom3" in note, note
print("done")
"""
    done = python(code, NEURAL_CODEC_AOM="/nowhere/libaom.so")
    assert done.returncode == 0 and done.stdout == "done\n", done.stderr
