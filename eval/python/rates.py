"""Bitrate targets beside SVT-AV1's own two-pass VBR: the rate that is kept, quality at the same bytes, and processor time.

    python eval/python/rates.py CLIP... [--frames 160] [--presets 8,6] [--rates 0.03,0.1] [--depth 10] [--library FILE] [--output out/rates]

`SvtAv1EncApp` codes each clip in two passes at a rate of so many bits a luma sample; ours is then asked for the bits that it really took, at the same preset, by
the same version of the library, at the same depth (`--depth`, by default the one that ours has by itself) and with one thread. Quality is the mean luma PSNR by `neural_codec.compare` on what decodes, theirs at the bits that it has, ours rounded to the source's: that favors theirs a little. Ours counts every byte of its file, theirs the
frames without the container. Processor time is of whole processes.

Needs `SvtAv1EncApp` (Debian: svt-av1) and the program `encode` of the crate `eval` (`make ladder` builds it). The library that ours loads has to be of the
program's version.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
from pathlib import Path

import av

import kept
import neural_codec

from ladder import convert, numbers
from timed import timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=160, help="use the first frames of each clip only")
    parser.add_argument("--presets", type=numbers, default=[8, 6])
    parser.add_argument("--rates", default="0.03,0.1", help="bits a luma sample")
    parser.add_argument("--depth", type=int, choices=(8, 10), default=kept.depth_of([5]), help="bits a sample of both")
    parser.add_argument("--library", help="the SVT-AV1 that ours loads; default: the system's")
    parser.add_argument("--programs", type=Path, default=Path("target/release"))
    parser.add_argument("--output", type=Path, default=Path("out/rates"))
    options = parser.parse_args()
    kept.distinct(options.clips)
    options.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for path in options.clips:
        y4m = options.output / f"{path.stem}.y4m"
        rate, width, height = convert(path, y4m, options.frames)
        # The program codes at the depth of what it reads.
        deep = y4m if options.depth == 8 else options.output / f"{path.stem}.{options.depth}-bit.y4m"
        if deep != y4m:
            convert(path, deep, options.frames, options.depth)
        for preset in options.presets:
            for each in options.rates.split(","):
                bits = float(each) * width * height * float(rate)
                their = theirs(y4m, deep, preset, bits)
                seconds = their["frames"] / float(rate)
                ours = own(options, y4m, preset, int(their["bytes"] * 8 / seconds))
                rows.append({"clip": path.stem, "preset": preset, "rate": float(each), "theirs": their, "ours": ours})
                print(f"{path.stem}, preset {preset}, {each} bits a sample: theirs {their}, ours {ours}", flush=True)
        for each in {y4m, deep}:
            each.unlink()
        (options.output / "rates.json").write_text(json.dumps(rows, indent=2))
    heading = f"First {options.frames} frames; both at {options.depth} bits; {kept.program('SvtAv1EncApp', '--version')}; {kept.ours()}.\n\n"
    text = heading + table(rows)
    (options.output / "rates.md").write_text(text)
    print(text)


def theirs(source: Path, coded: Path, preset: int, bits: float) -> dict[str, float]:
    """What the program makes of `coded`, the frames of `source` at the depth to code at."""
    output, stats = source.with_suffix(".ivf"), source.with_suffix(".stats")
    command = ["SvtAv1EncApp", "-i", str(coded), "-b", str(output), "--preset", str(preset), "--lp", "1"]
    seconds = timed([*command, "--rc", "1", "--tbr", str(max(1, round(bits / 1000))), "--passes", "2", "--stats", str(stats)])[0]
    with av.open(str(output)) as reader:
        sizes = [packet.size for packet in reader.demux(reader.streams.video[0]) if packet.size]
    return {"bytes": sum(sizes), "frames": len(sizes), "seconds": seconds, "psnr_y": psnr(source, output)}


def own(options: argparse.Namespace, source: Path, preset: int, bits: int) -> dict[str, float]:
    if options.library:
        os.environ["NEURAL_CODEC_SVTAV1"] = options.library
    command = [str(options.programs / "encode"), str(source), f"bitrate_bps={bits}", f"preset={preset}", f"bit_depth={options.depth}", "threads=1"]
    seconds, text = timed(command)
    total = json.loads(text)["total"]
    return {"bytes": total["bytes"], "seconds": seconds, "psnr_y": total["quality"]["psnr_y"], "met": total["target_met"]}


def psnr(source: Path, decoded: Path) -> float:
    found = neural_codec.compare(source, decoded).psnr_y
    assert found is not None
    return found


def table(rows: list[dict]) -> str:
    lines = ["| preset | bits a sample | clips | bytes of ours | luma PSNR of ours | worst, best clip | processor time of ours | rate kept |", "|---|---|---|---|---|---|---|---|"]
    for preset, rate in sorted({(row["preset"], row["rate"]) for row in rows}):
        of = [row for row in rows if (row["preset"], row["rate"]) == (preset, rate)]
        mean = lambda key: math.exp(statistics.fmean(math.log(row["ours"][key] / row["theirs"][key]) for row in of))
        gains = [row["ours"]["psnr_y"] - row["theirs"]["psnr_y"] for row in of]
        kept = sum(bool(row["ours"]["met"]) for row in of)
        lines.append(
            f"| {preset} | {rate:g} | {len(of)} | {mean('bytes'):.3f} | {statistics.fmean(gains):+.2f} dB | {min(gains):+.2f}, {max(gains):+.2f} dB "
            f"| {mean('seconds'):.2f} | {kept} of {len(of)} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
