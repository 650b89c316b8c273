//! A photo as one AV1 key frame of 4:2:0 and full range, coded by SVT-AV1 and decoded by the decoder that readers have.

use std::sync::Arc;

use crate::base::{EncoderConfig, Library, Quantizer, StillTune, SvtAv1Encoder, Version, with_retries};
use crate::bitstream::{PhotoCode, PhotoPacket};
use crate::decoder::{Av1Photo, color_of_photo, decode_av1_photo};
use crate::error::{Error, Place, Result};
use crate::frame::{BitDepth, Color, Frame, Layout, PixelFormat, convert};

/// H.273 code points of sRGB, for players; nothing here reads them.
const SRGB_PRIMARIES: u8 = 1;
const SRGB_TRANSFER: u8 = 13;

/// From this version on, SVT-AV1 tunes for image quality without prediction from other frames alone, which `avif` asks for.
const INTRA_FROM: (u32, u32) = (4, 2);

/// From this version on, SVT-AV1 has a tune for image quality.
const PERCEPTION_FROM: (u32, u32) = (3, 1);

/// What a version decides by: its option `tune`, which older ones leave at PSNR (docs/decisions/0017).
fn options_of(tune: StillTune, version: Version) -> Vec<(String, String)> {
    let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    match tune {
        StillTune::SquaredError => vec![option("tune", "1")],
        // Older ones refuse the value, some of them only when all options are there.
        StillTune::Perception if (version.0, version.1) < PERCEPTION_FROM => vec![option("tune", "1")],
        StillTune::Perception if (version.0, version.1) >= INTRA_FROM => {
            vec![option("avif", "1"), option("tune", "3")]
        }
        StillTune::Perception => vec![option("tune", "3")],
    }
}

/// Codes one photo, again and again.
pub(super) struct Av1Coder {
    library: Arc<Library>,
    config: EncoderConfig,
    yuv: Arc<Frame>,
    /// Bits of a sample of the source, which the decoded picture has too.
    output_depth: BitDepth,
    is_gray: bool,
    /// How often an attempt was retried.
    pub(super) retries: u64,
}

/// What an attempt gives.
pub(super) struct Coded {
    pub(super) code: PhotoCode,
    /// What a reader will see.
    pub(super) decoded: Frame,
    /// Multiplications a pixel of what is applied to the decoded planes.
    pub(super) macs_per_pixel: u64,
}

impl Av1Coder {
    /// A coder of `source`, RGB, at so many bits.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn new(
        library: &Arc<Library>,
        source: &Frame,
        depth: BitDepth,
        is_gray: bool,
        has_profile: bool,
        tune: StillTune,
        threads: usize,
    ) -> Result<Self> {
        let format = PixelFormat { layout: Layout::Yuv420, depth };
        let yuv = Arc::new(convert(source, format, color_of_photo(Color::BT601))?);
        let color = color_for_players(has_profile);
        let config = EncoderConfig {
            depth,
            color,
            threads,
            extra: options_of(tune, library.version()),
            ..EncoderConfig::new(source.width(), source.height(), PhotoPacket::RATE)
        };
        let output_depth = source.format().depth;
        Ok(Self { library: Arc::clone(library), config, yuv, output_depth, is_gray, retries: 0 })
    }

    /// What reports call the library.
    pub(super) fn name(&self) -> String {
        format!("SVT-AV1 {}", self.library.version())
    }

    /// The next quantizer at or below `value` that the library has.
    pub(super) fn quantizer_at_most(&self, value: f64) -> Quantizer {
        self.library.quantizer_at_most(value)
    }

    /// Bits of a coded sample.
    pub(super) fn depth(&self) -> BitDepth {
        self.config.depth
    }

    /// The options that are in use.
    pub(super) fn tools(&self) -> String {
        let tools: Vec<_> = self.config.extra.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if tools.is_empty() { "default".into() } else { tools.join(" ") }
    }

    /// Codes the photo and decodes it.
    ///
    /// # Errors
    ///
    /// Those of the base encoder and decoder.
    pub(super) fn attempt(&mut self, quantizer: Quantizer, preset: i8) -> Result<Coded> {
        (self.config.quantizer, self.config.preset) = (quantizer, preset);
        let mut retries = 0;
        let coded = with_retries(|| self.once(), || retries += 1);
        self.retries += retries;
        coded
    }

    fn once(&mut self) -> Result<Coded> {
        let unit = self.unit()?;
        let EncoderConfig { width, height, depth, color, threads, .. } = self.config;
        let photo = Av1Photo {
            width,
            height,
            layout: Layout::Yuv420,
            depth,
            matrix: color.matrix,
            is_gray: self.is_gray,
        };
        let decoded = decode_av1_photo(&unit, photo, self.output_depth, threads)?;
        let code = PhotoCode::Av1 { is_444: false, depth, matrix: color.matrix, unit };
        Ok(Coded { code, decoded, macs_per_pixel: 0 })
    }

    fn unit(&mut self) -> Result<Vec<u8>> {
        let mut encoder = self.encoder()?;
        encoder.send(Arc::clone(&self.yuv))?;
        encoder.finish()?;
        let mut units = Vec::new();
        while let Some(unit) = encoder.receive()? {
            units.push(unit.data);
        }
        match (units.pop(), units.len()) {
            (Some(unit), 0) => Ok(unit),
            (_, others) => Err(not_one_frame(others)),
        }
    }

    /// An encoder with the options that its version knows.
    fn encoder(&mut self) -> Result<SvtAv1Encoder> {
        loop {
            match SvtAv1Encoder::new(&self.library, &self.config) {
                Err(Error::InvalidArgument { name, .. })
                    if self.config.extra.iter().any(|(known, _)| *known == name) =>
                {
                    self.config.extra.retain(|(known, _)| *known != name);
                }
                opened => return opened,
            }
        }
    }
}

/// What a player is told of the colors of a picture: sRGB where no profile says otherwise.
pub(super) fn color_for_players(has_profile: bool) -> Color {
    let color = color_of_photo(Color::BT601);
    match has_profile {
        true => color,
        false => Color { primaries: SRGB_PRIMARIES, transfer: SRGB_TRANSFER, ..color },
    }
}

fn not_one_frame(found: usize) -> Error {
    Error::corrupt("base layer", "one temporal unit of one frame", found, Place::default())
}
