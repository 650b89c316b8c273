"""Copies of photos at their size and smaller ones, which have sharper edges and less of what JPEG left: what filters of photos are trained on.

python eval/python/photo_copies.py FOLDER PHOTO...
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

SCALES = (0.5, 0.6, 0.7)
"""By turns, a smaller copy of each photo."""


def main() -> None:
    """Writes two PNG files a photo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("photos", nargs="+", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for index, path in enumerate(sorted(arguments.photos)):
        photo, scale = Image.open(path).convert("RGB"), SCALES[index % len(SCALES)]
        photo.save(arguments.folder / f"{index:04}_{path.stem}.png")
        size = (2 * round(photo.width * scale / 2), 2 * round(photo.height * scale / 2))
        photo.resize(size, Image.Resampling.LANCZOS).save(arguments.folder / f"{index:04}_{path.stem}_small.png")


if __name__ == "__main__":
    main()
