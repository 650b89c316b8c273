//! Pictures without color.

use crate::frame::{Frame, Planes};

/// The same picture with the chroma of gray.
pub(crate) fn with_neutral_chroma(mut frame: Frame) -> Frame {
    let middle = 1_u16 << (frame.format().depth.bits() - 1);
    match frame.planes_mut() {
        Planes::U8([_, chroma @ ..]) => chroma.iter_mut().for_each(|p| p.samples_mut().fill(middle as u8)),
        Planes::U16([_, chroma @ ..]) => chroma.iter_mut().for_each(|p| p.samples_mut().fill(middle)),
    }
    frame
}
