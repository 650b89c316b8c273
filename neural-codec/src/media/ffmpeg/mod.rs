//! Video files in and out through the system's FFmpeg. Cargo feature `ffmpeg`.

mod declared_crop;
mod decode;
mod deinterlace;
mod demux;
mod filters;
mod headers;
mod keeping;
mod lossless;
mod muxer;
mod native;
mod native_sound;
mod native_write;
mod orientation;
mod padding;
mod picture_data;
mod picture_items;
mod push;
mod reader;
mod remux;
mod sample_layout;
mod samples;
mod sound_queue;
#[cfg(test)]
mod tests;
mod track_reader;
mod transcode;
mod units;

pub use keeping::ContainerTracks;
pub(crate) use keeping::expect_known_audio;
pub use lossless::LosslessWriter;
pub use reader::FfmpegReader;
pub use remux::{Av1Writer, TrackUnit};
pub(super) use transcode::Transcoder;
pub use units::{FileItem, UnitReader};

use std::sync::Once;

use crate::error::{Error, Place, Result};

/// The version of the FFmpeg that is used, as it names itself.
pub fn version() -> String {
    native::version()
}

/// Prepares FFmpeg, once for the process: it no longer prints.
fn initialize() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Fills in the texts of FFmpeg's errors; it cannot fail.
        let _ = ffmpeg_next::init();
        native::silence_log();
    });
}

/// An error of FFmpeg's while reading the bytes of a file.
fn read_error(what: &'static str, error: ffmpeg_next::Error, place: Place) -> Error {
    match error {
        ffmpeg_next::Error::Other { errno } if errno == ffmpeg_next::error::ENOMEM => {
            Error::OutOfMemory { what, bytes: 0 }
        }
        ffmpeg_next::Error::Other { errno } if errno == ffmpeg_next::error::EIO => {
            Error::Truncated { what, place }
        }
        error => Error::corrupt(what, "bytes that FFmpeg can read", error.to_string().to_lowercase(), place),
    }
}

/// A fraction of FFmpeg's, `None` unless it is positive.
fn positive(fraction: ffmpeg_next::Rational) -> Option<crate::frame::Rational> {
    let (num, den) = (u32::try_from(fraction.numerator()).ok()?, u32::try_from(fraction.denominator()).ok()?);
    crate::frame::Rational::new(num, den).ok()
}

/// A fraction for FFmpeg, whose numbers are signed.
fn signed(name: &'static str, fraction: crate::frame::Rational) -> Result<ffmpeg_next::Rational> {
    match (i32::try_from(fraction.num), i32::try_from(fraction.den)) {
        (Ok(num), Ok(den)) => Ok(ffmpeg_next::Rational::new(num, den)),
        _ => Err(Error::invalid(name, "numbers below 2^31", fraction)),
    }
}
