"""The command `encode`: one input and one output, either of which may be a pipe; many inputs go on to `_batch`."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from contextlib import ExitStack
from typing import Any

import neural_codec

from . import _native
from ._encode_lines import print_lost, report_lines, say_missed
from ._folders import is_folder_output
from ._output import check_page
from ._page import write_page
from ._page_data import Measured, measured
from ._photo_page import MeasuredPhoto, measured_photo
from ._showing import expect_no_folder_options, expect_two_paths, progress_of, show
from ._sources import as_file, as_path
from .errors import InvalidArgument
from .records import Report

# Where a target that had to be met was not.
TARGET_MISSED = 3

# What the command does otherwise than the library.
DEFAULTS = {"on_damage": "continue"}

_STANDARD_INPUT = "standard input"

# What standard output takes of a clip and of a photo; the first where nothing is asked for.
STREAMED = ("mkv", "mp4", "webm", "nvc")
STREAMED_PHOTOS = ("nvc", "avif", "mkv", "mp4", "webm")


def add_encode(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a video file, a picture, a numbered sequence such as frame_%%04d.png, or - for standard input (Y4M, mkv, ts, a picture); and the"
        " file to write: .mkv, .mp4, .webm or .nvc, of one picture .nvc or .avif, or - for standard output. A folder and a folder: every picture"
        " and clip in it. With --output-dir, inputs alone",
    )
    parser.add_argument("--output-dir", metavar="DIR", help="folder for the outputs of several inputs, named after them")
    parser.add_argument("--to", metavar="ENDING", help="kind of what is written to --output-dir or standard output; default: mkv, of photos nvc; clips of folders are mkv beside avif")
    parser.add_argument("--skip-existing", action="store_true", help="with --output-dir, leave out inputs whose output is there")
    parser.add_argument("--report", metavar="PAGE.html", help="write a page with quality along time, attempts, scenes and the worst frames")
    parser.add_argument("--ms-ssim", action="store_true", help="with --report, measure MS-SSIM along time too")
    parser.add_argument("--require-target", action="store_true", help=f"exit with {TARGET_MISSED} where a target was missed; the output is kept")
    parser.add_argument("--fps", help="frames a second, in place of what the file says")
    parser.add_argument("--scenes", metavar="START-END,...", help="scenes to use instead of detected ones")
    for setting in neural_codec.settings().values():
        flag = "--" + setting.name.replace("_", "-")
        text = f"{setting.meaning} Default: {DEFAULTS.get(setting.name, setting.default)}.".replace("%", "%%")
        parser.add_argument(flag, dest=f"set_{setting.name}", metavar="VALUE", help=text)


def encode(options: argparse.Namespace) -> int | None:
    """Runs the command."""
    if options.output_dir is None and len(options.paths) == 2 and os.path.isdir(options.paths[0]) and is_folder_output(options.paths[1]):
        options.paths, options.output_dir = options.paths[:1], options.paths[1]
    if options.output_dir is not None:
        from ._batch import encode_all

        return encode_all(options, _given(options), TARGET_MISSED)
    expect_two_paths(options)
    source, output = options.paths
    expect_no_folder_options(options, output)
    if options.ms_ssim and options.report is None:
        raise InvalidArgument("ms-ssim: expected --report beside it, whose page has it along time; --min-ms-ssim is a floor")
    report = _encode_one(options, source, output)
    if report.total.target_met:
        return None
    say_missed(_STANDARD_INPUT if source == "-" else source, report)
    return TARGET_MISSED if options.require_target else None


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Settings that were given, and what the command does otherwise than the library."""
    given = {name[4:]: value for name, value in vars(options).items() if name.startswith("set_") and value is not None}
    return {**DEFAULTS, **given}


def _encode_one(options: argparse.Namespace, source: str, output: str) -> Report:
    """From a file or standard input to a file or standard output; of the latter, what is said goes to standard error."""
    if options.report is not None:
        check_page(options.report, source, output)
    with ExitStack() as stack:
        given: Any = source
        if source == "-":
            # A page is drawn from the source, which has to be there twice then.
            opened = as_file if options.report is None else as_path
            given = stack.enter_context(opened(sys.stdin.buffer, _STANDARD_INPUT))
        path = output
        if output == "-":
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="neural-codec-"))
            path = os.path.join(folder, f"out.{_ending(options.to, given)}")
        report = neural_codec.encode(
            given,
            path,
            scenes=_scenes(options.scenes),
            fps=options.fps,
            progress=progress_of(options),
            on_lost=print_lost,
            **_given(options),
        )
        if options.report is not None:
            found = _measured(report, given, path, options.ms_ssim)
            clip = _STANDARD_INPUT if source == "-" else source
            write_page(options.report, report, found, clip=clip, command=shlex.join(["neural-codec", *options.given]))
        if output == "-":
            with open(path, "rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    show(options, report, report_lines(report), sys.stderr if output == "-" else None)
    return report


def _ending(asked: str | None, source: Any) -> str:
    """The kind of what goes to standard output."""
    kinds = STREAMED_PHOTOS if isinstance(source, str) and _native.is_photo(source) else STREAMED
    if asked is None:
        return kinds[0]
    if asked.lstrip(".").lower() not in kinds:
        raise InvalidArgument(f"--to: expected {', '.join(kinds)}, found {asked}")
    return asked.lstrip(".")


def _measured(report: Report, source: str, output: str, ms_ssim: bool) -> Measured | MeasuredPhoto:
    if report.photo is not None:
        return measured_photo(source, output)
    return measured(report, source, output, ms_ssim=ms_ssim)


def _scenes(text: str | None) -> list[tuple[int, int]] | None:
    if text is None:
        return None
    try:
        pairs = [part.split("-") for part in text.split(",")]
        return [(int(start), int(end)) for start, end in pairs]
    except ValueError:
        raise InvalidArgument(f"scenes: expected START-END,START-END,..., found {text!r}") from None
