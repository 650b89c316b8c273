"""Slides that hold still: a whole scene by AV1 beside its first frame alone as a neural still, at equal luma PSNR.

    python eval/python/slides.py PHOTO... [--effort 7] [--floors 36,40] [--still 34,37] [--output out/slides]

Makes 640x360 slides of 75 frames: one of text, one of text beside the first photo, and each photo with a caption. The scene is coded for two floors of `min_psnr_y`, the first
frame as a photo with `strategies=still` for floors of psnr_rgb; both are compared with the same 4:2:0 luma. Bytes of AV1 at the still's luma PSNR lie on the line through its two
floors, logarithms over dB. The still stands for the whole scene: whatever it takes to hold it for 74 frames more would come on top.

Needs Pillow.
"""

from __future__ import annotations

import argparse
import math
import random
from pathlib import Path

import av
import numpy
from PIL import Image, ImageDraw, ImageFont

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
    parser.add_argument("--still", type=numbers, default=[34, 37], help="psnr_rgb of the still in dB")
    parser.add_argument("--output", type=Path, default=Path("out/slides"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    slides = {"text": text(1), "text and photo": beside(2, options.photos[0])}
    slides |= {path.stem: captioned(seed, path) for seed, path in enumerate(options.photos, 3)}
    print("| slide | luma PSNR, dB | still | AV1, whole scene | still against AV1 |\n|---|---|---|---|---|")
    for name, slide in slides.items():
        png, clip = options.output / f"{name}.png", options.output / f"{name}.y4m"
        slide.save(png)
        planes = yuv(slide)
        header = f"YUV4MPEG2 W{SIZE[0]} H{SIZE[1]} F25:1 Ip A1:1 C420jpeg\n".encode()
        clip.write_bytes(header + (b"FRAME\n" + planes.tobytes()) * FRAMES)
        line = [scene(clip, options.effort, floor) for floor in options.floors]
        for floor in options.still:
            bytes_, psnr = still(png, options.effort, floor, luma(planes))
            beside_it = along(line, psnr)
            print(f"| {name} | {psnr:.2f} | {bytes_} | {beside_it:.0f} | {100 * (bytes_ / beside_it - 1):+.0f} % |", flush=True)


def scene(clip: Path, effort: int, floor: float) -> tuple[float, float]:
    """Luma PSNR and the logarithm of the bytes of a scene."""
    report = neural_codec.encode(clip, clip.with_suffix(".nvc"), effort=effort, min_psnr_y=floor)
    psnr = report.total.quality.psnr_y
    assert psnr is not None and report.total.target_met, report.notes
    return psnr, math.log(report.total.bytes)


def still(png: Path, effort: int, floor: float, source: numpy.ndarray) -> tuple[int, float]:
    """Bytes and luma PSNR of a photo as a neural still."""
    stored, decoded = png.with_suffix(".still.nvc"), png.with_suffix(".still.png")
    report = neural_codec.encode(png, stored, effort=effort, min_psnr=floor, strategies=["still"])
    neural_codec.decode(stored, decoded)
    with Image.open(decoded) as picture:
        error = numpy.square(luma(yuv(picture.convert("RGB"))).astype(float) - source).mean()
    return report.total.bytes, 10 * math.log10(255**2 / error)


def along(line: list[tuple[float, float]], psnr: float) -> float:
    (low, low_log), (high, high_log) = line[0], line[-1]
    return math.exp(low_log + (high_log - low_log) * (psnr - low) / (high - low))


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
