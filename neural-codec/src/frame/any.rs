//! A picture in the memory of the host or of a GPU. What sources give and the encoder takes.

use std::sync::Arc;

use super::{Color, Frame, GpuFrame, PixelFormat};
use crate::error::Result;
use crate::gpu::Gpu;

/// A picture in the memory of the host or of a GPU.
#[derive(Debug)]
pub enum AnyFrame {
    /// In the memory of the host.
    Host(Frame),
    /// In that of a GPU.
    Gpu(GpuFrame),
}

impl AnyFrame {
    /// Width in pixels.
    pub fn width(&self) -> usize {
        match self {
            Self::Host(frame) => frame.width(),
            Self::Gpu(frame) => frame.width(),
        }
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        match self {
            Self::Host(frame) => frame.height(),
            Self::Gpu(frame) => frame.height(),
        }
    }

    /// Layout and bit depth.
    pub fn format(&self) -> PixelFormat {
        match self {
            Self::Host(frame) => frame.format(),
            Self::Gpu(frame) => frame.format(),
        }
    }

    /// Range, primaries, transfer and matrix of the samples.
    pub fn color(&self) -> Color {
        match self {
            Self::Host(frame) => frame.color(),
            Self::Gpu(frame) => frame.color(),
        }
    }

    /// Presentation time.
    pub fn timestamp(&self) -> i64 {
        match self {
            Self::Host(frame) => frame.timestamp,
            Self::Gpu(frame) => frame.timestamp,
        }
    }

    /// The same picture at another time.
    #[must_use]
    pub fn with_timestamp(self, timestamp: i64) -> Self {
        match self {
            Self::Host(frame) => Self::Host(frame.with_timestamp(timestamp)),
            Self::Gpu(frame) => Self::Gpu(frame.with_timestamp(timestamp)),
        }
    }

    /// The GPU that holds it, where one does.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        match self {
            Self::Host(_) => None,
            Self::Gpu(frame) => Some(frame.gpu()),
        }
    }

    /// The picture in the memory of the host; a copy where it is GPU-resident.
    ///
    /// # Errors
    ///
    /// `Device`.
    pub fn into_host(self) -> Result<Frame> {
        match self {
            Self::Host(frame) => Ok(frame),
            Self::Gpu(frame) => frame.download(),
        }
    }

    /// The picture on a GPU: itself, or a copy, which is kept in `copy`.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
    pub(crate) fn resident_on<'a>(
        &'a self,
        gpu: &Arc<Gpu>,
        copy: &'a mut Option<GpuFrame>,
    ) -> Result<&'a GpuFrame> {
        match self {
            Self::Gpu(frame) if Arc::ptr_eq(frame.gpu(), gpu) => Ok(frame),
            Self::Gpu(frame) => Ok(copy.insert(GpuFrame::upload(gpu, &frame.download()?)?)),
            Self::Host(frame) => Ok(copy.insert(GpuFrame::upload(gpu, frame)?)),
        }
    }
}

impl From<Frame> for AnyFrame {
    fn from(frame: Frame) -> Self {
        Self::Host(frame)
    }
}

impl From<GpuFrame> for AnyFrame {
    fn from(frame: GpuFrame) -> Self {
        Self::Gpu(frame)
    }
}
