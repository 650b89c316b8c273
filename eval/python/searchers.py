"""Beside ab-av1 and Av1an, which search quantizers for a quality: bytes, achieved quality and processor time for the same target.

    python eval/python/searchers.py CLIP... [--frames 120] [--efforts 3,5,6] [--presets 8,6,4] [--av1an 6,4] [--vmaf 95] [--xpsnr 36] [--depth 10] [--output out/searchers]

Both get the same 4:2:0 frames and a target for the whole clip: the mean VMAF of the frames as they are (ab-av1's scaling of small ones is off), then XPSNR, ours by the
least that ab-av1 reached in luma. Processor time is everything, search and measuring
included, of the process and of what it starts. What was achieved is measured by `neural_codec.compare` on what decodes, for both. Bytes are the whole file
of ours, and of ab-av1's the pictures without the container. Others code at `--depth` bits a sample, by default 10 as they do by themselves, and are compared at these, where ours is rounded to the 8 bits of the source before: that favors the others a little. An ab-av1 that finds nothing is named and left out of the means, and ours of that clip with it.

Av1an searches for VMAF alone here, at the presets that are named for it.

What each found is added to OUTPUT/searchers.jsonl at once, with all that it depends on: what the clip's frames hold, target, depth, and builds of the programs. A second run
measures ours anew, and of the others what is not there; what measured them is no part of it, as tests hold it to its oracles.

Needs `ab-av1` and an FFmpeg with libsvtav1, libvmaf and xpsnr on the PATH, and a libvmaf (NEURAL_CODEC_VMAF); for Av1an `av1an`, `mkvmerge` and
`SvtAv1EncApp`, which a link of that name to `svt_app.py` may be.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
import sys
from pathlib import Path
from typing import Any

import neural_codec

import baselines
import kept
from baselines import Baseline
from ladder import convert, numbers
from timed import spent, timed


@dataclasses.dataclass(frozen=True)
class Result:
    """One clip coded for one target."""

    bytes: int
    seconds: float
    vmaf: float
    xpsnr: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=120, help="use the first frames of each clip only")
    parser.add_argument("--efforts", type=numbers, default=[3, 5, 6])
    parser.add_argument("--presets", type=numbers, default=[8, 6, 4], help="of ab-av1; with '' it is not asked")
    parser.add_argument("--av1an", type=numbers, default=[], help="presets of Av1an, which is not asked without")
    parser.add_argument("--vmaf", type=float, default=95.0)
    parser.add_argument("--xpsnr", type=float, default=36.0)
    parser.add_argument("--depth", type=int, choices=(8, 10), default=10, help="bits a sample of ab-av1 and Av1an")
    parser.add_argument("--output", type=Path, default=Path("out/searchers"))
    options = parser.parse_args()
    score, why_not = baselines.ab_av1_score() if options.presets else ("vmaf", "")
    if score is None:
        raise SystemExit(f"ab-av1: {why_not}")
    kept.distinct(options.clips)
    options.output.mkdir(parents=True, exist_ok=True)
    ab_av1, av1an = (
        {f"{name}, preset {preset}": (name, preset) for preset in presets} for name, presets in (("ab-av1", options.presets), ("Av1an", options.av1an))
    )
    programs = {"vmaf": av1an | ab_av1, "xpsnr": ab_av1}
    targets = {target: floor for target, floor in (("vmaf", options.vmaf), ("xpsnr", options.xpsnr)) if programs[target]}
    rows: dict[str, dict[str, dict[str, Result]]] = {target: {} for target in targets}
    found = Found(options.output / "searchers.jsonl")
    for path in options.clips:
        y4m = options.output / f"{path.stem}.y4m"
        convert(path, y4m, options.frames)
        for target, floor in targets.items():
            row = rows[target].setdefault(path.stem, {})
            of = {"clip": path.stem, "content": kept.content(y4m), "frames": options.frames, "target": target}
            for way, program in programs[target].items():
                key = {**of, "floor": floor, "way": way, "depth": options.depth, "build": build_of(program[0])}
                result = found.known(key) or theirs(y4m, way, program, target, floor, options.depth)
                if result is not None:
                    row[way] = found.keep(key, result)
            # Its XPSNR is of all planes: ours is asked for what that came to in luma.
            asked = min((result.xpsnr for result in row.values()), default=floor) if target == "xpsnr" else floor
            for effort in options.efforts:
                key = {**of, "floor": asked, "way": f"ours, effort {effort}", "build": kept.ours()}
                row[f"ours, effort {effort}"] = found.keep(key, ours(y4m, effort, target, asked))
            for way, result in row.items():
                print(f"{path.stem}, {target} {floor:g}: {way}: {result}", flush=True)
        y4m.unlink()
    others = sorted({build_of(name) for ways in programs.values() for name, _ in ways.values()})
    heading = f"First {options.frames} frames; others at {options.depth} bits; {'; '.join([*others, kept.ours()])}.\n\n"
    text = heading + "\n".join(table(target, floor, rows[target]) for target, floor in targets.items())
    (options.output / "searchers.md").write_text(text)
    print(text)


def build_of(name: str) -> str:
    """Versions of a searching program and of all that it codes and measures with."""
    if name == "Av1an":
        return ", ".join([kept.program("av1an", "--version"), kept.program("SvtAv1EncApp", "--version"), kept.encoder_of_ffmpeg()])
    return ", ".join([kept.program("ab-av1", "--version"), kept.encoder_of_ffmpeg()])


class Found:
    """Results in a file of JSON lines, each with the key that it was found for. None is ever removed; the last of a key counts."""

    def __init__(self, file: Path) -> None:
        self.file = file
        lines = file.read_text().splitlines() if file.exists() else []
        told = [json.loads(line) for line in lines]
        self.results = {json.dumps(each["key"]): Result(**each["result"]) for each in told}

    def known(self, key: dict[str, Any]) -> Result | None:
        """What was found for exactly this."""
        return self.results.get(json.dumps(key))

    def keep(self, key: dict[str, Any], result: Result) -> Result:
        """The result, which is in the file from now on."""
        if self.known(key) != result:
            self.results[json.dumps(key)] = result
            with self.file.open("a") as file:
                file.write(json.dumps({"key": key, "result": dataclasses.asdict(result)}) + "\n")
        return result


def ours(source: Path, effort: int, target: str, floor: float) -> Result:
    output = source.with_suffix(".nvc")
    command = [sys.executable, "-m", "neural_codec", "encode", str(source), str(output), "--effort", str(effort)]
    seconds, _ = timed([*command, f"--min-{target}", str(floor), "--scope", "clip"])
    decoded = source.with_suffix(".decoded.y4m")
    neural_codec.decode(output, decoded)
    return measured(source, decoded, output.stat().st_size, seconds)


def theirs(source: Path, way: str, program: tuple[str, int], target: str, floor: float, depth: int) -> Result | None:
    output, (name, preset) = source.with_suffix(".mkv"), program
    before = spent()
    if name == "Av1an":
        told = baselines.encode_with_av1an(preset, str(source), str(output), floor, depth)
    else:
        told = baselines.encode_with_ab_av1(Baseline("ab-av1", str(preset)), str(source), str(output), target, floor, depth)
    seconds = spent() - before
    if "failed" in told:
        print(f"{source.stem}, {target} {floor:g}: {way}: {told['failed']}", flush=True)
        return None
    return measured(source, output, told["bytes"], seconds)


def measured(source: Path, decoded: Path, size: int, seconds: float) -> Result:
    found = neural_codec.compare(source, decoded, metrics=("vmaf", "xpsnr"))
    assert found.vmaf is not None and found.xpsnr_y is not None
    return Result(size, seconds, found.vmaf, found.xpsnr_y)


def table(target: str, floor: float, rows: dict[str, dict[str, Result]]) -> str:
    """Geometric means beside the last program's last preset, over the clips of which every way has a result."""
    ways = list(dict.fromkeys(way for found in rows.values() for way in found))
    whole = {clip: found for clip, found in rows.items() if len(found) == len(ways)}
    last = [way for way in ways if not way.startswith("ours")][-1:]
    if not whole or not last:
        return f"{target} >= {floor:g}: no clip of which every way has a result\n"
    lines = [f"{target} >= {floor:g} of the clip, {len(whole)} of {len(rows)} clips, against {last[0]}:", "", "| | bytes | processor time | achieved, least to most | mean VMAF | mean luma XPSNR |", "|---|---|---|---|---|---|"]
    for way in ways:
        of = lambda value: math.exp(sum(math.log(value(found[way]) / value(found[last[0]])) for found in whole.values()) / len(whole))
        achieved = [getattr(found[way], target) for found in whole.values()]
        vmaf, xpsnr = (statistics.fmean(getattr(found[way], metric) for found in whole.values()) for metric in ("vmaf", "xpsnr"))
        spread = f"{min(achieved):.2f} to {max(achieved):.2f}"
        lines.append(f"| {way} | {of(lambda r: r.bytes):.3f} | {of(lambda r: r.seconds):.2f} | {spread} | {vmaf:.2f} | {xpsnr:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
