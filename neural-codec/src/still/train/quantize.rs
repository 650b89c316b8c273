//! The trained network in whole numbers: steps of each group of parameters, chosen by rate and distortion.

use super::colors::Colors;
use super::trainer::Trainer;
use crate::error::Result;
use crate::range_coder::bits::{Bit, BitCoder};
use crate::still::payload::{ParameterModels, code_parameters};
use crate::still::plan::{Group, Plan, in_floats};

/// Steps that are taken where none are searched: bits coarser than 2^-12, by group.
const USUAL: [u8; Group::COUNT] = [6, 6, 6, 6, 4, 3, 2];

/// Adds up what bits cost.
#[derive(Default)]
struct BitCost(f64);

impl BitCoder for BitCost {
    fn bit(&mut self, model: &mut Bit, bit: bool) -> Result<bool> {
        self.0 += model.cost(bit);
        model.update(bit);
        Ok(bit)
    }
}

/// Bits that parameters take.
pub(crate) fn parameter_bits(
    plan: &Plan,
    base: &[i32],
    shifts: &[u8; Group::COUNT],
    parameters: &[i32],
) -> Result<f64> {
    let mut cost = BitCost::default();
    code_parameters::<ParameterModels>(plan, base, shifts, &mut parameters.to_vec(), &mut cost)?;
    Ok(cost.0)
}

fn rounded(plan: &Plan, shifts: &[u8; Group::COUNT], parameters: &[f32]) -> Vec<i32> {
    let mut whole = vec![0; plan.parameters];
    for (group, range) in &plan.runs {
        let unit = f32::from(1_u16 << shifts[*group as usize]);
        for at in range.clone() {
            let most = (32767.0 / unit).floor();
            whole[at] = ((parameters[at] * 4096.0 / unit).round().clamp(-most, most) * unit) as i32;
        }
    }
    whole
}

/// Steps and parameters. `rounds` of a search over all groups, each of which costs about two evaluations a group.
pub(crate) fn quantize(
    trainer: &Trainer,
    base: &[i32],
    target: &Colors,
    rounds: u32,
) -> Result<([u8; Group::COUNT], Vec<i32>)> {
    let plan = &trainer.plan;
    let pixels = (plan.width * plan.height) as f64;
    let price = f64::from(trainer.price);
    let cost_of = |shifts: &[u8; Group::COUNT]| -> Result<f64> {
        let whole = rounded(plan, shifts, &trainer.parameters);
        let floats = in_floats(&whole);
        let cost = trainer.cost_of(target, &floats)?;
        Ok(cost.error * pixels + price * (cost.bits + parameter_bits(plan, base, shifts, &whole)?))
    };
    let mut shifts = USUAL;
    let mut best = if rounds > 0 { cost_of(&shifts)? } else { 0.0 };
    for _ in 0..rounds {
        for group in 0..Group::COUNT {
            for direction in [1_i8, -1] {
                let mut moved = false;
                loop {
                    let mut other = shifts;
                    other[group] = other[group].saturating_add_signed(direction);
                    if other[group] == shifts[group] || other[group] > 11 {
                        break;
                    }
                    let cost = cost_of(&other)?;
                    if cost >= best {
                        break;
                    }
                    (best, shifts, moved) = (cost, other, true);
                }
                if moved {
                    break;
                }
            }
        }
    }
    let whole = rounded(plan, &shifts, &trainer.parameters);
    Ok((shifts, whole))
}
