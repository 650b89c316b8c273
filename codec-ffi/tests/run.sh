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
# With the features of `make test-rust`, whose tests select some of the dependencies', so that nothing is compiled again.
cargo build --quiet --workspace --exclude codec-py --exclude benches --all-features --lib --test header || { failed=1; finish; }

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
  nm -D --defined-only "$1/libneuralcodec.so" | awk '{print $3}' | grep -v '^ncodec_debug_' |
    LC_ALL=C sort | diff codec-ffi/exported-symbols.txt -
}
soname() { readelf -d "$library/libneuralcodec.so" | grep -F 'soname: [libneuralcodec.so.1]'; }
step "exported symbols are those of exported-symbols.txt" exported "$library"
step "SONAME is libneuralcodec.so.1" soname

# Compiles a program into a folder, with more flags.
build() {
  local source=$1 folder=$2
  shift 2
  cc -std=c11 -D_POSIX_C_SOURCE=200809L -g -O1 "${warnings[@]}" "$@" -Iinclude "$source" \
    -o "$folder/$(basename "$source" .c)" -L"$work/lib" -lneuralcodec -pthread
}
sanitized=$work/sanitized
mkdir "$sanitized"
step "compile memory.c" build codec-ffi/tests/memory/memory.c "$work" codec-ffi/tests/memory/fails_once.c
for source in examples/c/*.c codec-ffi/tests/*.c; do
  step "compile $source" build "$source" "$work"
done
for name in abuse damage encoding files photos seeking stress adversarial; do
  step "compile $name.c with sanitizers" build "codec-ffi/tests/$name.c" "$sanitized" \
    -fsanitize=address,undefined -fno-sanitize-recover=all
done

limited() { timeout --kill-after=5 "$@"; }
step "calls made wrongly" limited 60 "$work/abuse"

# The n-th C block of the manual becomes a file that snippets.c includes; the README's is tried by codec-py/tests/test_readme.py.
snippets=$work/snippets
mkdir "$snippets"
for page in docs/C.md; do
  awk -v stem="$snippets/$(basename "$page" .md)" '
    /^```c$/ { number++; inside = 1; next } /^```/ { inside = 0 } inside { print >(stem "_" number ".inc") }' "$page"
done
included() { diff <(ls "$snippets" | grep inc) <(grep -oE '[A-Za-z]+_[0-9]+\.inc' codec-ffi/tests/snippets/snippets.c | sort); }
run_snippets() { (cd "$snippets" && limited 60 ./snippets); }
step "every C block of the documentation is tried" included
step "compile the C of the documentation" build codec-ffi/tests/snippets/snippets.c "$snippets" -I"$snippets"

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
step "the C of the documentation runs" run_snippets
step "files in one call" limited 300 "$work/files" "$work/source.y4m" $frames "$work"
step "photos in one call" limited 60 "$work/photos" "$work"
step "frames in any order" limited 120 "$work/seeking" "$work/stream.nvc" $frames "$work/source.y4m" "$work"
step "handles in many threads" limited 240 "$work/stress" 8 6
step "every large allocation may fail" limited 240 "$work/memory" "$work"
step "low memory and forks" limited 240 "$work/host" neural-codec/tests/data/black-8k.nvc

# FFmpeg is linked to SVT-AV1 and dav1d of its own; ours may be others, here those of the Python package av.
others=(.venv/lib/python3*/site-packages/av.libs/lib{SvtAv1Enc,dav1d}*.so*)
if [ -e "${others[0]}" ] && [ -e "${others[1]}" ]; then
  with_others() {
    NEURAL_CODEC_SVTAV1=$(realpath "${others[0]}") NEURAL_CODEC_DAV1D=$(realpath "${others[1]}") limited 300 "$@"
  }
  step "files in one call, with AV1 libraries other than FFmpeg's" \
    with_others "$work/files" "$work/source.y4m" $frames "$work"
else
  echo "skipped AV1 libraries other than FFmpeg's: no package av in .venv"
fi

# The library's memory is the C library's malloc: sanitizers see what it allocates, writes past C's arrays, and leaks.
mkdir "$work/anywhere"
adversarial() { limited 240 "$sanitized/adversarial" "$1" "$2" "$work/anywhere" "$work/stream.nvc"; }
step "adversarial arguments, sanitized" adversarial "${NEURAL_CODEC_ADVERSARIAL_CALLS:-20000}" "${NEURAL_CODEC_ADVERSARIAL_SEED:-1}"
step "calls made wrongly, sanitized" limited 60 "$sanitized/abuse"
step "damaged streams, sanitized" limited 300 "$sanitized/damage" "$work/tiny.nvc" 2 250
step "encoder calls, sanitized" limited 300 "$sanitized/encoding"
step "files in one call, sanitized" limited 300 "$sanitized/files" "$work/source.y4m" $frames "$work"
step "photos in one call, sanitized" limited 60 "$sanitized/photos" "$work"
step "frames in any order, sanitized" limited 120 "$sanitized/seeking" "$work/stream.nvc" $frames "$work/source.y4m" "$work"
step "handles in many threads, sanitized" limited 240 "$sanitized/stress" 4 3

# Fewer by NEURAL_CODEC_LEAK_CYCLES.
step "memory stays flat" limited 600 "$work/leaks" "${NEURAL_CODEC_LEAK_CYCLES:-1000}"

# Installed under a prefix, found by pkg-config, CMake and make, shared and static.
installed=$work/installed
export PKG_CONFIG_PATH=$installed/lib/pkgconfig
by_make() { mkdir "$work/$1" && make -s -C examples/c OUT="$work/$1" ${2-}; }
by_cmake() { cmake -S examples/c -B "$work/cmake" && cmake --build "$work/cmake"; }
runs() { LD_LIBRARY_PATH=$2 limited 60 "$work/$1/decode_to_y4m" "$work/tiny.nvc" "$work/$1.y4m" && cmp "$work/tiny-decoded.y4m" "$work/$1.y4m"; }
"$work/decode_to_y4m" "$work/tiny.nvc" "$work/tiny-decoded.y4m" >/dev/null
step "install under a prefix" scripts/capi.sh "$installed" "$library"
step "exported symbols are the same in what is installed" exported "$installed/lib"
step "the installed version is the header's" test "$(pkg-config --modversion neuralcodec)" = \
  "$(awk '/define NCODEC_VERSION_/ { printf "%s%s", dot, $3; dot = "." }' include/neural_codec.h)"
step "examples by pkg-config, shared" by_make shared
step "which run" runs shared "$installed/lib"
step "examples by pkg-config, static" by_make static STATIC=1
step "which run without the shared library" runs static /nowhere
if command -v cmake >/dev/null; then
  step "examples by CMake" by_cmake
  step "which run" runs cmake "$installed/lib"
else
  echo "skipped CMake: not installed"
fi

if command -v valgrind >/dev/null; then
  memcheck=(valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite
    --errors-for-leak-kinds=definite)
  step "calls made wrongly, under valgrind" limited 120 "${memcheck[@]}" "$work/abuse"
  step "damaged streams, under valgrind" limited 240 "${memcheck[@]}" "$work/damage" "$work/tiny.nvc" 2 250
  step "frames in any order, under valgrind" limited 240 "${memcheck[@]}" "$work/seeking" "$work/tiny.nvc" 2 \
    "$work/tiny.y4m" "$work"
else
  echo "skipped valgrind: not installed"
fi
finish
