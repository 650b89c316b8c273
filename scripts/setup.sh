#!/usr/bin/env bash
# Installs what the targets of the Makefile need and is not there yet: Debian packages, and a virtual environment in .venv with pinned
# Python packages. With `compilers`, only what the C library takes; with `tests`, NVRTC, libvmaf and cargo-nextest too. Rust itself is expected.
# Safe to run again; does nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

# What the library is built from and runs with: compilers, FFmpeg as Debian builds it (libclang reads its headers), Python for the notices
# of the crates, and the AV1 libraries that are loaded at run time.
packages=(
  build-essential pkg-config clang libclang-dev python3
  libavcodec-dev libavfilter-dev libavformat-dev libavutil-dev libswscale-dev libsvtav1enc1 libaom3 libdav1d6
)
# Virtual environments and the ffmpeg program; what builds the dav1d and the FFmpeg that the portable wheel carries, from their sources.
[ "${1-}" = compilers ] || packages+=(
  ffmpeg python3-venv
  ca-certificates meson nasm ninja-build xz-utils zlib1g-dev
)
# Tests of the C library; the sandbox and the page of experiments; players and muxers that have to take our files.
[ "${1-}" != tests ] || packages+=(
  cmake valgrind bubblewrap chromium
  mkvtoolnix dav1d aom-tools gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
)
missing=()
if command -v dpkg-query >/dev/null; then
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
else
  echo "No Debian packages here. Expected is what these hold: ${packages[*]}"
fi
if [ "${#missing[@]}" -gt 0 ]; then
  echo "Installing Debian packages: ${missing[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "error: install ${missing[*]} as root first" >&2; exit 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# The oldest Rust that compiles the workspace.
rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
found=$(cargo --version 2>/dev/null | cut -d ' ' -f 2) || true
if ! printf '%s\n' "$rust" "${found:-0}" | sort --version-sort --check=quiet; then
  echo "error: expected Rust $rust or newer, found ${found:-none}; rustup installs it" >&2
  exit 1
fi

[ "${1-}" = compilers ] && exit 0

# The environment; made anew where making it was interrupted, or its interpreter is gone.
.venv/bin/python -m pip --version >/dev/null 2>&1 || python3 -m venv --clear .venv

# Installs the packages of a requirements file, and what they bring along as it is pinned, unless those very lines were installed before.
install_packages() {
  local requirements=$1 constraints=codec-py/requirements-constraints.txt stamp=.venv/$2
  cat "$requirements" "$constraints" | cmp -s - "$stamp" && return
  echo "Installing Python packages into .venv"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -c "$constraints" -r "$requirements"
  cat "$requirements" "$constraints" >"$stamp"
}
install_packages codec-py/requirements-dev.txt .requirements
if [ "${1-}" = tests ]; then
  install_packages neural-codec/tests/requirements.txt .requirements-cuda
fi

# libvmaf, which Debian 12 has not, and the portable wheel's SVT-AV1 and libaom: out of the wheels that they are from. Nothing of them is installed.
if [ "${1-}" = tests ] && ! cmp -s scripts/wheel-libraries.txt .venv/libraries/.requirements; then
  echo "Fetching libvmaf, SVT-AV1 4.2 and libaom 3.14 into .venv/libraries"
  .venv/bin/python -m pip download --quiet --disable-pip-version-check --dest target/wheel-libraries --no-deps --only-binary=:all: \
    --python-version 312 --require-hashes -r scripts/wheel-libraries.txt
  rm -rf .venv/libraries
  .venv/bin/python scripts/wheel-libraries.py target/wheel-libraries .venv/libraries
  cp scripts/wheel-libraries.txt .venv/libraries/.requirements
fi

if [ "${1-}" = tests ] && ! cargo nextest --version >/dev/null 2>&1; then
  echo "Installing cargo-nextest"
  # Not optimized and unable to update itself: less to compile.
  cargo install --quiet --locked cargo-nextest --version 0.9.143 --debug --no-default-features --features default-no-update
fi
