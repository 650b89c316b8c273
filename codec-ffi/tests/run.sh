#!/usr/bin/env bash
# Builds libneuralcodec, compiles the header as C and C++, and runs the C examples and tests against it.
set -uo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# Runs a command as a named step; shows its output when it fails.
step() {
  local name=$1
  shift
  local start=$SECONDS status=0
  "$@" >"$work/log" 2>&1 || status=$?
  if [ "$status" -eq 0 ]; then
    passed=$((passed + 1))
    echo "ok      $name ($((SECONDS - start)) s)"
    grep -E '^  [a-z_]+: ' "$work/log" || true
  else
    failed=$((failed + 1))
    echo "FAILED  $name (exit $status)"
    sed 's/^/        /' "$work/log"
  fi
}

finish() {
  echo "$passed passed, $failed failed"
  exit $((failed > 0))
}

library=${CARGO_TARGET_DIR:-target}/debug
warnings=(-Wall -Wextra -Werror -pedantic)

echo "building libneuralcodec"
cargo build --quiet -p codec-ffi --all-features || { failed=1; finish; }

# The loader looks for the SONAME.
mkdir "$work/lib"
ln -s "$(realpath "$library/libneuralcodec.so")" "$work/lib/libneuralcodec.so"
ln -s libneuralcodec.so "$work/lib/libneuralcodec.so.1"
export LD_LIBRARY_PATH=$work/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

echo '#include <neural_codec.h>' >"$work/alone.c"
cp "$work/alone.c" "$work/alone.cpp"
step "header alone as C99" cc -std=c99 "${warnings[@]}" -Iinclude -fsyntax-only "$work/alone.c"
step "header alone as C11" cc -std=c11 "${warnings[@]}" -Iinclude -fsyntax-only "$work/alone.c"
step "header alone as C++17" c++ -std=c++17 "${warnings[@]}" -Iinclude -fsyntax-only "$work/alone.cpp"

exported() {
  nm -D --defined-only "$library/libneuralcodec.so" | awk '{print $3}' | grep -v '^ncodec_debug_' |
    LC_ALL=C sort | diff codec-ffi/exported-symbols.txt -
}
soname() { readelf -d "$library/libneuralcodec.so" | grep -F 'soname: [libneuralcodec.so.1]'; }
step "exported symbols are those of exported-symbols.txt" exported
step "SONAME is libneuralcodec.so.1" soname

build() {
  cc -std=c11 -D_POSIX_C_SOURCE=200809L -g -O1 "${warnings[@]}" -Iinclude "$1" -o "$work/$(basename "$1" .c)" \
    -L"$work/lib" -lneuralcodec -pthread
}
for source in examples/c/*.c codec-ffi/tests/*.c; do
  step "compile $source" build "$source"
done

limited() { timeout --kill-after=5 "$@"; }
step "calls made wrongly" limited 60 "$work/abuse"

frames=14
round_trip() {
  "$work/make_y4m" 64 64 2 "$work/tiny.y4m" &&
    limited 60 "$work/encode_y4m" "$work/tiny.y4m" "$work/tiny.nvc" quantizer=50 effort=0 &&
  "$work/make_y4m" 70 50 $frames "$work/source.y4m" &&
    limited 120 "$work/encode_y4m" "$work/source.y4m" "$work/stream.nvc" quantizer=40 effort=0 max_scene_seconds=0.5 &&
    limited 60 "$work/decode_to_y4m" "$work/stream.nvc" "$work/decoded.y4m" 100
}
same_shape() {
  # 70x50 4:2:0 behind "FRAME\n", after one line of parameters.
  local expected found
  expected=$(($(head -n 1 "$work/decoded.y4m" | wc -c) + frames * (6 + 70 * 50 + 2 * 35 * 25)))
  found=$(stat -c %s "$work/decoded.y4m")
  head -n 1 "$work/decoded.y4m" | grep -E '^YUV4MPEG2 W70 H50 F10:1 ' && [ "$found" = "$expected" ]
}
step "examples encode and decode" round_trip
step "as many frames of the same size come back" same_shape
step "whole and damaged streams" limited 300 "$work/damage" "$work/stream.nvc" $frames 150
step "encoder calls" limited 300 "$work/encoding"
step "files in one call" limited 300 "$work/files" "$work/source.y4m" $frames "$work"

if command -v valgrind >/dev/null; then
  memcheck=(valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite
    --errors-for-leak-kinds=definite)
  step "calls made wrongly, under valgrind" limited 120 "${memcheck[@]}" "$work/abuse"
  step "damaged streams, under valgrind" limited 240 "${memcheck[@]}" "$work/damage" "$work/tiny.nvc" 2 250
else
  echo "skipped valgrind: not installed"
fi
finish
