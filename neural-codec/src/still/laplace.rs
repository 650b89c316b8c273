//! Laplace distributions in whole numbers, and the range coder of latents.
//!
//! The coder is `constriction`'s with words of 32 bits and a state of 64; a latent takes one symbol of 20 bits.

use std::borrow::Borrow;
use std::num::NonZeroU32;
use std::sync::OnceLock;

use constriction::backends::Cursor;
use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::queue::{DefaultRangeDecoder, DefaultRangeEncoder};
use constriction::stream::{Decode, Encode};

use super::plan::{LATENT_BOUND, corrupt};
use crate::error::{Error, Result};
use crate::memory;

/// Bits of a probability.
const PRECISION: usize = 20;

/// Scales, from e^-5 to e^5 by eighths of an exponent.
pub(crate) const SCALES: usize = 81;

/// Steps of a mean in one step of a latent.
pub(crate) const MEAN_STEPS: i32 = 16;

/// `round(2^32 exp(-1 / (16 b)))` for `b = exp(-5 + s / 8)`: the decay over a sixteenth of a step.
const DECAYS: [u32; SCALES] = [
    402_273,
    1_196_397,
    3_130_465,
    7_315_723,
    15_473_494,
    29_970_371,
    53_710_631,
    89_878_714,
    141_572_909,
    211_406_026,
    301_156_961,
    411_539_095,
    542_117_882,
    691_374_388,
    856_884_361,
    1_035_568_444,
    1_223_967_808,
    1_418_507_033,
    1_615_718_013,
    1_812_411_093,
    2_005_790_141,
    2_193_515_739,
    2_373_725_000,
    2_545_018_319,
    2_706_423_265,
    2_857_344_640,
    2_997_507_991,
    3_126_902_041,
    3_245_723_793,
    3_354_328_649,
    3_453_186_770,
    3_542_846_103,
    3_623_901_930,
    3_696_972_476,
    3_762_679_889,
    3_821_635_868,
    3_874_431_187,
    3_921_628_407,
    3_963_757_157,
    4_001_311_421,
    4_034_748_382,
    4_064_488_418,
    4_090_915_943,
    4_114_380_850,
    4_135_200_330,
    4_153_660_949,
    4_170_020_832,
    4_184_511_893,
    4_197_342_034,
    4_208_697_266,
    4_218_743_737,
    4_227_629_636,
    4_235_486_959,
    4_242_433_152,
    4_248_572_608,
    4_253_998_038,
    4_258_791_718,
    4_263_026_613,
    4_266_767_392,
    4_270_071_344,
    4_272_989_197,
    4_275_565_850,
    4_277_841_028,
    4_279_849_872,
    4_281_623_453,
    4_283_189_244,
    4_284_571_525,
    4_285_791_755,
    4_286_868_892,
    4_287_819_687,
    4_288_658_937,
    4_289_399_708,
    4_290_053_542,
    4_290_630_632,
    4_291_139_976,
    4_291_589_521,
    4_291_986_282,
    4_292_336_453,
    4_292_645_502,
    4_292_918_255,
    4_293_158_973,
];

/// `tails[s][t]`: 2^31 exp(-t / (16 b)), rounded down at every factor; zeros at the end are left out.
fn tails() -> &'static [Vec<u32>] {
    static TAILS: OnceLock<Vec<Vec<u32>>> = OnceLock::new();
    TAILS.get_or_init(|| {
        // The farthest bound is 127.5 steps from the mean.
        let longest = (2 * LATENT_BOUND * MEAN_STEPS + MEAN_STEPS) as usize;
        let tail = |&decay: &u32| {
            let mut value = 1_u64 << 31;
            let mut tail = Vec::new();
            while value > 0 && tail.len() < longest {
                tail.push(value as u32);
                value = (value * u64::from(decay)) >> 32;
            }
            tail
        };
        DECAYS.iter().map(tail).collect()
    })
}

/// The distribution of one latent.
#[derive(Clone, Copy)]
pub(crate) struct Laplace {
    tail: &'static [u32],
    /// Units: 1 / `MEAN_STEPS`.
    mean: i32,
    /// Least and greatest value.
    bounds: (i32, i32),
}

impl Laplace {
    /// From what the entropy model gives, in 1/256: the mean, and the logarithm of the scale plus 4.
    pub(crate) fn new(mean: i32, log_scale: i32, bounds: (i32, i32)) -> Self {
        let mean = ((mean + 8) >> 4).clamp(-LATENT_BOUND * MEAN_STEPS, (LATENT_BOUND - 1) * MEAN_STEPS);
        let scale = ((log_scale + 256 + 16) >> 5).clamp(0, SCALES as i32 - 1);
        Self { tail: &tails()[scale as usize], mean, bounds }
    }

    /// Shares of all values below this one. Units: 2^-20.
    fn below(&self, value: i32) -> u32 {
        let (least, greatest) = self.bounds;
        if value <= least {
            return 0;
        }
        if value > greatest {
            return 1 << PRECISION;
        }
        let distance = (2 * value - 1) * (MEAN_STEPS / 2) - self.mean;
        let tail = u64::from(self.tail.get(distance.unsigned_abs() as usize).copied().unwrap_or(0));
        let share = if distance <= 0 { tail } else { (1 << 32) - tail };
        let free = (1_u64 << PRECISION) - (greatest - least + 1) as u64;
        ((share * free) >> 32) as u32 + (value - least) as u32
    }

    fn share(&self, value: i32) -> (u32, NonZeroU32) {
        let start = self.below(value);
        (start, NonZeroU32::new(self.below(value + 1) - start).unwrap_or(NonZeroU32::MIN))
    }

    /// What a value costs, in bits.
    pub(crate) fn cost(&self, value: i32) -> f64 {
        PRECISION as f64 - f64::from(self.share(value).1.get()).log2()
    }
}

impl EntropyModel<PRECISION> for Laplace {
    type Symbol = i32;
    type Probability = u32;
}

impl EncoderModel<PRECISION> for Laplace {
    fn left_cumulative_and_probability(&self, symbol: impl Borrow<i32>) -> Option<(u32, NonZeroU32)> {
        let value = *symbol.borrow();
        (self.bounds.0..=self.bounds.1).contains(&value).then(|| self.share(value))
    }
}

impl DecoderModel<PRECISION> for Laplace {
    fn quantile_function(&self, quantile: u32) -> (i32, u32, NonZeroU32) {
        // Outwards from the mean; `below` grows with every value, so each loop ends at a bound at the latest.
        let mut value = ((self.mean + MEAN_STEPS / 2) >> 4).clamp(self.bounds.0, self.bounds.1);
        let mut start = self.below(value);
        while start > quantile {
            value -= 1;
            start = self.below(value);
        }
        let mut end = self.below(value + 1);
        while end <= quantile {
            value += 1;
            start = end;
            end = self.below(value + 1);
        }
        (value, start, NonZeroU32::new(end - start).unwrap_or(NonZeroU32::MIN))
    }
}

/// Something latents go through: the same calls write and read, so that the two cannot differ.
pub(crate) trait LatentCoder {
    /// Says which latent comes next: its grid, and its place in it.
    fn at(&mut self, _grid: usize, _place: usize) {}

    /// Codes a latent. A reader ignores `value` and gives the one it found.
    fn latent(&mut self, model: Laplace, value: i32) -> Result<i32>;
}

/// Writes latents.
pub(crate) struct LatentWriter(DefaultRangeEncoder);

/// Most bits that a latent takes: its share is at least 2^-20.
const MOST_BITS: usize = 20;

impl LatentWriter {
    /// A writer of so many latents.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(crate) fn new(latents: usize) -> Result<Self> {
        let words = memory::reserved("latents", latents * MOST_BITS / 32 + 8)?;
        Ok(Self(DefaultRangeEncoder::with_write_backend(words)))
    }

    /// The bytes.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        match self.0.into_compressed() {
            Ok(words) => {
                let mut bytes = memory::reserved("latents", words.len() * 4)?;
                bytes.extend(words.into_iter().flat_map(u32::to_le_bytes));
                Ok(bytes)
            }
            Err(never) => match never {},
        }
    }
}

impl LatentCoder for LatentWriter {
    fn latent(&mut self, model: Laplace, value: i32) -> Result<i32> {
        let coded = self.0.encode_symbol(value, model);
        coded.map_err(|error| Error::internal("range coder", error.to_string()))?;
        Ok(value)
    }
}

/// Reads latents. What lies beyond the end reads as zeros.
pub(crate) struct LatentReader {
    decoder: DefaultRangeDecoder<Cursor<u32, Vec<u32>>>,
    offset: usize,
}

impl LatentReader {
    /// `offset`: where the bytes begin, for errors.
    pub(crate) fn new(bytes: &[u8], offset: usize) -> Result<Self> {
        if !bytes.len().is_multiple_of(4) {
            return Err(corrupt("latents", "a multiple of 4 bytes", bytes.len(), offset));
        }
        let words =
            bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        let words = crate::memory::collected("latents", words)?;
        match DefaultRangeDecoder::from_compressed(words) {
            Ok(decoder) => Ok(Self { decoder, offset }),
            Err(never) => match never {},
        }
    }

    /// # Errors
    ///
    /// `Corrupt` where bytes are left over.
    pub(crate) fn expect_end(&self) -> Result<()> {
        if self.decoder.maybe_exhausted() {
            return Ok(());
        }
        Err(corrupt("latents", "no bytes after the last latent", "more", self.offset))
    }
}

impl LatentCoder for LatentReader {
    fn latent(&mut self, model: Laplace, _: i32) -> Result<i32> {
        self.decoder
            .decode_symbol(model)
            .map_err(|_| corrupt("latents", "bits that an encoder can write", "others", self.offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_every_scale_reads_back() {
        let mut cases = Vec::new();
        for log_scale in (-1000..2500).step_by(97) {
            for mean in [-40_000, -77, 0, 5, 900, 40_000] {
                for (bounds, values) in [((-64, 63), vec![-64, -3, 0, 1, 63]), ((-1, 2), vec![-1, 0, 2])] {
                    cases.extend(values.iter().map(|&value| (Laplace::new(mean, log_scale, bounds), value)));
                }
            }
        }
        let mut writer = LatentWriter::new(cases.len()).unwrap();
        cases.iter().for_each(|&(model, value)| assert_eq!(writer.latent(model, value).unwrap(), value));
        let bytes = writer.finish().unwrap();
        let mut reader = LatentReader::new(&bytes, 0).unwrap();
        cases.iter().for_each(|&(model, value)| assert_eq!(reader.latent(model, 0).unwrap(), value));
        reader.expect_end().unwrap();
    }

    #[test]
    fn a_sure_latent_costs_next_to_nothing() {
        assert!(Laplace::new(0, -1000, (-2, 2)).cost(0) < 1e-4);
        // A Laplace distribution of scale 4 at its mean: 1 - exp(-1/8).
        let expected = -(1.0 - (-0.125_f64).exp()).log2();
        let cost = Laplace::new(0, 1024 + 355, (-64, 63)).cost(0);
        assert!((cost - expected).abs() < 0.03, "{cost} against {expected}");
    }
}
