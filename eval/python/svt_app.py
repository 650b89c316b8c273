#!/usr/bin/env python3
"""SvtAv1EncApp by the libsvtav1 of the FFmpeg on the PATH, so that Av1an codes with the same version as others: a link of that name on the PATH.

Takes what Av1an gives: YUV4MPEG2 on standard input, `--crf`, `--preset`, and the IVF file to write behind `-b`. One thread; key frames at the beginning alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys


def main() -> None:
    """Encodes."""
    if "--version" in sys.argv:
        print("SVT-AV1 by FFmpeg (release)")
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--crf", type=float, default=35)
    parser.add_argument("--preset", type=int, default=10)
    parser.add_argument("-b", dest="output", required=True)
    options, _ = parser.parse_known_args()
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-f", "yuv4mpegpipe", "-i", "-", "-c:v", "libsvtav1", "-g", "9999"]
    rate = ["-preset", str(options.preset), "-crf", f"{options.crf:g}", "-svtav1-params", "lp=1"]
    sys.exit(subprocess.run([*command, *rate, "-f", "ivf", options.output], check=False).returncode)


if __name__ == "__main__":
    main()
