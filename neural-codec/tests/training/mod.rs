//! Patches to train on, and the device for one test at a time.
#![allow(dead_code, reason = "each test uses a part")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use neural_codec::device::Device;
use neural_codec::filter::train::{PATCH, Patch, Random};
use neural_codec::filter::{SITE_CHANNELS, TEMPORAL_LAYERS};

use crate::fake_driver::{device, fake_driver, is_real};

/// The device for one test at a time, healthy.
pub(crate) fn alone() -> (MutexGuard<'static, ()>, Device) {
    static GATE: Mutex<()> = Mutex::new(());
    let guard = GATE.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_real() {
        fake_driver().fail(c"", -1, 0);
        fake_driver().leave_memory(1 << 32);
    }
    (guard, device())
}

/// Seven patches of noise, of all kinds and sets.
pub(crate) fn patches(random: &mut Random, sets: usize) -> Vec<Patch> {
    let mut patch = |index: usize| {
        let mut samples =
            || (0..SITE_CHANNELS * PATCH * PATCH).map(|_| (random.normal() * 2000.0) as i16).collect();
        let (decoded, source) = (samples(), samples());
        let weight = 1e-4 * (1 + index) as f32;
        Patch {
            decoded,
            source,
            temporal_layer: index % TEMPORAL_LAYERS,
            set: index % sets,
            weight,
            chroma: 0.3,
        }
    };
    (0..7).map(&mut patch).collect()
}

/// What is decoded is too bright by half a level of 8 bits: an offset can take it away.
pub(crate) fn too_bright(sets: usize) -> Vec<Patch> {
    let mut patches = patches(&mut Random::new(6), sets);
    for patch in &mut patches {
        patch.decoded = patch.source.iter().map(|value| value.saturating_add(32)).collect();
        patch.weight = 1.0;
    }
    patches
}
