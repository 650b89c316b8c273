//! Whether this FFmpeg's Matroska writer moves sound by the samples before it, as the format asks.
//!
//! Matroska counts from the first coded sample and a track's delay is taken off; FFmpeg counts from the first that is heard.
//! FFmpeg 5.1 takes the delay off when it reads and does not add it when it writes, so that each copy is early by as much.

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ffmpeg_next::Packet;
use ffmpeg_next::format::context::StreamIo;

use super::super::Container;
use super::demux::{Demuxer, open_stream};
use super::muxer::{Muxer, Timing, copy};
use super::native_write::audio_parameters;
use crate::bitstream::{AudioDetails, AudioTrack};
use crate::error::Result;
use crate::frame::Rational;

/// Samples before the sound, 20 ms.
const PADDING: u32 = 960;
/// An identification header of Opus (RFC 7845 clause 5.1): one channel, 960 samples before the sound, 48 kHz.
const OPUS_HEAD: [u8; 19] = *b"OpusHead\x01\x01\xC0\x03\x80\xBB\0\0\0\0\0";

/// Whether a writer of Matroska has to be given times later by what belongs before the sound. Found out once, by a file of one
/// packet in memory.
pub(super) fn has_to_be_added() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    // A file that cannot be made or read says nothing.
    *ANSWER.get_or_init(|| first_time().is_ok_and(|time| time < -1))
}

/// When a packet that is written at 0, with samples before it, is read. Units: milliseconds.
fn first_time() -> Result<i64> {
    let track = AudioTrack {
        codec: "opus".into(),
        time_base: Rational { num: 1, den: 48_000 },
        sample_rate: 48_000,
        channels: 1,
        frame_size: PADDING,
        bit_rate: 0,
        extradata: OPUS_HEAD.to_vec(),
        language: String::new(),
        details: AudioDetails { initial_padding: PADDING, ..AudioDetails::default() },
    };
    let bytes = Shared::default();
    let mut muxer = Muxer::stream(bytes.clone(), Container::Matroska)?;
    muxer.begin_at(0);
    muxer.add_bare(audio_parameters(&track)?, ffmpeg_next::Rational::new(1, 48_000))?;
    muxer.start()?;
    for index in 0..3 {
        let time = index * i64::from(PADDING);
        let timing = Timing { presentation: time, decoding: time, duration: PADDING.into(), is_key: true };
        muxer.write(0, copy(&[0xFC, 0xFF, 0xFE])?, &timing)?;
    }
    muxer.finish()?;
    let stream = StreamIo::from_read_seek(Cursor::new(bytes.take()));
    let mut demuxer = Demuxer::new(open_stream(stream, "a file in memory", None)?);
    let mut packet = Packet::empty();
    demuxer
        .read(&mut packet)
        .map_err(|error| super::muxer::write_error("a file in memory".as_ref(), error))?;
    Ok(packet.pts().unwrap_or(0))
}

/// Bytes in memory that a writer owns and its maker sees.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_read_where_it_was_written_or_earlier_by_its_padding() {
        super::super::initialize();
        let time = first_time().unwrap();
        assert!(time == 0 || time == -20, "{time} ms");
        assert_eq!(has_to_be_added(), time == -20);
    }
}
