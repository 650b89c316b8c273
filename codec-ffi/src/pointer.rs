//! Everything that touches a caller's pointer, each kind once.
//!
//! NULL and misalignment are errors that name the argument. That other pointers are valid for the call is what the
//! header asks of the caller; each function says for what.

#![allow(unsafe_code)] // The one place where a caller's pointers are followed.

use std::ffi::{CStr, CString, OsStr, c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use neural_codec::frame::{Plane, Sample};
use neural_codec::{Error, Result};

/// # Errors
///
/// `InvalidArgument` when the pointer cannot be followed.
fn check<T>(name: &str, pointer: *const T) -> Result<()> {
    if pointer.is_null() {
        return Err(Error::invalid(name, "a pointer", "NULL"));
    }
    if !pointer.is_aligned() {
        let expected = format!("a pointer aligned to {} bytes", align_of::<T>());
        return Err(Error::invalid(name, expected, format!("{pointer:p}")));
    }
    Ok(())
}

/// What a pointer points to.
///
/// # Safety
/// The pointer is NULL, misaligned, or valid for reads for `'a`, and nothing writes there meanwhile.
pub(crate) unsafe fn reference<'a, T>(name: &str, pointer: *const T) -> Result<&'a T> {
    check(name, pointer)?;
    // SAFETY: not NULL, aligned, and valid by this function's contract.
    Ok(unsafe { &*pointer })
}

/// A text without its NUL.
///
/// # Safety
/// The pointer is NULL or a NUL-terminated string that stays as it is for `'a`.
pub(crate) unsafe fn text<'a>(name: &str, pointer: *const c_char) -> Result<&'a str> {
    check(name, pointer)?;
    // SAFETY: not NULL, and a string by this function's contract.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Error::invalid(name, "UTF-8", text.to_string_lossy()))
}

/// A path of any bytes.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn path<'a>(name: &str, pointer: *const c_char) -> Result<&'a Path> {
    check(name, pointer)?;
    // SAFETY: not NULL, and a string by this function's contract.
    let text = unsafe { CStr::from_ptr(pointer) };
    Ok(Path::new(OsStr::from_bytes(text.to_bytes())))
}

/// An array; NULL only where it is empty.
///
/// # Safety
/// The pointer is NULL, misaligned, or valid for reads of `count` values for `'a`, and nothing writes there meanwhile.
pub(crate) unsafe fn array<'a, T>(name: &str, pointer: *const T, count: usize) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    check(name, pointer)?;
    if count.checked_mul(size_of::<T>()).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(Error::invalid(format!("size of {name}"), "a size that memory can have", count));
    }
    // SAFETY: not NULL, aligned, of a size that can exist, and valid by this function's contract.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// The library's own copy of what a caller holds.
///
/// # Errors
///
/// `OutOfMemory`.
pub(crate) fn copied<T: Copy>(what: &'static str, values: &[T]) -> Result<Vec<T>> {
    let mut copy = Vec::new();
    let room = copy.try_reserve_exact(values.len());
    room.map_err(|_| Error::OutOfMemory { what, bytes: size_of_val(values) as u64 })?;
    copy.extend_from_slice(values);
    Ok(copy)
}

/// Where a result goes: a pointer that was checked before the work begins.
pub(crate) struct Output<T>(*mut T);

impl<T> Output<T> {
    ///
    /// # Safety
    /// The pointer is NULL, misaligned, or valid for writes as long as the value lives.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for NULL and misaligned pointers.
    pub(crate) unsafe fn new(name: &str, pointer: *mut T) -> Result<Self> {
        check(name, pointer)?;
        Ok(Self(pointer))
    }

    pub(crate) fn put(&mut self, value: T) {
        // SAFETY: checked by `new`, whose contract keeps it valid.
        unsafe { self.0.write(value) }
    }
}

/// A struct that may grow: `repr(C)`, starts with `struct_size: u32`, consists of integers and raw pointers, and has no
/// padding.
///
/// # Safety
/// The implementer is such a struct, so that each of its bytes may be read and written.
pub(crate) unsafe trait Growable: Copy {
    /// Its size in the first version that had it.
    const FIRST_SIZE: usize;
}

/// Copies a caller's struct; fields that the caller's version lacks stay as in `default`.
///
/// # Safety
/// The pointer is NULL, misaligned, or valid for reads of the number of bytes that its `struct_size` says.
///
/// # Errors
///
/// `InvalidArgument` for a size that no version has, `Unsupported` where a newer version's field is set.
pub(crate) unsafe fn read_struct<T: Growable>(name: &str, pointer: *const T, default: T) -> Result<T> {
    // SAFETY: `struct_size` comes first; the contract is this function's own.
    let size = unsafe { struct_size::<T>(name, pointer)? };
    // SAFETY: the contract promises `size` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), size) };
    if bytes.iter().skip(size_of::<T>()).any(|&byte| byte != 0) {
        return Err(Error::Unsupported {
            what: format!("field of a newer version in {name}"),
            remedy: "use a newer library, or leave the field as its init call sets it".into(),
        });
    }
    let mut value = default;
    // SAFETY: both sides hold that many bytes and every byte pattern is a `T`, by `Growable`.
    unsafe {
        std::ptr::copy_nonoverlapping(
            pointer.cast::<u8>(),
            (&raw mut value).cast::<u8>(),
            size.min(size_of::<T>()),
        );
    }
    Ok(value)
}

/// Fills a caller's struct, as much of it as the caller's version has; its `struct_size` stays.
///
/// # Safety
/// The pointer is NULL, misaligned, or valid for reads and writes of the bytes that its `struct_size` says.
pub(crate) unsafe fn write_struct<T: Growable>(name: &str, pointer: *mut T, value: T) -> Result<()> {
    // SAFETY: `struct_size` comes first; the contract is this function's own.
    let size = unsafe { struct_size::<T>(name, pointer)? };
    // SAFETY: the contract promises `size` bytes.
    unsafe { fill_struct(pointer, size, value) };
    // SAFETY: the first field is the size, which goes back as it was.
    unsafe { pointer.cast::<u32>().write(size as u32) };
    Ok(())
}

/// Fills a struct whose size the caller says in another argument. Its `struct_size` becomes that size.
///
/// # Safety
/// The pointer is NULL, misaligned, or valid for writes of `size` bytes.
pub(crate) unsafe fn init_struct<T: Growable>(
    name: &str,
    pointer: *mut T,
    size: usize,
    value: T,
) -> Result<()> {
    check(name, pointer)?;
    check_struct_size::<T>(name, size)?;
    // SAFETY: the contract promises `size` bytes.
    unsafe { std::ptr::write_bytes(pointer.cast::<u8>(), 0, size) };
    // SAFETY: as above.
    unsafe { fill_struct(pointer, size, value) };
    // SAFETY: the first field is the size.
    unsafe { pointer.cast::<u32>().write(size as u32) };
    Ok(())
}

/// # Safety
/// The pointer is valid for writes of `size` bytes.
unsafe fn fill_struct<T: Growable>(pointer: *mut T, size: usize, value: T) {
    let size = size.min(size_of::<T>());
    // SAFETY: both sides hold that many bytes, and all bytes of a `Growable` are initialized.
    unsafe { std::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), pointer.cast::<u8>(), size) };
}

/// # Safety
/// The pointer is NULL, misaligned, or valid for reads of its first field.
unsafe fn struct_size<T: Growable>(name: &str, pointer: *const T) -> Result<usize> {
    check(name, pointer)?;
    // SAFETY: not NULL, aligned for `T` and so for its first field, which is a `u32` by `Growable`.
    let size = unsafe { pointer.cast::<u32>().read() } as usize;
    check_struct_size::<T>(name, size)?;
    Ok(size)
}

/// More than any version will need; catches structs that were not initialized.
const LARGEST_STRUCT: usize = 4096;

fn check_struct_size<T: Growable>(name: &str, size: usize) -> Result<()> {
    if (T::FIRST_SIZE..=LARGEST_STRUCT).contains(&size) {
        return Ok(());
    }
    let expected = format!("at least {} bytes (use the init call)", T::FIRST_SIZE);
    Err(Error::invalid(format!("struct_size of {name}"), expected, size))
}

/// Gives a text to the caller, who frees it by `ncodec_string_free`.
pub(crate) fn give_text(text: &str, output: &mut Output<*mut c_char>) -> Result<()> {
    let text = CString::new(text).map_err(|_| Error::internal("text", "NUL inside a text"))?;
    output.put(text.into_raw());
    Ok(())
}

/// Takes back what [`give_text`] gave.
///
/// # Safety
/// The pointer is NULL or came from [`give_text`] and was not taken back before.
pub(crate) unsafe fn take_text(pointer: *mut c_char) {
    if !pointer.is_null() {
        // SAFETY: from `CString::into_raw` by this function's contract, and nobody else owns it.
        drop(unsafe { CString::from_raw(pointer) });
    }
}

/// Copies a caller's rows into a plane. A negative stride walks upwards in memory.
///
/// # Safety
/// The pointer is NULL, or each of the plane's rows, `stride` bytes after the one before, is valid for reads.
pub(crate) unsafe fn read_plane<T: Sample>(
    name: &str,
    from: *const c_void,
    stride: isize,
    to: &mut Plane<T>,
) -> Result<()> {
    let (row_bytes, height) = (size_of::<T>() * to.width(), to.height());
    check(name, from.cast::<u8>())?;
    check_stride(name, stride, row_bytes, height)?;
    for y in 0..height {
        let row = from.cast::<u8>().wrapping_offset(stride * y as isize);
        // SAFETY: the row is readable by contract, the plane's row has as many bytes, the plane is memory of ours that
        // the caller cannot point to, and any bytes make up samples (`Sample` is `u8` or `u16`).
        unsafe { std::ptr::copy_nonoverlapping(row, to.row_mut(y).as_mut_ptr().cast::<u8>(), row_bytes) };
    }
    Ok(())
}

/// Copies a plane into a caller's rows. A negative stride walks upwards in memory.
///
/// # Safety
/// The pointer is NULL, or each of the plane's rows, `stride` bytes after the one before, is valid for writes.
pub(crate) unsafe fn write_plane<T: Sample>(
    name: &str,
    from: &Plane<T>,
    to: *mut c_void,
    stride: isize,
) -> Result<()> {
    let (row_bytes, height) = (size_of::<T>() * from.width(), from.height());
    check(name, to.cast::<u8>())?;
    check_stride(name, stride, row_bytes, height)?;
    for y in 0..height {
        let row = to.cast::<u8>().wrapping_offset(stride * y as isize);
        // SAFETY: the row is writable by contract, the plane's row has as many bytes, and the plane is memory of ours
        // that the caller cannot point to.
        unsafe { std::ptr::copy_nonoverlapping(from.row(y).as_ptr().cast::<u8>(), row, row_bytes) };
    }
    Ok(())
}

/// # Errors
///
/// `InvalidArgument` where rows would overlap, or the plane would not fit into an address space.
fn check_stride(name: &str, stride: isize, row_bytes: usize, height: usize) -> Result<()> {
    if stride.unsigned_abs() >= row_bytes && stride.checked_mul(height as isize).is_some() {
        return Ok(());
    }
    let expected = format!("at least {row_bytes} bytes up or down, and a plane that memory can hold");
    Err(Error::invalid(format!("stride of {name}"), expected, stride))
}
