//! Copies from a GPU through two pieces of pinned memory in turn, on a stream of their own.
//!
//! While the device fills one piece the host empties the other. A copy waits for what was asked for before it and for nothing
//! after that: kernels of other threads run beside it.

use std::ptr;
use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaEvent, CudaSlice, CudaStream, DevicePtr, DriverError, sys};

use super::pinned::{PIECE, Piece};
use super::sample::DeviceSample;

/// Two pieces of pinned memory and the stream that fills them.
pub(crate) struct DownloadStaging {
    stream: Arc<CudaStream>,
    pieces: [Piece; 2],
    /// Recorded behind what a copy waits for.
    ready: CudaEvent,
}

impl DownloadStaging {
    /// # Errors
    ///
    /// Where there is no more pinned memory.
    pub(crate) fn new(context: &Arc<CudaContext>) -> Result<Self, DriverError> {
        let piece = || Piece::new(context, 0);
        let pieces = [piece()?, piece()?];
        Ok(Self { stream: context.new_stream()?, pieces, ready: context.new_event(None)? })
    }

    /// Copies all values, once what `owner` was asked for is done. Panics: where there is less room than values.
    pub(crate) fn empty<T: DeviceSample>(
        &mut self,
        from: &CudaSlice<T>,
        to: &mut [T],
        owner: &CudaStream,
    ) -> Result<(), DriverError> {
        self.ready.record(owner)?;
        self.stream.wait(&self.ready)?;
        let most = PIECE / size_of::<T>();
        let mut on_its_way = None;
        for (index, part) in to[..from.len()].chunks_mut(most).enumerate() {
            let piece = &mut self.pieces[index % 2];
            let from = from.slice(index * most..index * most + part.len());
            let (from, _no_events) = from.device_ptr(&self.stream);
            let place = piece.memory.as_mut_ptr()?;
            // SAFETY: the piece has room for the part and was emptied; nobody touches it until `copied` tells that it is full.
            // `from` has the length of the part.
            #[allow(unsafe_code)]
            unsafe {
                sys::cuMemcpyDtoHAsync_v2(place.cast(), from, size_of_val(part), self.stream.cu_stream())
            }
            .result()?;
            piece.copied.record(&self.stream)?;
            if let Some(before) = on_its_way.replace((index, part)) {
                self.land(before)?;
            }
        }
        on_its_way.map_or(Ok(()), |last| self.land(last))
    }

    /// Takes a part out of its piece once it is there.
    fn land<T: DeviceSample>(&self, (index, part): (usize, &mut [T])) -> Result<(), DriverError> {
        let piece = &self.pieces[index % 2];
        piece.copied.synchronize()?;
        let place = piece.memory.as_ptr()?.cast::<T>();
        // SAFETY: the piece begins with a page and holds the part, all of which the device has written by now.
        #[allow(unsafe_code)]
        unsafe {
            ptr::copy_nonoverlapping(place, part.as_mut_ptr(), part.len());
        }
        Ok(())
    }
}

impl Drop for DownloadStaging {
    fn drop(&mut self) {
        // Pinned memory must not go while it is written. What fails here fails because the device is lost.
        let _ = self.stream.synchronize();
    }
}
