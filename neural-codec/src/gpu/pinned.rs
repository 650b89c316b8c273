//! Pieces of pinned memory, which copies to and from a GPU go through.

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaEvent, DriverError, PinnedHostSlice};

/// Bytes of a piece. A guess, not yet measured on a GPU.
pub(crate) const PIECE: usize = 4 << 20;

/// Fewer bytes are copied by the device's own stream: what two streams owe each other costs more. A guess likewise.
pub(crate) const LEAST_STAGED: usize = 64 << 10;

/// Pinned memory, and word of the last copy to or from it.
pub(crate) struct Piece {
    pub(crate) memory: PinnedHostSlice<u8>,
    /// Recorded behind that copy.
    pub(crate) copied: CudaEvent,
}

impl Piece {
    /// Of the driver's flags for pinned memory.
    ///
    /// # Errors
    ///
    /// Where there is no more of it.
    pub(crate) fn new(context: &Arc<CudaContext>, flags: u32) -> Result<Self, DriverError> {
        // SAFETY: bytes; who fills a piece writes them before anybody reads them.
        #[allow(unsafe_code)]
        let memory = unsafe { context.alloc_pinned_with_flags(PIECE, flags) }?;
        Ok(Self { memory, copied: context.new_event(None)? })
    }
}
