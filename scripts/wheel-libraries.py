"""Takes libvmaf and SVT-AV1 out of the wheel of PyPI's `av` that scripts/svt-av1.txt pins: wheel-libraries.py FOLDER_OF_THE_WHEEL OUTPUT_FOLDER"""

import sys
import zipfile
from pathlib import Path

[wheel] = Path(sys.argv[1]).glob("av-19.0.2-*.whl")
folder = Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
with zipfile.ZipFile(wheel) as source:
    for name, output in [("libvmaf", "libvmaf.so.3"), ("libSvtAv1Enc", "libSvtAv1Enc.so.4.2")]:
        [library] = [path for path in source.namelist() if f"/{name}-" in path]
        unfinished = folder / f"{output}.unfinished"
        unfinished.write_bytes(source.read(library))
        unfinished.rename(folder / output)
