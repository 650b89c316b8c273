//! Audio tracks of a file that is being read: described, and their packets handed on unchanged.

use ffmpeg_next::Packet;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::media::Type;

use super::super::timestamps::TimestampRepair;
use super::{native, positive};
use crate::bitstream::{AudioPacket, AudioTrack};
use crate::error::{Error, Place, Result};

/// A gap in an audio track that is longer than this many seconds is taken for a clock set anew.
const LONGEST_GAP: i64 = 10;

/// Collects the audio packets of a file.
#[derive(Default)]
pub(super) struct AudioReader {
    tracks: Vec<AudioTrack>,
    /// Stream index and timestamps of each track.
    streams: Vec<(usize, TimestampRepair)>,
    packets: Vec<AudioPacket>,
}

impl AudioReader {
    /// Finds the audio tracks.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` past 255 of them.
    pub(super) fn new(input: &Input) -> Result<Self> {
        let mut audio = Self::default();
        for stream in input.streams().filter(|stream| stream.parameters().medium() == Type::Audio) {
            let Some(time_base) = positive(stream.time_base()) else { continue };
            let track = native::audio_track(&stream, time_base);
            if track.sample_rate == 0 || track.channels == 0 {
                continue;
            }
            let gap = LONGEST_GAP * i64::from(time_base.den) / i64::from(time_base.num);
            audio.streams.push((stream.index(), TimestampRepair::new(gap)));
            audio.tracks.push(track);
        }
        match u8::try_from(audio.tracks.len()) {
            Ok(_) => Ok(audio),
            Err(_) => Err(Error::LimitExceeded {
                what: "number of audio tracks",
                limit: 255,
                found: audio.tracks.len() as u64,
                place: Place::default(),
            }),
        }
    }

    pub(super) fn tracks(&self) -> &[AudioTrack] {
        &self.tracks
    }

    /// Whether the packets of a stream are wanted.
    pub(super) fn has_stream(&self, stream: usize) -> bool {
        self.streams.iter().any(|&(index, _)| index == stream)
    }

    /// Keeps a packet if it belongs to a track.
    pub(super) fn push(&mut self, packet: &Packet) {
        let found = self.streams.iter_mut().enumerate().find(|(_, (index, _))| *index == packet.stream());
        let (Some((track, (_, repair))), Some(data)) = (found, packet.data()) else { return };
        let timestamp = repair.next(packet.pts().or(packet.dts()), packet.duration());
        self.packets.push(AudioPacket {
            // `new` has checked that there are no more than 255.
            track: track as u8,
            timestamp,
            duration: u32::try_from(packet.duration()).unwrap_or(0),
            data: data.to_vec(),
        });
    }

    pub(super) fn take(&mut self) -> Vec<AudioPacket> {
        std::mem::take(&mut self.packets)
    }
}
