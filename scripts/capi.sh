#!/usr/bin/env bash
# Installs the C library without debug information: scripts/capi.sh PREFIX [FOLDER]. FOLDER holds a library that is built already;
# without it one is built. As packagers expect, LIBDIR is where libraries go (default PREFIX/lib), and DESTDIR is put in front of every path.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${1:?usage: scripts/capi.sh PREFIX [FOLDER]}
folder=${2-}
if [ -z "$folder" ]; then
  cargo build --locked --profile shipped -p codec-ffi
  folder=${CARGO_TARGET_DIR:-target}/shipped
fi
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
abi=$(sed -n 's/^#define NCODEC_ABI_VERSION \([0-9]*\)/\1/p' include/neural_codec.h)
libdir=${LIBDIR:-$prefix/lib}
root=${DESTDIR-}$prefix
libraries=${DESTDIR-}$libdir
notices=$root/share/doc/neuralcodec

install -d "$root/include" "$libraries/pkgconfig" "$notices"
install -m 644 LICENSE-MIT "$notices/"
python3 scripts/carry.py --crates codec-ffi >"$notices/crates"
install -m 644 include/neural_codec.h "$root/include/"
install -m 644 "$folder/libneuralcodec.a" "$libraries/"
strip --strip-debug "$libraries/libneuralcodec.a"
install -m 755 "$folder/libneuralcodec.so" "$libraries/libneuralcodec.so.$abi.$version"
strip --strip-unneeded "$libraries/libneuralcodec.so.$abi.$version"
ln -sf "libneuralcodec.so.$abi.$version" "$libraries/libneuralcodec.so.$abi"
ln -sf "libneuralcodec.so.$abi" "$libraries/libneuralcodec.so"
# Under the prefix where it is, so that what is moved as a whole is still found.
case "$libdir" in "$prefix"/*) told='${prefix}'${libdir#"$prefix"} ;; *) told=$libdir ;; esac
cat >"$libraries/pkgconfig/neuralcodec.pc" <<EOF
prefix=$prefix
includedir=\${prefix}/include
libdir=$told

Name: neuralcodec
Description: Scene-adaptive video codec
Version: $version
Libs: -L"\${libdir}" -lneuralcodec
Libs.private: -lavfilter -lavformat -lavcodec -lswresample -lswscale -lavutil -lpthread -ldl -lm
Cflags: -I"\${includedir}"
EOF
if [ -z "${DESTDIR-}" ] && [ "$(id -u)" = 0 ] && command -v ldconfig >/dev/null; then ldconfig; fi
echo "installed neuralcodec $version (ABI $abi) in $root"
