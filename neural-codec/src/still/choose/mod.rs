//! Parameters and latents chosen by what they really cost: after training, before the payload is written.
//!
//! ```text
//! payload, rounded -> parameters, one after another -> latents, many at once -> payload, written
//! ```

mod latents;
mod parameters;

pub(crate) use latents::choose_latents;
pub(crate) use parameters::choose_parameters;

use super::picture::StillPicture;
use crate::error::Result;
use crate::memory;

/// The error of each pixel: the mean over colors of squared differences; 1.0 is the full range.
fn errors_of(decoded: &[Vec<u16>; 3], picture: &StillPicture, depth: u8) -> Result<Vec<f32>> {
    let mut errors = memory::filled("errors of pixels", decoded[0].len(), 0.0)?;
    let peak = f32::from(((1_u32 << depth) - 1) as u16);
    for (decoded, wanted) in decoded.iter().zip(&picture.planes) {
        for ((error, &decoded), &wanted) in errors.iter_mut().zip(decoded).zip(wanted) {
            let difference = (f32::from(decoded) - f32::from(wanted)) / peak;
            *error += difference * difference / 3.0;
        }
    }
    Ok(errors)
}

#[cfg(test)]
mod tests {
    use crate::still::base::{base_parameters, nearest};
    use crate::still::decode_payload;
    use crate::still::payload::Payload;
    use crate::still::picture::StillPicture;
    use crate::still::plan::{Plan, StillNetwork};
    use crate::still::tests::waves;
    use crate::still::train::first_guess;

    /// A picture of 75x47, a payload of its first guess by a base network, and the latents of that before they were rounded.
    pub(super) fn guessed() -> (StillPicture, Payload, Vec<Vec<f32>>) {
        let picture = waves(75, 47);
        let plan = Plan::new(75, 47, StillNetwork::Medium).unwrap();
        let (base, analysis) = nearest(StillNetwork::Medium, 1e-3).unwrap();
        let trained = first_guess(&plan, &analysis, &picture.colors().unwrap()).unwrap();
        let latents: Vec<Vec<i16>> = trained
            .iter()
            .map(|grid| grid.iter().map(|value| value.clamp(-60.0, 60.0).round() as i16).collect())
            .collect();
        let payload = Payload {
            parameters: base_parameters(&plan, StillNetwork::Medium, base).unwrap(),
            bounds: vec![(-64, 63); plan.grids.len()],
            plan,
            network: StillNetwork::Medium,
            depth: 8,
            base,
            shifts: [0; 7],
            latents,
        };
        (picture, payload, trained)
    }

    /// Error plus a thousandth of the bits, as written and decoded, and the error alone: a sum over pixels.
    pub(super) fn written_cost(payload: &Payload, picture: &StillPicture) -> (f64, f64) {
        let bytes = payload.write().unwrap();
        let decoded = decode_payload(&Payload::read(&bytes, |_, _| Ok(())).unwrap()).unwrap();
        let error = 75.0 * 47.0 * 10_f64.powf(-0.1 * picture.psnr_rgb(&decoded).unwrap());
        (error + 1e-3 * 8.0 * bytes.len() as f64, error)
    }
}
