"""Slides that hold still: every frame coded, each picture coded once, and its first frame as a neural still, at equal luma PSNR.

    python eval/python/slides.py PHOTO... [--effort 7] [--floors 36,40] [--still 34,37] [--output out/slides]

Makes 640x360 clips of 75 frames: a slide of text, one of text beside the first photo, each photo with a caption, and text that is typed, a letter every three frames. Each is
coded for two floors of `min_psnr_y`, with `repeats=off` and as it is by default. Where `--still` names floors of psnr_rgb, slides that hold still are photos with
`strategies=still` too, compared on the same 4:2:0 luma: whatever it takes to hold a still for 74 frames more would come on top. Bytes at another's luma PSNR lie on the line through
the two floors, logarithms over dB.

Needs Pillow.
"""

from __future__ import annotations

import argparse
import math
import random
from pathlib import Path
from typing import Literal, NamedTuple

import av
import numpy
from PIL import Image, ImageDraw, ImageFont

import kept
import neural_codec

from ladder import numbers

SIZE = (640, 360)
FRAMES = 75
WORDS = (
    "the encoder looks at each scene and spends its time where it pays rate distortion quantizer latent entropy model frame still residual decoder integer exact"
).split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--effort", type=int, default=7)
    parser.add_argument("--floors", type=numbers, default=[36, 40], help="luma PSNR of the scene in dB")
    parser.add_argument("--still", type=numbers, default=[], help="psnr_rgb of the still in dB")
    parser.add_argument("--output", type=Path, default=Path("out/slides"))
    options = parser.parse_args()
    kept.distinct([Path("text"), Path("text and photo"), Path("typing"), *options.photos])
    options.output.mkdir(parents=True, exist_ok=True)
    slides = {"text": text(1), "text and photo": beside(2, options.photos[0])}
    slides |= {path.stem: captioned(seed, path) for seed, path in enumerate(options.photos, 3)}
    clips = {name: [slide] * FRAMES for name, slide in slides.items()} | {"typing": typed()}
    print("| clip | coded | luma PSNR, dB | bytes | against every frame coded | processor time against it |\n|---|---|---|---|---|---|")
    for name, pictures in clips.items():
        clip = options.output / f"{name}.y4m"
        write(clip, pictures)
        every = [scene(clip, options.effort, floor, "off") for floor in options.floors]
        for floor, before in zip(options.floors, every, strict=True):
            once = scene(clip, options.effort, floor, "auto")
            row(name, "each picture once", once.psnr, once.bytes, every, f"{once.seconds / before.seconds:.2f}")
        for floor in options.still if name in slides else []:
            png = clip.with_suffix(".png")
            slides[name].save(png)
            bytes_, psnr = still(png, options.effort, floor, luma(yuv(slides[name])))
            row(name, "still", psnr, bytes_, every, "")


class Coded(NamedTuple):
    """A scene as it was coded; seconds of processor time."""

    psnr: float
    bytes: int
    seconds: float


def row(name: str, coded: str, psnr: float, bytes_: int, every: list[Coded], time: str) -> None:
    share = 100 * (bytes_ / along(every, psnr) - 1)
    print(f"| {name} | {coded} | {psnr:.2f} | {bytes_} | {share:+.0f} % | {time} |", flush=True)


def scene(clip: Path, effort: int, floor: float, repeats: Literal["auto", "off"]) -> Coded:
    report = neural_codec.encode(clip, clip.with_suffix(".nvc"), effort=effort, min_psnr_y=floor, repeats=repeats)
    total = report.total
    assert total.quality.psnr_y is not None and total.target_met, report.notes
    return Coded(total.quality.psnr_y, total.bytes, total.cpu_seconds)


def still(png: Path, effort: int, floor: float, source: numpy.ndarray) -> tuple[int, float]:
    """Bytes and luma PSNR of a photo as a neural still."""
    stored, decoded = png.with_suffix(".still.nvc"), png.with_suffix(".still.png")
    report = neural_codec.encode(png, stored, effort=effort, min_psnr=floor, strategies=["still"])
    neural_codec.decode(stored, decoded)
    with Image.open(decoded) as picture:
        error = numpy.square(luma(yuv(picture.convert("RGB"))).astype(float) - source).mean()
    return report.total.bytes, 10 * math.log10(255**2 / error)


def along(line: list[Coded], psnr: float) -> float:
    """Bytes at a luma PSNR, on the line through the first and the last."""
    low, high = line[0], line[-1]
    share = (psnr - low.psnr) / (high.psnr - low.psnr)
    return math.exp(math.log(low.bytes) * (1 - share) + math.log(high.bytes) * share)


def write(clip: Path, pictures: list[Image.Image]) -> None:
    header = f"YUV4MPEG2 W{SIZE[0]} H{SIZE[1]} F25:1 Ip A1:1 C420jpeg\n".encode()
    clip.write_bytes(header + b"".join(b"FRAME\n" + yuv(picture).tobytes() for picture in pictures))


def yuv(picture: Image.Image) -> numpy.ndarray:
    frame = av.VideoFrame.from_ndarray(numpy.asarray(picture), format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG").to_ndarray()


def luma(planes: numpy.ndarray) -> numpy.ndarray:
    return planes[: SIZE[1]]


def text(seed: int) -> Image.Image:
    words, slide = random.Random(seed), Image.new("RGB", SIZE, (250, 250, 246))
    draw = ImageDraw.Draw(slide)
    draw.rectangle((0, 0, SIZE[0], 54), fill=(32, 60, 110))
    draw.text((24, 12), " ".join(words.sample(WORDS, 4)).title(), fill="white", font=ImageFont.load_default(26))
    for line in range(6):
        draw.text((44, 80 + 44 * line), "- " + " ".join(words.sample(WORDS, 6)), fill=(30, 30, 30), font=ImageFont.load_default(18))
    return slide


def typed() -> list[Image.Image]:
    """A line that is typed over a slide, a letter every three frames."""
    pictures, line = [], " ".join(random.Random(9).sample(WORDS, 4))[: FRAMES // 3]
    for letters in range(1, 1 + FRAMES // 3):
        slide = text(1)
        ImageDraw.Draw(slide).text((44, 320), line[:letters], fill=(150, 20, 20), font=ImageFont.load_default(18))
        pictures += [slide] * 3
    return pictures


def beside(seed: int, path: Path) -> Image.Image:
    slide = text(seed)
    slide.paste(cover(path, (300, 280)), (330, 66))
    return slide


def captioned(seed: int, path: Path) -> Image.Image:
    slide = cover(path, SIZE)
    draw = ImageDraw.Draw(slide)
    draw.rectangle((0, SIZE[1] - 60, *SIZE), fill="black")
    draw.text((24, SIZE[1] - 46), " ".join(random.Random(seed).sample(WORDS, 4)).title(), fill="white", font=ImageFont.load_default(24))
    return slide


def cover(path: Path, size: tuple[int, int]) -> Image.Image:
    """The middle of a photo, as large as it takes to fill a size."""
    with Image.open(path) as photo:
        scale = max(size[0] / photo.width, size[1] / photo.height)
        scaled = photo.convert("RGB").resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.LANCZOS)
    left, top = (scaled.width - size[0]) // 2, (scaled.height - size[1]) // 2
    return scaled.crop((left, top, left + size[0], top + size[1]))


if __name__ == "__main__":
    main()
