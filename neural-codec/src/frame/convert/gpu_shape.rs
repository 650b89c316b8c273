//! Integer coefficients of conversions, as kernels take them: the host's side of kernels/convert.cu.

use cudarc::driver::DeviceRepr;

/// `clamp((gain * x + bias) >> shift, min, max)`, as kernels/convert.cu has it; so are the others here.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct ConvertAffine {
    /// Factor.
    pub gain: i32,
    /// Summand.
    pub bias: i32,
    /// Bits dropped.
    pub shift: i32,
    /// Least result.
    pub min: i32,
    /// Largest result.
    pub max: i32,
}

/// `clamp((r * rgb[0] + g * rgb[1] + b * rgb[2] + bias) >> shift, min, max)`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct ConvertSum {
    /// Factors.
    pub rgb: [i32; 3],
    /// Summand.
    pub bias: i32,
    /// Bits dropped.
    pub shift: i32,
    /// Least result.
    pub min: i32,
    /// Largest result.
    pub max: i32,
}

/// Factors of Y, U and V for red, green and blue.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct ConvertToRgb {
    /// Of Y.
    pub y: i32,
    /// Of U.
    pub u: [i32; 3],
    /// Of V.
    pub v: [i32; 3],
    /// Summand.
    pub bias: i32,
    /// Bits dropped.
    pub shift: i32,
    /// Largest result.
    pub max: i32,
}

/// How a chroma plane of `width` x `height` is doubled or kept along each side: taps of even outputs, then of odd ones.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct ConvertUp {
    /// Samples in a row of what comes in.
    pub width: i32,
    /// Rows of it.
    pub height: i32,
    /// 1 where rows get twice as long.
    pub doubles_x: i32,
    /// 1 where there are twice as many rows.
    pub doubles_y: i32,
    /// Taps along rows.
    pub across: [i32; 8],
    /// Taps along columns.
    pub down: [i32; 8],
    /// Neutral chroma.
    pub neutral: i32,
    /// Bits dropped.
    pub shift: i32,
}

/// How a chroma plane of `width` x `height` is halved or kept along each side.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct ConvertDown {
    /// Samples in a row of what comes in.
    pub width: i32,
    /// Rows of it.
    pub height: i32,
    /// 1 where rows get half as long.
    pub halves_x: i32,
    /// Rows that come in for each that comes out.
    pub step_y: i32,
    /// Taps along rows.
    pub across: [i32; 8],
    /// Taps along columns.
    pub down: [i32; 8],
    /// Bits dropped.
    pub shift: i32,
    /// Summand.
    pub bias: i32,
    /// Largest result.
    pub max: i32,
}

// SAFETY: plain integers without padding, laid out as in C; so are the four below.
#[allow(unsafe_code)]
unsafe impl DeviceRepr for ConvertAffine {}
// SAFETY: see above.
#[allow(unsafe_code)]
unsafe impl DeviceRepr for ConvertSum {}
// SAFETY: see above.
#[allow(unsafe_code)]
unsafe impl DeviceRepr for ConvertToRgb {}
// SAFETY: see above.
#[allow(unsafe_code)]
unsafe impl DeviceRepr for ConvertUp {}
// SAFETY: see above.
#[allow(unsafe_code)]
unsafe impl DeviceRepr for ConvertDown {}
