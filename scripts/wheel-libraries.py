"""Takes libvmaf, SVT-AV1 and libaom out of the wheels that scripts/wheel-libraries.txt pins: wheel-libraries.py FOLDER_OF_THE_WHEELS OUTPUT_FOLDER"""

import sys
import zipfile
from pathlib import Path

CARRIED = {
    "av-19.0.2": {"libvmaf": "libvmaf.so.3", "libSvtAv1Enc": "libSvtAv1Enc.so.4.2"},
    "opencv_python_headless-5.0.0.93": {"libaom": "libaom.so.3.14"},
}

folder = Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for package, libraries in CARRIED.items():
    [wheel] = Path(sys.argv[1]).glob(f"{package}-*.whl")
    with zipfile.ZipFile(wheel) as source:
        for name, output in libraries.items():
            [library] = [path for path in source.namelist() if f"/{name}-" in path]
            unfinished = folder / f"{output}.unfinished"
            unfinished.write_bytes(source.read(library))
            unfinished.rename(folder / output)
