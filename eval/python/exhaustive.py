"""Every quantizer around the one that a search stored: how far it lies from the coarsest that meets the floor.

    python eval/python/exhaustive.py CLIP... [--effort 5] [--frames 160] [--output out/exhaustive]

Each scene is coded alone at the default floor, without a filter. Then the base encoder codes it at every quarter step around, at the preset, depth and tools that the search stored it with, its frames' quantizers
left to it, until the coarsest step that meets the floor is found. Told are the steps that the search lies finer than that, and its bytes against it, which say more: it gives frames quantizers of their own.

Needs PyAV and the programs `grid` and `encode` of the crate `eval` (`make exhaustive` builds them).
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import math
import statistics
from pathlib import Path
from typing import Any

import kept
import neural_codec

from ladder import Coding, coded, convert, run

STEP = 0.25
# What two steps are worth in bytes, about.
TWO_STEPS = 1.03
# Steps looked at past one that meets the floor: quality is not quite even in the quantizer.
BEYOND = 3
FINEST, COARSEST = 1.0, 70.0


@dataclasses.dataclass(frozen=True)
class Row:
    """A scene as it was stored, and the coarsest step that meets the floor."""

    scene: str
    frames: int
    codings: int
    stored: float
    stored_bytes: int
    coarsest: float
    coarsest_bytes: int

    @property
    def steps_finer(self) -> float:
        return (self.coarsest - self.stored) / STEP

    @property
    def share(self) -> float:
        """Bytes against those of the coarsest step."""
        return self.stored_bytes / self.coarsest_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--effort", type=int, default=5)
    parser.add_argument("--frames", type=int, default=160, help="use the first frames of each clip only")
    parser.add_argument("--programs", type=Path, default=Path("target/release"))
    parser.add_argument("--output", type=Path, default=Path("out/exhaustive"))
    options = parser.parse_args()
    kept.distinct(options.clips)
    options.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for path in options.clips:
        for scene in scenes_of(path, options.frames, options.output):
            rows.append(checked(scene, options))
            scene.unlink()
            print(rows[-1], flush=True)
    text = table(rows)
    (options.output / "exhaustive.md").write_text(text)
    print(text)


def scenes_of(path: Path, frames: int, folder: Path) -> list[Path]:
    """Each scene of a clip as Y4M."""
    whole = folder / f"{path.stem}.y4m"
    _, width, height = convert(path, whole, frames)
    data = whole.read_bytes()
    header = data[: data.index(b"\n") + 1]
    frame_bytes = len(b"FRAME\n") + width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    found = []
    for number, (first, end) in enumerate(neural_codec.detect_scenes(whole)):
        found.append(folder / f"{path.stem}.{number}.y4m")
        found[-1].write_bytes(header + data[len(header) + first * frame_bytes : len(header) + end * frame_bytes])
    whole.unlink()
    return found


def checked(scene: Path, options: argparse.Namespace) -> Row:
    report = json.loads(run([options.programs / "encode", scene, f"effort={options.effort}", "threads=1", "strategies=av1"]))
    (stored,) = report["scenes"]
    codings = [attempt for attempt in stored["attempts"] if attempt["stage"] == "store"]
    taken = taken_of(stored)
    tools = "" if stored["tools"] == "default" else stored["tools"]

    @functools.cache
    def coding(quantizer: float) -> Coding:
        return coded(options.programs, scene, taken["preset"], stored["bit_depth"], quantizer, tools)

    def is_met(quantizer: float) -> bool:
        return coding(quantizer).margin([range(stored["frames"])]) >= 0

    coarsest = math.floor(stored["quantizer"] / STEP) * STEP
    while not is_met(coarsest):
        coarsest -= STEP
        if coarsest < FINEST:
            raise SystemExit(f"{scene.stem}: no quantizer meets the floor")
    while coarser := [step for step in steps_after(coarsest) if is_met(step)]:
        coarsest = coarser[-1]
    return Row(scene.stem, stored["frames"], len(codings), stored["quantizer"], taken["bytes"], coarsest, coding(coarsest).bytes)


def taken_of(scene: dict[str, Any]) -> dict[str, Any]:
    """The coding that a scene of a report was stored as. Several may have its quantizer, and others for their frames: the quality tells them apart.

    Raises SystemExit where none has the scene's preset, quantizer, tools, frames and quality.
    """
    asked = [scene[name] for name in ("preset", "quantizer", "tools", "coded_frames")] + [scene["quality"][name] for name in ("psnr_y", "ssim_y")]
    names = ("preset", "quantizer", "tools", "frames", "psnr_y", "ssim_y")
    found = [each for each in scene["attempts"] if each["stage"] == "store" and [each[name] for name in names] == asked]
    if not found:
        raise SystemExit(f"scene {scene['index']}: none of {len(scene['attempts'])} attempts is the one that was stored")
    return found[-1]


def steps_after(quantizer: float) -> list[float]:
    steps = [quantizer + STEP * number for number in range(1, BEYOND + 1)]
    return [step for step in steps if step <= COARSEST]


def table(rows: list[Row]) -> str:
    lines = ["| scene | frames | codings | stored at | coarsest that meets the floor | steps finer | bytes |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        lines.append(f"| {row.scene} | {row.frames} | {row.codings} | {row.stored:.2f} | {row.coarsest:.2f} | {row.steps_finer:+.1f} | {row.share:.3f} |")
    mean = statistics.geometric_mean(row.share for row in rows)
    near = sum(row.share <= TWO_STEPS for row in rows)
    once = sum(row.codings == 1 for row in rows)
    return "\n".join([*lines, "", f"At most two steps' bytes more: {near} of {len(rows)}; stored once: {once}; bytes {mean:.3f}."])


if __name__ == "__main__":
    main()
