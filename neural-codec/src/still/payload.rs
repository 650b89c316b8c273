//! The bytes of a still: header, parameters, latents. Written and read side by side.
//!
//! ```text
//! header      version, sizes, bounds of the latents, steps of the parameters, bytes of both parts
//! parameters  differences from the network that it starts from, range coded
//! latents     range coded, to the end
//! ```

use super::base::base_parameters;
use super::laplace::{LatentReader, LatentWriter};
use super::latents::{code_latents, copies};
use super::plan::{Group, LATENT_BOUND, Plan, StillNetwork, WEIGHT_BITS, corrupt};
use crate::error::{Error, Place, Result};
use crate::memory;
use crate::range_coder::Numbers;
use crate::range_coder::bits::{BitCoder, BitReader, BitWriter};
use crate::range_coder::magnitudes::Magnitudes;
use crate::range_coder::values::Values;

/// The version of payloads that are written. In the first, which is read, parameters cost a bit each for every step up to twelve.
const VERSION: u8 = 2;

/// How parameters are coded in payloads that are written.
pub(crate) type ParameterModels = Magnitudes;

/// Bytes before the bounds of the latents.
const FIXED_BYTES: usize = 16;

/// Everything a payload says.
pub(crate) struct Payload {
    pub(crate) plan: Plan,
    pub(crate) network: StillNetwork,
    pub(crate) depth: u8,
    /// Number of the network that the parameters start from; 0 is the plain one.
    pub(crate) base: u8,
    /// By how many bits each group of parameters is coarser than their unit.
    pub(crate) shifts: [u8; Group::COUNT],
    pub(crate) parameters: Vec<i32>,
    pub(crate) bounds: Vec<(i32, i32)>,
    pub(crate) latents: Vec<Vec<i16>>,
}

/// A parameter in steps of its group, rounded to the nearest.
pub(crate) fn in_steps(value: i32, shift: u8) -> i32 {
    if shift == 0 { value } else { (value + (1 << (shift - 1))) >> shift }
}

/// Codes parameters as differences from a base's, group by group.
pub(crate) fn code_parameters<Models: Numbers>(
    plan: &Plan,
    base: &[i32],
    shifts: &[u8; Group::COUNT],
    parameters: &mut [i32],
    coder: &mut impl BitCoder,
) -> Result<()> {
    let mut models = [(); Group::COUNT].map(|()| Models::new());
    for (group, range) in &plan.runs {
        let (models, shift) = (&mut models[*group as usize], shifts[*group as usize]);
        for at in range.clone() {
            let start = in_steps(base[at], shift);
            let step = models.code(coder, in_steps(parameters[at], shift) - start)? + start;
            // Any 16 bits of parameter; a sum of products is modulo 2^32 whatever they are.
            parameters[at] = (step << shift).clamp(-32768, 32767);
        }
    }
    Ok(())
}

impl Payload {
    /// The bytes.
    pub(crate) fn write(&self) -> Result<Vec<u8>> {
        let mut bits = BitWriter::default();
        let base = base_parameters(&self.plan, self.network, self.base)?;
        let mut coded = self.parameters.clone();
        code_parameters::<ParameterModels>(&self.plan, &base, &self.shifts, &mut coded, &mut bits)?;
        // What latents are coded by is what a reader finds.
        debug_assert_eq!(coded, self.parameters);
        let parameters = bits.finish()?;
        let mut coder = LatentWriter::new(self.latents.iter().map(Vec::len).sum())?;
        code_latents(&self.plan, &self.parameters, &self.bounds, &mut copies(&self.latents)?, &mut coder)?;
        let mut bytes = vec![VERSION, self.network as u8, self.base, self.depth];
        bytes.extend((self.plan.width as u16).to_le_bytes());
        bytes.extend((self.plan.height as u16).to_le_bytes());
        bytes.extend((self.plan.multiplications() as u16).to_le_bytes());
        bytes.extend((parameters.len() as u16).to_le_bytes());
        // Seven shifts of four bits.
        let shifts = self.shifts.iter().rev().fold(0_u32, |all, &shift| all << 4 | u32::from(shift));
        bytes.extend(shifts.to_le_bytes());
        debug_assert_eq!(bytes.len(), FIXED_BYTES);
        bytes.extend(self.bounds.iter().flat_map(|&(least, greatest)| [least as u8, greatest as u8]));
        bytes.extend(parameters);
        let latents = coder.finish()?;
        memory::grow("still", &mut bytes, latents.len())?;
        bytes.extend(latents);
        Ok(bytes)
    }

    /// Reads a payload, after `check` has seen its plan.
    ///
    /// # Errors
    ///
    /// `Corrupt`, `Truncated` with the offset; `UnsupportedVersion`; `OutOfMemory`; what `check` says.
    pub(crate) fn read(bytes: &[u8], check: impl FnOnce(&Plan, u8) -> Result<()>) -> Result<Self> {
        let truncated = |at: usize| Error::Truncated { what: "still", place: Place::at_offset(at as u64) };
        let fixed = bytes.get(..FIXED_BYTES).ok_or_else(|| truncated(bytes.len()))?;
        let version = fixed[0];
        if !(1..=VERSION).contains(&version) {
            return Err(Error::UnsupportedVersion { found: version.into(), supported: VERSION.into() });
        }
        let network = *StillNetwork::ALL
            .get(usize::from(fixed[1]))
            .ok_or_else(|| corrupt("network size", "0 to 2", fixed[1], 1))?;
        let (base, depth) = (fixed[2], fixed[3]);
        if !(8..=16).contains(&depth) {
            return Err(corrupt("bit depth", "8 to 16", depth, 3));
        }
        let u16_at = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        if u16_at(4) == 0 || u16_at(6) == 0 {
            return Err(corrupt("size", "at least 1x1", "0", 4));
        }
        let plan = Plan::new(u16_at(4).into(), u16_at(6).into(), network)?;
        if u16_at(8) != plan.multiplications() as u16 {
            return Err(corrupt("multiplications a pixel", "those of the network", u16_at(8), 8));
        }
        check(&plan, depth)?;
        let mut all = u32::from_le_bytes([fixed[12], fixed[13], fixed[14], fixed[15]]);
        let mut shifts = [0; Group::COUNT];
        for shift in &mut shifts {
            *shift = (all & 15) as u8;
            all >>= 4;
            if u32::from(*shift) > WEIGHT_BITS {
                return Err(corrupt("step of parameters", "at most 12", *shift, 12));
            }
        }
        if all != 0 {
            return Err(corrupt("reserved bits", "0", all, 15));
        }
        let parameters_at = FIXED_BYTES + 2 * plan.grids.len();
        let latents_at = parameters_at + usize::from(u16_at(10));
        let pairs = bytes.get(FIXED_BYTES..parameters_at).ok_or_else(|| truncated(bytes.len()))?;
        let mut bounds = Vec::new();
        for (index, pair) in pairs.chunks_exact(2).enumerate() {
            let (least, greatest) = (i32::from(pair[0] as i8), i32::from(pair[1] as i8));
            if least > greatest || least < -LATENT_BOUND || greatest >= LATENT_BOUND {
                let found = format!("{least} to {greatest}");
                return Err(corrupt(
                    "bounds of latents",
                    "a range within -64 to 63",
                    found,
                    FIXED_BYTES + 2 * index,
                ));
            }
            bounds.push((least, greatest));
        }
        let coded = bytes.get(parameters_at..latents_at).ok_or_else(|| truncated(bytes.len()))?;
        let place = Place::at_offset(parameters_at as u64);
        let mut parameters = vec![0; plan.parameters];
        let mut bits = BitReader::new(coded).map_err(|error| error.within(place))?;
        let start = base_parameters(&plan, network, base)?;
        let coded = match version {
            1 => code_parameters::<Values>(&plan, &start, &shifts, &mut parameters, &mut bits),
            _ => code_parameters::<ParameterModels>(&plan, &start, &shifts, &mut parameters, &mut bits),
        };
        coded.map_err(|error| error.within(place))?;
        bits.expect_end().map_err(|error| error.within(place))?;
        let mut latents = Vec::new();
        for grid in &plan.grids {
            latents.push(memory::filled("latents", grid.width * grid.height, 0_i16)?);
        }
        let mut coder = LatentReader::new(&bytes[latents_at..], latents_at)?;
        code_latents(&plan, &parameters, &bounds, &mut latents, &mut coder)?;
        coder.expect_end()?;
        Ok(Self { plan, network, depth, base, shifts, parameters, bounds, latents })
    }
}
