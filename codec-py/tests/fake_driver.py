"""A fake driver for a GPU, and arrays in its memory as other libraries would share them. For tests, in a process of their own.

The fake driver for `libcuda.so` is that of the Rust tests: the very kernels, compiled as host C++.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import re
import subprocess
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
CRATE = ROOT / "neural-codec"
FOLDER = CRATE / "tests" / "fake_driver"
LISTED = CRATE / "tests" / "kernel_source"


def build() -> Path | None:
    """The library, compiled where it is not there yet; nothing without a compiler or the sources."""
    if not FOLDER.is_dir():
        return None
    listed = (LISTED / "mod.rs").read_text()
    source = "".join((LISTED / name).read_text() for name in re.findall(r'include_str!\("([\w./]+\.cuh?)"\)', listed))
    names = re.findall(r"\.entry (\w+)\(", (CRATE / "src" / "gpu" / "kernels.ptx").read_text())
    flags = re.findall(r'^    "(-.*)",$', (FOLDER / "mod.rs").read_text(), re.MULTILINE)
    flags = [flag.replace('\\"', '"') for flag in flags]
    parts = {path.name: path.read_text() for path in FOLDER.iterdir() if path.suffix in (".h", ".cpp")}
    parts["kernels.h"] = source + "\n#define KERNEL_TABLE " + " ".join(f"KERNEL({name})" for name in names) + "\n"
    digest = hashlib.sha256(repr((flags, sorted(parts.items()))).encode()).hexdigest()[:16]
    folder = TARGET / "tmp" / f"python-fake-driver-{digest}"
    library = folder / "libcuda.so"
    folder.mkdir(parents=True, exist_ok=True)
    # Of tests that run at once, one compiles and the others wait.
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            for name, text in parts.items():
                (folder / name).write_text(text)
            fresh = folder / "fresh.so"
            command = [os.environ.get("CXX", "c++"), *flags, str(folder / "driver.cpp"), "-o", str(fresh)]
            try:
                subprocess.run(command, check=True, capture_output=True, text=True)
            except FileNotFoundError:
                return None
            fresh.rename(library)
    return library


class Device(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int32), ("id", ctypes.c_int32)]


class DataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", Device),
        ("ndim", ctypes.c_int32),
        ("dtype", DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class Managed(ctypes.Structure):
    pass


Deleter = ctypes.CFUNCTYPE(None, ctypes.POINTER(Managed))
Managed._fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", Deleter)]


class Gpu:
    """The fake driver, loaded under the name that the package looks for."""

    def __init__(self, library: str) -> None:
        self.library = ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)

    def array(self, values: np.ndarray, **options) -> Array:
        return Array(self, values, **options)

    def copied(self) -> tuple[int, int]:
        """Bytes copied to the device and back."""
        return self.library.fake_driver_copied_in(), self.library.fake_driver_copied_out()


class Array:
    """Offers memory of the device by DLPack and nothing else, as torch and cupy do."""

    def __init__(self, gpu: Gpu, values: np.ndarray, *, device: int = 0, strides: tuple[int, ...] | None = None) -> None:
        offset = 32
        address = ctypes.c_uint64()
        # Memory is that of the device whose context is current.
        gpu.library.cuCtxSetCurrent(ctypes.c_void_p(0x100 + 0x10 * (device == 1)))
        assert gpu.library.cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(values.nbytes + offset)) == 0
        gpu.library.cuCtxSetCurrent(ctypes.c_void_p(0x100))
        contiguous = np.ascontiguousarray(values)
        ctypes.memmove(address.value + offset, contiguous.ctypes.data, contiguous.nbytes)
        self.given_back = 0
        self.streams: list[object] = []
        self._device = device
        self._managed: list[Managed] = []
        codes = {"i": 0, "u": 1, "f": 2}
        shape = (ctypes.c_int64 * values.ndim)(*values.shape)
        steps = None if strides is None else (ctypes.c_int64 * values.ndim)(*strides)
        self._keep = (shape, steps)
        dtype = DataType(codes[values.dtype.kind], values.dtype.itemsize * 8, 1)
        null = ctypes.POINTER(ctypes.c_int64)()
        self._tensor = Tensor(
            address.value, Device(2, device), values.ndim, dtype, ctypes.cast(shape, ctypes.POINTER(ctypes.c_int64)),
            null if steps is None else ctypes.cast(steps, ctypes.POINTER(ctypes.c_int64)), offset,
        )  # fmt: skip
        self._deleter = Deleter(self._give_back)

    def _give_back(self, _managed) -> None:
        self.given_back += 1

    def __dlpack__(self, *, stream: object = None):
        self.streams.append(stream)
        managed = Managed(self._tensor, None, self._deleter)
        self._managed.append(managed)
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(ctypes.addressof(managed), b"dltensor", None)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (2, self._device)


class Taken:
    """The tensor of a capsule, taken as torch and cupy take it, until it is given back."""

    def __init__(self, capsule: object) -> None:
        api = ctypes.pythonapi
        api.PyCapsule_GetPointer.restype = ctypes.c_void_p
        api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
        api.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
        address = api.PyCapsule_GetPointer(capsule, b"dltensor")
        self._name = ctypes.c_char_p(b"used_dltensor")
        assert api.PyCapsule_SetName(capsule, self._name) == 0
        self.managed = ctypes.cast(address, ctypes.POINTER(Managed))
        self.tensor = self.managed.contents.tensor
        self.shape = tuple(self.tensor.shape[at] for at in range(self.tensor.ndim))

    def values(self) -> np.ndarray:
        """The bytes at that address: memory of the fake driver is the host's."""
        dtype = np.dtype(f"uint{self.tensor.dtype.bits}")
        count = int(np.prod(self.shape))
        read = ctypes.string_at(self.tensor.data + self.tensor.byte_offset, count * dtype.itemsize)
        return np.frombuffer(read, dtype).reshape(self.shape)

    def give_back(self) -> None:
        self.managed.contents.deleter(self.managed)
