#!/usr/bin/env bash
# Builds the Python wheel into dist/ and installs it into .venv. NEURAL_CODEC_WHEEL_PROFILE names another profile than cargo's `release`.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -f dist/*.whl
echo "Compiling the extension, which takes minutes the first time"
.venv/bin/maturin build --quiet --locked --profile "${NEURAL_CODEC_WHEEL_PROFILE:-release}" --manifest-path codec-py/Cargo.toml --interpreter .venv/bin/python --out dist
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall dist/*.whl
