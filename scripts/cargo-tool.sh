#!/usr/bin/env bash
# Installs a cargo tool at a pinned version, unless that very version is there: scripts/cargo-tool.sh cargo-deny 0.20.2
set -euo pipefail
tool=$1 version=$2
cargo install --list | grep -qF "$tool v$version:" && exit 0
echo "Installing $tool $version, which takes minutes"
cargo install --quiet --locked "$tool" --version "=$version"
