//! What a file says of its pictures that has no place in a clip: found, so that it can be named as lost.

use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::frame;
use ffmpeg_next::frame::side_data::Type as InFrame;
use ffmpeg_next::packet::side_data::Type as InStream;

use crate::error::{Error, Result};

const PROJECTION: (&str, &str) = ("projection", "that the pictures show a sphere has no place");

/// What a stream and its first frame say of pictures that has no place in a clip: what is lost, and why.
///
/// # Errors
///
/// `Unsupported` for Dolby Vision of profile 5: without its metadata the samples mean no colors.
pub(super) fn lost_of_pictures(
    stream: &Stream<'_>,
    first: &frame::Video,
) -> Result<Vec<(&'static str, &'static str)>> {
    let mut lost = Vec::new();
    for data in stream.side_data() {
        match data.kind() {
            // The third byte of the record is the profile (Dolby Vision streams within ISO base media, 3.2).
            InStream::DOVI_CONF if data.data().get(2) == Some(&5) => {
                return Err(Error::Unsupported {
                    what: "Dolby Vision of profile 5, whose samples are no Y'CbCr".into(),
                    remedy: "convert it to HDR10 or to BT.709 first".into(),
                });
            }
            InStream::DOVI_CONF => {
                lost.push(("Dolby Vision", "its metadata has no place; the pictures under it are coded"));
            }
            InStream::DataSpherical => lost.push(PROJECTION),
            _ => {}
        }
    }
    let in_frame = [
        (InFrame::A53CC, ("captions", "closed captions inside the pictures have no place")),
        (InFrame::DYNAMIC_HDR_PLUS, ("HDR10+", "metadata of single pictures has no place; HDR10 is kept")),
        (InFrame::Spherical, PROJECTION),
    ];
    let told = in_frame.into_iter().filter(|(kind, _)| first.side_data(*kind).is_some());
    lost.extend(told.map(|(_, lost)| lost));
    lost.dedup();
    Ok(lost)
}
