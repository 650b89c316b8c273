//! Freed memory that a device keeps for the next buffers.
//!
//! By default every wait for the device gives freed memory back to the system (CUDA's guide, "Physical page caching behavior"),
//! and the buffers of the next frame ask for it anew.

use cudarc::driver::sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD as KEPT_BYTES;
use cudarc::driver::{CudaContext, DriverError, result};

/// Bytes that are kept: the buffers of a few frames of 3840x2160 on their way through a filter. A guess.
const KEPT: u64 = 512 << 20;

/// Asks the device to keep freed memory. Somebody else in this process may have asked for more, which stays.
///
/// # Errors
///
/// Where it has no pools; buffers come and go all the same.
pub(crate) fn keep_memory(context: &CudaContext) -> Result<(), DriverError> {
    let mut kept = 0_u64;
    // SAFETY: the device is that of an open context, the pool is the device's, and this attribute is 64 bits wide.
    #[allow(unsafe_code)]
    unsafe {
        let pool = result::device::get_default_mem_pool(context.cu_device())?;
        result::mem_pool::get_attribute(pool, KEPT_BYTES, (&raw mut kept).cast())?;
        if kept < KEPT {
            kept = KEPT;
            result::mem_pool::set_attribute(pool, KEPT_BYTES, (&raw mut kept).cast())?;
        }
    }
    Ok(())
}
