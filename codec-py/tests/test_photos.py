"""Photos: arrays and pictures of Pillow in and out, their page, their comparison, and folders of them."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neural_codec
from neural_codec import DecodedPhoto
from neural_codec._page import page, write_page
from neural_codec._photo_page import measured_photo
from neural_codec.errors import Corrupt, InvalidArgument, InvalidType

FAST = {"effort": 0, "threads": 1}


def picture(height: int = 64, width: int = 80, channels: int = 3) -> np.ndarray:
    """Smooth colors with edges and some grain."""
    y, x = np.mgrid[:height, :width]
    grain = np.random.default_rng(7).integers(0, 24, (height, width, 1))
    planes = [2 * x % 200, 3 * y % 190, 60 + 40 * ((x // 9 + y // 7) % 2), np.where(x < 5, 128, 255)]
    out = np.stack(planes[:channels], axis=2)
    out[:, :, :3] += grain
    return out.astype(np.uint8)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "neural_codec", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(a.astype(float) - b).mean()))


@pytest.fixture(scope="module")
def encoded(tmp_path_factory) -> tuple[Path, Path, neural_codec.Report]:
    folder = tmp_path_factory.mktemp("photo")
    source, stored = folder / "a <b>.png", folder / "out.nvc"
    Image.fromarray(picture(150, 240, 4)).save(source)
    return source, stored, neural_codec.encode(source, stored, min_psnr=30, **FAST)


def test_an_array_becomes_a_photo_and_comes_back():
    for channels in (3, 4):
        source = picture(channels=channels)
        report = neural_codec.encode(source, quantizer=20, **FAST)
        found = neural_codec.decode_photo(report.data)
        assert isinstance(found, DecodedPhoto) and found.image.dtype == np.uint8 and found.image.shape == source.shape
        assert abs(psnr(source[:, :, :3], found.image[:, :, :3]) - report.total.pooled["psnr_rgb"]) < 1e-6
        assert channels == 3 or np.array_equal(source[:, :, 3], found.image[:, :, 3])
    gray = picture()[:, :, 0]
    assert neural_codec.encode(gray, quantizer=40, **FAST).photo.is_gray
    assert neural_codec.encode(np.moveaxis(picture(), 2, 0)[:, :, ::-1], layout="TCHW", quantizer=50, **FAST).coded.width == 80


def test_sixteen_bits_stay_sixteen_and_ten_in_the_low_bits_are_noted():
    source = picture().astype(np.uint16) * 257
    report = neural_codec.encode(source, quantizer=10, **FAST)
    found = neural_codec.decode_photo(io.BytesIO(report.data)).image
    assert found.dtype == np.uint16 and abs(psnr(source / 257, found / 257) - report.total.pooled["psnr_rgb"]) < 0.05
    assert [each.what for each in report.lost] == ["bits"] and report.notes == []
    low = neural_codec.encode(source >> 6, quantizer=50, **FAST)
    assert "shift them left by 6" in low.notes[-1]


def test_a_picture_of_pillow_is_upright_and_keeps_its_tags(tmp_path):
    image = Image.fromarray(picture())
    exif = image.getexif()
    exif[0x0112], exif[0x010E] = 6, "a name"
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    with Image.open(tmp_path / "turned.jpg") as opened:
        report = neural_codec.encode(opened, tmp_path / "out.nvc", quantizer=30, **FAST)
    assert (report.coded.width, report.coded.height) == (64, 80) and report.photo.exif_bytes > 0
    of_file = neural_codec.encode(tmp_path / "turned.jpg", quantizer=30, **FAST)
    found = neural_codec.decode_photo(tmp_path / "out.nvc")
    # Two readers of JPEG, which round in their own ways.
    assert np.abs(found.image.astype(int) - neural_codec.decode_photo(of_file.data).image).mean() < 4
    assert b"a name" in found.exif and found.icc == found.xmp == b"" and found.lost == []
    palette = Image.fromarray(picture()).quantize(16)
    assert neural_codec.encode(palette, quantizer=50, **FAST).coded.width == 80
    with pytest.raises(InvalidType, match=r"found CMYK; pass image.convert\('RGB'\)"):
        neural_codec.encode(image.convert("CMYK"))


def test_what_a_file_has_beside_its_picture_is_kept_or_named(tmp_path):
    image = Image.fromarray(picture())

    def lost(name: str, **options: object) -> list[str]:
        image.save(tmp_path / name, **options)
        report = neural_codec.encode(tmp_path / name, quantizer=50, **FAST)
        return [f"{each.what}: {each.why}" for each in report.lost]

    inch = "resolution: 300x300 pixels an inch have no place"
    assert lost("a.jpg", dpi=(300, 300), comment="hello") == [inch, "text: texts of the file have no place: comment"]
    assert lost("plain.jpg") == lost("usual.jpg", dpi=(72, 72)) == []
    assert lost("a.tiff", dpi=(300, 300), description="d", copyright="c") == [
        "text: texts of the file have no place: ImageDescription, Copyright",
        inch,
    ]
    meter = "resolution: 11811x11811 pixels a meter have no place"
    assert lost("a.bmp", dpi=(300, 300)) == lost("a.png", dpi=(300, 300)) == [meter]


def test_a_jpeg_that_is_cut_short_is_an_error_and_damage_is_named(tmp_path):
    noise = np.random.default_rng(3).integers(0, 255, (192, 256, 3), np.uint8)
    for progressive in (False, True):
        Image.fromarray(noise).save(tmp_path / "a.jpg", quality=90, progressive=progressive)
        whole = (tmp_path / "a.jpg").read_bytes()
        (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(Corrupt, match="expected a whole file, found a shorter one"):
            neural_codec.encode(tmp_path / "cut.jpg", quantizer=50, **FAST)
        middle = len(whole) // 2
        (tmp_path / "broken.jpg").write_bytes(whole[:middle] + b"\xff\xc5" * 20 + whole[middle + 40 :])
        report = neural_codec.encode(tmp_path / "broken.jpg", quantizer=50, **FAST)
        assert [each.what for each in report.lost] == ["damage"]


def test_an_avif_with_exif_is_read_by_ffmpeg_and_pillow_and_by_ourselves(tmp_path):
    image = Image.fromarray(picture())
    exif = image.getexif()
    exif[0x010F] = "a camera"
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    neural_codec.encode(tmp_path / "a.jpg", tmp_path / "a.avif", quantizer=30, **FAST)
    assert neural_codec.info(tmp_path / "a.avif").video.width == 80
    neural_codec.decode(tmp_path / "a.avif", tmp_path / "back.png")
    with Image.open(tmp_path / "back.png") as back:
        assert psnr(picture(), np.asarray(back)[:, :, :3]) > 25
    with Image.open(tmp_path / "a.avif") as found:
        assert found.getexif()[0x010F] == "a camera"


@pytest.mark.parametrize(
    ("source", "options", "kind", "message"),
    [
        (np.zeros((4, 4, 3)), {}, InvalidType, "float64; scale to 0..255"),
        (np.zeros((4, 4, 3), np.int32), {}, InvalidType, "uint16 that fills 16 bits, found int32"),
        (np.zeros((3, 40, 50), np.uint8), {}, InvalidArgument, "pass layout='TCHW'; a clip has four"),
        (np.zeros((4, 4, 5), np.uint8), {}, InvalidArgument, r"1 to 4 channels, found \(4, 4, 5\)"),
        (np.zeros((0, 4), np.uint8), {}, InvalidArgument, "at least 1x1 pixels, found 4x0"),
        (np.zeros((4, 4, 3), np.uint8), {"scenes": [(0, 1)]}, InvalidArgument, "none for a photo"),
        (np.zeros((4, 4, 3), np.uint8), {"output": "a.mkv"}, InvalidArgument, r"\.nvc or \.avif"),
        (np.zeros((4, 4, 3), np.uint8), {"fps": 25}, InvalidArgument, r"source\[None\]"),
    ],
)
def test_what_is_no_picture_is_named(source, options, kind, message):
    with pytest.raises(kind, match=message):
        neural_codec.encode(source, **options, **FAST)


def test_what_is_no_photo_is_an_error():
    with pytest.raises(Corrupt):
        neural_codec.decode_photo(b"nonsense")
    with pytest.raises(InvalidType, match="a path, bytes"):
        neural_codec.decode_photo(7)


class Tensor:
    """What a tensor of another library looks like: a shape, and memory by DLPack."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.shape = array, array.shape

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_a_tensor_is_taken_by_its_memory():
    expected = neural_codec.encode(picture(), quantizer=30, **FAST).data
    channels_first = np.ascontiguousarray(np.moveaxis(picture(), 2, 0))
    assert neural_codec.encode(Tensor(channels_first), layout="TCHW", quantizer=30, **FAST).data == expected
    try:
        import torch
    except ImportError:
        return
    assert neural_codec.encode(torch.from_numpy(channels_first), layout="TCHW", quantizer=30, **FAST).data == expected


def test_the_page_of_a_photo_is_about_a_photo(encoded):
    source, stored, report = encoded
    found = measured_photo(source, stored)
    assert found.notes == [] and len(found.crops) >= 2 and type(found).from_json(found.to_json()) == found
    text = page(report, found, clip=str(source))
    assert "<h1>a &lt;b&gt;.png</h1>" in text and "bits a pixel" in text and "PSNR of RGB at least 30 dB" in text
    shown = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.S)
    assert not re.search(r"frames|a second|bit/s|scene", shown), re.search(r".{40}(frames|a second|bit/s|scene).{40}", shown)
    attempts = json.loads(re.search(r'id="photo-data">(.*?)</script>', text)[1])["points"]
    assert len(attempts) == len(report.scenes[0].attempts) and sum(each["stored"] for each in attempts) == 1
    assert "opacity: " in shown and shown.count("<tr>") >= len(attempts)
    gone = measured_photo(source, stored.with_name("gone.nvc"))
    assert gone.crops == [] and "gone.nvc" in page(report, gone)


def test_the_page_of_a_photo_is_drawn_in_a_browser(encoded, web, tmp_path):
    source, stored, report = encoded
    write_page(tmp_path / "page.html", report, measured_photo(source, stored), clip=str(source))
    web.goto((tmp_path / "page.html").as_uri())
    assert int(web.locator("#tries").get_attribute("data-points")) == len(report.scenes[0].attempts)
    natural = "images => images.every(image => image.naturalWidth > 0 && (image.width === image.naturalWidth || image.className))"
    for width in (420, 1280):
        web.set_viewport_size({"width": width, "height": 900})
        web.wait_for_timeout(50)
        assert web.locator(".crops img, .overview img").evaluate_all(natural), "crops are at 1:1"
        assert web.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"nothing sticks out at {width}"
        if os.environ.get("NEURAL_CODEC_SCREENSHOTS"):
            web.screenshot(path=os.path.join(os.environ["NEURAL_CODEC_SCREENSHOTS"], f"photo-{width}.png"), full_page=True)


def test_the_command_line_speaks_of_photos(encoded, tmp_path):
    source, stored, report = encoded
    told = run("encode", source, tmp_path / "again.nvc", "--min-psnr", 30, "--effort", 0, "--threads", 1, "--report", tmp_path / "page.html")
    assert told.returncode == 0 and "bits a pixel" in told.stdout and "kbit/s" not in told.stdout, told
    assert 'id="photo-data"' in (tmp_path / "page.html").read_text()
    told = run("info", stored)
    assert "photo: " in told.stdout and "opacity" in told.stdout and "second" not in told.stdout, told
    assert neural_codec.info(stored).photo == report.photo
    assert "makes a photo of it" in run("info", source).stdout


def soft_shapes(height: int, width: int) -> np.ndarray:
    """Soft light with edges and a little grain, as photos have."""
    y, x = np.mgrid[:height, :width]
    light = 120 + 50 * np.sin((x + y / 3) / 19) + 40 * (np.sin((y - x / 3) / 11) > 0.2)
    grain = np.random.default_rng(7).normal(0, 5, (height, width, 1))
    return (light[..., None] * [1, 0.9, 0.7] + grain).clip(0, 255).astype(np.uint8)


def test_a_filter_over_a_photo_is_told_of(tmp_path):
    source, stored, picture = tmp_path / "in.png", tmp_path / "out.nvc", soft_shapes(120, 160)
    Image.fromarray(picture).save(source)
    report = neural_codec.encode(source, stored, quantizer=45, effort=3, threads=1)
    assert (report.scenes[0].strategy, report.photo.coding, report.photo.macs_per_pixel) == ("hybrid", "av1", 10_944)
    found = neural_codec.info(stored)
    assert (found.scenes[0].strategy, found.photo) == ("hybrid", report.photo)
    assert "bytes of AV1 and a filter, 10944 multiplications a pixel, 10 bits" in run("info", stored).stdout
    assert "a filter of 10944 multiplications a pixel" in page(report, measured_photo(source, stored))
    assert psnr(picture, neural_codec.decode_photo(stored).image) == pytest.approx(report.scenes[0].quality.psnr_rgb)
    plain = neural_codec.encode(source, stored, quantizer=45, effort=3, threads=1, strategies="av1")
    assert (plain.scenes[0].strategy, plain.photo.macs_per_pixel) == ("av1", 0)
    assert "bytes of AV1, 10 bits" in run("info", stored).stdout and "a filter" not in page(plain, measured_photo(source, stored))


def test_a_photo_may_be_a_neural_still_and_all_that_tells_of_it_says_so(tmp_path):
    source, stored = tmp_path / "in.png", tmp_path / "out.nvc"
    Image.fromarray(picture()).save(source)
    report = neural_codec.encode(source, stored, min_psnr=12, strategies="still", **FAST)
    scene, photo = report.scenes[0], report.photo
    assert (scene.strategy, photo.coding, [each.stage for each in scene.attempts]) == ("still", "neural", ["still"])
    assert psnr(picture(), neural_codec.decode_photo(stored).image) == pytest.approx(scene.quality.psnr_rgb) and scene.quality.psnr_rgb >= 12
    still = f"a still{{}} {photo.macs_per_pixel} multiplications a pixel"
    assert still.format(",") in run("info", stored).stdout
    assert still.format(" of") in page(report, measured_photo(source, stored))
    told = run("encode", source, stored, "--min-psnr", 12, "--effort", 0, "--threads", 1, "--strategies", "still")
    assert re.search(r"1  still +-  +- ", told.stdout), told
    refused = run("encode", source, stored, "--strategies", "still", "--effort", 0)
    assert refused.returncode != 0 and "min_psnr" in refused.stderr, refused
    both = neural_codec.encode(source, min_psnr=12, defaults={"photo.still_from_effort": 0}, **FAST)
    attempts = json.loads(re.search(r'id="photo-data">(.*?)</script>', page(both, None))[1])["points"]
    assert both.photo.coding == "av1" and [each["stage"] for each in attempts].count("still") == 1
    assert [each["stage"] for each in attempts if each["stored"]] == ["store"]


def test_pictures_are_compared_in_rgb_with_a_page(encoded, tmp_path):
    source, stored, report = encoded
    metrics = neural_codec.compare(source, stored, metrics="ssim,ssimulacra2")
    assert abs(metrics.psnr_rgb - report.total.pooled["psnr_rgb"]) < 1e-9
    assert abs(metrics.ssim_y - report.total.pooled["ssim_y"]) < 1e-9
    told = run("compare", source, stored, "--report", tmp_path / "page.html")
    assert told.returncode == 0 and "one picture" in told.stdout, told
    text = (tmp_path / "page.html").read_text()
    assert text.count("difference of place") >= 2 and "a &lt;b&gt;.png" in text


def test_clips_are_compared_with_a_page_of_their_worst_frame(stream, tmp_path):
    neural_codec.decode(stream, tmp_path / "clip.mkv")
    again = tmp_path / "again.nvc"
    neural_codec.encode(tmp_path / "clip.mkv", again, quantizer=55, effort=0)
    told = run("compare", tmp_path / "clip.mkv", again, "--report", tmp_path / "page.html")
    assert told.returncode == 0, told
    assert "pictures are of frame" in (tmp_path / "page.html").read_text()


def test_a_sign_of_percent_in_a_name_is_no_number(encoded, tmp_path):
    _, stored, _ = encoded
    for name in ("x 50% done.png", "50%.TIFF", "100% %04d.png", "%5d.png"):
        assert neural_codec.decode(stored, tmp_path / name).frames == 1 and (tmp_path / name).is_file()
    (tmp_path / "in").mkdir()
    Image.fromarray(picture()).save(tmp_path / "in" / "50%.png")
    assert run("encode", tmp_path / "in", tmp_path / "in", "--effort", 0).returncode == 0
    told = run("decode", tmp_path / "in", tmp_path / "out")
    assert told.returncode == 0 and Image.open(tmp_path / "out" / "50%.png").size == (80, 64), told


def test_a_folder_of_photos_goes_into_a_folder_and_back(tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    (photos / "inner").mkdir(parents=True)
    Image.fromarray(picture()).save(photos / "a.png")
    Image.fromarray(picture(channels=4)).save(photos / "inner" / "b.png")
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (photos / "notes.txt").write_text("no picture")
    options = ("--quantizer", 50, "--effort", 0, "--skip-existing")
    told = run("encode", photos, out, *options)
    assert told.returncode == 1 and "2 encoded, 0 skipped, 1 failed" in told.stdout and "notes.txt" in told.stdout, told
    assert "2 photos, " in told.stdout and sorted(path.name for path in out.rglob("*.nvc")) == ["a.nvc", "b.nvc"]
    (photos / "broken.jpg").unlink()
    (out / "a.nvc").unlink()
    told = run("encode", photos, out, *options)
    assert told.returncode == 0 and "1 encoded, 1 skipped, 0 failed" in told.stdout, told
    told = run("decode", out, tmp_path / "back")
    assert told.returncode == 0 and "2 decoded" in told.stdout, told
    assert np.asarray(Image.open(tmp_path / "back" / "inner" / "b.png")).shape == (64, 80, 4)


@pytest.mark.parametrize("options", [("--fps", 5), ("--scenes", "0-1")])
def test_what_only_clips_have_makes_no_clip_of_a_photo(encoded, tmp_path, options):
    told = run("encode", encoded[0], tmp_path / "out.nvc", *options)
    assert told.returncode == 1 and "expected none for a photo" in told.stderr and not (tmp_path / "out.nvc").exists()
    told = run("encode", encoded[0], tmp_path / "out.mkv", *options, "--effort", 0, "--quantizer", 50)
    assert told.returncode == 0 and neural_codec.info(tmp_path / "out.mkv").frames == 1


@pytest.mark.parametrize("command", ["encode", "compare", "decode"])
def test_the_error_of_a_broken_picture_names_it_once_and_first(encoded, tmp_path, command):
    broken = tmp_path / "broken.png"
    broken.write_bytes(encoded[0].read_bytes()[:400])
    told = run(command, broken, tmp_path / "out.nvc" if command == "encode" else tmp_path / "out.png" if command == "decode" else encoded[0])
    assert told.returncode == 1 and told.stderr.startswith(f"error: {broken}: ") and told.stderr.count("broken.png") == 1, told.stderr


def test_an_avif_is_a_picture_and_told_without_what_it_does_not_hold(encoded, tmp_path):
    stored = tmp_path / "out.avif"
    told = run("encode", encoded[0], stored, "--quantizer", 50, "--effort", 0)
    assert "lost: alpha" in told.stdout and "opacity" not in told.stdout, told
    told = run("info", stored)
    if "unsupported" in told.stderr:
        pytest.skip("the FFmpeg here reads no AVIF")
    size = stored.stat().st_size
    assert told.stdout == f"240x150 yuv420p10\npicture: {size} bytes, {8 * size / 36000:.3f} bits a pixel\n", told


def test_settings_of_clips_are_noted_for_a_photo(encoded, tmp_path):
    told = run("encode", encoded[0], tmp_path / "out.nvc", "--quantizer", 50, "--effort", 0, "--pooling", "p5", "--audio", "none")
    assert told.returncode == 0 and "note: Settings that only clips have change nothing of a photo: pooling, audio.\n" in told.stdout
    usual = neural_codec.encode(encoded[0], quantizer=50, effort=0, audio="copy")
    assert not any("only clips" in note for note in usual.notes)


def test_an_avif_is_compared_in_rgb_too(encoded, tmp_path):
    source, _, _ = encoded
    report = neural_codec.encode(source, tmp_path / "out.avif", quantizer=30, **FAST)
    try:
        found = neural_codec.compare(source, tmp_path / "out.avif")
    except neural_codec.errors.Unsupported:
        pytest.skip("the FFmpeg here reads no AVIF")
    assert abs(found.psnr_rgb - report.total.pooled["psnr_rgb"]) < 0.05
