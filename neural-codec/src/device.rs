//! The device that heavy work runs on, and the way back to the CPU.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::gpu::{Gpu, lost};
use crate::threads::lock;

/// Samples of a frame's largest plane below which work stays on the CPU. Source: PSNR and SSIM of a frame of this size take
/// 0.164 ms on an H200 against 0.206 ms on its CPU; at 320x180 0.109 against 0.103 ms (docs/BENCHMARKS.md).
pub(crate) const FEWEST_SAMPLES: usize = 640 * 360;

/// The CPU, or one GPU with the CPU behind it. Cheap to clone; clones share their notes, and all a process opens, the GPU.
///
/// What a decoder shows and what metrics say does not depend on it.
#[derive(Clone, Default)]
pub struct Device {
    gpu: Option<Arc<Gpu>>,
    fewest_samples: usize,
    account: Arc<Account>,
}

/// What became of the work of all clones.
#[derive(Default)]
struct Account {
    notes: Mutex<Vec<String>>,
    /// Whether some was done on a GPU.
    has_worked: AtomicBool,
    /// Indices of GPUs whose loss is noted.
    lost: Mutex<BTreeSet<u32>>,
}

impl Device {
    /// The CPU.
    pub fn cpu() -> Self {
        Self::default()
    }

    /// The first GPU where a usable one is there, else the CPU; where one is there and cannot be used, [`notes`](Self::notes) says why.
    pub fn auto() -> Self {
        Self::cuda(0).unwrap_or_else(|error| {
            let cpu = Self::cpu();
            if Gpu::is_there() {
                cpu.note(format!("All work on the CPU: {error}"));
            }
            cpu
        })
    }

    /// The CUDA device of an index.
    ///
    /// # Errors
    ///
    /// `Device` with the remedy where there is no driver, none that is new enough, no such device or one too old,
    /// `OutOfMemory`.
    pub fn cuda(index: u32) -> Result<Self> {
        Ok(Self { gpu: Some(Gpu::open(index)?), fewest_samples: FEWEST_SAMPLES, account: Arc::default() })
    }

    /// The CUDA devices of these indices, which share their notes.
    ///
    /// # Errors
    ///
    /// As [`cuda`](Self::cuda), of the first that cannot be had.
    pub fn cuda_each(indices: impl IntoIterator<Item = u32>) -> Result<Vec<Self>> {
        let account = Arc::default();
        let open = |index| Ok(Self { account: Arc::clone(&account), ..Self::cuda(index)? });
        indices.into_iter().map(open).collect()
    }

    /// The same device, for small frames too; for tests and benches.
    #[must_use]
    pub fn for_every_size(self) -> Self {
        Self { fewest_samples: 0, ..self }
    }

    /// This device with the GPU that holds the frames, for frames of every size; notes are shared.
    pub(crate) fn at(&self, gpu: &Arc<Gpu>) -> Self {
        Self { gpu: Some(gpu.clone()), fewest_samples: 0, account: self.account.clone() }
    }

    /// The GPU, where there is one.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        self.gpu.as_ref()
    }

    /// What was done on the CPU after all, and why; each once.
    pub fn notes(&self) -> Vec<String> {
        lock(&self.account.notes).clone()
    }

    /// Whether a GPU did some of the work.
    pub(crate) fn has_worked_on_gpu(&self) -> bool {
        self.account.has_worked.load(Ordering::Relaxed)
    }

    /// Does work on frames of `samples` luma samples on the GPU. `None` where the CPU has to do it: there is no GPU, the
    /// frame is small, or the GPU failed, which [`notes`](Self::notes) then tells.
    ///
    /// # Errors
    ///
    /// Those of `work` that are not the device's.
    pub(crate) fn attempt<T>(
        &self,
        what: &str,
        samples: usize,
        work: impl FnOnce(&Arc<Gpu>) -> Result<T>,
    ) -> Result<Option<T>> {
        let Some(gpu) = self.gpu.as_ref().filter(|_| samples >= self.fewest_samples) else { return Ok(None) };
        if gpu.is_lost() {
            self.note_loss(gpu.index());
            return Ok(None);
        }
        match work(gpu) {
            Ok(result) => {
                self.account.has_worked.store(true, Ordering::Relaxed);
                Ok(Some(result))
            }
            Err(error @ (Error::Device { .. } | Error::OutOfMemory { .. })) => {
                if gpu.is_lost() {
                    lock(&self.account.lost).insert(gpu.index());
                }
                self.note(format!("{what} on the CPU: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The same work on the GPU or on the CPU, where both give the same to the last bit.
    ///
    /// The first result of each kind of work that a process gets from a GPU is compared with the CPU's. Where they differ,
    /// the GPU is disabled and [`notes`](Self::notes) says so: no driver or device decides what a frame is.
    ///
    /// # Errors
    ///
    /// Those of `on_cpu`, and those of `on_gpu` that are not the device's.
    pub(crate) fn agreed<T: PartialEq>(
        &self,
        what: &'static str,
        samples: usize,
        on_gpu: impl FnOnce(&Arc<Gpu>) -> Result<T>,
        on_cpu: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        match self.attempt(what, samples, |gpu| Ok((on_gpu(gpu)?, gpu.clone())))? {
            Some(done) => self.compared(what, done, on_cpu),
            None => on_cpu(),
        }
    }

    /// As [`agreed`](Self::agreed), but `None` where the CPU has to do it: it has a way of its own.
    pub(crate) fn verified<T: PartialEq>(
        &self,
        what: &'static str,
        samples: usize,
        on_gpu: impl FnOnce(&Arc<Gpu>) -> Result<T>,
        on_cpu: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        let done = self.attempt(what, samples, |gpu| Ok((on_gpu(gpu)?, gpu.clone())))?;
        done.map(|done| self.compared(what, done, on_cpu)).transpose()
    }

    /// A result that stays on the GPU. The first of each kind comes to the host and is compared, as that of [`agreed`](Self::agreed).
    ///
    /// `None` where the GPU failed at it or gives other values, which [`notes`](Self::notes) then tells.
    pub(crate) fn kept<T, H: PartialEq>(
        &self,
        what: &'static str,
        on_gpu: impl FnOnce(&Arc<Gpu>) -> Result<T>,
        to_host: impl FnOnce(&T) -> Result<H>,
        on_cpu: impl FnOnce() -> Result<H>,
    ) -> Result<Option<T>> {
        let work = |gpu: &Arc<Gpu>| {
            let kept = on_gpu(gpu)?;
            let first = if gpu.is_proven(what) { None } else { Some(to_host(&kept)?) };
            Ok((kept, first, gpu.clone()))
        };
        let Some((kept, first, gpu)) = self.attempt(what, usize::MAX, work)? else { return Ok(None) };
        if let Some(found) = first {
            self.compared(what, (found, gpu.clone()), on_cpu)?;
        }
        Ok(Some(kept).filter(|_| !gpu.is_lost()))
    }

    fn compared<T: PartialEq>(
        &self,
        what: &'static str,
        (found, gpu): (T, Arc<Gpu>),
        on_cpu: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        if gpu.is_proven(what) {
            return Ok(found);
        }
        let expected = on_cpu()?;
        let is_equal = found == expected;
        gpu.prove(what, is_equal);
        if !is_equal {
            lock(&self.account.lost).insert(gpu.index());
            self.note(format!("{what} on the CPU: {self} gives other values than the CPU and is disabled"));
        }
        Ok(expected)
    }

    fn note(&self, note: String) {
        let mut notes = lock(&self.account.notes);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// Notes that a GPU is lost where nothing noted says so: other work of the process, whose notes are its own, may have lost it.
    fn note_loss(&self, index: u32) {
        if lock(&self.account.lost).insert(index) {
            self.note(format!("All further work on the CPU: {}", lost(index)));
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.gpu {
            Some(gpu) => write!(f, "cuda:{} ({})", gpu.index(), gpu.name()),
            None => f.write_str("cpu"),
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({self})")
    }
}

impl PartialEq for Device {
    fn eq(&self, other: &Self) -> bool {
        self.gpu.as_ref().map(|gpu| gpu.index()) == other.gpu.as_ref().map(|gpu| gpu.index())
    }
}

impl Eq for Device {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_never_asked_to_be_a_gpu() {
        let device = Device::cpu();
        assert_eq!(device.attempt("work", 1 << 30, |_| Ok(1)).unwrap(), None);
        assert_eq!((device.to_string(), device.notes().len()), ("cpu".into(), 0));
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error_with_a_remedy_and_auto_is_the_cpu() {
        match Device::cuda(4000) {
            Err(Error::Device { device, reason }) => {
                assert_eq!(device, "cuda:4000");
                assert!(reason.contains("device=cpu"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
        if Device::cuda(0).is_err() {
            assert_eq!(Device::auto(), Device::cpu());
        }
    }
}
