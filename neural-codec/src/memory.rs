//! Memory whose size a stream, a file or a caller decides: where there is none, that is an error and not the end of the host.

use std::io::{self, Write};

use crate::error::{Error, Result};

fn out_of_memory<T>(what: &'static str, len: usize) -> Error {
    Error::OutOfMemory { what, bytes: (len as u64).saturating_mul(size_of::<T>() as u64) }
}

/// An empty vector with room for `len` values.
///
/// # Errors
///
/// `OutOfMemory`.
pub(crate) fn reserved<T>(what: &'static str, len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| out_of_memory::<T>(what, len))?;
    Ok(values)
}

/// `len` times the same value.
///
/// # Errors
///
/// `OutOfMemory`.
pub(crate) fn filled<T: Clone>(what: &'static str, len: usize, value: T) -> Result<Vec<T>> {
    let mut values = reserved(what, len)?;
    values.resize(len, value);
    Ok(values)
}

/// A copy.
///
/// # Errors
///
/// `OutOfMemory`.
pub(crate) fn copied<T: Copy>(what: &'static str, values: &[T]) -> Result<Vec<T>> {
    let mut copy = reserved(what, values.len())?;
    copy.extend_from_slice(values);
    Ok(copy)
}

/// What an iterator of known length gives.
///
/// # Errors
///
/// `OutOfMemory`.
pub(crate) fn collected<T>(what: &'static str, values: impl ExactSizeIterator<Item = T>) -> Result<Vec<T>> {
    let mut vector = reserved(what, values.len())?;
    vector.extend(values);
    Ok(vector)
}

/// Room for `more` values behind those that are there, growing by doubling.
///
/// # Errors
///
/// `OutOfMemory`.
pub(crate) fn grow<T>(what: &'static str, values: &mut Vec<T>, more: usize) -> Result<()> {
    values.try_reserve(more).map_err(|_| out_of_memory::<T>(what, values.len().saturating_add(more)))
}

/// Gives memory that nobody uses back to the system.
///
/// The C library keeps what its threads once held, in a heap for each; an encode starts some dozen threads a scene, and
/// would keep more and more. Nothing of how the host's memory is managed is changed.
#[allow(unsafe_code)]
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call takes the locks of the heaps that it looks at, and touches only memory that is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A sink of bytes that refuses what there is no memory for.
#[derive(Debug, Default)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_reserve(bytes.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_has_is_an_error_that_says_how_much() {
        let error = filled("frames", usize::MAX / 4, 0_u16).unwrap_err();
        let Error::OutOfMemory { what: "frames", bytes } = error else { panic!("{error}") };
        assert_eq!(bytes, (usize::MAX / 4) as u64 * 2);
        assert!(grow("frames", &mut vec![0_u8], usize::MAX - 1).is_err());
    }

    #[test]
    fn what_there_is_room_for_is_as_asked() {
        assert_eq!(filled("", 3, 7).unwrap(), [7, 7, 7]);
        assert_eq!(copied("", &[1, 2]).unwrap(), [1, 2]);
        assert_eq!(collected("", (1..4).map(|v| 2 * v)).unwrap(), [2, 4, 6]);
    }
}
