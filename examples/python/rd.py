"""Compares this library with SVT-AV1, x265 and x264 on any clips: bytes for a quality floor, and time.

    python examples/python/rd.py CLIP... [--effort 5] [--rivals svt-av1,x265,x264] [--frames 300] [--output rd-out]

Every encoder gets the same 4:2:0 frames. Ours meets the floor in every scene it finds; each rival gets the coarsest
single quantiser that meets the same floor in every one of the same scenes, found by bisection, with one key frame.
Only the rival's last encode is counted, not its search. Quality is measured on decoded frames by `neural_codec.compare`.
Processor time is that of the whole encode: for ours with its search, decoding and measuring; for rivals the encode alone.
Needs PyAV, whose wheels carry the rivals and the SVT-AV1 that this library then uses as well.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

import neural_codec

FLOOR = {"psnr_y": 35.0, "ssim_y": 0.95}
# Name: PyAV's codec, options, quantisers from fine to coarse.
RIVALS: dict[str, tuple[str, dict[str, str], range]] = {
    "svt-av1": ("libsvtav1", {"preset": "6"}, range(1, 64)),
    "x265": ("libx265", {"preset": "medium", "x265-params": "log-level=none"}, range(1, 52)),
    "x264": ("libx264", {"preset": "medium"}, range(1, 52)),
}


@dataclasses.dataclass
class Outcome:
    """One way to meet the floor on one clip."""

    clip: str
    encoder: str
    setting: str
    bytes: int
    kbit_per_s: float
    met: bool
    psnr_y: float
    ssim_y: float
    """The least means of a scene."""
    cpu_seconds: float
    wall_seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--effort", type=int, action="append", help="ours at this effort; may be given again")
    parser.add_argument("--rivals", default=",".join(RIVALS))
    parser.add_argument("--frames", type=int, default=300, help="use the first frames of each clip only")
    parser.add_argument("--output", type=Path, default=Path("rd-out"))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(**json.loads(options.child))))
        return
    options.output.mkdir(parents=True, exist_ok=True)
    rivals = [name for name in options.rivals.split(",") if name]
    outcomes: list[Outcome] = []
    for clip in options.clips:
        outcomes += one_clip(clip, options.effort or [5], rivals, options.frames, options.output)
        (options.output / "rd.json").write_text(json.dumps([dataclasses.asdict(o) for o in outcomes], indent=2))
        (options.output / "rd.md").write_text(table(outcomes))
    print(table(outcomes))


def one_clip(path: Path, efforts: list[int], rivals: list[str], frames: int, folder: Path) -> list[Outcome]:
    """All encoders on one clip."""
    source = folder / f"{path.stem}.y4m"
    rate = convert(path, source, frames)
    found: list[Outcome] = []
    scenes: list[tuple[int, int]] = []
    for effort in efforts:
        stream = folder / f"{path.stem}.nvc"
        told = run_child(encoder="ours", source=str(source), output=str(stream), effort=effort)
        report = neural_codec.Report.from_json(told["report"])
        qualities = [(s.quality.psnr_y or 100.0, s.quality.ssim_y or 1.0) for s in report.scenes]
        found.append(outcome(path, "ours", f"effort {effort}", stream, rate, report.total.frames, qualities, told))
        scenes = [(s.first_frame, s.first_frame + s.frames) for s in report.scenes]
    for name in rivals:
        found.append(rival(path, name, source, rate, scenes, folder))
    for each in found:
        print(json.dumps(dataclasses.asdict(each)), flush=True)
    source.unlink()
    return found


def rival(path: Path, name: str, source: Path, rate: Fraction, scenes: list[tuple[int, int]], folder: Path) -> Outcome:
    """The coarsest quantiser of a rival that meets the floor in every scene, by bisection."""
    quantizers = RIVALS[name][2]
    low, high = 0, len(quantizers) - 1
    met = missed = None
    while low <= high:
        # Floors lie in the coarse half more often than not.
        middle = (low + high + 1) // 2
        output = folder / f"{path.stem}.{name}.mkv"
        told = run_child(encoder=name, source=str(source), output=str(output), quantizer=quantizers[middle])
        qualities = measured(source, output, scenes)
        frames = scenes[-1][1]
        this = outcome(path, name, f"crf {quantizers[middle]}", output, rate, frames, qualities, told)
        if this.met:
            low, met = middle + 1, this
        else:
            high, missed = middle - 1, this
    found = met or missed
    assert found is not None
    return found


def outcome(
    path: Path,
    encoder: str,
    setting: str,
    output: Path,
    rate: Fraction,
    frames: int,
    qualities: list[tuple[float, float]],
    told: dict[str, Any],
) -> Outcome:
    psnr, ssim = (min(values) for values in zip(*qualities, strict=True))
    size = told.get("bytes") or output.stat().st_size
    met = psnr >= FLOOR["psnr_y"] and ssim >= FLOOR["ssim_y"]
    bitrate = float(size * 8 * rate / frames / 1000)
    return Outcome(path.stem, encoder, setting, size, bitrate, met, psnr, ssim, told["cpu"], told["wall"])


def run_child(**arguments: Any) -> dict[str, Any]:
    """An encode in a process of its own, so that its processor time is its own."""
    command = [sys.executable, __file__, "--child", json.dumps(arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def child(encoder: str, source: str, output: str, effort: int = 0, quantizer: int = 0) -> dict[str, Any]:
    before, start = processor_seconds(), time.monotonic()
    told: dict[str, Any] = {}
    if encoder == "ours":
        told["report"] = neural_codec.encode(source, output, effort=effort).to_json()
    else:
        told["bytes"] = encode_with(encoder, source, output, quantizer)
    return {**told, "cpu": processor_seconds() - before, "wall": time.monotonic() - start}


def encode_with(name: str, source: str, output: str, quantizer: int) -> int:
    """Encodes with a rival; the bytes of its packets, without the container's."""
    codec, options, _ = RIVALS[name]
    size = 0
    with av.open(source) as reader, av.open(output, "w") as writer:
        video = reader.streams.video[0]
        stream = writer.add_stream(codec, rate=video.average_rate, options={**options, "crf": str(quantizer)})
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        stream.bit_rate, stream.gop_size = 0, 9999
        for frame in itertools.chain(reader.decode(video), [None]):
            if frame is not None:
                # Raw frames are marked as key frames, and encoders would follow.
                frame.pict_type = av.video.frame.PictureType.NONE
            for packet in stream.encode(frame):
                size += packet.size
                writer.mux(packet)
    return size


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def convert(path: Path, output: Path, frames: int) -> Fraction:
    """The first frames as 8-bit 4:2:0 in a Y4M file; the frame rate."""
    with av.open(str(path)) as reader, av.open(str(output), "w", format="yuv4mpegpipe") as writer:
        video = reader.streams.video[0]
        rate = video.guessed_rate or video.average_rate
        stream = writer.add_stream("wrapped_avframe", rate=rate)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        for index, frame in enumerate(itertools.islice(reader.decode(video), frames)):
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = index, 1 / Fraction(rate)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
    return Fraction(rate)


def measured(source: Path, output: Path, scenes: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """Mean luma PSNR in dB and SSIM of each scene."""
    reference, clip = planes_of(source), planes_of(output)
    qualities = []
    for start, end in scenes:
        count = end - start
        metrics = neural_codec.compare(itertools.islice(reference, count), itertools.islice(clip, count))
        qualities.append((metrics.psnr_y or 100.0, metrics.ssim_y or 1.0))
    return qualities


def planes_of(path: Path) -> Iterator[tuple[np.ndarray, ...]]:
    with av.open(str(path)) as reader:
        for frame in reader.decode(video=0):
            yield tuple(
                np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
                for plane in frame.planes
            )


def table(outcomes: list[Outcome]) -> str:
    """Markdown: a row a clip and encoder, and the geometric means of ours against each rival."""
    lines = [
        "| clip | encoder | setting | bytes | kbit/s | least psnr_y | least ssim_y | met | cpu s | wall s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {o.clip} | {o.encoder} | {o.setting} | {o.bytes} | {o.kbit_per_s:.0f} | {o.psnr_y:.2f} | {o.ssim_y:.4f}"
        f" | {'yes' if o.met else 'no'} | {o.cpu_seconds:.1f} | {o.wall_seconds:.1f} |"
        for o in outcomes
    ]
    for setting in dict.fromkeys(o.setting for o in outcomes if o.encoder == "ours"):
        ours = {o.clip: o for o in outcomes if (o.encoder, o.setting) == ("ours", setting)}
        for name in dict.fromkeys(o.encoder for o in outcomes if o.encoder != "ours"):
            pairs = [(ours[o.clip], o) for o in outcomes if o.encoder == name and o.met and ours[o.clip].met]
            if pairs:
                ratios = [a.bytes / b.bytes for a, b in pairs]
                cpu = geometric_mean([a.cpu_seconds / b.cpu_seconds for a, b in pairs])
                lines.append(
                    f"\n{setting} against {name}: bytes x {geometric_mean(ratios):.3f} (worst {max(ratios):.3f}),"
                    f" processor time x {cpu:.2f}, over {len(pairs)} clips."
                )
    return "\n".join(lines) + "\n"


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


if __name__ == "__main__":
    os.environ.setdefault("SVT_LOG", "1")
    main()
