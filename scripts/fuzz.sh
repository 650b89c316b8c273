#!/usr/bin/env bash
# Runs every fuzz target for the given number of seconds (default 600), starting from the committed seeds.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
for target in $(cargo +nightly fuzz list); do
  mkdir -p "fuzz/corpus/$target"
  cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048
done
