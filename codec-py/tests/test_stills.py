"""The comparison of still pictures: one coder run from picture to table, and the picture in the benchmarks drawn from its table."""

from __future__ import annotations

import csv
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from PIL import Image
from test_photos import picture

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "eval" / "python"))

import still_codecs  # noqa: E402
import stills  # noqa: E402
import stills_picture  # noqa: E402


def test_a_picture_is_measured_once_and_told_in_a_table(tmp_path, monkeypatch, capsys):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    fast = still_codecs.StillCodec(stills.ANCHOR, "nvc", ("effort=0", "threads=1", "quantizer={quality}"), (), (10.0, 25.0, 40.0, 55.0))
    monkeypatch.setattr(stills, "CODECS", (fast,))
    monkeypatch.setattr(sys, "argv", ["stills.py", str(tmp_path / "a.png"), "--output", str(tmp_path / "out")])
    stills.main()
    points = (tmp_path / "out" / "points.tsv").read_bytes()
    stills.main()
    assert (tmp_path / "out" / "points.tsv").read_bytes() == points and points.count(b"\n") == 5
    assert f"| {stills.ANCHOR} | 1 | +0.0 % (+0.0 %) |" in capsys.readouterr().out


def test_the_picture_of_stills_is_that_of_its_table():
    images = ROOT / "docs" / "images"
    with (images / "stills.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    drawn = stills_picture.svg(rows)
    assert (images / "stills.svg").read_text() == drawn
    ElementTree.fromstring(drawn)
    assert {row["codec"] for row in rows} == set(stills_picture.COLORS)
