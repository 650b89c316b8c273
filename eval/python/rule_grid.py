"""A grid of measured encodes, so that planners of rules can be compared in minutes instead of days.

Each excerpt of `rules_clips.tsv` (one scene: up to 33 frames, at most 480x272 of their middle) is coded once with every
combination of tools and three quantizers. What rules choose for a scene is then looked up: its bytes at the excerpt's floor are
read off between the quantizers, where the logarithm of the bytes is taken as linear in dB. The floor of an excerpt is the
quality that the encoder's own tools reach at the middle quantizer, so every excerpt has the same kind of floor.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neural_codec

HERE = Path(__file__).parent
CLIPS = HERE / "rules_clips.tsv"
FRAMES, WIDTH, HEIGHT = 33, 480, 272
QUANTIZERS = (38.0, 44.0, 50.0)
# What effort 3 stores scenes with.
EFFORT, PRESET, BIT_DEPTH = 3, 6, 10
LEVELS, ON_OFF = (3, 4, 5), (0, 1)
COLUMNS = ("excerpt", "levels", "aq", "screen", "quantizer", "bytes", "psnr_y", "cpu_s")


@dataclass(frozen=True)
class Excerpt:
    """A scene of a clip; clips of one group show the same film or set, and are on one side of the split."""

    group: str
    side: str
    file: str
    first_frame: int

    @property
    def name(self) -> str:
        return f"{Path(self.file).stem}@{self.first_frame}"


@dataclass(frozen=True)
class Tools:
    """What rules may choose for a scene; None is the encoder's own choice."""

    levels: int | None
    aq: int | None
    screen: int | None

    def asked(self) -> dict[str, int]:
        names = (("hierarchical_levels", self.levels), ("adaptive_quantization", self.aq), ("screen_content", self.screen))
        return {name: value for name, value in names if value is not None}


def excerpts() -> list[Excerpt]:
    """The split as it was written down before anything was measured."""
    with CLIPS.open() as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [Excerpt(row["group"], row["side"], row["file"], int(row["first_frame"])) for row in rows]


def media() -> Path:
    """The folder of clips. Ends the program with the remedy where there is none."""
    folder = os.environ.get("NEURAL_CODEC_MEDIA")
    if not folder:
        raise SystemExit("NEURAL_CODEC_MEDIA: expected the folder of the clips that rules_clips.tsv names, found none")
    return Path(folder)


def excerpt_file(excerpt: Excerpt, folder: Path, frames: int = FRAMES) -> Path:
    """The excerpt as a lossless file, made by ffmpeg where it is not there yet; with more frames, as far as the clip has them."""
    path = folder / (f"{excerpt.name}.mkv" if frames == FRAMES else f"{excerpt.name}-{frames}.mkv")
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part.mkv")
    last = excerpt.first_frame + frames
    crop = f"crop=trunc(min(iw\\,{WIDTH})/2)*2:trunc(min(ih\\,{HEIGHT})/2)*2"
    picture = f"trim=start_frame={excerpt.first_frame}:end_frame={last},setpts=PTS-STARTPTS,{crop}"
    source = str(media() / excerpt.file)
    command = ["ffmpeg", "-v", "error", "-y", "-i", source, "-an", "-vf", picture, "-pix_fmt", "yuv420p", "-c:v", "ffv1", str(aside)]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"{excerpt.file}: ffmpeg cannot cut an excerpt: {ran.stderr.strip()[-300:]}")
    aside.replace(path)
    return path


def profiles_file(table: Path) -> Path:
    """Beside a table, the profiles of its excerpts: with both, no clip is needed to search."""
    return table.with_suffix(".profiles.json")


def profile(path: Path, folder: Path) -> dict[str, Any]:
    """What the excerpt looks like as one scene, found once."""
    kept = folder / f"{path.stem}.json"
    if not kept.exists():
        scenes = neural_codec.profile_scenes(str(path))
        # An excerpt in which a cut is found is described by its longest scene.
        longest = max(scenes, key=lambda scene: scene.end - scene.first_frame)
        kept.write_text(json.dumps({"frames": scenes[-1].end, **longest.profile.to_dict()}))
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def combinations(own_screen: int) -> list[Tools]:
    """The encoder's own tools as effort 3 has them, with screen content tools the other way, and the other tools combined."""
    pairs = [Tools(level, aq, own_screen) for level in LEVELS for aq in ON_OFF]
    return [Tools(None, None, own_screen), Tools(None, None, 1 - own_screen), *pairs]


def measure(table: Path, folder: Path) -> None:
    """Codes what the table has not yet; may be interrupted at any moment and started again."""
    done = {key for key, _ in rows(table)} if table.exists() else set()
    if not table.exists():
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text("\t".join(COLUMNS) + "\n")
    for excerpt in excerpts():
        path = excerpt_file(excerpt, folder)
        seen = profile(path, folder)
        own, frames = int(seen["scene_class"] == "synthetic"), seen["frames"]
        for tools in combinations(own):
            for quantizer in QUANTIZERS:
                key = (excerpt.name, tools, quantizer)
                if key in done:
                    continue
                choice = {"quantizer": quantizer, "preset": PRESET, "bit_depth": BIT_DEPTH, "tools": tools.asked()}
                found = neural_codec.probe(str(path), (0, frames), choice, effort=EFFORT, threads=1)
                values = (excerpt.name, *(_text(each) for each in (tools.levels, tools.aq, tools.screen)), quantizer,
                          found.bytes, round(found.psnr_y or 100.0, 4), round(found.cpu_seconds, 3))  # fmt: skip
                with table.open("a") as file:
                    file.write("\t".join(map(str, values)) + "\n")
        print(excerpt.name, file=sys.stderr, flush=True)
    found = {each.name: profile(excerpt_file(each, folder), folder) for each in excerpts()}
    profiles_file(table).write_text(json.dumps(found, indent=1) + "\n")


def _text(value: int | None) -> str:
    return "-" if value is None else str(value)


def rows(table: Path) -> Iterator[tuple[tuple[str, Tools, float], tuple[int, float, float]]]:
    """Each measured coding: its key, and bytes, PSNR and CPU seconds."""
    with table.open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            tools = Tools(*(None if row[name] == "-" else int(row[name]) for name in ("levels", "aq", "screen")))
            yield (row["excerpt"], tools, float(row["quantizer"])), (int(row["bytes"]), float(row["psnr_y"]), float(row["cpu_s"]))


def split_hash() -> str:
    """The split's own hash, which a result carries."""
    return hashlib.sha256(CLIPS.read_bytes()).hexdigest()[:12]


def at_floor(points: list[tuple[float, int, float]], floor: float) -> tuple[float, float] | None:
    """Bytes and CPU seconds at a floor, between measured points `(psnr, bytes, cpu)`; None where the floor is outside them."""
    ordered = sorted(points)
    for (low, size, cpu), (high, more, later) in zip(ordered, ordered[1:], strict=False):
        if low <= floor <= high and high > low:
            share = (floor - low) / (high - low)
            return math.exp(math.log(size) + share * (math.log(more) - math.log(size))), cpu + share * (later - cpu)
    return None
