//! Latents as training sees them: rounded softly, with noise, or as a decoder has them.
//!
//! Source: soft rounding with noise, Agustsson and Theis 2020, as Cool-chic has it: soft, noise, soft.

use super::lanes::{exp, trained};

/// How latents are rounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rounding {
    /// Softly around noise. Units of both: steps of a latent.
    Soft { temperature: f32, noise: f32, between: Between },
    /// To the nearest, without gradients.
    Hard,
}

/// What a value between two whole numbers costs in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    /// What the distribution gives a step around it: less than the numbers on both sides do on the mean, so that many values stay
    /// there, and cost more once they are rounded.
    Curve,
    /// What lies between the costs of both on a straight line: the mean of rounding up as often as the value is high.
    Line,
}

/// Largest latent in training; rounds to one that may be coded.
pub(super) const LARGEST: f32 = 63.0;

/// A row of rounded latents, and the derivatives by the latents. `seed` is of the row and the step.
pub(super) fn round(
    values: &[f32],
    rounding: Rounding,
    seed: u64,
    rounded: &mut [f32],
    derivatives: &mut [f32],
) {
    match rounding {
        Rounding::Hard => {
            for (rounded, &value) in rounded.iter_mut().zip(values) {
                *rounded = value.clamp(-LARGEST, LARGEST).round_ties_even();
            }
            derivatives.fill(0.0);
        }
        Rounding::Soft { temperature, noise, .. } => {
            soft(values, (temperature, noise), seed, rounded, derivatives);
        }
    }
}

trained! {
    fn soft(values: &[f32], how: (f32, f32), seed: u64, rounded: &mut [f32], derivatives: &mut [f32]) { soft_body }
}

#[inline(always)]
fn soft_body<const FUSED: bool>(
    values: &[f32],
    (temperature, noise): (f32, f32),
    seed: u64,
    rounded: &mut [f32],
    derivatives: &mut [f32],
) {
    let inverse = 1.0 / temperature;
    let scale = 0.5 / (0.5 * inverse).tanh();
    let seed = (seed ^ (seed >> 32)) as u32;
    for (at, ((&value, rounded), derivative)) in values.iter().zip(rounded).zip(derivatives).enumerate() {
        let value = value.clamp(-LARGEST, LARGEST);
        let (first, by_value) = soft_step(value, inverse, scale);
        let (second, by_first) =
            soft_step(first + noise * normal(seed.wrapping_add(at as u32)), inverse, scale);
        *rounded = second;
        *derivative = by_value * by_first;
    }
}

/// `floor + 1/2 + tanh((x - floor - 1/2) / T) / (2 tanh(1 / (2 T)))` and its derivative.
#[inline(always)]
fn soft_step(x: f32, inverse: f32, scale: f32) -> (f32, f32) {
    let center = x.floor() + 0.5;
    let tanh = 1.0 - 2.0 / (exp(2.0 * (x - center) * inverse) + 1.0);
    (center + scale * tanh, scale * inverse * (1.0 - tanh * tanh))
}

/// Near to a normal distribution of variance 1: four bytes of a hash.
#[inline(always)]
fn normal(seed: u32) -> f32 {
    let mut bits = seed.wrapping_mul(0x9E37_79B1);
    bits = (bits ^ (bits >> 15)).wrapping_mul(0x85EB_CA77);
    bits = (bits ^ (bits >> 13)).wrapping_mul(0xC2B2_AE3D);
    bits ^= bits >> 16;
    let sum = (bits & 255) + ((bits >> 8) & 255) + ((bits >> 16) & 255) + (bits >> 24);
    // Four bytes have a mean of 127.5 and a variance of 65535/12 each.
    (sum as i32 as f32 - 510.0) * (1.0 / 147.8)
}
