#!/usr/bin/env bash
# Tests and measures the CUDA back end on a real GPU.
#   build   compiles what is run into target/gpu-test, one archive, which may be carried to a machine without a toolchain or a network
#   run     runs it within ten minutes; device.txt, tests.txt, table.txt, hashes.txt and sanitizer.txt go to $OUT, or out/gpu
# Fails where there is no GPU, a test fails or is left out, a hash differs, or the sanitizer finds something. A bar that is missed is told in
# table.txt, and what the sanitizer had no time for in sanitizer.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
tests=(cuda_memory cuda_metrics cuda_filter cuda_convert cuda_frames cuda_scene cuda_train cuda_train_scene cuda_encode)
# Run with the sanitizer, which slows kernels down: all of them but whole encodes and whole scenes.
sanitized=(cuda_memory cuda_metrics cuda_filter cuda_convert cuda_frames cuda_scene cuda_train)
kept=target/gpu-test
# Seconds that all of a run may take.
budget=${GPU_TEST_SECONDS:-560}

build() {
  local made=target/gpu-test-parts target arguments=() test library
  rm -rf "$kept" "$made"
  mkdir -p "$kept" "$made/lib"
  target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
  for test in "${tests[@]}"; do arguments+=(--test "$test"); done
  cargo test --locked -p neural-codec --no-default-features --release "${arguments[@]}" --no-run --message-format=json-render-diagnostics |
    python3 -c '
import json, shutil, sys
for line in sys.stdin:
    made = json.loads(line)
    if made.get("executable") and made["target"]["name"] in sys.argv[2:]:
        shutil.copy(made["executable"], sys.argv[1] + "/" + made["target"]["name"])
' "$made" "${tests[@]}"
  cargo build --locked -p neural-codec --no-default-features --release --example gpu
  cp "$target/release/examples/gpu" "$made/gpu"
  find "$made" -maxdepth 1 -type f -exec strip {} +
  # AV1 is coded by libraries that are loaded at run time, which the other machine may lack.
  for library in libSvtAv1Enc.so libdav1d.so; do
    ldconfig -p | awk -v name="$library" 'index($1, name) == 1 { print $NF }' | sort | tail -1 | xargs -r cp -Lt "$made/lib"
  done
  tar -C "$made" -czf "$kept/programs.tar.gz" .
  rm -rf "$made"
  du -h "$kept/programs.tar.gz"
}

# Runs a command for at most so many seconds, and no longer than the budget lasts: where that is over, with the status of `left_out`.
left_out=75
within() {
  local most=$1 left=$((budget - SECONDS))
  shift
  [ "$left" -gt 5 ] || { echo "LEFT OUT, as the time is over: $*"; return "$left_out"; }
  timeout "$((most < left ? most : left))" "$@"
}

# Whether a sanitizer that was stopped, and so gave no summary, had found something by then.
has_found() { grep -Eq '^=+ +(Invalid |Misaligned |Uninitialized |Program hit |[A-Za-z: ]*Race reported )' "$1"; }

# Every test under a tool of the sanitizer; one line each in sanitizer.txt.
sanitize() {
  local tool=$1 out=$2 test status
  for test in "${sanitized[@]}"; do
    status=0
    within 60 compute-sanitizer --tool "$tool" --error-exitcode 9 "$programs/$test" >"$programs/said" 2>&1 || status=$?
    case "$status" in
      0) echo "$tool $test: nothing found" >>"$out"; continue ;;
      "$left_out") echo "$tool $test: left out, no time" >>"$out"; continue ;;
    esac
    if [ "$status" = 124 ] && ! has_found "$programs/said"; then
      echo "$tool $test: stopped after its time, nothing found by then" >>"$out"
      continue
    fi
    if grep -q 'Device not supported' "$programs/said"; then
      echo "$tool: the sanitizer does not support this device" >>"$out"
      return 0
    fi
    echo "$tool $test: FAILED ($status)" >>"$out"
    tail -60 "$programs/said" >>"$out"
    failed=1
  done
}

run() {
  local out=${OUT:-out/gpu} test tool
  mkdir -p "$out"
  [ -f "$kept/programs.tar.gz" ] || { echo "error: nothing is built: scripts/gpu-test.sh build" >&2; exit 1; }
  if ! command -v nvidia-smi >/dev/null || ! nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv | tee "$out/device.txt"; then
    echo "error: no NVIDIA GPU on this machine; nothing was tested" | tee "$out/device.txt" >&2
    exit 1
  fi
  programs=$(mktemp -d)
  trap 'rm -rf "$programs"' EXIT
  tar -C "$programs" -xzf "$kept/programs.tar.gz"
  # Behind those of the machine, which knows where its driver is.
  export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$programs/lib" NEURAL_CODEC_GPU=1
  failed=0
  # First, so that a test that hangs costs no figure.
  within 180 "$programs/gpu" "$out" ${GPU_TEST_SCALE:-} || failed=1
  : >"$out/tests.txt"
  for test in "${tests[@]}"; do
    echo "== $test" | tee -a "$out/tests.txt"
    within 90 "$programs/$test" 2>&1 | tee -a "$out/tests.txt" || { echo "FAILED: $test" | tee -a "$out/tests.txt"; failed=1; }
  done
  : >"$out/sanitizer.txt"
  if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck; do sanitize "$tool" "$out/sanitizer.txt"; done
  else
    echo "No compute-sanitizer: left out." >"$out/sanitizer.txt"
  fi
  cat "$out/sanitizer.txt"
  exit "$failed"
}

case "${1-}" in
  build) build ;;
  run) run ;;
  *) echo "usage: scripts/gpu-test.sh build|run" >&2; exit 2 ;;
esac
