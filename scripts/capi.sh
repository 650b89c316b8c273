#!/usr/bin/env bash
# Installs the C library without debug information: scripts/capi.sh PREFIX [FOLDER]. FOLDER holds a library that is built already;
# without it one is built. DESTDIR is put in front of every path, as packagers expect.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${1:?usage: scripts/capi.sh PREFIX [FOLDER]}
folder=${2-}
if [ -z "$folder" ]; then
  cargo build --profile shipped -p codec-ffi
  folder=${CARGO_TARGET_DIR:-target}/shipped
fi
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
abi=$(sed -n 's/^#define NCODEC_ABI_VERSION \([0-9]*\)/\1/p' include/neural_codec.h)
root=${DESTDIR-}$prefix

install -d "$root/include" "$root/lib/pkgconfig"
install -m 644 include/neural_codec.h "$root/include/"
install -m 644 "$folder/libneuralcodec.a" "$root/lib/"
strip --strip-debug "$root/lib/libneuralcodec.a"
install -m 755 "$folder/libneuralcodec.so" "$root/lib/libneuralcodec.so.$abi.$version"
strip --strip-unneeded "$root/lib/libneuralcodec.so.$abi.$version"
ln -sf "libneuralcodec.so.$abi.$version" "$root/lib/libneuralcodec.so.$abi"
ln -sf "libneuralcodec.so.$abi" "$root/lib/libneuralcodec.so"
cat >"$root/lib/pkgconfig/neuralcodec.pc" <<EOF
prefix=$prefix
includedir=\${prefix}/include
libdir=\${prefix}/lib

Name: neuralcodec
Description: Scene-adaptive video codec
Version: $version
Libs: -L\${libdir} -lneuralcodec
Libs.private: -lavfilter -lavformat -lavcodec -lswresample -lswscale -lavutil -lpthread -ldl -lm
Cflags: -I\${includedir}
EOF
if [ -z "${DESTDIR-}" ] && [ "$(id -u)" = 0 ] && command -v ldconfig >/dev/null; then ldconfig; fi
echo "installed neuralcodec $version (ABI $abi) in $root"
