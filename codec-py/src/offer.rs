//! Memory of ours that other libraries take by DLPack, held until the last of them gives it back.

use std::ffi::c_void;
use std::sync::Arc;

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::dlpack::{CUDA, DlDataType, DlDevice, DlManagedTensor, DlTensor, FRESH};

/// Whole numbers without a sign.
const UNSIGNED: u8 = 1;

/// Contiguous whole numbers without a sign in the memory of a CUDA device.
pub(crate) struct Offer<T> {
    /// What must stay as long as the memory is used.
    pub(crate) owner: Arc<T>,
    pub(crate) address: u64,
    pub(crate) device: u32,
    pub(crate) bits: u8,
    pub(crate) shape: Vec<i64>,
}

/// A tensor and what it points to. The tensor comes first, so that its address is that of the whole.
#[repr(C)]
struct Held<T> {
    managed: DlManagedTensor,
    shape: Vec<i64>,
    owner: Arc<T>,
}

impl<T: Send + Sync + 'static> Offer<T> {
    /// A capsule named `dltensor`.
    ///
    /// # Errors
    ///
    /// Where there is no memory for it.
    pub(crate) fn capsule(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let Self { owner, address, device, bits, shape } = self;
        let tensor = DlTensor {
            data: address as *mut c_void,
            device: DlDevice { kind: CUDA, id: device.cast_signed() },
            ndim: shape.len() as i32,
            dtype: DlDataType { code: UNSIGNED, bits, lanes: 1 },
            // The vector's elements stay where they are when it moves into the box.
            shape: shape.as_ptr(),
            strides: std::ptr::null(),
            byte_offset: 0,
        };
        let managed =
            DlManagedTensor { tensor, context: std::ptr::null_mut(), deleter: Some(give_back::<T>) };
        let held = Box::into_raw(Box::new(Held { managed, shape, owner }));
        // SAFETY: the name lives as long as the program, and the destructor is one for capsules of this name.
        #[allow(unsafe_code)]
        let capsule = unsafe { ffi::PyCapsule_New(held.cast(), FRESH.as_ptr(), Some(destroy)) };
        // SAFETY: either a new reference to an object, or null with an exception set.
        #[allow(unsafe_code)]
        let capsule = unsafe { Bound::from_owned_ptr_or_opt(py, capsule) };
        capsule.ok_or_else(|| {
            // SAFETY: nobody else has it.
            #[allow(unsafe_code)]
            drop(unsafe { Box::from_raw(held) });
            PyErr::take(py).unwrap_or_else(|| PyMemoryError::new_err("no memory for a capsule"))
        })
    }
}

/// What a library that took a tensor calls once it is through with it, on any thread, with Python's lock or without.
#[allow(unsafe_code)]
unsafe extern "C" fn give_back<T>(managed: *mut DlManagedTensor) {
    // SAFETY: the tensor is the first part of a `Held<T>` that `capsule` boxed, and DLPack has this called once.
    drop(unsafe { Box::from_raw(managed.cast::<Held<T>>()) });
}

/// What Python calls at the end of a capsule: nobody took the tensor where it still has its first name.
#[allow(unsafe_code)]
unsafe extern "C" fn destroy(capsule: *mut ffi::PyObject) {
    // SAFETY: Python gives the capsule that ends; its pointer is that of a managed tensor, whose deleter is `give_back`.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, FRESH.as_ptr()) == 1 {
            let managed = ffi::PyCapsule_GetPointer(capsule, FRESH.as_ptr()).cast::<DlManagedTensor>();
            if let Some(deleter) = (*managed).deleter {
                deleter(managed);
            }
        }
    }
}
