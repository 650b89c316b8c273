//! Pictures between a caller's planes and the library's frames.

#![allow(unsafe_code)] // Only to pass a caller's pointers on to `pointer`.

use std::ffi::c_void;

use neural_codec::frame::{BitDepth, Frame, Plane, Planes, Sample, VideoInfo};
use neural_codec::{Result, with_planes};

use crate::pointer::{read_plane, write_plane};

/// A frame made of a caller's planes.
///
/// # Safety
/// As [`read_plane`], for the three planes of a picture of `info`.
///
/// # Errors
///
/// `InvalidArgument` naming the plane, or for samples past the bit depth.
pub(crate) unsafe fn read_frame(
    planes: &[*const c_void; 3],
    strides: &[isize; 3],
    info: &VideoInfo,
) -> Result<Frame> {
    // SAFETY: the contract is this function's own, for either width of samples.
    let planes = unsafe {
        match info.format.depth {
            BitDepth::Eight => Planes::U8(read_planes(planes, strides, info)?),
            BitDepth::Ten => Planes::U16(read_planes(planes, strides, info)?),
        }
    };
    Frame::from_planes(planes, info.format, info.color)
}

/// # Safety
/// As [`read_frame`].
unsafe fn read_planes<T: Sample>(
    planes: &[*const c_void; 3],
    strides: &[isize; 3],
    info: &VideoInfo,
) -> Result<[Plane<T>; 3]> {
    let (width, height) = info.format.chroma_size(info.width, info.height);
    let mut out = [
        Plane::try_new(info.width, info.height)?,
        Plane::try_new(width, height)?,
        Plane::try_new(width, height)?,
    ];
    for (index, plane) in out.iter_mut().enumerate() {
        // SAFETY: the contract is this function's own.
        unsafe { read_plane(&format!("plane {index}"), planes[index], strides[index], plane)? };
    }
    Ok(out)
}

/// Copies a frame into a caller's planes.
///
/// # Safety
/// As [`write_plane`], for the three planes of the frame.
///
/// # Errors
///
/// `InvalidArgument` naming the plane.
pub(crate) unsafe fn write_frame(
    frame: &Frame,
    planes: &[*mut c_void; 3],
    strides: &[isize; 3],
) -> Result<()> {
    with_planes!(frame.planes(), from => {
        for (index, from) in from.iter().enumerate() {
            // SAFETY: the contract is this function's own.
            unsafe { write_plane(&format!("plane {index}"), from, planes[index], strides[index])? };
        }
    });
    Ok(())
}
