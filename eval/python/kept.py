"""What a measured result depends on beside its settings: builds of coders and what files hold. Results that are kept are found by it."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import neural_codec
from neural_codec import _native


def content(path: Path | str) -> str:
    """A short name of what a file holds."""
    digest = hashlib.blake2b(digest_size=6)
    with Path(path).open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


@functools.cache
def ours() -> str:
    """This library's build: its version and native library, and the encoders that it loads. Another build has another text."""
    found = neural_codec.versions()
    return ", ".join([f"neural-codec {found['neural_codec']} {content(_native.__file__)}", base_encoder(), _library("encoder of photos")])


def base_encoder() -> str:
    """Version and build of the SVT-AV1 that this library loads."""
    return _library("base encoder")


def _library(name: str) -> str:
    found = neural_codec.versions()
    file = Path(found[f"{name} file"])
    # A version that was built otherwise takes other processor time.
    return f"{found[name]} {content(file)}" if file.is_file() else found[name]


@functools.cache
def program(*command: str) -> str:
    """A program and what it says first of its version; its name alone where it is not installed or says nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return command[0]
    said = (done.stdout.strip() or done.stderr.strip()).splitlines()[:1]
    return " ".join([command[0], *said])


@functools.cache
def encoder_of_ffmpeg() -> str:
    """The version of the FFmpeg on the PATH, and of the SVT-AV1 that it loads."""
    coding = ["ffmpeg", "-hide_banner", "-f", "lavfi", "-i", "color=size=64x64", "-frames:v", "1", "-c:v", "libsvtav1", "-f", "null", "-"]
    try:
        told = subprocess.run(coding, capture_output=True, text=True, check=False).stderr
    except FileNotFoundError:
        return "no ffmpeg"
    found = re.search(r"SVT-AV1 Encoder Lib (\S+)", told)
    return f"{program('ffmpeg', '-version')}, SVT-AV1 {found[1] if found else 'unknown'}"


def depth_of(efforts: Iterable[int]) -> int:
    """Bits a sample that the highest of these efforts of ours stores sources of 8 bits with."""
    constants = json.loads(_native.defaults(""))["constants"]
    ten_bits_from = next(each["value"] for each in constants if each["key"] == "effort.ten_bits_from")
    return 10 if max(efforts, default=5) >= ten_bits_from else 8


def pixel_format(depth: int) -> str:
    """FFmpeg's name of 4:2:0 at 8 or 10 bits a sample."""
    return "yuv420p" if depth == 8 else f"yuv420p{depth}le"


def distinct(paths: Iterable[Path]) -> None:
    """Ends the program where two files have one name, by which results are told apart."""
    seen: dict[str, Path] = {}
    for path in paths:
        if path.stem in seen:
            raise SystemExit(f"{path}: expected files of different names, found {seen[path.stem]} before it")
        seen[path.stem] = path
