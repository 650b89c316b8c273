//! AV1 as it is into an ordinary video file, so that any player plays the base layer.

use std::io::Write;
use std::path::Path;

use super::keeping::ContainerTracks;
use super::muxer::{Muxer, Timing, copy};
use super::native_write::{Av1Track, av1_parameters};
use super::padding;
use super::signed;
use crate::bitstream::{AudioPacket, SubtitlePacket};
use crate::error::{Error, Result};
use crate::frame::{BitDepth, VideoInfo};
use crate::media::Container;

/// One temporal unit: the OBUs of one shown frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackUnit {
    /// Presentation time in the clip's time base.
    pub timestamp: i64,
    /// How long it is shown in the clip's time base; 0 for until the next, and of the last for one nominal frame.
    pub duration: u64,
    /// Whether decoding can start here.
    pub is_key: bool,
    /// Bytes in the low-overhead format of the AV1 specification, clause 5.2.
    pub data: Vec<u8>,
}

/// Writes an MP4, MOV, Matroska or WebM file that holds temporal units and packets of other tracks as they are.
///
/// Units come in presentation order; packets of other tracks in any order among tracks, but in order within each.
pub struct Av1Writer {
    muxer: Muxer,
    kept: ContainerTracks,
    frame_duration: i64,
    /// A unit whose duration the next one's time tells.
    waiting: Option<TrackUnit>,
}

impl Av1Writer {
    /// Starts a file. `info`: of the coded pictures. `setup`: the OBUs that the container keeps for all units, the sequence
    /// header and HDR metadata. `earliest`: when the first packet of any track is heard or seen, in nanoseconds, what belongs before
    /// the sound left out.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the container cannot hold a track; `Io`.
    pub fn create(
        path: &Path,
        info: &VideoInfo,
        setup: &[u8],
        kept: ContainerTracks,
        earliest: i64,
    ) -> Result<Self> {
        Self::start(Muxer::create(path)?, info, setup, kept, earliest)
    }

    /// As [`create`](Self::create), into a sink that cannot seek.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn stream(
        sink: impl Write + Send + 'static,
        container: Container,
        info: &VideoInfo,
        setup: &[u8],
        kept: ContainerTracks,
        earliest: i64,
    ) -> Result<Self> {
        Self::start(Muxer::stream(sink, container)?, info, setup, kept, earliest)
    }

    fn start(
        mut muxer: Muxer,
        info: &VideoInfo,
        setup: &[u8],
        kept: ContainerTracks,
        earliest: i64,
    ) -> Result<Self> {
        muxer.begin_at(earliest);
        muxer.add_padding(padding::has_to_be_added());
        let (time_base, rate) =
            (signed("time base", info.time_base)?, signed("frame rate", info.frame_rate)?);
        let parameters = av1_parameters(&Av1Track {
            width: info.width,
            height: info.height,
            color: info.color,
            ten_bit: info.format.depth == BitDepth::Ten,
            setup,
        })?;
        muxer.add_video(parameters, time_base, rate, info.pixel_aspect)?;
        muxer.add_tracks(&kept.tracks)?;
        muxer.start()?;
        let frame_duration = (1.0 / info.frame_rate.value() / info.time_base.value()).round().max(1.0) as i64;
        Ok(Self { muxer, kept, frame_duration, waiting: None })
    }

    /// Writes the next unit.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where timestamps do not rise; `Io`.
    pub fn write_unit(&mut self, unit: TrackUnit) -> Result<()> {
        if let Some(mut last) = self.waiting.take() {
            if last.timestamp >= unit.timestamp {
                return Err(Error::invalid(
                    "timestamp",
                    format!("more than {}", last.timestamp),
                    unit.timestamp,
                ));
            }
            last.duration = unit.timestamp.abs_diff(last.timestamp);
            self.put(&last)?;
        }
        self.waiting = Some(unit);
        Ok(())
    }

    fn put(&mut self, unit: &TrackUnit) -> Result<()> {
        let duration = match i64::try_from(unit.duration) {
            Ok(duration @ 1..) => duration,
            _ => self.frame_duration,
        };
        let timing =
            Timing { presentation: unit.timestamp, decoding: unit.timestamp, duration, is_key: unit.is_key };
        self.muxer.write(0, copy(&unit.data)?, &timing)
    }

    /// Writes a packet of sound.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a track there is not; `Io`.
    pub fn write_audio(&mut self, packet: &AudioPacket) -> Result<()> {
        self.muxer.write_audio(packet)
    }

    /// Writes a packet of a subtitle track, in the codec that the container holds.
    ///
    /// # Errors
    ///
    /// As [`write_audio`](Self::write_audio).
    pub fn write_subtitle(&mut self, packet: &SubtitlePacket) -> Result<()> {
        match self.kept.subtitle(packet) {
            Some(packet) => self.muxer.write_subtitle(&packet),
            None => Ok(()),
        }
    }

    /// Ends the file, whose last unit is shown for `last_duration`, one frame where that is not known, and `longer` beyond that, and gives
    /// it its name.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` without a unit; `Io`.
    pub fn finish(mut self, last_duration: Option<u64>, longer: u64) -> Result<()> {
        let last = self.waiting.take();
        let mut last = last.ok_or_else(|| Error::invalid("temporal units", "at least one", "none"))?;
        // A float to an integer keeps within its bounds, and a frame's is at least 1.
        let one_frame = self.frame_duration.unsigned_abs();
        last.duration = last_duration.unwrap_or(one_frame).saturating_add(longer);
        self.put(&last)?;
        self.muxer.finish()
    }
}
