#!/usr/bin/env bash
# Installs a cargo tool at a pinned version, unless that very version is there: scripts/cargo-tool.sh cargo-deny 0.20.2
set -euo pipefail
tool=$1 version=$2
found=$(cargo "${tool#cargo-}" --version 2>/dev/null || true)
case " $found " in *" $version "*) exit 0 ;; esac
echo "Installing $tool $version, which takes minutes"
cargo install --quiet --locked "$tool" --version "=$version"
