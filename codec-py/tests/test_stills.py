"""The comparison of still pictures: one coder run from picture to table, and the picture in the benchmarks drawn from its table."""

from __future__ import annotations

import csv
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
from PIL import Image
from test_photos import picture

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "eval" / "python"))

import still_codecs  # noqa: E402
import still_crops  # noqa: E402
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


def test_crops_stand_beside_those_of_a_coder_of_no_fewer_bytes(tmp_path, monkeypatch, capsys):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    anchor = still_codecs.StillCodec(stills.ANCHOR, "nvc", ("effort=0", "threads=1", "quantizer={quality}"), (), ())
    monkeypatch.setattr(still_crops, "CODECS", (anchor,))
    arguments = ["still_crops.py", str(tmp_path / "a.png"), "--output", str(tmp_path / "out" / "crops.png"), "--settings", "effort=0", "quantizer=40"]
    monkeypatch.setattr(sys, "argv", arguments)
    still_crops.main()
    # The same coder and quantizer: the coarsest that takes as many bytes takes these.
    ours, other = capsys.readouterr().out.splitlines()
    assert ours.split(": ")[1] == other.split(": ")[1] and ours.startswith("neural-codec") and other.startswith(stills.ANCHOR)
    with Image.open(tmp_path / "out" / "crops.png") as page:
        row = still_crops.SIDE * still_crops.ZOOM + still_crops.CAPTION + still_crops.MARGIN
        assert page.size == (3 * still_crops.SIDE * still_crops.ZOOM + 4 * still_crops.MARGIN, 2 * row)


def test_places_are_where_one_is_farther_off_than_the_other():
    source = np.zeros((400, 500, 3), np.uint8)
    ours, other = source.copy(), source.copy()
    other[200:220, 300:320] = 9
    ours[10:30, 20:40] = 9
    worse, better = still_crops.places(source, ours, other)
    assert 60 <= worse[0] <= 200 and 160 <= worse[1] <= 300
    assert better[0] <= 10 and better[1] <= 20


def test_the_picture_of_stills_is_that_of_its_table():
    images = ROOT / "docs" / "images"
    with (images / "stills.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    drawn = stills_picture.svg(rows)
    assert (images / "stills.svg").read_text() == drawn
    ElementTree.fromstring(drawn)
    assert {row["codec"] for row in rows} == set(stills_picture.COLORS)
