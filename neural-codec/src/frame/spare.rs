//! Planes that are done with, for the next frame of their size.
//!
//! A codec makes and drops some large frames for each that it codes. Asking the system for every one costs page after page, and leaves
//! holes in the memory of the C library into which nothing else fits. Nothing is kept unless a codec is at work.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::plane::{Plane, Sample};
use crate::error::Result;
use crate::process;

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

    /// Keeps samples in place of the oldest; not where there is no memory to note them.
    fn put(&mut self, samples: Vec<T>) {
        if self.planes.try_reserve(1).is_err() {
            return;
        }
        self.bytes += bytes_of(&samples);
        self.planes.push_back(samples);
        while self.bytes > MOST_BYTES
            && let Some(oldest) = self.planes.pop_front()
        {
            self.bytes -= bytes_of(&oldest);
        }
    }

    fn take(&mut self, len: usize) -> Option<Vec<T>> {
        let at = self.planes.iter().rposition(|samples| samples.len() == len)?;
        let samples = self.planes.remove(at)?;
        self.bytes -= bytes_of(&samples);
        Some(samples)
    }
}

/// Memory behind samples.
fn bytes_of<T>(samples: &Vec<T>) -> usize {
    samples.capacity() * size_of::<T>()
}

/// The pool, where no other thread has it; in a child of `fork` such a thread may be gone, and nobody waits.
fn at_once() -> Option<MutexGuard<'static, Spare>> {
    match SPARE.try_lock() {
        Ok(spare) => Some(spare),
        Err(TryLockError::Poisoned(spare)) => Some(spare.into_inner()),
        Err(TryLockError::WouldBlock) => None,
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
        if !process::is_forked() {
            lock().users += 1;
        }
        Self(())
    }
}

impl Drop for KeepsSpares {
    fn drop(&mut self) {
        if process::is_forked() {
            return;
        }
        let mut spare = lock();
        spare.users -= 1;
        let none = Spare { users: 0, of_8_bits: List::new(), of_16_bits: List::new() };
        let gone = if spare.users == 0 { Some(std::mem::replace(&mut *spare, none)) } else { None };
        // Given back without the lock.
        drop(spare);
        drop(gone);
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

/// A copy of a plane.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn copy<T: Kept>(plane: &Plane<T>) -> Result<Plane<T>> {
    let Some(mut samples) = take(plane.samples().len()) else { return plane.try_clone() };
    samples.copy_from_slice(plane.samples());
    Plane::from_samples(plane.width(), plane.height(), samples)
}

fn take<T: Kept>(len: usize) -> Option<Vec<T>> {
    if is_worth_it(len * size_of::<T>()) { T::list(&mut *at_once()?).take(len) } else { None }
}

/// Keeps a plane that is done with, where that is wanted.
pub(super) fn keep<T: Kept>(plane: &mut Plane<T>) {
    if !is_worth_it(size_of_val(plane.samples())) {
        return;
    }
    if let Some(mut spare) = at_once()
        && spare.users > 0
    {
        T::list(&mut spare).put(plane.take_samples());
    }
}

/// Whether a plane of so many bytes is neither too small nor too large to be kept.
fn is_worth_it(bytes: usize) -> bool {
    (LEAST_BYTES..=MOST_BYTES).contains(&bytes)
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

    /// Until it is kept: another test may have the pool for a moment.
    fn kept(value: u8) {
        (0..1000).find(|_| {
            dropped(value);
            count() > 0
        });
    }

    /// How many of them are kept: other tests may be at work beside.
    fn count() -> usize {
        lock().of_8_bits.planes.iter().filter(|samples| samples.len() == SIDE * SIDE).count()
    }

    #[test]
    fn planes_are_kept_while_a_codec_is_at_work_and_no_more_than_fit() {
        let user = KeepsSpares::new();
        kept(7);
        assert_eq!(count(), 1);
        let again = (0..1000).find_map(|_| take::<u8>(SIDE * SIDE)).unwrap();
        assert!(again.iter().all(|&sample| sample == 7));
        assert_eq!(plane::<u8>(SIDE, SIDE).unwrap().samples()[0], 0, "there was but one");
        for _ in 0..100 {
            dropped(9);
        }
        assert!((1..=MOST_BYTES / (SIDE * SIDE)).contains(&count()), "{}", count());
        assert!(lock().of_8_bits.bytes <= MOST_BYTES);
        let copied = copy(&Plane::from_samples(SIDE, SIDE, vec![5_u8; SIDE * SIDE]).unwrap()).unwrap();
        assert!(copied.samples().iter().all(|&sample| sample == 5));
        // Nobody waits for the pool.
        let (before, held) = (count(), lock());
        dropped(1);
        let new: Plane<u8> = plane(SIDE, SIDE).unwrap();
        drop(held);
        assert_eq!((new.samples()[0], count()), (0, before));
        drop(user);
        assert!(lock().users > 0 || count() == 0);
    }
}
