//! The types of value that kernels and the host share.

use cudarc::driver::{DeviceRepr, ValidAsZeroBits};

/// A value that kernels and the host lay out alike.
pub trait DeviceSample: DeviceRepr + ValidAsZeroBits + Default + Copy {
    /// The end of the names of kernels for this type.
    const SUFFIX: &str;
}

impl DeviceSample for u8 {
    const SUFFIX: &str = "u8";
}
impl DeviceSample for u16 {
    const SUFFIX: &str = "u16";
}
impl DeviceSample for f32 {
    const SUFFIX: &str = "f32";
}
impl DeviceSample for i16 {
    const SUFFIX: &str = "i16";
}
impl DeviceSample for i32 {
    const SUFFIX: &str = "i32";
}
impl DeviceSample for u64 {
    const SUFFIX: &str = "u64";
}
impl DeviceSample for f64 {
    const SUFFIX: &str = "f64";
}
