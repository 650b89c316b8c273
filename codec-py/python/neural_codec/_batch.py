"""Many clips in one command: outputs in one folder, one line of progress, one table, one exit status."""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial
from typing import Any

import neural_codec

from .errors import InvalidArgument, NeuralCodecError
from .records import Lost, Progress, Report

KINDS = ("mkv", "mp4", "webm", "nvc")


def encode_all(options: argparse.Namespace, settings: dict[str, Any]) -> int:
    """Encodes every input into the folder; 0 exactly where all of them were."""
    ending = (options.to or "mkv").lstrip(".").lower()
    if ending not in KINDS:
        raise InvalidArgument(f"to: expected one of {', '.join(KINDS)}, found {ending!r}")
    if options.report is not None or options.scenes is not None:
        raise InvalidArgument("report, scenes: expected neither with --output-dir, which takes many clips")
    os.makedirs(options.output_dir, exist_ok=True)
    pairs = _pairs(options.paths, options.output_dir, ending)
    line = _Line(len(pairs))
    rows: list[tuple[str, str]] = []
    failed = 0
    for number, (source, output) in enumerate(pairs):
        if options.skip_existing and os.path.exists(output):
            rows.append((source, "skipped: the output is there"))
            line.done()
            continue
        try:
            report = neural_codec.encode(
                source,
                output,
                fps=options.fps,
                progress=partial(line.show, source, number),
                on_lost=partial(line.lost, source),
                **settings,
            )
            rows.append((source, _result(report)))
        except (NeuralCodecError, OSError) as error:
            failed += 1
            rows.append((source, f"failed: {' '.join(str(error).split())}"))
        line.done()
    line.close()
    width = max(len(os.path.basename(source)) for source, _ in rows)
    print("\n".join(f"{os.path.basename(source):{width}}  {result}" for source, result in rows))
    encoded = sum(1 for _, result in rows if not result.startswith(("failed", "skipped")))
    print(f"{encoded} encoded, {len(rows) - encoded - failed} skipped, {failed} failed")
    return 1 if failed else 0


def _pairs(sources: list[str], folder: str, ending: str) -> list[tuple[str, str]]:
    """Each input and its output; two inputs with one output are an error before anything is done."""
    outputs: dict[str, str] = {}
    for source in sources:
        stem = os.path.splitext(os.path.basename(os.path.normpath(source)))[0]
        output = os.path.join(folder, f"{stem}.{ending}")
        if output in outputs:
            raise InvalidArgument(f"output-dir: expected a name of its own for each input, found {outputs[output]} and {source}")
        outputs[output] = source
    return [(source, output) for output, source in outputs.items()]


def _result(report: Report) -> str:
    total = report.total
    psnr = "-" if total.quality.psnr_y is None else f"{total.quality.psnr_y:.2f} dB"
    lost = f", {len(report.lost)} lost" if report.lost else ""
    met = "" if total.target_met else ", misses the target"
    return f"{total.frames} frames, {total.bytes} bytes, {total.bitrate_bps / 1000:.0f} kbit/s, {psnr}, {total.seconds:.1f} s{lost}{met}"


class _Line:
    """One line for the whole batch, with the time that is left by what the clips before took."""

    def __init__(self, clips: int) -> None:
        self._clips = clips
        self._start = time.monotonic()
        self._last = 0.0
        self._finished = 0
        self._shown = False
        self._is_terminal = sys.stderr.isatty()

    def show(self, name: str, number: int, at: Progress) -> None:
        now = time.monotonic()
        if not self._is_terminal or now - self._last < 0.1:
            return
        self._last, self._shown = now, True
        share = at.frames_done / at.frames_total if at.frames_total else 0.0
        done = self._finished + min(share, 1.0)
        left = (now - self._start) / done * (self._clips - done) if done > 0.01 else None
        eta = "" if left is None else f", {int(left) // 60}:{int(left) % 60:02} left"
        text = f"[{number + 1}/{self._clips}] {os.path.basename(name)}: {at.frames_done} frames{eta}"
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def lost(self, name: str, lost: list[Lost]) -> None:
        self._break()
        for each in lost:
            print(f"{os.path.basename(name)}: lost: {each.what}: {each.why}", file=sys.stderr)

    def done(self) -> None:
        self._finished += 1

    def close(self) -> None:
        self._break()

    def _break(self) -> None:
        if self._shown:
            print(file=sys.stderr)
            self._shown = False
