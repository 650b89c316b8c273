"""Puts into a wheel what it loads at run time, and the licenses of all it carries: carry.py WHEEL FOLDER_OF_LIBRARIES

With `--crates codec-ffi`, it only writes the notices of the Rust packages that codec-ffi is compiled from to standard output.

FFmpeg and dav1d are dependencies that `auditwheel repair` puts in afterwards; SVT-AV1, libvmaf and libaom are loaded by name, and so are none.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "neural_codec/_libraries"
DAV1D = ROOT / "target/dav1d/share/dav1d"
# Debian's page on SVT-AV1 holds its license, its patent license and those of the parts that it includes.
TEXTS = {
    "neural-codec": ROOT / "LICENSE-MIT",
    "ffmpeg": ROOT / "target/ffmpeg/share/ffmpeg/COPYING.LGPLv2.1",
    "dav1d": DAV1D / "COPYING",
    "dav1d-patents": DAV1D / "PATENTS",
    "svt-av1": Path("/usr/share/doc/libsvtav1enc1/copyright"),
    "libaom": Path("/usr/share/doc/libaom3/copyright"),
    "libvmaf": ROOT / "scripts/libvmaf-license.txt",
}


def main() -> None:
    if sys.argv[1] == "--crates":
        sys.stdout.write(crates(sys.argv[2]))
        return
    with zipfile.ZipFile(sys.argv[1], "a", zipfile.ZIP_DEFLATED) as wheel:
        for library in sorted(Path(sys.argv[2]).iterdir()):
            wheel.write(library, f"{FOLDER}/{library.name}")
        for name, text in TEXTS.items():
            wheel.write(text, f"{FOLDER}/licenses/{name}")
        wheel.writestr(f"{FOLDER}/licenses/crates", crates("codec-py"))


def crates(name: str) -> str:
    """Names, licenses and notices of the Rust packages that one of the workspace is compiled from."""
    command = ["cargo", "metadata", "--locked", "--format-version=1", "--filter-platform=x86_64-unknown-linux-gnu"]
    found = json.loads(subprocess.run([*command, f"--manifest-path={ROOT}/{name}/Cargo.toml"], capture_output=True, check=True).stdout)
    needs = {
        node["id"]: [need["pkg"] for need in node["deps"] if any(kind["kind"] is None for kind in need["dep_kinds"])]
        for node in found["resolve"]["nodes"]
    }
    packages = {package["id"]: package for package in found["packages"]}
    [root] = [key for key, package in packages.items() if package["name"] == name]
    reached, left = set(), [root]
    while left:
        key = left.pop()
        if key not in reached:
            reached.add(key)
            left += needs[key]
    pages = []
    for package in sorted((packages[key] for key in reached), key=lambda package: package["name"]):
        if package["source"] is None:
            continue
        folder = Path(package["manifest_path"]).parent
        notices = [file for file in sorted(folder.iterdir()) if file.is_file() and file.name.upper().startswith(("LICEN", "COPYING", "NOTICE"))]
        texts = (file.read_text(errors="replace").strip() for file in notices)
        pages.append("\n\n".join([f"==== {package['name']} {package['version']}: {package['license']}", *texts]))
    return "\n\n".join(pages) + "\n"


if __name__ == "__main__":
    main()
