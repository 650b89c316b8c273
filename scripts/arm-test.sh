#!/usr/bin/env bash
# Compiles for 64-bit ARM and runs, in an emulator, the tests that say whether its NEON code gives the same bits: golden streams, metrics,
# filters, scene analysis, packets. Wants root once, to install the emulator, a cross compiler and ARM's dav1d and SVT-AV1.
set -euo pipefail
cd "$(dirname "$0")/.."

target=aarch64-unknown-linux-gnu
if ! command -v qemu-aarch64 >/dev/null || [ ! -e /usr/lib/aarch64-linux-gnu/libdav1d.so.6 ]; then
  echo "Installing an emulator, a cross compiler and ARM's dav1d and SVT-AV1"
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" dpkg --add-architecture arm64
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross libdav1d6:arm64 libsvtav1enc1:arm64 >/dev/null
fi
rustup target list --installed | grep -qx "$target" || rustup target add "$target"

export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
tests=(cargo test --locked --target "$target" -p neural-codec --no-default-features --features images)

"${tests[@]}" --test golden --test metrics_invariance --test seeking
# What trains or codes much takes hours in an emulator.
"${tests[@]}" --lib -- frame:: metrics:: scene:: bitstream:: filter::infer filter::code filter::network simd:: "$@"
