//! Photos in and out: one picture with what belongs to it. Cargo feature `images`.
//!
//! ```text
//! in    PNG, JPEG, TIFF, WebP, BMP -> upright RGB, alpha, ICC, EXIF, XMP; what is not kept is named
//!       array of samples -> RGB, alpha
//! out   RGB, alpha, ICC, EXIF, XMP -> PNG or TIFF; array of samples; an AV1 unit -> AVIF
//! ```
//! Between the two are `encoder::photo` and `decoder::photo`.

mod alpha;
mod extras;
mod read;
mod samples;
mod write;

pub use alpha::Alpha;
pub(super) use read::{alpha_of, lost_beside};
pub use read::{is_photo, read_photo};
pub use samples::{Interleaved, Samples};
pub(super) use samples::{lost_bits, ten_bits};
pub(crate) use write::is_gray;
pub use write::write_photo;

use crate::bitstream::PhotoTags;
use crate::frame::Frame;
use crate::lost::Lost;

/// Where an ICC profile says which colors it is about.
const ICC_SPACE: std::ops::Range<usize> = 16..20;

/// The keyword of XMP among the texts of a PNG file.
const XMP_KEYWORD: &str = "XML:com.adobe.xmp";

/// One picture and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// RGB of full range at 8 or 10 bits, upright.
    pub frame: Frame,
    /// Opacity; none where the picture is opaque everywhere.
    pub alpha: Option<Alpha>,
    /// Profile, EXIF and XMP.
    pub tags: PhotoTags,
    /// What of the file is not here.
    pub lost: Vec<Lost>,
}

impl Photo {
    /// A picture of RGB samples, and nothing else.
    pub fn new(frame: Frame) -> Self {
        Self { frame, alpha: None, tags: PhotoTags::default(), lost: Vec::new() }
    }
}
