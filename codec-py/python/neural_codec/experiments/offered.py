"""The packages that code in the sandbox is offered: what they and what they need installed, and nothing that lies beside it.

A folder of packages has more in it than anyone looks at, such as clips that come with one; a decoder that could read the clip it is
measured on would need no stream.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

# By module: the distributions that may have brought it.
_OFFERED = {
    "neural_codec": ("neural-codec",),
    # Its wheel carries the SVT-AV1 and dav1d that this package takes.
    "av": ("av",),
    "numpy": ("numpy",),
    "cv2": ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"),
    "torch": ("torch",),
}


@functools.cache
def offered_packages() -> tuple[str, ...]:
    """Paths of packages, of modules and of folders of their shared libraries: of this package, numpy, and av, cv2 and torch where they are."""
    found: dict[str, str] = {}
    known: set[str] = set()
    for module, distributions in _OFFERED.items():
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            continue
        package = os.path.dirname(os.path.realpath(spec.origin))
        # What was built in place has no list of files, and may have libraries beside it all the same.
        for path in (package, f"{package}.libs", *(path for name in distributions for path in _installed(name, known))):
            if os.path.exists(path):
                found.setdefault(os.path.basename(path), path)
    return tuple(found.values())


def _installed(name: str, known: set[str]) -> Iterator[str]:
    """What a distribution put among the packages, and what those did that it needs; nothing of one that is not installed or `known`."""
    plain = re.sub(r"[-_.]+", "-", name).lower()
    if plain in known:
        return
    known.add(plain)
    try:
        distribution = metadata.distribution(plain)
    except metadata.PackageNotFoundError:
        return
    for top in sorted({each.parts[0] for each in distribution.files or []}):
        if not top.endswith((".dist-info", ".pth")) and top not in ("..", "__pycache__"):
            yield os.path.realpath(str(distribution.locate_file(top)))
    for line in distribution.requires or []:
        needed = re.match(r"[A-Za-z0-9._-]+", line)
        if needed is not None and "extra ==" not in line:
            yield from _installed(needed[0], known)
