//! A GPU that is open: context, stream, kernels.
//!
//! One stream a device: calls from several threads are queued one after the other. Long work has a [`Queue`] of its own, and
//! large copies to the device come by another stream.
//!
//! [`Queue`]: super::queue::Queue

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cudarc::driver::{
    CudaContext, CudaFunction, CudaModule, CudaStream, DriverError, LaunchConfig, result, sys,
};
use cudarc::nvrtc::Ptx;

use super::download_staging::DownloadStaging;
use super::failure::{
    OLDEST_CAPABILITY, OLDEST_DRIVER, device_error, failed, forked, lacking_driver, leaves_device_usable,
    lost, no_driver, no_such_device, old_device, old_driver,
};
use super::kernels::{PTX, kernel_names, machine_code};
use super::pool::keep_memory;
use super::upload_staging::UploadStaging;
use crate::error::{Error, Result};

/// A connection to one GPU, shared by the whole process.
pub struct Gpu {
    index: u32,
    /// The process that opened it: a child must not use it.
    process: u32,
    name: String,
    multiprocessors: u32,
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    /// Made at the first large copy; `None` where there is no pinned memory.
    staging: OnceLock<Option<Mutex<UploadStaging>>>,
    /// Likewise, of copies to the host.
    landing: OnceLock<Option<Mutex<DownloadStaging>>>,
    functions: BTreeMap<&'static str, CudaFunction>,
    lost: AtomicBool,
    /// Kinds of work whose first result was that of the CPU.
    proven: Mutex<BTreeSet<&'static str>>,
}

/// GPUs that were opened, by process and index. They stay open: to open one takes longer than most work on it.
static OPEN: Mutex<BTreeMap<(u32, u32), Arc<Gpu>>> = Mutex::new(BTreeMap::new());

/// GPUs that gave other values than the CPU: what they give later is not asked for.
static WRONG: Mutex<BTreeSet<(u32, u32)>> = Mutex::new(BTreeSet::new());

impl Gpu {
    /// Whether a driver has a GPU, which may be one that cannot be opened.
    pub(crate) fn is_there() -> bool {
        // The bindings panic as below.
        let asked = catch_unwind(|| {
            // SAFETY: as in `connect`.
            #[allow(unsafe_code)]
            if !unsafe { sys::is_culib_present() } {
                return false;
            }
            match result::init() {
                Ok(()) => result::device::get_count().is_ok_and(|count| count > 0),
                Err(DriverError(error)) => !matches!(
                    error,
                    sys::CUresult::CUDA_ERROR_NO_DEVICE | sys::CUresult::CUDA_ERROR_STUB_LIBRARY
                ),
            }
        });
        asked.unwrap_or(true)
    }

    /// The GPU of an index, opened once a process.
    pub(crate) fn open(index: u32) -> Result<Arc<Self>> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (std::process::id(), index);
        if let Some(gpu) = open.get(&key).filter(|gpu| !gpu.is_lost()) {
            return Ok(gpu.clone());
        }
        if WRONG.lock().unwrap_or_else(PoisonError::into_inner).contains(&key) {
            return Err(lost(index));
        }
        // The bindings panic where the library lacks a function, as that of a very old driver does.
        let opened = catch_unwind(AssertUnwindSafe(|| Self::connect(index)));
        let gpu = Arc::new(opened.unwrap_or_else(|_| Err(lacking_driver(index)))?);
        open.insert(key, gpu.clone());
        Ok(gpu)
    }

    fn connect(index: u32) -> Result<Self> {
        // SAFETY: loads a library by name and closes it again; its initializers are the driver's.
        #[allow(unsafe_code)]
        if !unsafe { sys::is_culib_present() } {
            return Err(no_driver(index));
        }
        let opening = |error: DriverError| failed(index, error, "opening the device", 0);
        let mut version = 0;
        // SAFETY: writes one integer to a place that is there.
        #[allow(unsafe_code)]
        unsafe { sys::cuDriverGetVersion(&mut version) }.result().map_err(opening)?;
        if version < OLDEST_DRIVER {
            return Err(old_driver(index, version));
        }
        result::init().map_err(opening)?;
        let count = result::device::get_count().map_err(opening)?;
        if i64::from(index) >= i64::from(count) {
            return Err(no_such_device(index, count));
        }
        let context = CudaContext::new(index as usize).map_err(opening)?;
        let capability = context.compute_capability().map_err(opening)?;
        if capability < OLDEST_CAPABILITY {
            return Err(old_device(index, capability));
        }
        let multiprocessor_count = sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;
        let multiprocessors = context.attribute(multiprocessor_count).map_err(opening)?;
        // SAFETY: work of this context goes through the one stream below, in order, so that nothing needs events of the
        // bindings; a `Queue` is waited for before its buffers are touched from elsewhere, and `UploadStaging` has its own events.
        #[allow(unsafe_code)]
        unsafe {
            context.disable_event_tracking();
        }
        // Without pools, memory is slower to get, and no other.
        let _ = keep_memory(&context);
        let stream = context.new_stream().map_err(opening)?;
        let module = load(&context, capability).map_err(opening)?;
        let mut functions = BTreeMap::new();
        for name in kernel_names() {
            functions.insert(name, module.load_function(name).map_err(opening)?);
        }
        Ok(Self {
            index,
            process: std::process::id(),
            name: context.name().map_err(opening)?,
            multiprocessors: u32::try_from(multiprocessors).unwrap_or(1).max(1),
            context,
            stream,
            staging: OnceLock::new(),
            landing: OnceLock::new(),
            functions,
            lost: AtomicBool::new(false),
            proven: Mutex::default(),
        })
    }

    /// Index among the CUDA devices.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The name that its driver gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes that are free, and in all.
    pub fn memory(&self) -> Result<(usize, usize)> {
        self.check_usable()?;
        let info = self.context.mem_get_info();
        self.checked(info, "asking for free memory", 0)
    }

    /// Whether a call failed in a way that it does not come back from.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether a result of this kind of work was compared with the CPU's and found equal.
    pub(crate) fn is_proven(&self, what: &str) -> bool {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).contains(what)
    }

    /// Takes down what a comparison with the CPU found; a GPU that differs is disabled from now on.
    pub(crate) fn prove(&self, what: &'static str, is_equal: bool) {
        if is_equal {
            self.proven.lock().unwrap_or_else(PoisonError::into_inner).insert(what);
        } else {
            self.lost.store(true, Ordering::Relaxed);
            let key = (self.process, self.index);
            WRONG.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        }
    }

    /// Waits until everything that was asked for is done.
    pub fn synchronize(&self) -> Result<()> {
        self.check_usable()?;
        let result = self.stream.synchronize();
        self.checked(result, "waiting for the device", 0)
    }

    /// Waits for all that this process asked the device for, other libraries included: whoever reads memory of ours is then through.
    pub fn settle(&self) -> Result<()> {
        self.check_usable()?;
        let result = self.context.synchronize();
        self.checked(result, "waiting for the device", 0)
    }

    /// The stream that all work goes through, as CUDA's own number of it: other libraries write for it.
    pub fn stream_handle(&self) -> usize {
        self.stream.cu_stream() as usize
    }

    pub(crate) fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }

    /// Pinned memory for copies to the device, for one copy at a time.
    pub(crate) fn staging(&self) -> Option<MutexGuard<'_, UploadStaging>> {
        let made = || UploadStaging::new(&self.context).ok().map(Mutex::new);
        let staging = self.staging.get_or_init(made).as_ref();
        staging.map(|staging| staging.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Pinned memory for copies from the device, for one copy at a time.
    pub(crate) fn landing(&self) -> Option<MutexGuard<'_, DownloadStaging>> {
        let made = || DownloadStaging::new(&self.context).ok().map(Mutex::new);
        let landing = self.landing.get_or_init(made).as_ref();
        landing.map(|landing| landing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another stream, whose work runs beside that of all others.
    pub(crate) fn new_stream(&self) -> Result<Arc<CudaStream>> {
        self.check_usable()?;
        self.checked(self.context.new_stream(), "a stream of the device", 0)
    }

    /// Blocks of a kernel whose threads step over its data: enough to fill the device.
    pub(crate) fn filling_blocks(&self, wanted: usize) -> u32 {
        (wanted as u64).clamp(1, u64::from(self.multiprocessors) * 8) as u32
    }

    /// The kernel of a name.
    ///
    /// # Errors
    ///
    /// `Internal` where there is none.
    pub(crate) fn function(&self, name: &str) -> Result<&CudaFunction> {
        self.functions.get(name).ok_or_else(|| Error::internal("cuda", format!("no kernel {name}")))
    }

    /// # Errors
    ///
    /// `Device` where the GPU is lost or belongs to the process that this one was forked from.
    pub(crate) fn check_usable(&self) -> Result<()> {
        if self.process != std::process::id() {
            return Err(forked(self.index));
        }
        if self.is_lost() { Err(lost(self.index)) } else { Ok(()) }
    }

    /// The result of a call. Most failures leave no device that can be used.
    pub(crate) fn checked<T>(
        &self,
        result: Result<T, DriverError>,
        what: &'static str,
        bytes: u64,
    ) -> Result<T> {
        result.map_err(|error| {
            if !leaves_device_usable(error) {
                self.lost.store(true, Ordering::Relaxed);
            }
            failed(self.index, error, what, bytes)
        })
    }
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gpu(cuda:{}, {})", self.index, self.name)
    }
}

/// The kernels: machine code of the GPU's own kind where there is some and the driver takes it, else what it makes of PTX.
fn load(context: &Arc<CudaContext>, capability: (i32, i32)) -> Result<Arc<CudaModule>, DriverError> {
    let ready = machine_code(capability).map(|code| context.load_module(Ptx::from_binary(code.to_vec())));
    match ready {
        Some(Ok(module)) => Ok(module),
        Some(Err(_)) | None => context.load_module(Ptx::from_src(PTX)),
    }
}

/// A grid of blocks, each of `block` threads, that covers `size` threads.
///
/// # Errors
///
/// `Device` for more than a launch can have.
pub(crate) fn covering(
    gpu: &Gpu,
    size: (usize, usize, usize),
    block: (u32, u32, u32),
) -> Result<LaunchConfig> {
    let blocks = |size: usize, block: u32, most: u32| {
        let blocks = u32::try_from(size.div_ceil(block as usize)).ok();
        blocks.filter(|blocks| (1..=most).contains(blocks)).ok_or_else(|| {
            device_error(gpu.index, format!("{size} rows or columns do not fit a launch: use device=cpu"))
        })
    };
    let grid_dim = (
        blocks(size.0, block.0, i32::MAX as u32)?,
        blocks(size.1, block.1, 65_535)?,
        blocks(size.2, block.2, 65_535)?,
    );
    Ok(LaunchConfig { grid_dim, block_dim: block, shared_mem_bytes: 0 })
}
