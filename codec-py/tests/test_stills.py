"""The comparison of still pictures: one coder run from picture to table, and the picture in the benchmarks drawn from its table."""

from __future__ import annotations

import csv
import os
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
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


def test_points_of_another_build_stay_and_count_in_no_mean(tmp_path, monkeypatch, capsys):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    fast = still_codecs.StillCodec(stills.ANCHOR, "nvc", ("effort=0",), (), (10.0, 25.0, 40.0, 55.0))
    name = next(iter(stills_picture.COLORS))
    ours = still_codecs.StillCodec(name, "nvc", ("effort=0",), (), fast.qualities)
    monkeypatch.setattr(stills, "CODECS", (fast, ours))
    monkeypatch.setattr(sys, "argv", ["stills.py", str(tmp_path / "a.png"), "--output", str(tmp_path / "out")])
    table, factor = tmp_path / "out" / "points.tsv", 1.0

    def measured(picture, codec, quality):
        size, level = quality * 100 * (factor if codec is ours else 1), str(quality)
        return dict(zip(stills.COLUMNS, (picture.stem, codec.name, f"{quality:g}", f"{size:.0f}", "64", level, level, "1"), strict=False))

    def points() -> list[stills.Row]:
        stills.main()
        return stills.read(table)

    monkeypatch.setattr(stills, "measured", measured)
    # A table of earlier days, which told neither build nor content.
    table.parent.mkdir()
    table.write_text("\t".join(stills.COLUMNS[:8]) + f"\na\t{name}\t10\t1\t64\t10\t10\t1\n")
    first = points()
    assert len(first) == 9 and first[0]["build"] == "" and "| +0.0 % (+0.0 %) |" in capsys.readouterr().out.splitlines()[3]
    built, factor = stills.kept.ours(), 2.0
    monkeypatch.setattr(stills.kept, "ours", lambda: f"{built} and a change")
    again = points()
    said = capsys.readouterr().out
    assert len(again) == 17 and "| +0.0 % (+0.0 %) |" in said.splitlines()[2] and "| +100.0 % (+100.0 %) |" in said.splitlines()[3]
    assert "9 points of other builds or pictures are left out" in said and f"- {name}: {built} and a change: effort=0" in said
    (mean, *_) = [row for row in stills_picture.means_of(again) if row["codec"] == name]
    assert float(mean["bits_per_pixel"]) == 8 * 10 * 100 * 2 / 64
    # The first build's points are found again, stand last then, and those of a picture that has become another do not count.
    monkeypatch.setattr(stills.kept, "ours", lambda: built)
    back = points()
    assert len(back) == 17 and back[-8:] == [row for row in first if row["build"]]
    Image.fromarray(picture()[::-1]).save(tmp_path / "a.png")
    assert len(points()) == 25


def test_processor_time_of_ours_is_of_the_whole_call(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    fast = still_codecs.StillCodec("ours", "nvc", ("effort=0", "threads=1", "quantizer={quality}"), (), (40.0,))
    before = os.times()
    seconds = still_codecs.encode(fast, 40.0, tmp_path / "a.png", tmp_path / "a.nvc")
    after = os.times()
    # Of a process of its own: this one has spent nothing, and that one more than what is told, which has neither Python's start nor imports.
    assert (tmp_path / "a.nvc").exists() and after.user - before.user < seconds
    assert 0 < seconds < sum(after[2:4]) - sum(before[2:4])
    with pytest.raises(SystemExit, match="quantizer"):
        still_codecs.encode(fast, 400.0, tmp_path / "a.png", tmp_path / "b.nvc")


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
