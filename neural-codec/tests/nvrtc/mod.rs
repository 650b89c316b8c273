//! NVRTC, NVIDIA's compiler as a library, which needs no GPU: `NEURAL_CODEC_NVRTC` names it, or its folder, or `make setup` put it
//! into the virtual environment.

use std::ffi::{CString, c_char};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cudarc::nvrtc::{result, sys};
use libloading::Library;

#[path = "../kernel_source/mod.rs"]
mod kernel_source;

use kernel_source::kernel_source;

/// Options that the source has to be compiled with, for an architecture such as `sm_90` or `compute_75`.
///
/// No product is fused with a sum unless the source says so: CPU and GPU round alike.
fn options(architecture: &str) -> Vec<String> {
    vec![format!("--gpu-architecture={architecture}"), "--fmad=false".into(), "--std=c++17".into()]
}

/// Compiles the library's kernels.
pub(crate) struct Nvrtc;

impl Nvrtc {
    /// The compiler, where it is there.
    pub(crate) fn find() -> Option<Self> {
        static LOADED: OnceLock<bool> = OnceLock::new();
        LOADED.get_or_init(|| folder().is_some_and(|folder| load(&folder))).then_some(Self)
    }

    /// Major and minor version.
    pub(crate) fn version(&self) -> (i32, i32) {
        let (mut major, mut minor) = (0, 0);
        // SAFETY: writes two integers to places that are there.
        #[allow(unsafe_code)]
        unsafe { sys::nvrtcVersion(&raw mut major, &raw mut minor) }.result().unwrap();
        (major, minor)
    }

    /// The kernels as PTX where the architecture is virtual (`compute_75`), else as machine code (`sm_90`).
    ///
    /// # Errors
    ///
    /// What the compiler says.
    pub(crate) fn compile(&self, architecture: &str) -> Result<Vec<u8>, String> {
        let text = CString::new(kernel_source()).unwrap();
        let program = result::create_program(&text, Some(c"kernels.cu")).unwrap();
        // SAFETY: the program was created above and is destroyed once, below.
        #[allow(unsafe_code)]
        let compiled = unsafe { result::compile_program(program, &options(architecture)) };
        let code = match compiled {
            Ok(()) if architecture.starts_with("compute") => {
                // SAFETY: as above; it was compiled.
                #[allow(unsafe_code)]
                let ptx = unsafe { result::get_ptx(program) }.unwrap();
                Ok(ptx.into_iter().map(|byte| byte as u8).take_while(|byte| *byte != 0).collect())
            }
            Ok(()) => Ok(machine_code(program)),
            Err(_) => {
                // SAFETY: as above.
                #[allow(unsafe_code)]
                let log = unsafe { result::get_program_log(program) }.unwrap();
                let log: Vec<u8> = log.into_iter().map(|byte| byte as u8).collect();
                Err(String::from_utf8_lossy(&log).into_owned())
            }
        };
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe { result::destroy_program(program) }.unwrap();
        code
    }
}

fn machine_code(program: sys::nvrtcProgram) -> Vec<u8> {
    let mut size = 0;
    // SAFETY: the program is there and was compiled; the compiler writes as many bytes as it said.
    #[allow(unsafe_code)]
    unsafe {
        sys::nvrtcGetCUBINSize(program, &raw mut size).result().unwrap();
        let mut code = vec![0_u8; size];
        sys::nvrtcGetCUBIN(program, code.as_mut_ptr().cast::<c_char>()).result().unwrap();
        code
    }
}

/// Loads the compiler and the library beside it that it looks for, for good. The bindings then find it by its name.
fn load(folder: &Path) -> bool {
    let named = |start: &str| {
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).ok()?.filter_map(|file| Some(file.ok()?.path())).collect();
        files.sort();
        files
            .into_iter()
            .find(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start)))
    };
    [named("libnvrtc-builtins.so."), named("libnvrtc.so.")].into_iter().all(|path| {
        // SAFETY: these are NVIDIA's libraries, whose initializers ask nothing.
        #[allow(unsafe_code)]
        path.and_then(|path| unsafe { Library::new(path) }.ok()).map(std::mem::forget).is_some()
    })
}

fn folder() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("NEURAL_CODEC_NVRTC").map(PathBuf::from) {
        return if path.is_dir() { Some(path) } else { path.parent().map(Path::to_owned) };
    }
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/lib");
    let versions = fs::read_dir(packages).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    versions.map(|version| version.join("site-packages/nvidia/cuda_nvrtc/lib")).find(|folder| folder.is_dir())
}
