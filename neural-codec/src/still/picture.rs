//! The picture that a still is coded from and decodes to.

use super::train::Colors;
use crate::error::{Error, Result};

/// A picture of three colors at full range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StillPicture {
    /// Units: pixels, 1 to 65535.
    pub width: u32,
    /// Units: pixels, 1 to 65535.
    pub height: u32,
    /// Bits of a sample, 8 to 16.
    pub bit_depth: u8,
    /// R, G, B. Shape: `[height][width]`.
    pub planes: [Vec<u16>; 3],
}

impl StillPicture {
    /// # Errors
    ///
    /// `InvalidArgument` for planes that do not have the picture's size, or a depth that cannot be coded.
    pub(crate) fn check(&self) -> Result<()> {
        if !(8..=16).contains(&self.bit_depth) {
            return Err(Error::invalid("bit_depth", "8 to 16", self.bit_depth));
        }
        let pixels = self.width as usize * self.height as usize;
        match self.planes.iter().find(|plane| plane.len() != pixels) {
            Some(plane) => Err(Error::invalid("planes", format!("{pixels} samples each"), plane.len())),
            None => Ok(()),
        }
    }

    /// Samples as training sees them; 1.0 is the full range.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(crate) fn colors(&self) -> Result<Colors> {
        let (width, height) = (self.width as usize, self.height as usize);
        let scale = 1.0 / ((1_u32 << self.bit_depth) - 1) as f32;
        let mut colors = Colors::new(width, height)?;
        for (channel, plane) in self.planes.iter().enumerate() {
            for (y, row) in plane.chunks_exact(width).enumerate() {
                for (to, &sample) in colors.row_mut(y, channel).iter_mut().zip(row) {
                    *to = f32::from(sample) * scale;
                }
            }
        }
        Ok(colors)
    }

    /// Peak signal-to-noise ratio over all samples of all three colors. Units: dB; infinite for equal pictures.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for another size or depth.
    pub fn psnr_rgb(&self, other: &Self) -> Result<f64> {
        let form = |picture: &Self| (picture.width, picture.height, picture.bit_depth);
        if form(self) != form(other) {
            return Err(Error::invalid("other", format!("{:?}", form(self)), format!("{:?}", form(other))));
        }
        self.check()?;
        other.check()?;
        let mut sum = 0_u64;
        for (a, b) in self.planes.iter().zip(&other.planes) {
            sum += a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum::<u64>();
        }
        let samples = 3.0 * f64::from(self.width) * f64::from(self.height);
        let peak = f64::from((1_u32 << self.bit_depth) - 1);
        Ok(10.0 * (peak * peak * samples / sum as f64).log10())
    }
}
