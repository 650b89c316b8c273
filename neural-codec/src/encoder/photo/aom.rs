//! A photo as one AV1 key frame of 4:4:4, coded by libaom and decoded by the decoder that readers have (docs/decisions/0023).

use std::sync::Arc;

use super::av1::{Coded, color_for_players};
use crate::base::{Libaom, Quantizer, StillEncoder, StillTune};
use crate::bitstream::{PhotoCode, PhotoFilter};
use crate::decoder::{Av1Photo, color_of_photo, decode_av1_photo, decode_own_planes, filter_planes};
use crate::error::Result;
use crate::filter::{PHOTO_NETWORK, photo_network};
use crate::frame::{BitDepth, Color, ColorAxes, Frame, Layout, OwnColors, PixelFormat, convert};
use crate::metrics::{Comparison, Measures};

/// What a step of the quantizer makes coarser, about: a quarter step is a quarter of that (on a logarithmic scale) by smaller planes,
/// as libaom has whole steps alone.
const STEP: f64 = 1.07;

/// Quarter steps of the coarsest quantizer that libaom has.
const COARSEST: u16 = 4 * 63;

/// What the planes are.
#[derive(Debug, Clone, Copy)]
pub(super) enum PhotoPlanes {
    /// Those in which an error weighs the same, for squared error.
    Own {
        axes: ColorAxes,
        /// What a filter has to add in dB of psnr_rgb to be applied; none where none is tried.
        filter_worth: Option<f64>,
    },
    /// Luma and chroma, which what people see is judged by, scaled for quarter steps.
    Scaled,
    /// Luma and chroma as players know them.
    ForPlayers {
        /// Whether a profile says what the colors are.
        has_profile: bool,
    },
}

/// Codes one photo, again and again.
pub(super) struct AomCoder<'a> {
    library: Arc<Libaom>,
    source: &'a Frame,
    planes: PhotoPlanes,
    tune: StillTune,
    threads: usize,
}

impl<'a> AomCoder<'a> {
    /// A coder of `source`, RGB, of color.
    pub(super) fn new(
        library: Arc<Libaom>,
        source: &'a Frame,
        planes: PhotoPlanes,
        tune: StillTune,
        threads: usize,
    ) -> Self {
        Self { library, source, planes, tune, threads }
    }

    /// What reports call the library.
    pub(super) fn name(&self) -> String {
        format!("libaom {}", self.library.version())
    }

    /// Whether it codes for what people see.
    pub(super) fn is_perceptual(&self) -> bool {
        self.tune == StillTune::Perception
    }

    /// The options that are in use.
    pub(super) fn tools(&self) -> String {
        let colors = if matches!(self.planes, PhotoPlanes::Own { .. }) { "own" } else { "ycbcr" };
        format!("colors={colors} tune={}", if self.is_perceptual() { "perception" } else { "psnr" })
    }

    /// The next quantizer at or below `value` that there is.
    pub(super) fn quantizer_at_most(&self, value: f64) -> Quantizer {
        let is_whole = matches!(self.planes, PhotoPlanes::ForPlayers { .. });
        Quantizer::at_most(value.min(f64::from(COARSEST) / 4.0), is_whole)
    }

    /// Codes the photo and decodes it.
    ///
    /// # Errors
    ///
    /// Those of libaom and of the decoder.
    pub(super) fn attempt(&self, quantizer: Quantizer, speed: i8) -> Result<Coded> {
        let quarters = quantizer.quarters().min(COARSEST);
        let encoder = StillEncoder {
            quantizer: (quarters / 4) as u8,
            speed: speed.clamp(0, 9) as u8,
            tune: self.tune,
            color: None,
            threads: self.threads,
        };
        let shrunk = STEP.powf(f64::from(quarters % 4) / 4.0);
        match self.planes {
            PhotoPlanes::Own { axes, filter_worth } => {
                self.in_colors(axes.colors(shrunk), encoder, filter_worth)
            }
            PhotoPlanes::Scaled => self.in_colors(OwnColors::ycbcr(shrunk), encoder, None),
            PhotoPlanes::ForPlayers { has_profile } => {
                self.for_players(StillEncoder { color: Some(color_for_players(has_profile)), ..encoder })
            }
        }
    }

    fn in_colors(
        &self,
        colors: OwnColors,
        encoder: StillEncoder,
        filter_worth: Option<f64>,
    ) -> Result<Coded> {
        let unit = encoder.encode(&self.library, &colors.planes_of(self.source)?)?;
        let (size, depth) = ((self.source.width(), self.source.height()), self.source.format().depth);
        let planes = decode_own_planes(&unit, size, self.threads)?;
        let decoded = colors.rgb_of(&planes, depth)?;
        if let Some(worth) = filter_worth {
            let filter = PhotoFilter { network: PHOTO_NETWORK, quantizer: encoder.quantizer };
            let network = photo_network(filter)?;
            let filtered = colors.rgb_of(&filter_planes(&planes, &network, self.threads)?, depth)?;
            let (before, after) = (self.error_of(&decoded)?, self.error_of(&filtered)?);
            if after as f64 * 10_f64.powf(worth / 10.0) < before as f64 {
                let code = PhotoCode::OwnColors { colors, filter: Some(filter), unit };
                return Ok(Coded {
                    code,
                    decoded: filtered,
                    macs_per_pixel: network.macs_per_pixel() as u64,
                });
            }
        }
        let code = PhotoCode::OwnColors { colors, filter: None, unit };
        Ok(Coded { code, decoded, macs_per_pixel: 0 })
    }

    /// The sum of squared errors of red, green and blue.
    fn error_of(&self, decoded: &Frame) -> Result<u128> {
        let mut comparison = Comparison::new(self.source.format(), Measures::PSNR);
        Ok(comparison.push(self.source, decoded)?.planes.iter().map(|plane| plane.sum).sum())
    }

    fn for_players(&self, encoder: StillEncoder) -> Result<Coded> {
        let (matrix, depth) = (Color::BT601, BitDepth::Ten);
        let format = PixelFormat { layout: Layout::Yuv444, depth };
        let unit = encoder.encode(&self.library, &convert(self.source, format, color_of_photo(matrix))?)?;
        let photo = Av1Photo {
            width: self.source.width(),
            height: self.source.height(),
            layout: Layout::Yuv444,
            depth,
            matrix,
            is_gray: false,
        };
        let decoded = decode_av1_photo(&unit, photo, self.source.format().depth, self.threads)?;
        let code = PhotoCode::Av1 { is_444: true, depth, matrix, unit };
        Ok(Coded { code, decoded, macs_per_pixel: 0 })
    }
}
