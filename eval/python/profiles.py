"""Writes a page with a frame, the class and the measurements of every scene of any clips.

    python eval/python/profiles.py CLIP... [--output out/profiles.html]

The page contains its pictures. Needs PyAV and Pillow.
"""

from __future__ import annotations

import argparse
import base64
import html
import io
from pathlib import Path

import av

import neural_codec

FIGURES = ("motion", "global_motion", "changed_blocks", "grain", "flatness", "hard_edges", "repeated_frames")
THUMBNAIL_WIDTH = 240


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, default=Path("out/profiles.html"))
    options = parser.parse_args()
    rows = [row for clip in options.clips for row in rows_of(clip)]
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in ("frame", "clip", "class and why", *FIGURES))
    style = "body { font: 14px sans-serif } td { vertical-align: top; padding: 4px 8px } img { display: block }"
    page = f"<!doctype html><meta charset=utf-8><title>Profiles</title><style>{style}</style>"
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(f"{page}<table><tr>{head}</tr>{''.join(rows)}</table>\n")


def rows_of(clip: Path) -> list[str]:
    """A row for each scene of a clip."""
    scenes = neural_codec.encode(clip, effort=0, quantizer=60).scenes
    pictures = thumbnails(clip, {scene.first_frame + scene.frames // 2 for scene in scenes})
    rows = []
    for scene in scenes:
        profile, last = scene.profile, scene.first_frame + scene.frames - 1
        picture = base64.b64encode(pictures[scene.first_frame + scene.frames // 2]).decode()
        cells = [
            f'<img alt="the middle frame" src="data:image/jpeg;base64,{picture}">',
            f"{html.escape(clip.stem)}<br>{scene.first_frame} to {last}",
            f"<b>{profile.scene_class}</b><br>{html.escape(profile.class_reason)}",
            *(f"{getattr(profile, name):.3g}" for name in FIGURES),
        ]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n")
    return rows


def thumbnails(clip: Path, indices: set[int]) -> dict[int, bytes]:
    """Small JPEGs of some frames."""
    found = {}
    with av.open(str(clip)) as reader:
        for index, frame in enumerate(reader.decode(video=0)):
            if index in indices:
                picture = frame.to_image()
                picture.thumbnail((THUMBNAIL_WIDTH, THUMBNAIL_WIDTH))
                buffer = io.BytesIO()
                picture.save(buffer, "JPEG", quality=85)
                found[index] = buffer.getvalue()
    return found


if __name__ == "__main__":
    main()
