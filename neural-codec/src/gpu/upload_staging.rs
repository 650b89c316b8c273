//! Copies to a GPU through two pieces of pinned memory in turn, on a stream of their own.
//!
//! While one piece is on its way the other is filled, and kernels run on what came before: a copy waits for no kernel. What
//! was copied may be changed as soon as the call returns.

use std::sync::Arc;
use std::{ptr, slice};

use cudarc::driver::{CudaContext, CudaSlice, CudaStream, DevicePtrMut, DriverError, result, sys};

use super::pinned::{PIECE, Piece};
use super::sample::DeviceSample;

/// Two pieces of pinned memory and the stream that reads them.
pub(crate) struct UploadStaging {
    stream: Arc<CudaStream>,
    pieces: [Piece; 2],
    /// The piece to fill next.
    next: usize,
}

impl UploadStaging {
    /// # Errors
    ///
    /// Where there is no more pinned memory.
    pub(crate) fn new(context: &Arc<CudaContext>) -> Result<Self, DriverError> {
        // The host writes it once and never reads it.
        let piece = || Piece::new(context, sys::CU_MEMHOSTALLOC_WRITECOMBINED);
        Ok(Self { stream: context.new_stream()?, pieces: [piece()?, piece()?], next: 0 })
    }

    /// Memory that copies can begin to fill at once, whatever `owner` is at, and that is freed in the order of `owner`.
    pub(crate) fn alloc<T: DeviceSample>(
        &self,
        len: usize,
        owner: &Arc<CudaStream>,
    ) -> Result<CudaSlice<T>, DriverError> {
        // SAFETY: plain numbers, which `fill` writes; the pointer is that of an allocation of this length, given up by the
        // slice that it comes from, and `owner` waits for the copy before anything that follows, its freeing included.
        #[allow(unsafe_code)]
        unsafe {
            let pointer = self.stream.alloc::<T>(len)?.leak();
            Ok(owner.upgrade_device_ptr(pointer, len))
        }
    }

    /// Copies values, which all that `owner` is asked for from now on will see. Panics: where there is less room than values.
    pub(crate) fn fill<T: DeviceSample>(
        &mut self,
        values: &[T],
        to: &mut CudaSlice<T>,
        owner: &CudaStream,
    ) -> Result<(), DriverError> {
        let most = PIECE / size_of::<T>();
        for (index, part) in values.chunks(most).enumerate() {
            let piece = &mut self.pieces[self.next];
            self.next = 1 - self.next;
            piece.copied.synchronize()?;
            let place = piece.memory.as_mut_ptr()?.cast::<T>();
            let mut to = to.slice_mut(index * most..index * most + part.len());
            let (to, _) = to.device_ptr_mut(&self.stream);
            // SAFETY: the piece begins with a page, has room for the part, and its last copy is done; nobody writes to it
            // before this one is, which `copied` tells. `to` has the length of the part.
            #[allow(unsafe_code)]
            unsafe {
                ptr::copy_nonoverlapping(part.as_ptr(), place, part.len());
                let part = slice::from_raw_parts(place, part.len());
                result::memcpy_htod_async(to, part, self.stream.cu_stream())?;
            }
            piece.copied.record(&self.stream)?;
        }
        owner.wait(&self.pieces[1 - self.next].copied)
    }
}

impl Drop for UploadStaging {
    fn drop(&mut self) {
        // Pinned memory must not go while it is read. What fails here fails because the device is lost.
        let _ = self.stream.synchronize();
    }
}
