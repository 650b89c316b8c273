//! The device that tests of the CUDA back end run on: a real GPU where `NEURAL_CODEC_GPU=1` asks for one, else the fake driver.
//!
//! The fake driver is the kernels of the library compiled as host C++ behind the functions of the driver (driver.cpp here). It is
//! loaded under the name that the bindings look for, so that everything of the library runs as it does on a GPU.
#![allow(dead_code, reason = "each test uses a part")]

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use libloading::Library;
use neural_codec::device::Device;
use neural_codec::gpu::kernel_names;

#[path = "../kernel_source/mod.rs"]
mod kernel_source;

use kernel_source::kernel_source;

const PARTS: &[(&str, &str)] = &[
    ("fibres.h", include_str!("fibres.h")),
    ("shim.h", include_str!("shim.h")),
    ("streams.h", include_str!("streams.h")),
    ("graphs.h", include_str!("graphs.h")),
    ("driver.cpp", include_str!("driver.cpp")),
];

/// Floats as on the GPU: nothing fused. Going past the end of an array in shared memory stops the test.
const FLAGS: &[&str] = &[
    "-std=c++20",
    "-O2",
    "-ffp-contract=off",
    "-fPIC",
    "-shared",
    "-Wall",
    "-Wno-unknown-pragmas",
    "-fsanitize=bounds,signed-integer-overflow",
    "-fsanitize-undefined-trap-on-error",
    "-Wl,-soname,libcuda.so",
    "-DKERNELS=\"kernels.h\"",
];

/// Whether a real GPU was asked for.
pub(crate) fn is_real() -> bool {
    std::env::var_os("NEURAL_CODEC_GPU").is_some_and(|value| value == "1")
}

/// The device under test, for frames of every size.
pub(crate) fn device() -> Device {
    if !is_real() {
        fake_driver();
    }
    Device::cuda(0).unwrap().for_every_size()
}

/// What tests may tell the fake driver.
pub(crate) struct FakeDriver(Library);

/// The fake driver, loaded once a process in place of the driver.
pub(crate) fn fake_driver() -> &'static FakeDriver {
    static LOADED: OnceLock<FakeDriver> = OnceLock::new();
    LOADED.get_or_init(|| {
        let path = built();
        // SAFETY: the library was compiled from the files beside this one, and has no initializers that ask anything.
        #[allow(unsafe_code)]
        FakeDriver(unsafe { Library::new(path) }.unwrap())
    })
}

impl FakeDriver {
    /// Lets the call of this name fail with a code after it succeeded a number of times; -1: never.
    pub(crate) fn fail(&self, call: &std::ffi::CStr, after: i32, code: i32) {
        // SAFETY: the function is that of driver.cpp, which has this signature and copies the name.
        #[allow(unsafe_code)]
        unsafe {
            type Fail = unsafe extern "C" fn(*const std::ffi::c_char, i32, i32) -> i32;
            self.0.get::<Fail>(b"fake_driver_fail").unwrap()(call.as_ptr(), after, code);
        }
    }

    /// Whether copies from the device get a wrong bit.
    pub(crate) fn corrupt(&self, is_wanted: bool) {
        self.tell(b"fake_driver_corrupt", is_wanted.into());
    }

    /// Leaves so many bytes of the device's memory.
    pub(crate) fn leave_memory(&self, bytes: usize) {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            self.0.get::<unsafe extern "C" fn(usize) -> i32>(b"fake_driver_memory").unwrap()(bytes);
        }
    }

    /// Buffers that nobody freed.
    pub(crate) fn allocations(&self) -> i32 {
        self.count(b"fake_driver_allocations")
    }

    /// Kernels that were launched.
    pub(crate) fn launches(&self) -> i32 {
        self.count(b"fake_driver_launches")
    }

    /// Megabytes of freed memory that the device was asked to keep, and what to begin with from now on; -1: as it is.
    pub(crate) fn kept_megabytes(&self, wanted: i32) -> i32 {
        self.tell(b"fake_driver_kept_megabytes", wanted)
    }

    /// Lets so many devices be there, 1 or 2, all healthy.
    pub(crate) fn devices(&self, count: i32) {
        self.tell(b"fake_driver_devices", count);
    }

    /// Lets devices that are opened from now on have this compute capability, and their driver serve this version of CUDA.
    pub(crate) fn pretend(&self, (major, minor): (i32, i32), driver: i32) {
        self.tell(b"fake_driver_capability", 10 * major + minor);
        self.tell(b"fake_driver_driver", driver);
    }

    /// Loses a device for good.
    pub(crate) fn lose(&self, device: i32) {
        self.tell(b"fake_driver_lose", device);
    }

    /// Kernels that were launched on one device.
    pub(crate) fn launches_on(&self, device: i32) -> i32 {
        self.tell(b"fake_driver_launches_on", device)
    }

    /// Modules that were loaded from PTX, and from machine code.
    pub(crate) fn loaded(&self) -> (i32, i32) {
        (self.count(b"fake_driver_loaded_ptx"), self.count(b"fake_driver_loaded_machine_code"))
    }

    /// Bytes that were copied to the device and back.
    pub(crate) fn copied(&self) -> (i32, i32) {
        (self.count(b"fake_driver_copied_in"), self.count(b"fake_driver_copied_out"))
    }

    /// Graphs that nobody destroyed.
    pub(crate) fn graphs(&self) -> i32 {
        self.count(b"fake_driver_graphs")
    }

    /// Times that a graph was run.
    pub(crate) fn replays(&self) -> i32 {
        self.count(b"fake_driver_replays")
    }

    fn tell(&self, name: &[u8], value: i32) -> i32 {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            self.0.get::<unsafe extern "C" fn(i32) -> i32>(name).unwrap()(value)
        }
    }

    fn count(&self, name: &[u8]) -> i32 {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            self.0.get::<unsafe extern "C" fn() -> i32>(name).unwrap()()
        }
    }
}

/// The library, compiled where what it is made of changed.
fn built() -> PathBuf {
    let table: String = kernel_names().map(|name| format!("KERNEL({name}) ")).collect();
    let kernels = format!("{}\n#define KERNEL_TABLE {table}\n", kernel_source());
    let mut hasher = DefaultHasher::new();
    (PARTS, FLAGS, &kernels).hash(&mut hasher);
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cuda-fake-driver-{:016x}", hasher.finish()));
    let library = folder.join("libcuda.so");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    if !library.exists() {
        for (name, text) in PARTS.iter().chain(&[("kernels.h", kernels.as_str())]) {
            fs::write(folder.join(name), text).unwrap();
        }
        let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
        let fresh = folder.join("fresh.so");
        let output = Command::new(compiler)
            .args(FLAGS)
            .arg(folder.join("driver.cpp"))
            .arg("-o")
            .arg(&fresh)
            .output()
            .expect("a C++ compiler, which `make setup` installs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::rename(fresh, &library).unwrap();
    }
    library
}
