"""Many clips and pictures in one command: outputs in one folder, one line of progress, one table, one exit status."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import neural_codec

from . import _native
from ._folders import CODED_CLIPS, WorkList, to_decode, to_encode
from ._words import counted
from .errors import InvalidArgument, NeuralCodecError
from .records import Lost, Progress, Report, StreamInfo, Written

Row = list[str]


def encode_all(options: argparse.Namespace, settings: dict[str, Any], missed: int) -> int:
    """Encodes every input into the folder; 0 exactly where all of them were, `missed` where a target was not met that had to be."""
    if options.report is not None or options.scenes is not None or options.ms_ssim:
        raise InvalidArgument("report, ms-ssim, scenes: expected none of them with many inputs")
    _expect_no_json(options)
    found = to_encode(options.paths, options.output_dir, options.to and options.to.lstrip(".").lower())
    coded: list[Report] = []

    def encode(source: str, output: str, line: _Line) -> Row:
        # Photos have no rate.
        fps = None if os.path.splitext(output)[1] in (".nvc", ".avif") and _native.is_photo(source) else options.fps
        report = neural_codec.encode(
            source, output, fps=fps, progress=partial(line.show, source), on_lost=partial(line.lost, source), **settings
        )
        coded.append(report)
        return _encoded(report)

    status = _run(found, options, encode, "encoded")
    photos = [(report.total.bytes, report.coded.width * report.coded.height) for report in coded if report.photo is not None]
    if len(photos) > 1:
        size, pixels = (sum(each) for each in zip(*photos, strict=True))
        print(f"{len(photos)} photos, {size} bytes, {8 * size / pixels:.3f} bits a pixel")
    if status == 0 and options.require_target and not all(report.total.target_met for report in coded):
        return missed
    return status


def decode_all(options: argparse.Namespace) -> int:
    """Decodes every stream into the folder: photos to PNG or TIFF, clips to .mkv; 0 exactly where all of them were."""
    ending = options.to and options.to.lstrip(".").lower()
    if ending not in (None, "png", "tif", "tiff"):
        raise InvalidArgument(f"to: expected png, tif or tiff, the kind of photos, found {ending!r}")
    _expect_no_json(options)

    def kind(path: str) -> str | None:
        is_video = path.lower().endswith(CODED_CLIPS)
        try:
            found = None if path.lower().endswith(".avif") else neural_codec.info(path)
        except (NeuralCodecError, OSError):
            # Decoding it says why.
            return "mkv" if is_video else ending or "png"
        if is_video:
            return "mkv" if isinstance(found, StreamInfo) else None
        return "mkv" if isinstance(found, StreamInfo) and found.photo is None else ending or "png"

    def decode(source: str, output: str, line: _Line) -> Row:
        written: Written = neural_codec.decode(source, output, progress=partial(line.show, source))
        line.lost(source, written.lost)
        lost = [f"{len(written.lost)} lost"] if written.lost else []
        return ["frames" if written.frames != 1 else "frame", str(written.frames), f"{written.seconds:.1f} s", *lost]

    found = to_decode(options.paths, options.output_dir, kind, options.skip_existing)
    return _run(found, options, decode, "decoded")


def _expect_no_json(options: argparse.Namespace) -> None:
    if options.json:
        raise InvalidArgument("json: expected one input and one output, found many inputs, of which there is a table")


def _run(found: WorkList, options: argparse.Namespace, work: Callable[[str, str, _Line], Row], done: str) -> int:
    line = _Line(len(found.pairs), is_shown=sys.stderr.isatty() and not options.quiet)
    rows: list[tuple[str, Row]] = []
    failed, skipped = len(found.unread) + len(found.nameless), 0
    rows += [(folder, [f"failed: {why}"]) for folder, why in found.unread]
    for source, other in found.nameless:
        rows.append((source, [f"failed: expected a name of its own, found that of {other} too; rename one, or name them in two commands"]))
    for source, output in found.pairs:
        if options.skip_existing and os.path.isfile(output):
            skipped += 1
            rows.append((source, ["skipped: the output is there"]))
            line.skip()
            continue
        try:
            os.makedirs(os.path.dirname(output) or ".", exist_ok=True)
            rows.append((source, work(source, output, line)))
        except (NeuralCodecError, OSError) as error:
            failed += 1
            rows.append((source, [f"failed: {' '.join(str(error).split()).removeprefix(f'{source}: ')}"]))
        line.done()
    line.close()
    print("\n".join(_table(rows)))
    for what, paths in (
        ("left out, of another kind", found.left_out),
        ("left out, written before", found.earlier),
        ("written under the whole names of their inputs", [path for path in found.renamed if os.path.exists(path)]),
    ):
        if paths:
            print(f"{what}: {', '.join(paths[:5])}" + (f" and {len(paths) - 5} more" if len(paths) > 5 else ""))
    print(f"{len(rows) - failed - skipped} {done}, {skipped} skipped, {failed} failed")
    return 1 if failed else 0


def _table(rows: list[tuple[str, Row]]) -> list[str]:
    """Columns of one width; a row of one cell is a sentence."""
    sources = _short([source for source, _ in rows])
    whole = [[name, *cells] for name, (_, cells) in zip(sources, rows, strict=True)]
    width = max(len(row[0]) for row in whole)
    widths = [max((len(row[at]) for row in whole if 2 < len(row) and at < len(row)), default=0) for at in range(max(map(len, whole)))]
    return ["  ".join([f"{row[0]:{width}}", *(f"{cell:>{widths[at]}}" if len(row) > 2 else cell for at, cell in enumerate(row[1:], 1))]).rstrip() for row in whole]


def _short(sources: list[str]) -> list[str]:
    """Names without the folder that all share; names alone where they differ."""
    names = [os.path.basename(source) for source in sources]
    if len(set(names)) == len(names):
        return names
    folder = os.path.commonpath([os.path.dirname(os.path.abspath(source)) for source in sources])
    return [os.path.relpath(source, folder) for source in sources]


def _encoded(report: Report) -> Row:
    total = report.total
    if report.photo is not None:
        quality = [f"{name} {value:.2f}" for name in ("psnr_rgb", "ssimulacra2") if (value := total.pooled.get(name)) is not None]
        row = [f"{report.coded.width}x{report.coded.height}", f"{total.bytes} bytes", f"{report.photo.bits_per_pixel:.3f} bits a pixel", ", ".join(quality)]
    else:
        psnr = "-" if total.quality.psnr_y is None else f"{total.quality.psnr_y:.2f} dB"
        row = [counted(total.frames, "frame"), f"{total.bytes} bytes", f"{total.bitrate_bps / 1000:.0f} kbit/s", psnr]
    lost = [f"{len(report.lost)} lost"] if report.lost else []
    met = [] if total.target_met else ["misses the target"]
    return [*row, f"{total.seconds:.1f} s", ", ".join([*lost, *met])]


class _Line:
    """One line for the whole batch, with the time that is left by what those before took."""

    def __init__(self, inputs: int, *, is_shown: bool) -> None:
        self._inputs = inputs
        self._start = time.monotonic()
        self._last = 0.0
        self._finished = 0
        self._skipped = 0
        self._has_text = False
        self._is_shown = is_shown

    def show(self, name: str, at: Progress) -> None:
        now = time.monotonic()
        if not self._is_shown or now - self._last < 0.1:
            return
        self._last, self._has_text = now, True
        share = at.frames_done / at.frames_total if at.frames_total else 0.0
        done = self._finished - self._skipped + min(share, 1.0)
        left = (now - self._start) / done * (self._inputs - self._skipped - done) if done > 0.01 else None
        eta = "" if left is None else f", {int(left) // 60}:{int(left) % 60:02} left"
        reached = f"attempt {at.attempts}" if at.frames_total == 1 and at.attempts else f"{at.frames_done} frames"
        text = f"[{self._finished + 1}/{self._inputs}] {os.path.basename(name)}: {reached}{eta}"
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def lost(self, name: str, lost: list[Lost]) -> None:
        self._break()
        for each in lost:
            print(f"{os.path.basename(name)}: lost: {each.what}: {each.why}", file=sys.stderr)

    def done(self) -> None:
        self._finished += 1

    def skip(self) -> None:
        """What was there takes no time, and is left out of that of the others."""
        self._skipped += 1
        self._finished += 1

    def close(self) -> None:
        self._break()

    def _break(self) -> None:
        if self._has_text:
            print(file=sys.stderr)
            self._has_text = False
