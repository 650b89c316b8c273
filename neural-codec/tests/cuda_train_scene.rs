//! A scene's filter trained on a GPU, or on the fake driver for one, from the first step to the last candidate, beside the CPU's.
//!
//! Gradients are rounded otherwise there, so that what is trained may differ a little; what is judged without training may not.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod fake_driver;

use fake_driver::{device, fake_driver, is_real};
use neural_codec::defaults::Defaults;
use neural_codec::device::Device;
use neural_codec::filter::train::{PATCH, Patch, Patches, ScenePlan, Trained, train_scene};
use neural_codec::filter::{NetworkSize, SITE_CHANNELS};
use neural_codec::progress::CancelToken;

/// Few enough for the fake driver: one step of gains, five of all weights and two on rounded parameters.
const STEPS: usize = 8;

/// Decoded frames that are too bright, which a filter can be trained to take away.
fn patches() -> Patches {
    let mut state = 1_u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i16 % 500
    };
    let mut some = |count: usize| -> Vec<Patch> {
        let patch = |index: usize| {
            let source: Vec<i16> = (0..SITE_CHANNELS * PATCH * PATCH).map(|_| random()).collect();
            let decoded: Vec<i16> = source.iter().map(|value| value + 128).collect();
            let weight = 1.0 / (4.0 * (128.0_f32 / 4096.0).powi(2) * (PATCH * PATCH) as f32);
            let (decoded, source) = (decoded.into(), source.into());
            Patch { decoded, source, temporal_layer: index % 6, set: 0, weight, chroma: 1.0 }
        };
        (0..count).map(patch).collect()
    };
    Patches { training: some(6), judges: some(2) }
}

fn trained(device: &Device) -> Trained {
    let plan = ScenePlan {
        profile: NetworkSize::M,
        steps: STEPS,
        quantizer: 180,
        byte_price: 1e-6,
        seed: 1,
        rules: Defaults::default().training,
    };
    train_scene(&plan, patches(), &[], device, &CancelToken::new()).unwrap()
}

#[test]
fn a_whole_scene_trains_on_a_gpu_as_on_the_cpu() {
    let gpu = device();
    let (there, here) = (trained(&gpu), trained(&Device::cpu()));
    assert!(gpu.notes().is_empty(), "{:?}", gpu.notes());
    if !is_real() {
        assert!(fake_driver().launches() > 0);
    }
    assert!(!there.diverged && !here.diverged);
    let names = |trained: &Trained| trained.candidates.iter().map(|found| found.name).collect::<Vec<_>>();
    assert_eq!(names(&there), ["base", "gains", "weights"]);
    assert_eq!(names(&there), names(&here));
    for (there, here) in there.candidates.iter().zip(&here.candidates) {
        let left = (there.error_left, here.error_left);
        let tolerance = if there.name == "base" { 1e-5 } else { 0.01 };
        assert!((left.0 - left.1).abs() <= tolerance * left.1, "{}: {left:?}", there.name);
        let bytes = (there.bytes as f64, here.bytes as f64);
        assert!((bytes.0 - bytes.1).abs() <= 0.05 * bytes.1 + 4.0, "{}: {bytes:?}", there.name);
    }
    let left = |trained: &Trained, at: usize| trained.candidates[at].error_left;
    assert!(left(&there, 2) < left(&there, 0), "{} {}", left(&there, 2), left(&there, 0));
}
