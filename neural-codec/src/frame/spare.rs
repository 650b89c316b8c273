//! Planes that are done with, for the next frame of their size.
//!
//! A codec makes and drops some large frames for each that it codes. Asking the system for every one costs page after page, and leaves
//! holes in the memory of the C library into which nothing else fits. Nothing is kept unless a codec is at work.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::plane::{Plane, Sample};
use crate::error::Result;

/// Bytes that are kept at most of each type of samples: two frames of 1080p at ten bits, four at eight.
const MOST_BYTES: usize = 12 << 20;

/// Smaller planes are not worth it. Units: bytes.
const LEAST_BYTES: usize = 64 << 10;

static SPARE: Mutex<Spare> = Mutex::new(Spare { users: 0, of_8_bits: List::new(), of_16_bits: List::new() });

#[derive(Debug)]
pub(super) struct Spare {
    /// Codecs at work.
    users: usize,
    of_8_bits: List<u8>,
    of_16_bits: List<u16>,
}

/// What is kept, the oldest first.
#[derive(Debug)]
pub(super) struct List<T> {
    bytes: usize,
    planes: VecDeque<Vec<T>>,
}

impl<T> List<T> {
    const fn new() -> Self {
        Self { bytes: 0, planes: VecDeque::new() }
    }

    fn put(&mut self, samples: Vec<T>) {
        self.bytes += size_of_val(&samples[..]);
        self.planes.push_back(samples);
        while self.bytes > MOST_BYTES
            && let Some(oldest) = self.planes.pop_front()
        {
            self.bytes -= size_of_val(&oldest[..]);
        }
    }

    fn take(&mut self, len: usize) -> Option<Vec<T>> {
        let at = self.planes.iter().rposition(|samples| samples.len() == len)?;
        let samples = self.planes.remove(at)?;
        self.bytes -= size_of_val(&samples[..]);
        Some(samples)
    }
}

fn lock() -> MutexGuard<'static, Spare> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While one of these lives, planes that are done with are kept.
#[derive(Debug)]
pub(crate) struct KeepsSpares(());

impl KeepsSpares {
    pub(crate) fn new() -> Self {
        lock().users += 1;
        Self(())
    }
}

impl Drop for KeepsSpares {
    fn drop(&mut self) {
        let mut spare = lock();
        spare.users -= 1;
        if spare.users == 0 {
            *spare = Spare { users: 0, of_8_bits: List::new(), of_16_bits: List::new() };
        }
    }
}

/// A type of samples, and where its planes are kept.
pub(super) trait Kept: Sample {
    fn list(spare: &mut Spare) -> &mut List<Self>;
}

impl Kept for u8 {
    fn list(spare: &mut Spare) -> &mut List<Self> {
        &mut spare.of_8_bits
    }
}

impl Kept for u16 {
    fn list(spare: &mut Spare) -> &mut List<Self> {
        &mut spare.of_16_bits
    }
}

/// A plane of any samples: those of one that was kept, or zeros.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn plane<T: Kept>(width: usize, height: usize) -> Result<Plane<T>> {
    match take(width.saturating_mul(height)) {
        Some(samples) => Plane::from_samples(width, height, samples),
        None => Plane::try_new(width, height),
    }
}

fn take<T: Kept>(len: usize) -> Option<Vec<T>> {
    if is_worth_it::<T>(len) { T::list(&mut lock()).take(len) } else { None }
}

/// Keeps a plane that is done with, where that is wanted.
pub(super) fn keep<T: Kept>(plane: &mut Plane<T>) {
    if is_worth_it::<T>(plane.samples().len()) {
        let mut spare = lock();
        if spare.users > 0 {
            T::list(&mut spare).put(plane.take_samples());
        }
    }
}

fn is_worth_it<T>(len: usize) -> bool {
    len >= LEAST_BYTES / size_of::<T>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a size that no other test has.
    const SIDE: usize = 1031;

    fn dropped(value: u8) {
        let mut plane = Plane::from_samples(SIDE, SIDE, vec![value; SIDE * SIDE]).unwrap();
        keep(&mut plane);
    }

    #[test]
    fn planes_are_kept_while_a_codec_is_at_work_and_no_more_than_fit() {
        let user = KeepsSpares::new();
        dropped(7);
        let again: Plane<u8> = plane(SIDE, SIDE).unwrap();
        assert!(again.samples().iter().all(|&sample| sample == 7));
        assert_eq!(plane::<u8>(SIDE, SIDE).unwrap().samples()[0], 0, "there was but one");
        for _ in 0..100 {
            dropped(9);
        }
        let kept = lock().of_8_bits.planes.len();
        assert!((2..=MOST_BYTES / (SIDE * SIDE)).contains(&kept), "{kept}");
        drop(user);
        let spare = lock();
        // Other tests may be at work.
        assert!(spare.users > 0 || spare.of_8_bits.planes.is_empty() && spare.of_16_bits.planes.is_empty());
    }
}
