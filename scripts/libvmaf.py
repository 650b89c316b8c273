"""Takes libvmaf out of the wheel of PyPI's `av` that scripts/svt-av1.txt pins: libvmaf.py FOLDER_OF_THE_WHEEL OUTPUT"""

import sys
import zipfile
from pathlib import Path

[wheel] = Path(sys.argv[1]).glob("av-19.0.2-*.whl")
with zipfile.ZipFile(wheel) as source:
    [library] = [name for name in source.namelist() if "/libvmaf" in name]
    output = Path(sys.argv[2])
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_suffix(".unfinished")
    unfinished.write_bytes(source.read(library))
    unfinished.rename(output)
