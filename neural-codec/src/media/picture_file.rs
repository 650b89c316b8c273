//! What all readers of picture files have in common: what their decoders may take, and how they fail. Cargo feature `images`.

use std::path::Path;

use image::Limits;

use crate::error::{Error, Place};
use crate::frame::MAX_SIDE;

/// Most bytes a decoder may allocate: the largest picture, three channels of 16 bits.
const MAX_ALLOCATION: u64 = (MAX_SIDE * MAX_SIDE * 6) as u64;

/// What a decoder of pictures may take.
pub(super) fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE as u32), Some(MAX_SIDE as u32));
    limits.max_alloc = Some(MAX_ALLOCATION);
    limits
}

/// The error of a picture file that does not decode.
pub(super) fn picture_error(path: &Path, error: image::ImageError) -> Error {
    match error {
        image::ImageError::IoError(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::corrupt(
                "picture",
                "a whole file",
                format!("a shorter one: {}", path.display()),
                Place::default(),
            )
        }
        image::ImageError::IoError(source) => Error::io(path, source),
        image::ImageError::Limits(reason) => Error::LimitExceeded {
            what: "picture size",
            limit: MAX_SIDE as u64,
            found: match reason.kind() {
                image::error::LimitErrorKind::DimensionError => MAX_SIDE as u64 + 1,
                _ => MAX_ALLOCATION,
            },
            place: Place::default(),
        },
        image::ImageError::Unsupported(reason) => Error::Unsupported {
            what: format!("picture {}: {reason}", path.display()),
            remedy: "convert it to PNG".into(),
        },
        error => Error::corrupt(
            "picture",
            "a valid file",
            format!("{error}: {}", path.display()),
            Place::default(),
        ),
    }
}
