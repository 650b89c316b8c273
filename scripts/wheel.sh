#!/usr/bin/env bash
# Builds the Python wheel into dist/ and installs it into .venv.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -f dist/*.whl
echo "Compiling the extension, which takes minutes the first time"
.venv/bin/maturin build --quiet --locked --release --manifest-path codec-py/Cargo.toml --interpreter .venv/bin/python --out dist
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall dist/*.whl
