"""Coders of still pictures that are installed here, each as commands from PNG and back to PNG."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import kept
import neural_codec

# Prints the processor seconds of one encode, with all threads and what it starts, from reading the picture to the written file.
_OURS = """
import json, resource, sys, neural_codec
def spent():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
before = spent()
neural_codec.encode(sys.argv[1], sys.argv[2], **json.loads(sys.argv[3]))
print(spent() - before)
"""


@dataclass(frozen=True)
class StillCodec:
    """A coder at one speed, and the qualities at which its curve is measured."""

    name: str
    """In tables and pictures."""
    ending: str
    encode: tuple[str, ...]
    """Its command, with {quality}, {source} and {target}."""
    decode: tuple[str, ...]
    """From {source} into {target}, a PNG file; empty for ours."""
    qualities: tuple[float, ...]


_CQ = ("--min", "0", "--max", "63", "-a", "end-usage=q", "-a", "cq-level={quality}")
_AVIFDEC = ("avifdec", "-j", "1", "-d", "8", "{source}", "{target}")
_CQS = (18.0, 27.0, 36.0, 45.0)


def _avif(chroma: str, speed: int) -> StillCodec:
    told = {0: "slowest", 3: "speed 3", 6: "default"}[speed]
    command = ("avifenc", "-j", "1", "-s", str(speed), "-y", chroma, *_CQ, "{source}", "{target}")
    return StillCodec(f"AVIF (libaom) 4:{chroma[1]}:{chroma[2]}, {told}", "avif", command, _AVIFDEC, _CQS)


CODECS = (
    *(StillCodec(f"neural-codec, effort {effort}", "nvc", (f"effort={effort}", "threads=1", "quantizer={quality}"), (), _CQS) for effort in (3, 4, 6)),
    # Floors, search and all; the first is the target where none is asked for. At effort 9 the second tries a neural still too.
    *(
        StillCodec(f"neural-codec, {name}", "nvc", (*words, "threads=1", "min_ssimulacra2={quality}"), (), (45.0, 62.0, 75.0, 84.0))
        for name, words in (("SSIMULACRA 2 floor", ()), ("SSIMULACRA 2 floor, effort 6", ("effort=6",)))
    ),
    StillCodec("neural-codec, PSNR floor, effort 9", "nvc", ("effort=9", "threads=1", "min_psnr={quality}"), (), (30.0, 32.5, 35.0, 38.0)),
    _avif("444", 0),
    _avif("420", 0),
    _avif("444", 3),
    _avif("420", 3),
    _avif("444", 6),
    _avif("420", 6),
    StillCodec(
        "JPEG XL, slowest", "jxl", ("cjxl", "--num_threads=0", "-e", "9", "-d", "{quality}", "{source}", "{target}"),
        ("djxl", "--num_threads=0", "{source}", "{target}"), (0.8, 1.6, 3.0, 5.5),
    ),
    StillCodec(
        "JPEG XL, default", "jxl", ("cjxl", "--num_threads=0", "-d", "{quality}", "{source}", "{target}"),
        ("djxl", "--num_threads=0", "{source}", "{target}"), (0.8, 1.6, 3.0, 5.5),
    ),
    StillCodec(
        "WebP, slowest", "webp", ("cwebp", "-quiet", "-m", "6", "-sharp_yuv", "-q", "{quality}", "{source}", "-o", "{target}"),
        ("dwebp", "-quiet", "{source}", "-o", "{target}"), (25.0, 55.0, 80.0, 93.0),
    ),
    StillCodec(
        "WebP, default", "webp", ("cwebp", "-quiet", "-q", "{quality}", "{source}", "-o", "{target}"),
        ("dwebp", "-quiet", "{source}", "-o", "{target}"), (25.0, 55.0, 80.0, 93.0),
    ),
)  # fmt: skip


def encode(codec: StillCodec, quality: float, source: Path, target: Path) -> float:
    """Codes a picture and returns the processor seconds that it took, reading and writing included.

    Of the others the whole process counts. Ours has a process of its own too, in which the whole call counts, with loading the encoder, but not Python's
    start and imports: they take a fifth of a second, a quarter of what effort 3 does, and are no part of coding.
    """
    if not codec.decode:
        given = dict(word.split("=") for word in _filled(codec.encode, quality, source, target))
        return float(_run([sys.executable, "-c", _OURS, str(source), str(target), json.dumps(given)])[1])
    return _run(_filled(codec.encode, quality, source, target))[0]


def build(codec: StillCodec) -> str:
    """What a coder's points depend on beside picture and quality: builds of what codes and decodes, and how it is called.

    What measures them is no part of it: tests hold it to its oracles.
    """
    if not codec.decode:
        return f"{kept.ours()}: {' '.join(codec.encode)}"
    programs = [kept.program(words[0], "-version" if words[0].endswith("webp") else "--version") for words in (codec.encode, codec.decode)]
    return f"{', '.join(programs)}: {' '.join((*codec.encode, *codec.decode))}"


def decode(codec: StillCodec, source: Path, target: Path) -> None:
    """Decodes a picture into a PNG file."""
    if codec.decode:
        _run(_filled(codec.decode, 0, source, target))
    else:
        neural_codec.decode(source, target, threads=1)


def _filled(words: Sequence[str], quality: float, source: Path, target: Path) -> list[str]:
    return [word.format(quality=f"{quality:g}", source=source, target=target) for word in words]


def _run(command: list[str]) -> tuple[float, str]:
    """Processor seconds of a whole process, and what it printed. One that fails ends the program with the end of what it complained of."""
    with tempfile.TemporaryFile("w+") as printed:
        try:
            process = subprocess.Popen(command, stdout=printed, stderr=subprocess.PIPE, text=True)
        except FileNotFoundError:
            raise SystemExit(f"{command[0]} is not installed: apt-get install libavif-bin libjxl-tools webp, or leave it out by --only") from None
        assert process.stderr is not None
        told = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit {process.returncode}: {told.strip()[-300:]}")
        printed.seek(0)
        return usage.ru_utime + usage.ru_stime, printed.read()
