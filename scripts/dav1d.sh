#!/usr/bin/env bash
# Builds the dav1d that the portable wheel carries into target/dav1d: the sources that the crate libdav1d-sys brings along, checked
# against the hash below. Debian 12 has 1.0 only, which accepts damage that newer versions refuse (docs/decisions/0004-av1-decoder.md).
set -euo pipefail
cd "$(dirname "$0")/.."
crate=libdav1d-sys
version=0.7.1+libdav1d.1.4.3
hash=3d875e9669d116a603412a126de599b7bf47789a365b79fcf461fbf9c18d141f

prefix=$PWD/target/dav1d
stamp=$prefix/$version
[ -e "$stamp" ] && exit 0
echo "Building dav1d"
work=$PWD/target/dav1d-source
rm -rf "$work" "$prefix"
mkdir -p "$work/src"

# Cargo fetches for a package that needs the crate; nothing of the crate itself is compiled.
cat >"$work/Cargo.toml" <<END
[package]
name = "sources-of-dav1d"
edition = "2024"
[dependencies]
$crate = "=$version"
[workspace]
END
: >"$work/src/lib.rs"
cargo vendor --quiet --manifest-path "$work/Cargo.toml" "$work/vendor" >/dev/null
sources=$work/vendor/$crate
found=$(sed -n 's/.*"package":"\([0-9a-f]*\)".*/\1/p' "$sources/.cargo-checksum.json")
[ "$found" = "$hash" ] || { echo "error: $crate $version: expected hash $hash, found $found" >&2; exit 1; }

build() {
  meson setup "$work/build" "$sources/vendor" --prefix="$prefix" --libdir=lib --buildtype=release --default-library=shared \
    -Denable_tools=false -Denable_tests=false && ninja -C "$work/build" install
}
build >"$work/log" 2>&1 || { tail -50 "$work/log" >&2; exit 1; }
install -D -m 644 -t "$prefix/share/dav1d" "$sources/vendor/COPYING" "$sources/vendor/doc/PATENTS"
rm -rf "$work"
touch "$stamp"
