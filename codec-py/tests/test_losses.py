"""What a source has and a result has not: named, or not lost at all."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import FAST
from PIL import Image
from test_photos import picture

import neural_codec


def lost(result: neural_codec.Report | neural_codec.Written) -> set[str]:
    return {each.what for each in result.lost}


def photo(source: Path) -> neural_codec.Report:
    return neural_codec.encode(source, source.with_suffix(".nvc"), effort=0, quantizer=10)


def profile(space: bytes) -> bytes:
    """As much of an ICC profile as is looked at."""
    return (b"\0" * 16 + space + b"\0" * 16 + b"acsp").ljust(132, b"\0")


def test_pictures_that_become_a_clip_name_what_a_clip_has_no_place_for(tmp_path):
    for index in range(2):
        samples = picture(channels=4)
        Image.fromarray(samples).save(tmp_path / f"{index}.png", dpi=(300, 300), icc_profile=profile(b"RGB "))
    report = neural_codec.encode(tmp_path / "%d.png", tmp_path / "a.mkv", fps=25, **FAST)
    assert lost(report) == {"alpha", "profile", "resolution"}
    Image.fromarray(picture()[:, :, 0].astype(np.uint16) * 257).save(tmp_path / "deep_0.png")
    report = neural_codec.encode(tmp_path / "deep_%d.png", tmp_path / "b.mkv", fps=25, **FAST)
    assert lost(report) == {"bits"}
    Image.fromarray(picture()).save(tmp_path / "plain_0.png")
    assert not lost(neural_codec.encode(tmp_path / "plain_%d.png", tmp_path / "c.mkv", fps=25, **FAST))


def test_an_avif_that_becomes_a_clip_names_what_lies_beside_its_samples(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "a description"
    Image.fromarray(picture()).save(tmp_path / "in.png", exif=exif)
    neural_codec.encode(tmp_path / "in.png", tmp_path / "out.avif", effort=1, quantizer=40)
    assert lost(neural_codec.encode(tmp_path / "out.avif", tmp_path / "out.nvc", **FAST)) == {"exif"}
    Image.fromarray(picture()).save(tmp_path / "plain.png")
    neural_codec.encode(tmp_path / "plain.png", tmp_path / "plain.avif", effort=1, quantizer=40)
    assert not lost(neural_codec.encode(tmp_path / "plain.avif", tmp_path / "plain.nvc", **FAST))


def test_colors_that_were_multiplied_with_opacity_are_divided_by_it(tmp_path):
    straight = np.empty((64, 80, 4), np.uint8)
    straight[:, :] = (20, 160, 90, 128)
    multiplied = straight.copy()
    multiplied[:, :, :3] = (straight[:, :, :3].astype(int) * 128 + 127) // 255
    for samples, kind in ((straight, 2), (multiplied, 1)):
        source = tmp_path / f"{kind}.tif"
        Image.fromarray(samples).save(source)
        # ExtraSamples, one short number: Pillow writes 2, of straight colors.
        entry = struct.pack("<HHIH", 338, 3, 1, 2)
        data = source.read_bytes()
        assert data.count(entry) == 1
        source.write_bytes(data.replace(entry, struct.pack("<HHIH", 338, 3, 1, kind)))
        photo(source)
        found = neural_codec.decode_photo(source.with_suffix(".nvc")).image
        assert np.abs(found.astype(int) - straight).max() <= 6, kind


def test_what_a_jpeg_has_beside_its_picture_is_named(tmp_path):
    Image.fromarray(picture()).convert("CMYK").save(tmp_path / "inks.jpg")
    assert lost(photo(tmp_path / "inks.jpg")) == {"color"}
    more = Image.fromarray(picture())
    more.save(tmp_path / "more.jpg", format="MPO", save_all=True, append_images=[more])
    assert "pictures" in lost(photo(tmp_path / "more.jpg"))
    more.save(tmp_path / "one.jpg")
    assert not lost(photo(tmp_path / "one.jpg"))


@pytest.mark.parametrize(("red", "named"), [((64000, 33000), set()), ((64000, 21000), {"color"})])
def test_primaries_of_a_png_that_are_not_those_of_srgb_are_named(tmp_path, red, named):
    source = tmp_path / "a.png"
    Image.fromarray(picture()).save(source)
    data = source.read_bytes()
    body = b"cHRM" + struct.pack(">8I", 31270, 32900, *red, 30000, 60000, 15000, 6000)
    chunk = struct.pack(">I", 32) + body + struct.pack(">I", zlib.crc32(body))
    # Behind the header.
    source.write_bytes(data[:33] + chunk + data[33:])
    assert lost(photo(source)) == named


def test_a_photo_in_a_clip_names_what_stays_behind(tmp_path):
    source = tmp_path / "a.png"
    Image.fromarray(picture(channels=4)).save(source, icc_profile=profile(b"RGB "))
    photo(source)
    assert lost(neural_codec.decode(source.with_suffix(".nvc"), tmp_path / "a.mkv")) == {"alpha", "profile"}
    assert lost(neural_codec.decode(source.with_suffix(".nvc"), tmp_path / "x_%d.png")) == {"alpha", "profile"}


def test_a_gray_profile_goes_with_gray_samples_alone(tmp_path):
    source = tmp_path / "a.png"
    gray = picture()[:, :, 0]
    Image.fromarray(gray).save(source, icc_profile=profile(b"GRAY"))
    photo(source)
    neural_codec.decode(source.with_suffix(".nvc"), tmp_path / "out.tif")
    with Image.open(tmp_path / "out.tif") as back:
        assert back.mode == "L" and back.info["icc_profile"] == profile(b"GRAY")
        assert np.abs(np.asarray(back).astype(int) - gray).mean() < 4
    Image.fromarray(np.dstack([gray, picture(channels=4)[:, :, 3]])).save(source, icc_profile=profile(b"GRAY"))
    photo(source)
    written = neural_codec.decode(source.with_suffix(".nvc"), tmp_path / "out.tif")
    assert "profile" in lost(written)
    with Image.open(tmp_path / "out.tif") as back:
        assert back.mode == "RGBA" and "icc_profile" not in back.info


def test_the_size_of_an_avif_is_that_of_what_is_in_it(tmp_path):
    source = tmp_path / "a.png"
    samples = np.random.default_rng(1).integers(0, 256, (128, 160, 4), np.uint8)
    Image.fromarray(samples).save(source)
    report = neural_codec.encode(source, tmp_path / "a.avif", effort=1, size_bytes=9000)
    size = (tmp_path / "a.avif").stat().st_size
    # Opacity, which has no place there, would take more than twice that.
    assert report.total.target_met and 4000 < size <= 9000 and "alpha" in lost(report)
