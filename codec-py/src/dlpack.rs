//! Tensors that other libraries share by DLPack: the structures of its C header (version 0.8), and who frees what.
//!
//! ```text
//! their capsule -> Tensor -> deleter          (taking)
//! our memory -> Offer -> capsule -> deleter   (giving, in offer)
//! ```
//! Source: dlpack.h and "Python specification for DLPack" of the DLPack project.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use neural_codec::{Error, Result};
use pyo3::ffi;
use pyo3::prelude::*;

/// Names of a capsule that nobody took yet, and of one that was taken.
pub(crate) const FRESH: &CStr = c"dltensor";
const TAKEN: &CStr = c"used_dltensor";

/// Memory of a CUDA device, and memory that the driver moves between it and the host.
pub(crate) const CUDA: i32 = 2;
const CUDA_MANAGED: i32 = 13;

/// Most dimensions that are taken.
const MOST_DIMENSIONS: i32 = 8;

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct DlDevice {
    pub(crate) kind: i32,
    pub(crate) id: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct DlDataType {
    pub(crate) code: u8,
    pub(crate) bits: u8,
    pub(crate) lanes: u16,
}

#[repr(C)]
pub(crate) struct DlTensor {
    pub(crate) data: *mut c_void,
    pub(crate) device: DlDevice,
    pub(crate) ndim: i32,
    pub(crate) dtype: DlDataType,
    pub(crate) shape: *const i64,
    pub(crate) strides: *const i64,
    pub(crate) byte_offset: u64,
}

#[repr(C)]
pub(crate) struct DlManagedTensor {
    pub(crate) tensor: DlTensor,
    pub(crate) context: *mut c_void,
    pub(crate) deleter: Option<unsafe extern "C" fn(*mut Self)>,
}

/// A tensor on a GPU, given back when dropped.
pub(crate) struct Tensor {
    managed: NonNull<DlManagedTensor>,
    /// Where the first element lies.
    pub(crate) address: u64,
    pub(crate) shape: Vec<usize>,
    /// As numpy names it.
    pub(crate) dtype: String,
}

// SAFETY: nothing is read through the pointer after `take`, and DLPack lets any thread call the deleter.
#[allow(unsafe_code)]
unsafe impl Send for Tensor {}
// SAFETY: see above.
#[allow(unsafe_code)]
unsafe impl Sync for Tensor {}

/// The number of the CUDA device that holds an object's memory; `None` where none does.
pub(crate) fn cuda_device(object: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
    let (kind, id): (i32, i32) = object.call_method0("__dlpack_device__")?.extract()?;
    Ok(u32::try_from(id).ok().filter(|_| matches!(kind, CUDA | CUDA_MANAGED)))
}

impl Tensor {
    /// Takes the tensor out of a capsule.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for one that was taken, or is not contiguous on that device.
    pub(crate) fn take(capsule: &Bound<'_, PyAny>, device: u32) -> Result<Self> {
        let invalid = |expected: &str, found: &str| Err(Error::invalid("__dlpack__", expected, found));
        // SAFETY: any object may be asked whether it is a capsule of this name.
        #[allow(unsafe_code)]
        if unsafe { ffi::PyCapsule_IsValid(capsule.as_ptr(), FRESH.as_ptr()) } == 0 {
            return invalid("a capsule named dltensor that nobody took", "something else");
        }
        // SAFETY: it is a capsule of this name, so its pointer is one to a managed tensor; renaming it makes that ours.
        #[allow(unsafe_code)]
        let managed = unsafe {
            let managed = ffi::PyCapsule_GetPointer(capsule.as_ptr(), FRESH.as_ptr());
            ffi::PyCapsule_SetName(capsule.as_ptr(), TAKEN.as_ptr());
            managed.cast::<DlManagedTensor>()
        };
        let Some(managed) = NonNull::new(managed) else { return invalid("a tensor", "a null pointer") };
        // From here on the tensor is given back, whatever else is wrong with it.
        let mut taken = Self { managed, address: 0, shape: Vec::new(), dtype: String::new() };
        // SAFETY: the owner keeps the structure as it is until the deleter is called.
        #[allow(unsafe_code)]
        let tensor = unsafe { &managed.as_ref().tensor };
        if !matches!(tensor.device.kind, CUDA | CUDA_MANAGED)
            || i64::from(tensor.device.id) != i64::from(device)
        {
            return invalid("memory of the device that __dlpack_device__ names", "of another");
        }
        if !(0..=MOST_DIMENSIONS).contains(&tensor.ndim) || (tensor.ndim > 0 && tensor.shape.is_null()) {
            return invalid("at most 8 dimensions", &tensor.ndim.to_string());
        }
        let count = tensor.ndim as usize;
        // SAFETY: there are `ndim` lengths, and as many strides where there are any.
        #[allow(unsafe_code)]
        let (shape, strides) = unsafe {
            let list = |from: *const i64| (0..count).map(|at| *from.add(at)).collect::<Vec<i64>>();
            let strides = (!tensor.strides.is_null()).then(|| list(tensor.strides));
            (if count > 0 { list(tensor.shape) } else { Vec::new() }, strides)
        };
        if strides.is_some_and(|strides| !is_contiguous(&shape, &strides)) {
            return invalid("contiguous memory (call .contiguous() or copy it)", "gaps or another order");
        }
        let lengths: Option<Vec<usize>> = shape.iter().map(|&length| usize::try_from(length).ok()).collect();
        let Some(lengths) = lengths else { return invalid("lengths of 0 or more", &format!("{shape:?}")) };
        taken.shape = lengths;
        taken.dtype = name(tensor.dtype);
        taken.address = (tensor.data as u64).wrapping_add(tensor.byte_offset);
        Ok(taken)
    }
}

impl Drop for Tensor {
    fn drop(&mut self) {
        // SAFETY: the tensor was taken once and is given back once; its owner gave the deleter for that.
        #[allow(unsafe_code)]
        unsafe {
            let managed = self.managed.as_ptr();
            if let Some(deleter) = (*managed).deleter {
                deleter(managed);
            }
        }
    }
}

/// Whether elements lie row after row without gaps. Strides count elements; those of lengths 0 and 1 mean nothing.
fn is_contiguous(shape: &[i64], strides: &[i64]) -> bool {
    let mut expected = 1_i64;
    for (&length, &stride) in shape.iter().zip(strides).rev() {
        if length > 1 && stride != expected {
            return shape.contains(&0);
        }
        expected = expected.saturating_mul(length.max(1));
    }
    true
}

fn name(dtype: DlDataType) -> String {
    let kind = match dtype.code {
        0 => "int",
        1 => "uint",
        2 => "float",
        4 => "bfloat",
        5 => "complex",
        6 => "bool",
        _ => "unknown",
    };
    match dtype.lanes {
        1 => format!("{kind}{}", dtype.bits),
        lanes => format!("{kind}{}x{lanes}", dtype.bits),
    }
}
