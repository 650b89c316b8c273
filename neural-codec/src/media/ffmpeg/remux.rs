//! AV1 as it is into an ordinary video file, so that any player plays the base layer.

use std::path::Path;

use super::muxer::{Muxer, Timing, copy};
use super::native_write::{Av1Track, av1_parameters};
use super::signed;
use crate::bitstream::{AudioPacket, AudioTrack};
use crate::error::{Error, Place, Result};
use crate::frame::{BitDepth, VideoInfo};

/// OBU type of a sequence header (AV1 specification, clause 6.2.2).
const SEQUENCE_HEADER: u8 = 1;

/// One temporal unit: the OBUs of one shown frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackUnit {
    /// Presentation time in the clip's time base.
    pub timestamp: i64,
    /// Whether decoding can start here.
    pub is_key: bool,
    /// Bytes in the low-overhead format of the AV1 specification, clause 5.2.
    pub data: Vec<u8>,
}

/// Writes an MP4, MOV, Matroska or WebM file that holds the temporal units and audio packets as they are.
///
/// The first unit has to hold the sequence header, and the units have to be in presentation order. Audio packets may come in
/// any order among tracks, but in order within each.
///
/// # Errors
///
/// The units' own; `Corrupt` where the first holds no sequence header; `InvalidArgument` where timestamps do not
/// rise or there is no unit; `Unsupported` where the container cannot hold the audio; `Io`.
pub fn remux_av1(
    path: &Path,
    units: impl IntoIterator<Item = Result<TrackUnit>>,
    info: &VideoInfo,
    tracks: &[AudioTrack],
    audio: impl IntoIterator<Item = AudioPacket>,
) -> Result<()> {
    let mut units = units.into_iter();
    let first = units.next().ok_or_else(|| Error::invalid("temporal units", "at least one", "none"))??;
    let (time_base, rate) = (signed("time base", info.time_base)?, signed("frame rate", info.frame_rate)?);
    let parameters = av1_parameters(&Av1Track {
        width: info.width,
        height: info.height,
        color: info.color,
        ten_bit: info.format.depth == BitDepth::Ten,
        sequence_header: sequence_header(&first.data)?,
    })?;
    let mut muxer = Muxer::create(path)?;
    muxer.add_video(parameters, time_base, rate, info.pixel_aspect)?;
    muxer.add_audio(tracks)?;
    muxer.start()?;

    let duration = (1.0 / info.frame_rate.value() / info.time_base.value()).round().max(1.0) as i64;
    let mut audio = audio.into_iter().peekable();
    let mut last = None;
    for unit in std::iter::once(Ok(first)).chain(units) {
        let unit = unit?;
        if let Some(last) = last.filter(|&last| last >= unit.timestamp) {
            return Err(Error::invalid("timestamp", format!("more than {last}"), unit.timestamp));
        }
        last = Some(unit.timestamp);
        let seconds = unit.timestamp as f64 * info.time_base.value();
        while let Some(packet) = audio.next_if(|packet| starts_before(packet, tracks, seconds)) {
            muxer.write_audio(&packet)?;
        }
        let timing =
            Timing { presentation: unit.timestamp, decoding: unit.timestamp, duration, is_key: unit.is_key };
        muxer.write(0, copy(&unit.data)?, &timing)?;
    }
    for packet in audio {
        muxer.write_audio(&packet)?;
    }
    muxer.finish()
}

fn starts_before(packet: &AudioPacket, tracks: &[AudioTrack], seconds: f64) -> bool {
    let base = tracks.get(usize::from(packet.track)).map_or(0.0, |track| track.time_base.value());
    packet.timestamp as f64 * base < seconds
}

/// The sequence header OBU of a temporal unit, with its own header: what a container keeps of a stream.
///
/// Source: AV1 specification, clauses 5.3.1 to 5.3.3.
///
/// # Errors
///
/// `Corrupt` where there is none.
fn sequence_header(unit: &[u8]) -> Result<&[u8]> {
    let mut at = 0;
    while let Some(obu) = obu(&unit[at..]) {
        if obu.kind == SEQUENCE_HEADER {
            return Ok(&unit[at..at + obu.length]);
        }
        at += obu.length;
    }
    let place = Place::at_offset(at as u64);
    Err(Error::corrupt("first temporal unit", "a sequence header", "none", place))
}

struct Obu {
    kind: u8,
    /// Bytes with the header.
    length: usize,
}

/// The OBU at the start of `bytes`; `None` at the end, and where it is incomplete or does not say its size.
fn obu(bytes: &[u8]) -> Option<Obu> {
    let header = *bytes.first()?;
    let (has_extension, has_size) = (header & 4 != 0, header & 2 != 0);
    let mut at = if has_extension { 2 } else { 1 };
    if !has_size {
        return None;
    }
    let mut size = 0_u64;
    for index in 0..8 {
        let byte = *bytes.get(at)?;
        at += 1;
        size |= u64::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let length =
                at.checked_add(usize::try_from(size).ok()?).filter(|&length| length <= bytes.len())?;
            return Some(Obu { kind: (header >> 3) & 15, length });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_sequence_header_is_found_behind_other_units() {
        let unit = [0x12, 0, 0x0A, 3, 7, 8, 9, 0x32, 1, 5];
        assert_eq!(sequence_header(&unit).unwrap(), [0x0A, 3, 7, 8, 9]);
        for bytes in [&unit[..2], &unit[7..], &unit[..5], &[0x0A, 0xFF, 0xFF], &[]] {
            assert!(sequence_header(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_verdict(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = sequence_header(&bytes);
        }
    }
}
