"""The encoders that this library is compared with: their names, their presets, and one encode with each.

SVT-AV1, x265 and x264 are those in PyAV's wheels. ab-av1 and Av1an are programs of their own that drive the FFmpeg on the PATH.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import av
from kept import pixel_format

NUMBERED = tuple(str(preset) for preset in range(14))
NAMED = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo")
# Name: PyAV's codec, options beside preset and crf, the usual preset, all presets, quantizers from fine to coarse.
ENCODERS: dict[str, tuple[str, dict[str, str], str, tuple[str, ...], range]] = {
    "svt-av1": ("libsvtav1", {}, "6", NUMBERED, range(1, 64)),
    "x265": ("libx265", {"x265-params": "log-level=none"}, "medium", NAMED, range(1, 52)),
    "x264": ("libx264", {}, "medium", NAMED, range(1, 52)),
    # Searches its quantizer itself.
    "ab-av1": ("libsvtav1", {}, "6", NUMBERED, range(0)),
}


@dataclasses.dataclass(frozen=True)
class Baseline:
    """An encoder at one preset."""

    encoder: str
    preset: str

    @property
    def name(self) -> str:
        """What `parse_baselines` takes."""
        return f"{self.encoder}:{self.preset}"

    @property
    def quantizers(self) -> range:
        return ENCODERS[self.encoder][4]


def parse_baselines(text: str) -> list[Baseline]:
    """`svt-av1,svt-av1:4,x265:slow`: encoders, each with a preset or at its usual one. Raises ValueError."""
    baselines: list[Baseline] = []
    for name in filter(None, (each.strip() for each in text.split(","))):
        encoder, colon, preset = name.partition(":")
        if encoder not in ENCODERS:
            raise ValueError(f"baselines: expected {', '.join(ENCODERS)}, found {encoder!r}")
        _, _, usual, presets, _ = ENCODERS[encoder]
        if colon and preset not in presets:
            raise ValueError(f"baselines: expected a preset of {encoder} ({', '.join(presets)}), found {preset!r}")
        baseline = Baseline(encoder, preset or usual)
        if baseline in baselines:
            raise ValueError(f"baselines: expected each encoder once at a preset, found {baseline.name!r} again")
        baselines.append(baseline)
    return baselines


def encode_with(baseline: Baseline, source: str, output: str, quantizer: int, depth: int) -> int:
    """Encodes with one quantizer and one key frame, at 8 or 10 bits a sample; the bytes of the packets, without the container's."""
    codec, options, *_ = ENCODERS[baseline.encoder]
    options = {**options, "preset": baseline.preset, "crf": str(quantizer)}
    size = 0
    with av.open(source) as reader, av.open(output, "w") as writer:
        video = reader.streams.video[0]
        stream = writer.add_stream(codec, rate=video.average_rate, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, pixel_format(depth)
        stream.bit_rate, stream.gop_size = 0, 9999
        for frame in itertools.chain(reader.decode(video), [None]):
            if frame is not None:
                # Raw frames are marked as key frames, and encoders would follow.
                frame.pict_type = av.video.frame.PictureType.NONE
            for packet in stream.encode(frame):
                size += packet.size
                writer.mux(packet)
    return size


def ab_av1_score() -> tuple[str | None, str]:
    """By what ab-av1 can measure here, `xpsnr` before `vmaf`; or None and why it cannot run."""
    missing = next((name for name in ("ab-av1", "ffmpeg", "ffprobe") if shutil.which(name) is None), None)
    if missing:
        how = " (cargo install ab-av1)" if missing == "ab-av1" else ""
        return None, f"no {missing} on the PATH{how}"
    if "libsvtav1" not in said("ffmpeg", "-hide_banner", "-encoders"):
        return None, "this ffmpeg has no libsvtav1"
    filters = re.findall(r"^ \S+ +(\S+)", said("ffmpeg", "-hide_banner", "-filters"), re.MULTILINE)
    if "xpsnr" not in filters and "libvmaf" not in filters:
        return None, "this ffmpeg has neither libvmaf nor xpsnr"
    if "xpsnr" in filters and "--min-xpsnr" in said("ab-av1", "crf-search", "--help"):
        return "xpsnr", ""
    if "libvmaf" in filters:
        return "vmaf", ""
    return None, "this ffmpeg has xpsnr alone, for which this ab-av1 is too old"


def encode_with_ab_av1(baseline: Baseline, source: str, output: str, score: str, floor: float, depth: int) -> dict[str, Any]:
    """Searches the quantizer that meets a floor in XPSNR (dB) or VMAF, then encodes: its bytes without the container's.

    One key frame, as the other baselines, at 8 or 10 bits a sample; ab-av1's own default is 10. `failed` says why there is no result, such as a floor out
    of reach.
    """
    same = ["--input", source, "--preset", baseline.preset, "--pix-format", pixel_format(depth), "--keyint", "9999"]
    # What it remembers of an earlier search would not be counted.
    limits = ["--min-crf", "1", "--max-crf", "63", "--max-encoded-percent", "100", "--cache", "false"]
    # It scales small frames up before VMAF, where nothing else is said, which nobody else here does.
    scale = ["--vmaf-scale", "none"] if score == "vmaf" else []
    search = ["ab-av1", "crf-search", *same, *limits, *scale, f"--min-{score}", str(floor), "--temp-dir", str(Path(output).parent)]
    found = subprocess.run(search, capture_output=True, text=True)
    quantizer = crf_found(found.stdout)
    if found.returncode != 0 or quantizer is None:
        return {"failed": last_line(found.stderr)}
    encode = ["ab-av1", "encode", *same, "--crf", f"{quantizer:g}", "--video-only", "--output", output]
    done = subprocess.run(encode, capture_output=True, text=True)
    if done.returncode != 0:
        return {"failed": last_line(done.stderr)}
    return {"bytes": bytes_of_pictures(output), "quantizer": quantizer}


def encode_with_av1an(preset: int, source: str, output: str, floor: float, depth: int) -> dict[str, Any]:
    """Av1an's target quality: a mean VMAF of the frames as they are within half a point from a floor, by probes with the options of the encode.

    By `SvtAv1EncApp`, one worker, chunks by FFmpeg, at 8 or 10 bits a sample; Av1an's own default is 10. `failed` says why there is no result.
    """
    with av.open(source) as reader:
        size = f"{reader.streams.video[0].width}x{reader.streams.video[0].height}"
    target = ["--target-quality", f"{floor:g}-{floor + 0.5:g}", "--target-metric", "vmaf", "--probe-res", size, "--probing-stat", "mean"]
    with tempfile.TemporaryDirectory(prefix="av1an-") as folder:
        options = ["--workers", "1", "--chunk-method", "select", "--temp", f"{folder}/work", "--pix-format", pixel_format(depth), "-y"]
        encoder = ["--encoder", "svt-av1", "--video-params", f"--preset {preset} --keyint -1", "--probe-video-params", "copy"]
        command = ["av1an", "-i", str(Path(source).absolute()), *encoder, *target, *options, "-o", str(Path(output).absolute())]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if done.returncode != 0:
        return {"failed": last_line(done.stderr)}
    return {"bytes": bytes_of_pictures(output)}


def bytes_of_pictures(path: str) -> int:
    """Bytes of a file's pictures, without the container's."""
    with av.open(path) as reader:
        return sum(packet.size for packet in reader.demux(reader.streams.video[0]))


def crf_found(text: str) -> float | None:
    """The quantizer in the last line of `ab-av1 crf-search`, such as `crf 34.5 XPSNR 36.08 ...`, colored or not."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    found = re.findall(r"^crf ([0-9.]+)", plain, re.MULTILINE)
    return float(found[-1]) if found else None


def said(*command: str) -> str:
    """What a program prints."""
    return subprocess.run(command, capture_output=True, text=True).stdout


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
