"""Installs a wheel into a virtual environment that holds nothing else, and uses it there: clean-install.py WHEEL [--carried]

With `--carried`, every library that the process has mapped must come from the environment, from Python itself, or be one
that manylinux allows a wheel to expect of any system.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parents[1] / "codec-py/requirements-constraints.txt"

USE = """
import json, sys
import numpy
import neural_codec
clip = numpy.stack([numpy.roll(numpy.mgrid[:72, :96].sum(0).astype("uint8")[..., None] * [1, 2, 1], t, 1) for t in range(6)])
report = neural_codec.encode(clip.astype("uint8"), "a.nvc", fps=24, effort=0)
frames = neural_codec.decode("a.nvc")
neural_codec.decode("a.nvc", "a.mkv")
neural_codec.export_base("a.nvc", "a.mp4")
metrics = neural_codec.compare("a.nvc", "a.mkv")
# A photo by libaom.
photo = neural_codec.encode(clip[0].astype("uint8"), "photo.nvc", effort=4, min_psnr=36)
assert photo.base_encoder.startswith("libaom 3") and neural_codec.decode_photo("photo.nvc").image.shape == clip[0].shape
# AV1 is a source like any other.
again = neural_codec.encode("a.mp4", quantizer=40, effort=0)
assert metrics.lossless_frames == metrics.frames == len(frames.video) == again.total.frames == 6
mapped = {line.split(maxsplit=5)[5].strip() for line in open("/proc/self/maps") if ".so" in line}
print(json.dumps({"versions": neural_codec.versions(), "mapped": sorted(mapped), "prefix": [sys.prefix, sys.base_prefix]}))
"""

# PEP 599 and 600: what every manylinux system has.
ALLOWED = ("ld-linux", "libc.", "libm.", "libpthread", "libdl", "librt", "libutil", "libgcc_s", "libstdc++", "libz.", "libnsl")
PYTHON = ("libpython", "libffi", "libcrypto", "libssl", "libbz2", "liblzma", "libuuid", "libsqlite3", "libexpat")


def main() -> int:
    wheel, carried = Path(sys.argv[1]).resolve(), "--carried" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", f"{folder}/venv"], check=True)
        python = f"{folder}/venv/bin/python"
        quiet = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--constraint", str(CONSTRAINTS)]
        subprocess.run([python, "-m", "pip", "install", *quiet, str(wheel)], check=True)
        # No compiler, no cargo, nothing of the caller's environment.
        environment = {"PATH": "/nowhere", "HOME": folder, "TMPDIR": folder}
        found = subprocess.run([python, "-c", USE], cwd=folder, env=environment, capture_output=True, text=True)
        if found.returncode != 0:
            print(found.stderr, file=sys.stderr)
            return 1
        told = json.loads(found.stdout)
        for name, value in told["versions"].items():
            print(f"{name}: {value.replace(folder, '')}")
        own = (folder, *told["prefix"])
        foreign = [path for path in told["mapped"] if not path.startswith(own) and not Path(path).name.startswith(ALLOWED)]
        # The interpreter's own modules, and what those load.
        foreign = [path for path in foreign if "/python3" not in path and not Path(path).name.startswith(PYTHON)]
        print(f"libraries of the system beyond what manylinux allows: {len(foreign)}")
        if carried and foreign:
            print(*foreign, sep="\n", file=sys.stderr)
            return 1
        if carried and not all(path.startswith(folder) for name, path in told["versions"].items() if name.endswith(" file")):
            print("the AV1 libraries are not those of the wheel", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
