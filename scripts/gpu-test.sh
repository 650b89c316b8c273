#!/usr/bin/env bash
# Tests and measures the CUDA back end on a real GPU.
#   build   compiles what is run into target/gpu-test, which may be carried to a machine without a toolchain
#   run     runs it; tests.txt, table.txt, hashes.txt and sanitizer.txt go to $OUT, or gpu-out
# Fails where there is no GPU, a test fails, or a hash differs.
set -euo pipefail
cd "$(dirname "$0")/.."
tests=(cuda_memory cuda_metrics cuda_filter cuda_train cuda_scene cuda_convert cuda_frames cuda_encode)
kept=target/gpu-test

build() {
  rm -rf "$kept"
  mkdir -p "$kept"
  local arguments=() test
  for test in "${tests[@]}"; do arguments+=(--test "$test"); done
  cargo test -p neural-codec --release "${arguments[@]}" --no-run --message-format=json-render-diagnostics |
    python3 -c '
import json, shutil, sys
for line in sys.stdin:
    made = json.loads(line)
    if made.get("executable") and made["target"]["name"] in sys.argv[2:]:
        shutil.copy(made["executable"], sys.argv[1] + "/" + made["target"]["name"])
' "$kept" "${tests[@]}"
  cargo build -p neural-codec --release --example gpu
  cp target/release/examples/gpu "$kept/gpu"
  strip "$kept"/*
}

run() {
  local out=${OUT:-gpu-out} test
  mkdir -p "$out"
  [ -x "$kept/gpu" ] || { echo "error: nothing is built: scripts/gpu-test.sh build" >&2; exit 1; }
  if ! command -v nvidia-smi >/dev/null || ! nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv | tee "$out/device.txt"; then
    echo "error: no NVIDIA GPU on this machine; nothing was tested" | tee "$out/device.txt" >&2
    exit 1
  fi
  if ! ldconfig -p | grep -q libSvtAv1Enc; then
    echo "No SVT-AV1: whole encodes (cuda_encode) are left out." | tee "$out/tests.txt"
    tests=("${tests[@]/cuda_encode/}")
  fi
  export NEURAL_CODEC_GPU=1
  local failed=0
  for test in ${tests[@]}; do
    timeout 120 "$kept/$test" 2>&1 | tee -a "$out/tests.txt" || failed=1
  done
  timeout 120 "$kept/gpu" "$out" || failed=1
  if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck; do
      echo "== $tool" >>"$out/sanitizer.txt"
      timeout 90 compute-sanitizer --tool "$tool" --error-exitcode 9 "$kept/cuda_filter" the_gpu_gives_what_the_definition_gives_for_the_profiles_shapes >>"$out/sanitizer.txt" 2>&1 || failed=1
      timeout 90 compute-sanitizer --tool "$tool" --error-exitcode 9 "$kept/cuda_metrics" ms_ssim >>"$out/sanitizer.txt" 2>&1 || failed=1
      timeout 90 compute-sanitizer --tool "$tool" --error-exitcode 9 "$kept/cuda_scene" frames_of_another_size >>"$out/sanitizer.txt" 2>&1 || failed=1
      timeout 90 compute-sanitizer --tool "$tool" --error-exitcode 9 "$kept/cuda_convert" depths_change pixels_side >>"$out/sanitizer.txt" 2>&1 || failed=1
      timeout 90 compute-sanitizer --tool "$tool" --error-exitcode 9 "$kept/cuda_train" parameters_after >>"$out/sanitizer.txt" 2>&1 || failed=1
    done
    grep -E '^==|ERROR SUMMARY' "$out/sanitizer.txt"
  else
    echo "No compute-sanitizer: left out." | tee "$out/sanitizer.txt"
  fi
  exit "$failed"
}

case "${1-}" in
  build) build ;;
  run) run ;;
  *) echo "usage: scripts/gpu-test.sh build|run" >&2; exit 2 ;;
esac
