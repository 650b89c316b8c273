//! Settings of the encoder, and the names that SVT-AV1 has for them.

use super::quantizer::Quantizer;
use super::source::coded_size;
use crate::error::{Error, Result};
use crate::frame::{BitDepth, ChromaLocation, Color, ColorRange, Rational, check_size};

/// Options that would break what this module promises: one size, one frame a unit, calls that never wait.
const RESERVED: [&str; 10] = [
    "width",
    "w",
    "height",
    "h",
    "input-depth",
    "color-format",
    "pred-struct",
    "pass",
    "resize-mode",
    "recon",
];

/// Frames a second that the library takes.
const MOST_FRAMES_A_SECOND: f64 = 240.0;

/// Settings of one encoder.
#[derive(Debug, Clone)]
pub struct EncoderConfig {
    /// Width of the frames in pixels; coded at [`coded_size`](super::coded_size).
    pub width: usize,
    /// Height of the frames in pixels.
    pub height: usize,
    /// Bits of a sample.
    pub depth: BitDepth,
    /// Color description that the AV1 stream carries. Units: H.273 code points.
    pub color: Color,
    /// Frames a second.
    pub frame_rate: Rational,
    /// Constant quality. Versions before 4 take whole steps only.
    pub quantizer: Quantizer,
    /// Whether every frame brings a quantizer of its own ([`send_at`](super::SvtAv1Encoder::send_at)).
    pub frame_quantizers: bool,
    /// Speed, 0 (slowest) to 13. Not comparable between versions of the library.
    pub preset: i8,
    /// SVT-AV1's `lp`, at least 1: more threads, and more memory. The bytes do not depend on it.
    pub threads: usize,
    /// Frames from one key frame to the next; `None` for a key frame at the start only.
    pub keyframe_interval: Option<u32>,
    /// More options, by SVT-AV1's name and value.
    pub extra: Vec<(String, String)>,
}

impl EncoderConfig {
    /// Constant quality 32 at preset 8 with one thread, for 8-bit frames of a given size and rate.
    pub fn new(width: usize, height: usize, frame_rate: Rational) -> Self {
        Self {
            width,
            height,
            depth: BitDepth::Eight,
            color: Color::default(),
            frame_rate,
            quantizer: Quantizer::from(32),
            frame_quantizers: false,
            preset: 8,
            threads: 1,
            keyframe_interval: None,
            extra: Vec::new(),
        }
    }

    /// The frame rate that the library is told, which takes no more than 240: at a constant quality it steers nothing, and times
    /// are the stream's own.
    fn told_rate(&self) -> Rational {
        if self.frame_rate.value() > MOST_FRAMES_A_SECOND {
            Rational { num: 240, den: 1 }
        } else {
            self.frame_rate
        }
    }

    /// Every option by SVT-AV1's name, in the order in which it is set.
    pub(super) fn options(&self) -> Vec<(String, String)> {
        let (width, height) = coded_size(self.width, self.height);
        let number = |name: &str, value: i64| (name.to_owned(), value.to_string());
        let mut options = vec![
            number("width", width as i64),
            number("height", height as i64),
            number("input-depth", i64::from(self.depth.bits())),
            number("fps-num", i64::from(self.told_rate().num)),
            number("fps-denom", i64::from(self.told_rate().den)),
            number("preset", i64::from(self.preset)),
            ("crf".to_owned(), self.quantizer.to_string()),
            number("lp", self.threads as i64),
            // 2: a closed group of pictures, so that nothing refers across a key frame.
            number("irefresh-type", 2),
            // Scenes are cut before they come here.
            number("scd", 0),
            number("keyint", self.keyframe_interval.map_or(-1, i64::from)),
            number("color-primaries", i64::from(self.color.primaries)),
            number("transfer-characteristics", i64::from(self.color.transfer)),
            number("color-range", i64::from(self.color.range == ColorRange::Full)),
        ];
        // AV1 has no 4:2:0 with the identity matrix, which is what 0 means.
        if self.color.matrix != 0 {
            options.push(number("matrix-coefficients", i64::from(self.color.matrix)));
        }
        // EB_CSP_VERTICAL and EB_CSP_COLOCATED; AV1 has no code for the center.
        match self.color.chroma_location {
            ChromaLocation::Left => options.push(number("chroma-sample-position", 1)),
            ChromaLocation::TopLeft => options.push(number("chroma-sample-position", 2)),
            ChromaLocation::Unspecified | ChromaLocation::Center => {}
        }
        if self.frame_quantizers {
            options.push(number("use-q-file", 1));
        }
        options.extend(self.extra.iter().cloned());
        options
    }

    pub(super) fn check(&self) -> Result<()> {
        check_size(self.width, self.height)?;
        if !(0..=13).contains(&self.preset) {
            return Err(Error::invalid("preset", "0 to 13", self.preset));
        }
        if self.threads == 0 {
            return Err(Error::invalid("threads", "at least 1", 0));
        }
        if self.keyframe_interval == Some(0) {
            return Err(Error::invalid("keyframe interval", "at least 1 frame", 0));
        }
        if let Some((name, value)) = self.extra.iter().find(|(name, _)| RESERVED.contains(&name.as_str())) {
            return Err(Error::invalid(name, "an option that may be changed", format!("{value:?}")));
        }
        Ok(())
    }
}
